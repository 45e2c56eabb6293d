"""A tenant's link to one ERP: credentials, sync mode, options, and the pace that the vendor allows."""

import secrets
from datetime import UTC, datetime
from typing import Any

from django.db import models
from django.db.models import Q

from billing.models import BusinessEntity
from billing.tenancy import TenantModel
from integrations.vault import EncryptedField

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def new_prefix() -> str:
    """Make the five characters that tell our references from another installation's in the same ERP company."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(5))


class SyncMode(models.TextChoices):
    """Who keeps the accounting rules. A connection sends one or the other: both would count revenue twice."""

    JOURNAL_ENTRIES = "journal_entries", "Journal entries: Counterfoil keeps the rules"
    DOCUMENTS = "documents", "Invoices and credit notes: the ERP keeps the rules"


class ConnectionStatus(models.TextChoices):
    NEW = "new", "Not connected yet"
    CONNECTED = "connected", "Connected"
    CHOOSE_COMPANY = "choose_company", "Signed in: choose a company"
    RECONNECT_NEEDED = "reconnect_needed", "Sign in again"
    DISABLED = "disabled", "Switched off"


class Connection(TenantModel):
    """Where the books of one business entity (or of all, when none is named) are sent.

    Options, all with defaults: `ar_customer` one|each (journal entries: which customer A/R lines carry), `backoff_base`
    and `backoff_cap` in seconds, `settle_seconds` (how long a request of a dead worker may still be at work there),
    `max_attempts`, `read_timeout` in seconds.
    """

    erp = models.CharField("ERP", max_length=30)
    sign_in = models.CharField(
        max_length=30, blank=True, help_text="The way of signing in. Empty: the vendor's usual one."
    )
    name = models.CharField(max_length=100)
    business_entity = models.ForeignKey(
        BusinessEntity, null=True, blank=True, on_delete=models.PROTECT, related_name="connections"
    )
    sync_mode = models.CharField(max_length=20, choices=SyncMode.choices)
    send_payments = models.BooleanField(
        default=False, help_text="Invoices and credit notes only: send payments too. Off when your bank feeds the ERP."
    )
    status = models.CharField(
        max_length=20, choices=ConnectionStatus.choices, default=ConnectionStatus.NEW, editable=False
    )
    status_reason = models.TextField(blank=True, editable=False)
    base_url = models.URLField("API address", blank=True, help_text="Empty: the vendor's own.")
    auth_url = models.URLField("sign-in address", blank=True, help_text="Empty: the vendor's own.")
    options = models.JSONField(default=dict, blank=True)
    credentials = EncryptedField()
    realm_id = models.CharField("company id", max_length=50, blank=True, editable=False)
    realm_name = models.CharField("company", max_length=200, blank=True, editable=False)
    company = models.JSONField(default=dict, editable=False)
    company_read_at = models.DateTimeField(null=True, editable=False)
    lists_read_at = models.DateTimeField(null=True, editable=False)
    polled_at = models.DateTimeField(null=True, editable=False)
    swept_through = models.BigIntegerField(default=0, editable=False)
    paused_until = models.DateTimeField(null=True, editable=False)
    throttled = models.BooleanField(default=True, help_text="Keep to the vendor's published limits.")
    reference_prefix = models.CharField(max_length=5, default=new_prefix, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name", "id")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "business_entity"],
                condition=~Q(status="disabled"),
                nulls_distinct=False,
                name="one_active_connection",
                violation_error_message="This business entity already has a connection. Switch that one off first.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def option(self, name: str, default: Any) -> Any:
        """Give an option or its default."""
        return self.options.get(name, default)


class OAuthState(TenantModel):
    """A sign-in that was begun. Only a digest of its nonce is kept; it serves once."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True)
    redirect_uri = models.URLField()
    verifier = EncryptedField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Sign-in to {self.connection_id}"


class ThrottleGate(TenantModel):
    """One limit of one connection: when its next call may go out, over all processes, and what the vendor said is left."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=20)
    next_at = models.DateTimeField(default=EPOCH)
    left = models.IntegerField(null=True)
    told_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "name"], name="gate_once")]

    def __str__(self) -> str:
        return self.name
