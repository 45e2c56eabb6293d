"""Deliver what the outbox holds: claim, build, send, record. The only place that decides on retry and parking."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.db import connection as database
from django.db.models import Count, Q
from django.db.models.functions import Now
from django.utils import timezone

from integrations import builders, claims, outcomes
from integrations.claims import Claim, LeaseLost
from integrations.connectors import base
from integrations.connectors.base import (
    BadCredentials,
    Call,
    Connector,
    DeliveryError,
    Outcome,
    Parcel,
    PeriodLocked,
    TryLater,
)
from integrations.dating import in_open_books
from integrations.documents import STAGES, Kind, as_sent, reference_of
from integrations.kinds import UNDOING
from integrations.models import Connection, ConnectionStatus, OutboxItem, OutboxState
from integrations.wiring import open_connector

_COMPANY_AGE = timedelta(minutes=15)
_POLL = 0.1
# Due soon, and not held back by what is parked or waits itself of the same customer (see `claims.claim`).
_SOON = """
SELECT EXISTS (
    SELECT 1 FROM integrations_outboxitem o
     WHERE o.connection_id = %(connection)s AND o.state = 'pending'
       AND o.available_at <= now() + %(patience)s::float * interval '1 second'
       AND NOT EXISTS (
           SELECT 1 FROM integrations_outboxitem e
            WHERE e.connection_id = o.connection_id AND e.group_key = o.group_key
              AND ((e.stage < o.stage AND e.created_at <= o.created_at)
                   OR (o.stage >= %(settles)s AND e.kind = ANY(%(undoing)s::text[]) AND e.created_at < o.created_at))
              AND e.state IN ('pending', 'in_flight', 'parked', 'approval')))
"""
Progress = Callable[[int, int], None]


@dataclass
class DrainResult:
    """What a drain did, and what it left. `calls` counts every request to the ERP's API."""

    delivered: int = 0
    parked: int = 0
    waiting: int = 0
    calls: int = 0

    def __add__(self, other: "DrainResult") -> "DrainResult":
        return DrainResult(**{name: value + getattr(other, name) for name, value in asdict(self).items()})


def drain(
    connection_id: int,
    *,
    until_empty: bool,
    seconds: float | None = None,
    patience: float = 90.0,
    progress: Progress | None = None,
) -> DrainResult:
    """Deliver a connection's items. Runs outside any transaction.

    It waits for retries that come due within `patience` seconds, and gives up after as many seconds of tries in which nothing
    was settled: an ERP that cannot be reached is left to the clock. `until_empty` waits for other workers too, until the
    outbox is empty or everything left is parked or waits longer. `seconds` bounds the whole. `parked` in the result is all
    that is parked, `waiting` all else that is undelivered.
    """
    if database.in_atomic_block:
        raise RuntimeError("Delivery commits step by step and cannot run inside a transaction.")
    deadline = time.monotonic() + seconds if seconds is not None else None
    with claims.worker() as worker_id:
        lane = _Lane(connection_id, worker_id)
        told = settled_at = time.monotonic()
        settled = 0
        while deadline is None or time.monotonic() < deadline:
            if lane.step():
                if lane.settled > settled:
                    settled, settled_at = lane.settled, time.monotonic()
                elif time.monotonic() - settled_at > patience:
                    break
                if progress and time.monotonic() - told > 1:
                    told = time.monotonic()
                    progress(lane.result.delivered, lane.result.delivered + _left(connection_id)[0])
                continue
            if not lane.is_open or lane.paused_for > patience:
                break
            if not _worth_waiting(connection_id, patience, for_others=until_empty):
                break
            time.sleep(_POLL if deadline is None else min(_POLL, max(0.0, deadline - time.monotonic())))
    lane.result.waiting, lane.result.parked = _left(connection_id)
    return lane.result


