"""Who is billed."""

from django.db import models

from billing.fields import CurrencyField
from billing.models.tenant import BusinessEntity
from billing.tenancy import TenantModel


class Customer(TenantModel):
    """A company or person that signs contracts and owes invoices. Its business entity cannot change."""

    business_entity = models.ForeignKey(BusinessEntity, on_delete=models.PROTECT, related_name="customers")
    external_id = models.CharField(
        "customer id",
        max_length=100,
        help_text="The id your own systems use for this customer; unique within your company.",
    )
    name = models.CharField(max_length=200)
    email = models.EmailField(blank=True)
    currency = CurrencyField()
    address = models.TextField(blank=True)
    country = models.CharField(
        max_length=2, blank=True, help_text="Two letters, such as US. Printed on invoices abroad."
    )
    tax_id = models.CharField("tax id", max_length=50, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name", "id")
        constraints = [models.UniqueConstraint(fields=["tenant", "external_id"], name="customer_external_id")]

    def __str__(self) -> str:
        return self.name
