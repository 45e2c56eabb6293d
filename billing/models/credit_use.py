"""Prepaid credits: what was used or expired of those that an invoice line sold."""

from django.db import models
from django.db.models import Q

from billing.fields import AmountField, CurrencyField
from billing.models.invoice import InvoiceLine
from billing.periods import day_words
from billing.tenancy import TenantModel


class CreditUseKind(models.TextChoices):
    CONSUMED = "consumed", "Used"
    EXPIRED = "expired", "Expired"


class CreditUse(TenantModel):
    """Units used or expired of an invoice line that sold credits, and their part of its price. Never changes.

    The line's quantity is the credits sold, its service period the time in which they can be used.
    """

    invoice_line = models.ForeignKey(InvoiceLine, on_delete=models.PROTECT, related_name="credit_uses")
    kind = models.CharField(max_length=10, choices=CreditUseKind.choices)
    on = models.DateField()
    units = models.DecimalField(max_digits=20, decimal_places=6)
    currency = CurrencyField()
    amount = AmountField()
    key = models.CharField(max_length=100, blank=True, help_text="The sender's own id; a second one is refused.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "credit use"
        ordering = ("-on", "-id")
        constraints = [
            models.CheckConstraint(condition=Q(units__gt=0, amount__gte=0), name="credit_use_amounts"),
            models.UniqueConstraint(
                fields=["tenant", "key", "invoice_line"], condition=~Q(key=""), name="credit_use_key_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.units.normalize():f} on {day_words(self.on)}"
