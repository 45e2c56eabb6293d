"""What django-q2 runs: wake-ups that drain an outbox, and the clock. Both may be lost or doubled without harm."""

import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from billing.clock import today
from billing.every_tenant import in_every_tenant
from billing.models import BusinessEntity
from billing.tenancy import current_tenant_id, tenant_scope
from integrations import lanes, noticing, warnings
from integrations.connectors.base import Change, DeliveryError
from integrations.delivery import drain, holds_more_than_one_takes
from integrations.models import Connection, ConnectionStatus, DeliveryAttempt, OAuthState, OutboxState
from integrations.summaries import close_summaries
from integrations.vault import VaultError
from integrations.workers import beat

logger = logging.getLogger(__name__)
_TURN = 20.0  # Seconds; one request more may still be under way at the end.
_PATIENCE = 8.0  # What comes due later is left to the clock; a vendor's job at work is asked about within six seconds.
_UNDONE = (OutboxState.PENDING, OutboxState.IN_FLIGHT)  # What a dead worker held is in flight until somebody looks.


def drain_connection(tenant_id: int, connection_id: int) -> None:
    """Deliver what one connection can take now, for one turn; call the next worker while there is more than this one takes."""
    beat()
    with tenant_scope(tenant_id):
        connection = Connection.objects.filter(pk=connection_id, status=ConnectionStatus.CONNECTED).first()
        lanes.answer(connection_id)
        if connection is None:
            return
        with lanes.enter(connection) as entered:
            if not entered:
                return
            if holds_more_than_one_takes(connection):
                lanes.call(tenant_id=tenant_id, connection_id=connection_id)
            began = time.monotonic()
            left = drain(connection_id, until_empty=False, seconds=_TURN, patience=_PATIENCE).waiting
        if left and time.monotonic() - began >= _TURN:
            lanes.call(tenant_id=tenant_id, connection_id=connection_id)


def drain_all() -> None:
    """Call a worker to every connection that has something to deliver. Scheduled every minute."""
    beat()
    in_every_tenant(_call_workers)


def _call_workers() -> None:
    connected = Connection.objects.filter(status=ConnectionStatus.CONNECTED, items__state__in=_UNDONE).distinct()
    for connection_id in connected.values_list("id", flat=True):
        lanes.call(tenant_id=current_tenant_id(), connection_id=connection_id)


def summarize() -> None:
    """Add up the days and months that are over. Scheduled hourly."""
    in_every_tenant(_summarize)


def _summarize() -> None:
    # A day is over when it is over for every entity; what came later would make a sum of its own.
    first = min((today(entity) for entity in BusinessEntity.objects.all()), default=today())
    for connection in Connection.objects.exclude(status=ConnectionStatus.DISABLED).defer("credentials"):
        close_summaries(connection, before=first)


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
    """Have every ERP asked what changed, each by a task of its own: a slow one holds up no other. Every ten minutes."""
    in_every_tenant(_call_pollers)


def _call_pollers() -> None:
    # Not by the option's value: of a connection without it, JSON says neither that it is true nor that it is not.
    live = Connection.objects.filter(status=ConnectionStatus.CONNECTED).exclude(options__has_key="setting_up")
    for connection_id in live.values_list("id", flat=True):
        with transaction.atomic():  # As in `lanes.call`.
            async_task("integrations.tasks.poll_connection", current_tenant_id(), connection_id, group="poll")


def poll_connection(tenant_id: int, connection_id: int) -> None:
    """Ask one ERP what changed, unless a worker is at it. What cannot be asked now is asked the next time."""
    beat()
    with tenant_scope(tenant_id), lanes.alone(connection_id) as is_alone:
        connected = Connection.objects.filter(pk=connection_id, status=ConnectionStatus.CONNECTED)
        connection = connected.defer("credentials").first()
        if connection is None or not is_alone:
            return
        try:
            noticing.poll(connection)
        except (DeliveryError, VaultError) as error:
            logger.warning("%s could not be asked for changes: %s", connection_id, error)


def warn() -> None:
    """Look at every connection's health. Scheduled every five minutes."""
    in_every_tenant(_warn)


def _warn() -> None:
    # Credentials that cannot be read are among what is warned of.
    for connection in Connection.objects.exclude(status=ConnectionStatus.DISABLED).defer("credentials"):
        warnings.look(connection)


def prune() -> None:
    """Forget old attempts and sign-ins. Scheduled daily."""
    in_every_tenant(_prune)


def _prune() -> None:
    before = timezone.now() - timedelta(days=settings.COUNTERFOIL_KEEP_ATTEMPTS_DAYS)
    DeliveryAttempt.objects.filter(at__lt=before).delete()
    OAuthState.objects.filter(expires_at__lt=before).delete()
