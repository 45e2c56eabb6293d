"""Entries that go to the ERP added up, and which of ours are in which sum."""

from django.db import models

from billing.fields import CurrencyField
from billing.models import BusinessEntity
from billing.periods import day_words
from billing.tenancy import TenantModel
from integrations.models.connection import Connection


class JournalSummary(TenantModel):
    """The entries of a day or month as one journal in the ERP, dated its last day. Never changes; latecomers make another.

    The unit `open` brings opening balances: what was posted in a calendar year before the connection went live.
    """

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="summaries")
    business_entity = models.ForeignKey(BusinessEntity, on_delete=models.PROTECT, related_name="+")
    unit = models.CharField(max_length=5)
    start = models.DateField()
    end = models.DateField("through")
    currency = CurrencyField()
    entry_count = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "journal summaries"
        ordering = ("-end", "-id")

    def __str__(self) -> str:
        if self.unit == "open":
            return (
                f"Opening balances as of {day_words(self.end)} in {self.currency} "
                f"({self.entry_count} entries of {self.start:%Y})"
            )
        period = f"{self.start:%B %Y}" if self.unit == "month" else day_words(self.start)
        return f"{self.entry_count} entries of {period} in {self.currency}"


class SummarizedEntry(TenantModel):
    """An entry that is sent in a sum; without one yet, it waits for its day or month to end."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+")
    entry_id = models.BigIntegerField()
    unit = models.CharField(max_length=5)
    summary = models.ForeignKey(JournalSummary, null=True, on_delete=models.PROTECT, related_name="entries")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "entry_id"], name="summarized_once")]
        indexes = [
            models.Index(fields=["connection"], condition=models.Q(summary=None), name="summary_waiting"),
        ]

    def __str__(self) -> str:
        return f"Entry {self.entry_id}"
