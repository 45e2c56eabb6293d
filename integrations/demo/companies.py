"""The two demo companies and what is set up in them before the first contract: catalog, accounts, a rule of their own."""

from dataclasses import dataclass
from decimal import Decimal

from accounting.models import (
    Account,
    Category,
    ContractStartTreatment,
    DefaultAccount,
    Level,
    Side,
)
from accounting.setup import set_up_books
from billing.models import BusinessEntity, Price, Product, ProductFamily, TaxRate, Tenant
from billing.services.catalog import add_entry
from billing.services.tenants import create_tenant
from billing.tenancy import tenant_scope
from integrations.demo.offers import FAMILIES, OFFERS, PRODUCTS
from integrations.models import SyncMode
from integrations.setup import create_connection

_ERP = "quickbooks"
CURRENCY = "USD"
TAX_PERCENT = Decimal("8.25")
UNMAPPED_ACCOUNT = "4030"  # The demo leaves it without a counterpart in the ERP.
_REVENUE_OF_PRODUCT = {
    "onboarding": ("4010", "Onboarding Revenue"),
    "archive": (UNMAPPED_ACCOUNT, "Data Archive Revenue"),
}


@dataclass(frozen=True, slots=True)
class DemoCompany:
    """A demo tenant, and how many customers it has when nothing else is asked."""

    slug: str
    name: str
    mode: SyncMode
    send_payments: bool
    contract_start: ContractStartTreatment
    customers: int
    address: str
    tax_id: str
    sells_abroad: bool = False


COMPANIES = (
    DemoCompany(
        "aurora",
        "Aurora Cloud (demo)",
        SyncMode.JOURNAL_ENTRIES,
        False,
        ContractStartTreatment.MEMO,
        customers=70,
        address="1 Harbor Road\nPortsend, DS 00001",
        tax_id="00-0000001",
        sells_abroad=True,
    ),
    DemoCompany(
        "borealis",
        "Borealis Works (demo)",
        SyncMode.DOCUMENTS,
        True,
        ContractStartTreatment.GROSS_UP,
        customers=50,
        address="22 Tannery Row\nMillbridge, DS 00002",
        tax_id="00-0000002",
    ),
)


@dataclass(frozen=True, slots=True)
class Catalog:
    """What is sold: prices by offer, and the tax rate."""

    prices: dict[str, Price]
    tax_rate: TaxRate


def found(company: DemoCompany) -> Tenant:
    """Create the tenant with its books and a connection that is not signed in yet."""
    tenant = create_tenant(slug=company.slug, name=company.name, currency=CURRENCY)
    with tenant_scope(tenant.pk):
        entity = BusinessEntity.objects.get()
        entity.address, entity.country, entity.tax_id = company.address, "US", company.tax_id
        entity.payment_details = f"Bank of Nowhere, account 000-{company.tax_id[-4:]}. Please give the invoice number."
        entity.save()
        set_up_books(business_entity=entity, contract_start=company.contract_start)
        create_connection(business_entity=entity, erp=_ERP, mode=company.mode, send_payments=company.send_payments)
    return tenant


def fill_catalog() -> Catalog:
    """Add families, products, list prices and the tax rate."""
    families = {code: add_entry(ProductFamily, code=code, name=name) for code, name in FAMILIES.items()}
    products = {
        code: add_entry(Product, code=code, name=name, family=families[family], recognition_method=method)
        for code, (name, family, method) in PRODUCTS.items()
    }
    prices = {
        code: add_entry(
            Price,
            product=products[offer.product],
            name=offer.price,
            currency=CURRENCY,
            pricing_model=offer.pricing_model,
            pricing=offer.pricing,
        )
        for code, offer in OFFERS.items()
    }
    tax_rate = add_entry(TaxRate, code="sales-tax", name="Sales tax", percent=TAX_PERCENT, jurisdiction="Demo State")
    return Catalog(prices, tax_rate)


def tell_accounts_apart(entity: BusinessEntity) -> None:
    """Give two products revenue accounts of their own: defaults at the step “product” of the hierarchy."""
    for product, (code, name) in _REVENUE_OF_PRODUCT.items():
        Account.objects.create(
            business_entity=entity, code=code, name=name, category=Category.INCOME, normal_balance=Side.CREDIT
        )
        DefaultAccount.objects.create(
            role="revenue", level=Level.PRODUCT, product=Product.objects.get(code=product), account_code=code
        )
