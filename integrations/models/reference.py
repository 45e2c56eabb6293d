"""Our document and the id the ERP gave it."""

from django.db import models

from billing.tenancy import TenantModel
from integrations.models.connection import Connection
from integrations.models.outbox import KIND_CHOICES


class ExternalReference(TenantModel):
    """Where one of our documents is in the ERP. `reference` is what we wrote into it there."""

    tenant = models.ForeignKey(
        "billing.Tenant", on_delete=models.PROTECT, db_index=False, db_constraint=False, editable=False
    )
    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="references", db_index=False, db_constraint=False
    )
    kind = models.CharField(max_length=20, choices=KIND_CHOICES)
    subject_id = models.BigIntegerField()
    reference = models.CharField(max_length=50)
    external_id = models.CharField(max_length=50)
    sync_token = models.CharField(max_length=20, blank=True)
    url = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("kind", "subject_id")
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind", "subject_id"], name="external_reference_once"),
        ]

    def __str__(self) -> str:
        return f"{self.reference} → {self.external_id}"
