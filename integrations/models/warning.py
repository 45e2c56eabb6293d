"""What a person was warned of about a connection, so that nobody is told the same thing twice."""

from django.db import models

from billing.tenancy import TenantModel
from integrations.models.connection import Connection


class ConnectionWarning(TenantModel):
    """Trouble of one sort, from when it was first seen until it is over."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="warnings")
    code = models.CharField(max_length=30)
    words = models.TextField()
    since = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    failed_words = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("since",)
        constraints = [models.UniqueConstraint(fields=["connection", "code"], name="warned_once")]

    def __str__(self) -> str:
        return self.words
