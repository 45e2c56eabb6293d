"""Invoices that will not be paid, and what came in after all."""

from django.db import models
from django.db.models import F, Q

from billing.fields import AmountField, CurrencyField
from billing.models.customer import Customer
from billing.models.invoice import Invoice
from billing.models.tenant import BusinessEntity
from billing.tenancy import TenantModel


class WriteOff(TenantModel):
    """What was open of an invoice when it was given up. Only `recovered` changes: what came in later."""

    business_entity = models.ForeignKey(BusinessEntity, on_delete=models.PROTECT, related_name="write_offs")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="write_offs")
    invoice = models.OneToOneField(Invoice, on_delete=models.PROTECT, related_name="write_off")
    written_off_on = models.DateField()
    currency = CurrencyField()
    amount = AmountField()
    recovered = AmountField(default=0)
    recoveries = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "write-off"
        ordering = ("-written_off_on", "-id")
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, recovered__gte=0, recovered__lte=F("amount")), name="write_off_amounts"
            )
        ]

    def __str__(self) -> str:
        return f"Write-off of {self.invoice}"
