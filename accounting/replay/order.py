"""What happened, in the order in which it was booked, and in batches that may be measured together.

The clock of an entry was read when its transaction held the schedules it changed, so entries that touch the same schedule
stand in that order; an event without an entry stands at the time it was recorded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

import orjson
from django.db import connection

from accounting.by_hand import BY_HAND
from accounting.measures import WITHOUT_STATE
from accounting.replay.then import RECORDED, SettingChange
from billing.event_codec import decode
from billing.events import Event
from billing.publishing import event_kinds
from billing.tenancy import current_tenant_id

SLICE = 2_000


class Told(NamedTuple):
    """What a person told the books about a schedule, which is no event: progress, or parts written by hand."""

    kind: str
    row_id: int
    customer_id: int


PROGRESS, PARTS = "accounting.progressreport", "accounting.schedulerevision"


class Happening(NamedTuple):
    """An event, an event posted later than it was recorded (`is_late`), a change of the set-up, or what a person told."""

    at: datetime
    event: Event | None
    change: SettingChange | None = None
    is_late: bool = False
    told: Told | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events: an SQL condition on `b`, the stored event, with its parameters."""

    condition: str = "true"
    parameters: tuple[Any, ...] = ()


# An event that waited for a rule was measured when it was recorded, and posted when somebody said so.
_BOOKED = """
SELECT coalesce(CASE WHEN u.event_id IS NULL THEN p.at END, b.recorded_at) AS at, 1 AS what, b.id, b.kind, b.key,
    b.business_entity_id, b.occurred_on, b.payload::text AS payload
FROM {schema}.billing_businessevent b
LEFT JOIN (SELECT event_id, min(posted_at) AS at FROM {schema}.accounting_journalentry GROUP BY event_id) p
    ON p.event_id = b.id
LEFT JOIN {schema}.accounting_unmatchedevent u ON u.event_id = b.id
WHERE {condition}
"""
_EVERYTHING = f"""
SELECT at, what, id, kind, key, business_entity_id, occurred_on, payload FROM (
    {{booked}}
    UNION ALL
    SELECT u.posted_at, 2, b.id, b.kind, b.key, b.business_entity_id, b.occurred_on, b.payload::text
    FROM {{schema}}.accounting_unmatchedevent u JOIN {{schema}}.billing_businessevent b ON b.id = u.event_id
    WHERE u.posted_at IS NOT NULL AND {{condition}}
    UNION ALL
    SELECT c.at, 0, c.object_id, c.model, c.action, c.id, NULL, c.after::text
    FROM {{schema}}.billing_change c WHERE c.model = ANY(%s) AND c.at > %s
    UNION ALL
    SELECT t.at, 3, t.id, t.kind, '', s.customer_id, NULL, NULL FROM (
        SELECT id, '{PROGRESS}' AS kind, reported_at AS at, schedule_id FROM {{schema}}.accounting_progressreport
        UNION ALL
        SELECT id, '{PARTS}', made_at, schedule_id FROM {{schema}}.accounting_schedulerevision WHERE made_by_id IS NOT NULL
    ) t JOIN {{schema}}.accounting_recognitionschedule s ON s.id = t.schedule_id
) happened ORDER BY at, what, CASE WHEN what = 0 THEN business_entity_id ELSE id END
"""


def beginning(schema: str) -> datetime | None:
    """Give the moment before the first event was booked; None where nothing has happened."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT min(recorded_at) - interval '1 microsecond' FROM {schema}.billing_businessevent")
        return cursor.fetchone()[0]


def has_foreign_balances(schema: str) -> bool:
    """Tell whether anything was ever posted in a foreign currency that is carried at what it was worth."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {schema}.accounting_carryingamount)")
        return bool(cursor.fetchone()[0])


def count_events(schema: str, wanted: Wanted) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {schema}.billing_businessevent b WHERE {wanted.condition}", wanted.parameters
        )
        return int(cursor.fetchone()[0])


def happenings(schema: str, wanted: Wanted, since: datetime) -> Iterator[Happening]:
    """Read what happened, in order, from a cursor of the database: memory does not grow with it."""
    booked = _BOOKED.format(schema=schema, condition=wanted.condition)
    sql = _EVERYTHING.format(booked=booked, schema=schema, condition=wanted.condition)
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, [*wanted.parameters, *wanted.parameters, list(RECORDED), since])
        while rows := cursor.fetchmany(SLICE):
            for row in rows:
                yield _happening(row)


def _happening(row: Sequence[Any]) -> Happening:
    at, what, pk, kind, key, entity, occurred_on, payload = row
    if what == 0:
        return Happening(at, None, SettingChange(kind, pk, key, payload))
    if what == 3:
        return Happening(at, None, told=Told(kind, pk, entity))
    return Happening(at, _event(pk, kind, key, entity, occurred_on, payload), is_late=what == 2)


def _event(pk: int, kind: str, key: str, entity: int, occurred_on: date, payload: str) -> Event:
    return decode(
        event_kinds()[kind], orjson.loads(payload), tenant_id=current_tenant_id(), event_id=pk, business_entity_id=entity,
        occurred_on=occurred_on, key=key,
    )  # fmt: skip


@dataclass(slots=True)
class Batch:
    """Events of one kind that do not depend on each other, or came in one publication; or the rows of what persons told."""

    kind: str
    at: datetime
    events: list[Event] = field(default_factory=list)
    is_late: bool = False
    told: list[int] = field(default_factory=list)

    def add(self, happening: Happening) -> None:
        if happening.told:
            self.told.append(happening.told.row_id)
        elif happening.event:
            self.events.append(happening.event)


class Batches:
    """Gathers events into batches. Events of one customer keep their order; those of different customers are independent.

    What a person did by hand may concern anything, so nothing passes by it. `strictly`: nothing passes by anything, and each
    publication is a batch: in a foreign currency all share the bank account, and the rates are those known at the moment.
    """

    def __init__(self, *, strictly: bool) -> None:
        self._strictly = strictly
        self._batches: list[Batch] = []
        self._last: dict[object, tuple[int, datetime]] = {}
        self._floor = 0
        self.events = 0

    def add(self, happening: Happening) -> None:
        event = happening.event or happening.told
        assert event is not None
        self.events += 1
        if happening.is_late or event.kind in BY_HAND:
            self._append(happening, event.kind)
            self._floor = len(self._batches)
            return
        if self._strictly:
            last = self._batches[-1] if self._batches else None
            if last and (last.kind, last.at, last.is_late) == (event.kind, happening.at, False):
                last.add(happening)
            else:
                self._append(happening, event.kind)
            return
        who = None if event.kind in WITHOUT_STATE else getattr(event, "customer_id", None)
        place = self._floor
        if who is not None and who in self._last:
            place, at = self._last[who]
            # Events of one publication were measured together.
            place += not (self._batches[place].kind == event.kind and at == happening.at)
        for found in range(max(place, self._floor), len(self._batches)):
            if self._batches[found].kind == event.kind:
                self._batches[found].add(happening)
                break
        else:
            found = self._append(happening, event.kind)
        if who is not None:
            self._last[who] = found, happening.at

    def _append(self, happening: Happening, kind: str) -> int:
        self._batches.append(Batch(kind, happening.at, is_late=happening.is_late))
        self._batches[-1].add(happening)
        return len(self._batches) - 1

    def take(self) -> list[Batch]:
        """Give the batches in their order, and begin anew."""
        taken, self._batches, self._last, self._floor, self.events = self._batches, [], {}, 0, 0
        return taken
