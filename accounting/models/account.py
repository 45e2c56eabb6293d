"""The chart of accounts and the default-account hierarchy."""

from django.db import models
from django.db.models import Q

from billing.fields import CurrencyField
from billing.models import BusinessEntity, ContractItem, Customer, Product, ProductFamily
from billing.tenancy import TenantModel


class Category(models.TextChoices):
    ASSETS = "assets", "Assets"
    LIABILITIES = "liabilities", "Liabilities"
    EQUITY = "equity", "Equity"
    INCOME = "income", "Income"
    EXPENSES = "expenses", "Expenses"


class Side(models.TextChoices):
    DEBIT = "debit", "Debit"
    CREDIT = "credit", "Credit"


class Account(TenantModel):
    """A node of a business entity's chart. Parents group; only leaves take lines. Deactivated once used, never deleted."""

    business_entity = models.ForeignKey(BusinessEntity, on_delete=models.PROTECT, related_name="accounts")
    code = models.CharField(max_length=20)
    name = models.CharField(max_length=200)
    category = models.CharField(max_length=20, choices=Category.choices)
    normal_balance = models.CharField(max_length=10, choices=Side.choices)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    is_group = models.BooleanField("groups other accounts", default=False)
    role = models.CharField(
        max_length=60,
        blank=True,
        help_text="What the starter chart made this account for; defaults may say otherwise.",
    )
    description = models.TextField(blank=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ("business_entity", "code")
        constraints = [models.UniqueConstraint(fields=["business_entity", "code"], name="account_code")]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class Level(models.TextChoices):
    """The steps of the hierarchy, most specific first: the order in which a role is resolved to an account."""

    CONTRACT_ITEM = "contract_item", "Contract item"
    PRODUCT = "product", "Product"
    PRODUCT_FAMILY = "product_family", "Product family"
    CUSTOMER = "customer", "Customer"
    ENTITY_CURRENCY = "entity_currency", "Business entity and currency"
    ENTITY = "entity", "Business entity"
    TENANT = "tenant", "Whole company"


_TARGETS = ("contract_item", "product", "product_family", "customer", "business_entity")


def _only(*targets: str, currency: bool = False) -> Q:
    condition = Q(**{f"{name}__isnull": name not in targets for name in _TARGETS})
    return condition & (~Q(currency="") if currency else Q(currency=""))


class DefaultAccount(TenantModel):
    """Which account a role means at one level. Names the account by its code, so that each entity's chart answers."""

    role = models.CharField(max_length=60)
    level = models.CharField(max_length=20, choices=Level.choices)
    contract_item = models.ForeignKey(ContractItem, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    product = models.ForeignKey(Product, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    product_family = models.ForeignKey(ProductFamily, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    customer = models.ForeignKey(Customer, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    business_entity = models.ForeignKey(
        BusinessEntity, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    currency = CurrencyField(blank=True, default="")
    account_code = models.CharField(max_length=20)

    class Meta:
        ordering = ("role", "level")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "role", "level", *_TARGETS, "currency"],
                name="one_default_per_target",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="default_names_its_target",
                condition=(
                    (Q(level="contract_item") & _only("contract_item"))
                    | (Q(level="product") & _only("product"))
                    | (Q(level="product_family") & _only("product_family"))
                    | (Q(level="customer") & _only("customer"))
                    | (Q(level="entity_currency") & _only("business_entity", currency=True))
                    | (Q(level="entity") & _only("business_entity"))
                    | (Q(level="tenant") & _only())
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role.replace('_', ' ').replace('.', ', ').capitalize()}: {self.account_code}"
