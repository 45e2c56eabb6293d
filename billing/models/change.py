"""The audit trail: who changed what in the set-up, when, from what to what. Written by triggers, so that nothing passes it."""

from django.conf import settings
from django.db import models

from billing.tenancy import TenantModel


class ChangeAction(models.TextChoices):
    ADDED = "added", "Added"
    CHANGED = "changed", "Changed"
    DELETED = "deleted", "Deleted"


class Change(TenantModel):
    """One row added, changed or deleted. `before` and `after` hold the fields that differ; secrets are named, never shown.

    No person: the clock, a command, or somebody with a database client; `via` says which, as far as it is known.
    """

    at = models.DateTimeField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_constraint=False
    )
    via = models.CharField(max_length=40, blank=True)
    model = models.CharField("what", max_length=60)
    object_id = models.BigIntegerField()
    action = models.CharField(max_length=10, choices=ChangeAction.choices)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        ordering = ("-id",)
        indexes = [models.Index(fields=["tenant", "model", "object_id"], name="change_of_object")]

    def __str__(self) -> str:
        return f"{self.model} {self.object_id} {self.action}"
