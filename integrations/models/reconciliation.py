"""The record of a comparison of our books with the ERP's."""

from django.db import models

from billing.tenancy import TenantModel
from integrations.models.connection import Connection


class Reconciliation(TenantModel):
    """One comparison, up to and including a date. `accounts` and `differences` are lists of plain objects."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="reconciliations")
    through = models.DateField()
    at = models.DateTimeField(auto_now_add=True)
    compared = models.PositiveIntegerField()
    accounts = models.JSONField(default=list)
    differences = models.JSONField(default=list)
    difference_count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"Through {self.through}: {self.difference_count} differences"
