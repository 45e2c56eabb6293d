"""Put a connector together with what it needs of a connection: addresses, tokens, pace and the log of calls."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from integrations import tokens
from integrations.archive import Archive
from integrations.connectors import base
from integrations.connectors.base import Call, Company, Connector, RowKind, Wiring
from integrations.models import Connection, ErpRecord, MappingKind, MappingStatus, ThrottleGate
from integrations.models import Mapping as Counterpart
from integrations.slots import hold_slot
from integrations.throttle import Throttle, unthrottled
from integrations.tokens import ConnectionAccess


def open_connector(connection: Connection, *, on_call: Callable[[Call], None]) -> Connector:
    """Give the connector of a connection, ready to use. Raises LookupError for an unknown ERP."""
    spec = base.get(connection.erp)
    pace = (
        Throttle(tenant_id=connection.tenant_id, connection_id=connection.pk, limits=spec.limits)
        if connection.throttled
        else unthrottled
    )
    slot = partial(hold_slot, account=f"{connection.erp} {connection.realm_id}", most=spec.concurrency)
    return spec.make(
        Wiring(
            base_url=tokens.endpoints(connection).api,
            realm_id=connection.realm_id,
            company=Company.from_json(connection.company),
            access=ConnectionAccess(connection.pk),
            pace=pace,
            on_call=on_call,
            connect_timeout=5.0,
            archive=Archive(connection),
            # Vendors give up after 120 s or so, so a longer silence is a lost connection.
            read_timeout=float(connection.option("read_timeout", 125.0)),
            slot=slot if connection.throttled and spec.concurrency else nullcontext,
            on_limits=partial(_keep_limits, connection),
            currencies=_currencies(connection),
            sign_in=tokens.way_of(connection).code,
            options=_options(connection),
            our_page=_page,
        )
    )


def _page(reference: str) -> str:
    """Give where a person finds an item of the outbox by its reference; an empty text where our own address is not known."""
    if not settings.PUBLIC_URL:
        return ""
    return f"{settings.PUBLIC_URL}{reverse('admin:integrations_outboxitem_changelist')}?q={reference}"


def _options(connection: Connection) -> dict[str, Any]:
    """Give the settings, and the ERP's subsidiaries that the connection feeds: for one entity's books just its own."""
    rows = Counterpart.objects.filter(
        connection=connection, kind=MappingKind.SUBSIDIARY, status=MappingStatus.CONFIRMED
    ).order_by("internal_id")
    if connection.business_entity_id is not None:
        rows = rows.filter(internal_id=connection.business_entity_id)
    mapped = list(rows.values_list("external_id", flat=True))
    if not mapped:
        return connection.options
    only = {"subsidiary": mapped[0]} if len(mapped) == 1 else {}
    return {**only, "subsidiaries": mapped, **connection.options}


def _keep_limits(connection: Connection, left: Mapping[str, int]) -> None:
    """Keep what the vendor says is left; beside the connection, for this changes with every request."""
    now = timezone.now()
    ThrottleGate.objects.bulk_create(
        [
            ThrottleGate(tenant_id=connection.tenant_id, connection=connection, name=name[:20], left=count, told_at=now)
            for name, count in left.items()
        ],
        update_conflicts=True,
        unique_fields=["connection", "name"],
        update_fields=["left", "told_at"],
    )


def _currencies(connection: Connection) -> dict[str, str]:
    rows = ErpRecord.objects.filter(connection=connection, kind=RowKind.CURRENCY.value, is_active=True)
    return dict(rows.values_list("number", "external_id"))
