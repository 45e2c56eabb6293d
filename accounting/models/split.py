"""How a correction after the fact was split, so that it can be taken back exactly."""

from django.db import models

from billing.fields import AmountField, CurrencyField
from billing.tenancy import TenantModel


class CorrectionSplit(TenantModel):
    """What a dispute, write-off or credit note undid of one invoice line: earned, not yet earned, tax. Never changes."""

    event_kind = models.CharField(max_length=40)
    event_key = models.CharField(max_length=100)
    invoice_line_id = models.BigIntegerField()
    currency = CurrencyField()
    unearned = AmountField()
    earned = AmountField()
    tax = AmountField()
    obligations = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        help_text="Of the unearned part: how much each obligation lost, by its id.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "event_kind", "event_key", "invoice_line_id"], name="one_split_per_line"
            )
        ]

    def __str__(self) -> str:
        return f"{self.event_kind} {self.event_key}: line {self.invoice_line_id}"
