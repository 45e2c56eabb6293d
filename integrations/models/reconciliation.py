"""The record of a comparison of our books with the ERP's."""

from django.conf import settings
from django.db import models

from billing.periods import day_words
from billing.tenancy import TenantModel
from integrations.models.connection import Connection


class Reconciliation(TenantModel):
    """One comparison, up to and including a date. `accounts`, `customers` and `differences` are lists of plain objects."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="reconciliations")
    since = models.DateField(null=True)
    through = models.DateField()
    at = models.DateTimeField(auto_now_add=True)
    compared = models.PositiveIntegerField()
    accounts = models.JSONField(default=list)
    customers = models.JSONField(default=list)
    differences = models.JSONField(default=list)
    difference_count = models.PositiveIntegerField(default=0)
    signed_off_at = models.DateTimeField(null=True)
    signed_off_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    sign_off_note = models.TextField(blank=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"Through {day_words(self.through)}: {self.difference_count} differences"
