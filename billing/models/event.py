"""The record of business events."""

from django.db import models

from billing.models.tenant import BusinessEntity
from billing.periods import day_words
from billing.tenancy import TenantModel


class BusinessEvent(TenantModel):
    """A fact that matters to the books, as published. Append-only: the database refuses changes.

    Written a thousand at a time, so the references are checked set-wise by triggers instead of row by row.
    """

    tenant = models.ForeignKey(
        "billing.Tenant", on_delete=models.PROTECT, db_index=False, db_constraint=False, editable=False
    )
    business_entity = models.ForeignKey(
        BusinessEntity, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    kind = models.CharField(max_length=40)
    key = models.CharField(max_length=80)
    occurred_on = models.DateField()
    recorded_at = models.DateTimeField()
    payload = models.JSONField()

    class Meta:
        ordering = ("-recorded_at", "-id")
        constraints = [models.UniqueConstraint(fields=["tenant", "kind", "key"], name="event_once")]
        indexes = [models.Index(fields=["tenant", "recorded_at", "id"], name="event_as_recorded")]

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ').capitalize()} on {day_words(self.occurred_on)}"
