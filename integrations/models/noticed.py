"""What the ERP told us that somebody did to our documents there."""

from django.db import models

from billing.tenancy import TenantModel
from integrations.models.connection import Connection
from integrations.models.outbox import KIND_CHOICES


class NoticedChange(TenantModel):
    """The newest of what was noticed about one document of the ERP."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="noticed")
    kind = models.CharField(max_length=20, choices=KIND_CHOICES)
    external_id = models.CharField(max_length=50)
    subject_id = models.BigIntegerField(null=True)
    words = models.CharField(max_length=300)
    at = models.DateTimeField()

    class Meta:
        ordering = ("-at",)
        constraints = [models.UniqueConstraint(fields=["connection", "kind", "external_id"], name="noticed_once")]

    def __str__(self) -> str:
        return self.words
