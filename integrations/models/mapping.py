"""The ERP's lists as imported, and which of their rows stands for which of ours."""

from django.db import models

from billing.tenancy import TenantModel
from integrations.models.connection import Connection


class RecordKind(models.TextChoices):
    """As `connectors.base.RowKind`."""

    ACCOUNT = "account", "Account"
    CUSTOMER = "customer", "Customer"
    PRODUCT = "product", "Product or service"
    TAX_CODE = "tax_code", "Tax code"
    CURRENCY = "currency", "Currency"
    CLASS = "class", "Class"
    DEPARTMENT = "department", "Department"
    LOCATION = "location", "Location"
    TRACKING = "tracking", "Tracking category option"
    SUBSIDIARY = "subsidiary", "Subsidiary"


class ErpRecord(TenantModel):
    """A row of one of the ERP's lists, as last read."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="records")
    kind = models.CharField(max_length=20, choices=RecordKind.choices)
    external_id = models.CharField(max_length=50)
    name = models.CharField(max_length=500)
    number = models.CharField(max_length=100, blank=True)
    type = models.CharField(max_length=100, blank=True)
    subtype = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)
    data = models.JSONField(default=dict)

    class Meta:
        verbose_name = "ERP record"
        ordering = ("kind", "name")
        constraints = [models.UniqueConstraint(fields=["connection", "kind", "external_id"], name="erp_record_once")]

    def __str__(self) -> str:
        return f"{self.number} {self.name}".strip()


class MappingKind(models.TextChoices):
    """What is mapped. The defaults name no record of ours: they stand for all that have no mapping of their own."""

    ACCOUNT = "account", "Account"
    CUSTOMER = "customer", "Customer"
    PRODUCT = "product", "Product"
    TAX_CODE = "tax_code", "Tax rate"
    SUBSIDIARY = "subsidiary", "Business entity"
    DEFAULT_CUSTOMER = "default_customer", "Customer on receivable lines"
    DEFAULT_PRODUCT = "default_product", "Product without a counterpart"
    BAD_DEBT_PRODUCT = "bad_debt_product", "Item for debt that is written off"
    DISCOUNT_PRODUCT = "discount_product", "Item for wallet bonus that is used"
    WITHHELD_PRODUCT = "withheld_product", "Item for withheld tax that is lost"
    DEPOSIT_ACCOUNT = "deposit_account", "Account that payments go to"


class MappingStatus(models.TextChoices):
    SUGGESTED = "suggested", "Suggested"
    CONFIRMED = "confirmed", "Confirmed"


class MappingOrigin(models.TextChoices):
    IMPORTED = "imported", "Matched with the ERP's list"
    CREATED = "created", "Created in the ERP by Counterfoil"
    MANUAL = "manual", "Chosen by a person"


class Mapping(TenantModel):
    """Ours to theirs. Only a confirmed mapping is used."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="mappings")
    kind = models.CharField(max_length=20, choices=MappingKind.choices)
    internal_id = models.BigIntegerField(null=True, blank=True)
    external_id = models.CharField(max_length=50)
    external_name = models.CharField(max_length=500, blank=True)
    status = models.CharField(max_length=10, choices=MappingStatus.choices, default=MappingStatus.SUGGESTED)
    origin = models.CharField(max_length=10, choices=MappingOrigin.choices, default=MappingOrigin.IMPORTED)

    class Meta:
        ordering = ("kind", "internal_id")
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "kind", "internal_id"], nulls_distinct=False, name="one_mapping_per_record"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} → {self.external_name or self.external_id}"


class DimensionOf(models.TextChoices):
    """Whose dimension it is, the most specific first: a product's goes before its family's."""

    PRODUCT = "product", "Product"
    PRODUCT_FAMILY = "product_family", "Product family"
    CUSTOMER = "customer", "Customer"
    BUSINESS_ENTITY = "business_entity", "Business entity"


class DimensionMapping(TenantModel):
    """One of the ERP's tracking dimensions that every line about one of ours carries. `group` is a tracking category."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="dimensions")
    ours = models.CharField("of", max_length=20, choices=DimensionOf.choices)
    internal_id = models.BigIntegerField()
    kind = models.CharField("dimension", max_length=20, choices=RecordKind.choices)
    group = models.CharField("tracking category", max_length=100, blank=True)
    external_id = models.CharField(max_length=50)
    external_name = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("ours", "internal_id", "kind", "group")
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "ours", "internal_id", "kind", "group"], name="dimension_mapped_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.external_name or self.external_id}"
