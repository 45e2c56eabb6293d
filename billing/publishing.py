"""The one door through which business events are published."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone

from billing import events as billing_events
from billing import payment_events, signals
from billing.bulk import insert_rows, reserve_ids, writing_behind
from billing.event_codec import decode, encode
from billing.events import Event
from billing.models import BusinessEvent
from billing.statements import Statement
from billing.tenancy import current_tenant_id

_COLUMNS = ("id", "tenant_id", "business_entity_id", "kind", "key", "occurred_on", "recorded_at", "payload")

EVENT_CLASSES: dict[str, type[Event]] = {
    event_class.kind: event_class
    for event_class in (*vars(billing_events).values(), *vars(payment_events).values())
    if isinstance(event_class, type) and issubclass(event_class, Event) and event_class is not Event
}
_SIGNALS: dict[str, Signal] = {kind: getattr(signals, kind) for kind in EVENT_CLASSES}


_AHEAD: dict[str, Callable[[int], Statement]] = {}
_READERS: dict[str, Callable[[Sequence[Event], Any], Any]] = {}
# So many events go off while the next are written out.
_SLICE = 250


def register(event_class: type[Event], signal: Signal) -> None:
    """Make another app's business event publishable (accounting has revenue of its own to announce)."""
    EVENT_CLASSES[event_class.kind] = event_class
    _SIGNALS[event_class.kind] = signal


def ask_ahead(event_class: type[Event], question: Callable[[int], Statement]) -> None:
    """Let a receiver's question about a single document travel with the statement that changes it: one round trip less.

    `question` takes the document's id. The reader of the event's kind gets its rows, where the service asked; else None.
    """
    _AHEAD[event_class.kind] = question


def read_first(kind: str, reader: Callable[[Sequence[Event], Any], Any]) -> None:
    """Let a receiver read what it needs before the events go off, not behind them: it comes with the signal as `known`."""
    _READERS[kind] = reader


def questions_ahead(event_class: type[Event], document_ids: Sequence[int]) -> list[Statement]:
    """Give what the receiver of the events to come will ask: of one document only, many are worth their own round trip."""
    question = _AHEAD.get(event_class.kind)
    return [question(document_ids[0])] if question and len(document_ids) == 1 else []


def event_kinds() -> Mapping[str, type[Event]]:
    return EVENT_CLASSES


def stored_event(record: BusinessEvent) -> Event:
    """Build an event again as it was published."""
    return decode(
        EVENT_CLASSES[record.kind],
        record.payload,
        tenant_id=record.tenant_id,
        business_entity_id=record.business_entity_id,
        occurred_on=record.occurred_on,
        key=record.key,
        event_id=record.pk,
    )


def publish(events: Sequence[Event], *, ahead: Sequence[Any] = (), is_last: bool = False) -> None:
    """Store the events and tell the receivers, a batch per kind in the order given, in the caller's transaction.

    The same fact (tenant, kind, key) can be published once; a second time raises `IntegrityError` and undoes the caller's
    work. Raises RuntimeError outside a transaction: then a failing receiver could not undo the change of state.

    `ahead`: the answer to the `questions_ahead`, where they were asked.
    `is_last`: the caller's `atomic` function does nothing more. Where it is the outermost, COMMIT travels with the events.
    """
    if not events:
        return
    connection = transaction.get_connection()
    if not connection.in_atomic_block:
        raise RuntimeError("Events are published inside the transaction that makes them true.")
    by_kind: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_kind[event.kind].append(event)
    first = events[0].kind
    with writing_behind(commits=is_last and len(connection.atomic_blocks) == 1):
        known = _read(first, by_kind[first], ahead)
        _store(events)
        for kind, batch in by_kind.items():
            if kind != first:
                known = _read(kind, batch, ())
            _SIGNALS[kind].send(sender=EVENT_CLASSES[kind], events=batch, known=known)


def _read(kind: str, events: Sequence[Event], ahead: Sequence[Any]) -> Any:
    reader = _READERS.get(kind)
    return reader(events, ahead[0] if ahead else None) if reader else None


def _store(events: Sequence[Event]) -> None:
    tenant_id = current_tenant_id()
    now = timezone.now()
    ids = iter(reserve_ids(BusinessEvent, len(events)))
    for start in range(0, len(events), _SLICE):
        rows = []
        for event in events[start : start + _SLICE]:
            if event.tenant_id != tenant_id:
                raise RuntimeError("An event of another tenant than the one in scope was to be published.")
            # Frozen for everybody else: only here does an event learn its record.
            event_id = next(ids)
            object.__setattr__(event, "event_id", event_id)
            rows.append(
                (
                    event_id,
                    tenant_id,
                    event.business_entity_id,
                    event.kind,
                    event.key,
                    event.occurred_on,
                    now,
                    encode(event),
                )
            )
        insert_rows(BusinessEvent, _COLUMNS, rows)
