"""What django-q2 runs: wake-ups that drain an outbox, and the clock. Both may be lost or doubled without harm."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from django.utils import timezone

from billing.models import Tenant
from billing.tenancy import tenant_scope
from integrations import noticing, warnings
from integrations.connectors.base import Change, DeliveryError
from integrations.delivery import drain
from integrations.models import Connection, ConnectionStatus, DeliveryAttempt, OAuthState, OutboxState
from integrations.summaries import close_summaries
from integrations.workers import beat

logger = logging.getLogger(__name__)
_SECONDS = 40.0  # Well under the cluster's time-out of 60 s; one request more may still be under way at the end.
_KEEP_ATTEMPTS = timedelta(days=30)
_UNDONE = (OutboxState.PENDING, OutboxState.IN_FLIGHT)  # What a dead worker held is in flight until somebody looks.


def drain_connection(tenant_id: int, connection_id: int) -> None:
    """Deliver what one connection can take now."""
    beat()
    with tenant_scope(tenant_id):
        if Connection.objects.filter(pk=connection_id, status=ConnectionStatus.CONNECTED).exists():
            drain(connection_id, until_empty=True, seconds=_SECONDS, patience=3.0)


def drain_all() -> None:
    """Deliver for every connection, a share of the time each. Scheduled every minute."""
    beat()
    waiting: list[tuple[int, int]] = []
    for tenant_id in Tenant.objects.values_list("id", flat=True):
        with tenant_scope(tenant_id):
            connected = Connection.objects.filter(
                status=ConnectionStatus.CONNECTED, items__state__in=_UNDONE
            ).distinct()
            waiting += [(tenant_id, pk) for pk in connected.values_list("id", flat=True)]
    for tenant_id, connection_id in waiting:
        with tenant_scope(tenant_id):
            drain(connection_id, until_empty=False, seconds=_SECONDS / len(waiting))


def summarize() -> None:
    """Add up the days and months that are over. Scheduled hourly."""
    today = timezone.localdate()
    for tenant_id in Tenant.objects.values_list("id", flat=True):
        with tenant_scope(tenant_id):
            for connection in Connection.objects.exclude(status=ConnectionStatus.DISABLED).defer("credentials"):
                close_summaries(connection, before=today)


def notice(
    tenant_id: int, connection_id: int, changes: Sequence[tuple[str, str, Literal["changed", "deleted"]]]
) -> None:
    """Look into what a webhook told. What cannot be asked now is noticed by the next poll."""
    beat()
    with tenant_scope(tenant_id):
        connection = Connection.objects.filter(pk=connection_id, status=ConnectionStatus.CONNECTED).first()
        if connection:
            noticing.take(connection, [Change(kind, number, what) for kind, number, what in changes])


def poll() -> None:
    """Ask every ERP what changed. Scheduled every ten minutes; one that cannot be asked does not hold up the others."""
    for tenant_id in Tenant.objects.values_list("id", flat=True):
        with tenant_scope(tenant_id):
            live = Connection.objects.filter(status=ConnectionStatus.CONNECTED).exclude(options__setting_up=True)
            for connection in live:
                try:
                    noticing.poll(connection)
                except DeliveryError as error:
                    logger.warning("%s could not be asked for changes: %s", connection.pk, error.words)


def warn() -> None:
    """Look at every connection's health. Scheduled every five minutes."""
    for tenant_id in Tenant.objects.values_list("id", flat=True):
        with tenant_scope(tenant_id):
            for connection in Connection.objects.exclude(status=ConnectionStatus.DISABLED):
                warnings.look(connection)


def prune() -> None:
    """Forget old attempts and sign-ins. Scheduled daily."""
    now = timezone.now()
    for tenant_id in Tenant.objects.values_list("id", flat=True):
        with tenant_scope(tenant_id):
            DeliveryAttempt.objects.filter(at__lt=now - _KEEP_ATTEMPTS).delete()
            OAuthState.objects.filter(expires_at__lt=now - _KEEP_ATTEMPTS).delete()
