"""What is to be delivered, and what was tried."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from billing.fields import ListedField
from billing.tenancy import TenantModel
from integrations.documents import Kind
from integrations.models.connection import Connection

KIND_CHOICES = [(kind.value, kind.value.replace("_", " ").capitalize()) for kind in Kind]


class OutboxState(models.TextChoices):
    PENDING = "pending", "Waiting"
    IN_FLIGHT = "in_flight", "Being sent"
    DELIVERED = "delivered", "Delivered"
    PARKED = "parked", "Parked: a person has to decide"
    SKIPPED = "skipped", "Skipped"
    APPROVAL = "approval", "Waits for approval"


NOTHING_THERE = 404  # The HTTP status of a look-up that finds nothing; no failure.
UNDELIVERED = (OutboxState.PENDING, OutboxState.IN_FLIGHT, OutboxState.PARKED, OutboxState.APPROVAL)


class OutboxItem(TenantModel):
    """One thing to deliver to one connection. Written by `integrations.outbox` alone.

    The payload is built at sending time. Once it has been sent and until the outcome is known, the request id, the
    position in the batch and the very bytes are kept, so that a second try is the same request. Items of one `group_key`
    (a customer) go out stage by stage.
    """

    tenant = models.ForeignKey(
        "billing.Tenant", on_delete=models.PROTECT, db_index=False, db_constraint=False, editable=False
    )
    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="items", db_index=False, db_constraint=False
    )
    kind = models.CharField(max_length=20, choices=KIND_CHOICES)
    subject_id = models.BigIntegerField()
    group_key = models.BigIntegerField(null=True)
    stage = models.SmallIntegerField()
    state = ListedField(max_length=10, choices=OutboxState.choices, db_default=OutboxState.PENDING)
    attempts = models.SmallIntegerField(db_default=0)
    available_at = models.DateTimeField(db_default=Now())
    leased_until = models.DateTimeField(null=True)
    worker_id = models.BigIntegerField(null=True)
    request_id = models.UUIDField(null=True)
    batch_position = models.SmallIntegerField(null=True)
    request_body = models.TextField(db_default="")
    ticket = models.CharField(max_length=300, db_default="")
    outcome_unknown = models.BooleanField(db_default=False)
    to_first_open_day = models.BooleanField(db_default=False)
    reason_code = models.CharField(max_length=40, db_default="")
    reason = models.TextField(db_default="")
    delivered_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("stage", "id")
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind", "subject_id"], name="outbox_once"),
        ]
        indexes = [
            models.Index(
                fields=["connection", "stage", "id"], condition=Q(state__in=UNDELIVERED), name="outbox_undelivered"
            ),
            models.Index(fields=["connection"], condition=Q(state="in_flight"), name="outbox_in_flight"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.subject_id}"


class DeliveryAttempt(TenantModel):
    """One request to the ERP with its answer, both redacted. Pruned after a while."""

    tenant = models.ForeignKey(
        "billing.Tenant", on_delete=models.PROTECT, db_index=False, db_constraint=False, editable=False
    )
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="attempts", db_index=False)
    at = models.DateTimeField(db_default=Now())
    item_ids = ArrayField(models.BigIntegerField(), default=list)
    operation = models.CharField(max_length=30)
    request_id = models.CharField(max_length=50, blank=True)
    http_status = models.SmallIntegerField(null=True)
    outcome = models.CharField(max_length=50)
    seconds = models.FloatField()
    request = models.TextField(blank=True)
    response = models.TextField(blank=True)

    class Meta:
        ordering = ("-id",)
        indexes = [models.Index(fields=["connection", "at"], name="attempt_at")]

    def __str__(self) -> str:
        return f"{self.operation}: {self.outcome}"

    @property
    def answer(self) -> str:
        """Say what the ERP answered, or what came instead of an answer."""
        if self.http_status is None:
            return f"no answer ({self.outcome})"
        return f"HTTP {self.http_status}{' (nothing there)' if self.http_status == NOTHING_THERE else ''}"