class _Lane:
    """One worker at one connection."""

    def __init__(self, connection_id: int, worker_id: int) -> None:
        self._worker_id = worker_id
        self._calls: list[Call] = []
        self._asked_for: Claim  # What the calls of a step concern.
        self._connector: Connector | None = None
        self._connection = Connection.objects.get(pk=connection_id)
        self.result = DrainResult()
        self.settled = 0  # Items that came to an end here, delivered or parked.

    @property
    def is_open(self) -> bool:
        return self._connection.status == ConnectionStatus.CONNECTED

    @property
    def paused_for(self) -> float:
        """Seconds until the ERP wants to hear from this connection again."""
        until = self._connection.paused_until
        return (until - timezone.now()).total_seconds() if until else 0.0

    def step(self) -> bool:
        """Deliver one claim; False when there is nothing to do at this moment."""
        connection = self._connection
        connection.refresh_from_db(fields=["status", "paused_until"])
        if not self.is_open or self.paused_for > 0:
            return False
        spec = base.get(connection.erp)
        claim = claims.claim(
            connection=connection,
            worker_id=self._worker_id,
            batch_size=spec.batch_size,
            one_by_one=spec.one_by_one,
        )
        if claim is None:
            return False
        self._asked_for = claim
        try:
            self._deliver(claim)
        except LeaseLost:
            pass  # The items are another worker's now, who looks in the ERP before sending.
        finally:
            self.result.calls += len(self._calls)
            outcomes.log_calls(connection=connection, claim=self._asked_for, calls=self._calls)
            self._calls.clear()
        return True

    def _deliver(self, claim: Claim) -> None:
        try:
            connector = self._open()
            if claim.request_id is None:
                claim = self._prepare(connector, claim)
            if claim.items and claim.outcome_unknown:
                claim = self._adopt(connector, claim)
            if not claim.items:
                return
            results = connector.send(as_sent(claim.kind), str(claim.request_id), self._parcels(claim))
        except DeliveryError as error:
            self._record(claim, outcomes.all_of(claim, error))
            self._see_to_connection([error])
            return
        self._record(claim, {item.pk: result for item, result in zip(claim.items, results, strict=True)})
        self._see_to_connection(results)

    def _open(self) -> Connector:
        """Give the connector; its company's preferences are read again when they are old."""
        connection = self._connection
        if self._connector is None:
            self._connector = open_connector(connection, on_call=self._calls.append)
        now = timezone.now()
        if connection.company_read_at is None or now - connection.company_read_at > _COMPANY_AGE:
            connection.company = asdict(self._connector.company())
            connection.company_read_at = now
            connection.save(update_fields=["company", "company_read_at"])
        return self._connector

    def _prepare(self, connector: Connector, claim: Claim) -> Claim:
        """Build and encode fresh items and seal them; what cannot be built is recorded and left out."""
        failed: dict[int, Outcome] = {}
        bodies: dict[int, str] = {}
        items = {item.pk: item for item in claim.items}
        built = builders.build(connection=self._connection, kind=claim.kind, items=claim.items)
        for item_id, document in built.items():
            try:
                if isinstance(document, DeliveryError):
                    raise document
                dated = in_open_books(self._connection, claim.kind, document, items[item_id].to_first_open_day)
                bodies[item_id] = connector.encode(as_sent(claim.kind), dated)
            except DeliveryError as error:
                failed[item_id] = error
        self._record(claim, failed)
        self._see_to_connection(list(failed.values()))  # encoding may have asked the ERP
        ready = Claim(claim.kind, [item for item in claim.items if item.pk in bodies], claim.worker_id)
        if ready.items:
            claims.seal(ready, bodies)
            self._asked_for = ready
        return ready

    def _adopt(self, connector: Connector, claim: Claim) -> Claim:
        """Read back what an earlier request may have done; what the ERP holds is recorded, the rest may be sent again."""
        claims.renew(claim)
        found = connector.find(as_sent(claim.kind), self._parcels(claim))
        results = {item.pk: found[ref] for item in claim.items if (ref := self._reference(claim, item)) in found}
        self._record(claim, results)
        self._see_to_connection(list(results.values()))
        rest = Claim(claim.kind, [item for item in claim.items if item.pk not in results], claim.worker_id)
        if rest.items:
            claims.renew(rest)
        return rest

    def _parcels(self, claim: Claim) -> list[Parcel]:
        return [
            Parcel(self._reference(claim, item), item.batch_position or 0, item.request_body, item.ticket)
            for item in claim.items
        ]

    def _reference(self, claim: Claim, item: OutboxItem) -> str:
        return reference_of(self._connection.reference_prefix, claim.kind, item.subject_id)

    def _record(self, claim: Claim, results: dict[int, Outcome]) -> None:
        if results:
            counts = outcomes.record(connection=self._connection, claim=claim, outcomes=results)
            self.result.delivered += counts.get(OutboxState.DELIVERED, 0)
            self.settled += counts.get(OutboxState.DELIVERED, 0) + counts.get(OutboxState.PARKED, 0)

    def _see_to_connection(self, results: Sequence[Outcome]) -> None:
        """Draw the consequences of what the ERP said about the connection as a whole."""
        connection = self._connection
        lost = next((each for each in results if isinstance(each, BadCredentials)), None)
        if lost:
            # Unless a person has switched it off or disconnected it meanwhile, which is why the sign-in ended.
            Connection.objects.filter(pk=connection.pk, status=ConnectionStatus.CONNECTED).update(
                status=ConnectionStatus.RECONNECT_NEEDED, status_reason=lost.words, updated_at=timezone.now()
            )
        if any(isinstance(each, PeriodLocked) for each in results) and connection.company_read_at:
            connection.company_read_at = None  # The lock is news to us: the facts are read again before the next try.
            connection.save(update_fields=["company_read_at", "updated_at"])
        waits = [each.after for each in results if isinstance(each, TryLater) and each.whole_connection]
        if waits:
            longest = float(connection.option("backoff_cap", math.inf))
            connection.paused_until = timezone.now() + timedelta(seconds=min(max(waits), longest))
            connection.save(update_fields=["paused_until", "updated_at"])


def _left(connection_id: int) -> tuple[int, int]:
    """Count what waits and what is parked."""
    waiting = Q(state__in=(OutboxState.PENDING, OutboxState.IN_FLIGHT))
    counts = OutboxItem.objects.filter(
        connection_id=connection_id, state__in=(OutboxState.PENDING, OutboxState.IN_FLIGHT, OutboxState.PARKED)
    ).aggregate(waiting=Count("id", filter=waiting), parked=Count("id", filter=Q(state=OutboxState.PARKED)))
    return counts["waiting"], counts["parked"]


def holds_more_than_one_takes(connection: Connection) -> bool:
    """Tell whether more is due than one worker takes with its next request."""
    one = max(base.get(connection.erp).batch_size.values(), default=1)
    due = OutboxItem.objects.filter(connection=connection, state=OutboxState.PENDING, available_at__lte=Now())
    return due.order_by()[: one + 1].count() > one


def _worth_waiting(connection_id: int, patience: float, *, for_others: bool) -> bool:
    """Tell whether something becomes sendable soon: due for its next try, or in another worker's hands."""
    in_hand = OutboxItem.objects.filter(connection_id=connection_id, state=OutboxState.IN_FLIGHT)
    if for_others and in_hand.exists():
        return True
    with database.cursor() as cursor:
        values: dict[str, Any] = {"settles": STAGES[Kind.CREDIT_NOTE], "undoing": [kind.value for kind in UNDOING]}
        cursor.execute(_SOON, {"connection": connection_id, "patience": patience, **values})
        return bool(cursor.fetchone()[0])
