"""What a replay takes from the stored sub-ledger, because events do not say it: the ids of schedules and obligations,
whether a price was grossed up, which service periods a recognition run had opened, and what persons told of progress and
parts. Amounts that the books computed are never taken.
"""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from django.db import connection

from accounting import commitments, schedules
from accounting.books import books
from accounting.earning import earn, write_plans
from accounting.engine import MeasuredEvent
from accounting.events import RevenueRecognized
from accounting.measures.billed import schedule_key
from accounting.replay.order import PROGRESS
from accounting.replay.shadow import FIRST_ID
from accounting.schedules import COLUMNS, TABLE
from accounting.spreading import Part
from billing.events import Event, InvoiceFinalized
from billing.periods import DateRange

# Where a service period ends, the event says; one that took over later ones when it was billed had ended before the first of
# them, and takes it over again.
_ENDS = f"""
least(w.end_day, (SELECT min(o.service_start) FROM {{schema}}.{TABLE} o WHERE o.contract_item_id = s.contract_item_id
    AND o.is_void AND o.obligation_id IS NULL AND o.service_start > s.service_start AND o.service_start < w.end_day))
"""
# What a schedule has become by billing and recognition starts from nothing.
_FRESH = {
    "service_end": _ENDS,
    "spread_from": "s.service_start",
    **dict.fromkeys(
        ("amount", "billed", "recognized", "released", "spread_base", "true_up", "straight", "postings"), "0"
    ),
    "recognized_until": "NULL",
    **dict.fromkeys(("is_void", "is_planned"), "false"),
}
_SELECTED = ", ".join(_FRESH.get(name, f"s.{name}") for name in COLUMNS)
_SEED = f"""
INSERT INTO {TABLE} (tenant_id, {", ".join(COLUMNS)}) SELECT DISTINCT ON (s.id) s.tenant_id, {_SELECTED}
FROM unnest(%s::bigint[], %s::bigint[], %s::date[], %s::date[]) AS w(pk, item, day, end_day)
JOIN {{schema}}.{TABLE} s ON {{which}}
WHERE s.obligation_id IS NULL AND NOT EXISTS (SELECT 1 FROM {TABLE} known WHERE known.id = s.id) ORDER BY s.id
ON CONFLICT DO NOTHING
"""
_BY_ID = "s.id = w.pk"
_BY_ITEM = "s.contract_item_id = w.item AND s.service_start = w.day"
_BY_LINE = "s.invoice_line_id = w.pk AND s.contract_item_id IS NULL"
_COVERING = f"""
s.contract_item_id = w.item AND s.service_start < w.day AND s.service_end >= w.day AND NOT EXISTS (
    SELECT 1 FROM {TABLE} c WHERE c.contract_item_id = w.item AND c.service_start <= w.day AND c.service_end >= w.day
    AND c.obligation_id IS NULL AND NOT c.is_void)
"""
_ADOPT = (
    "UPDATE accounting_obligationitem i SET obligation_id = m.stored FROM ({map}) m WHERE i.obligation_id = m.fresh",
    (
        "UPDATE accounting_recognitionschedule s SET id = o.id, obligation_id = m.stored FROM ({map}) m "
        "JOIN {schema}.accounting_recognitionschedule o ON o.obligation_id = m.stored WHERE s.obligation_id = m.fresh"
    ),
    "UPDATE accounting_performanceobligation p SET id = m.stored FROM ({map}) m WHERE p.id = m.fresh",
)
_MAP = f"""
SELECT fresh.id AS fresh, stored.id AS stored FROM accounting_performanceobligation fresh
JOIN {{schema}}.accounting_performanceobligation stored USING (contract_id, number) WHERE fresh.id >= {FIRST_ID}
"""
_Row = tuple[int | None, int | None, date | None, date]


def seed_billed(schema: str, events: Sequence[InvoiceFinalized]) -> None:
    """Let the schedules of billed lines be there, empty, under the ids they have."""
    by_item: list[_Row] = []
    by_line: list[_Row] = []
    taken_back: list[_Row] = []
    for event in events:
        for line in event.lines:
            key = schedule_key(line)
            if not isinstance(key, tuple):
                start = line.period_start or event.occurred_on
                by_line.append((key, None, None, line.period_end or start + timedelta(days=1)))
                continue
            item, start = key
            row = (None, item, start, line.period_end or start + timedelta(days=1))
            by_item.append(row)
            if line.net < 0:
                taken_back.append(row)
    _seed(schema, _BY_ITEM, by_item)
    _seed(schema, _BY_LINE, by_line)
    _seed(schema, _COVERING, taken_back)


def _seed(schema: str, which: str, rows: Sequence[_Row]) -> None:
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(_SEED.format(schema=schema, which=which), [list(column) for column in zip(*rows, strict=True)])


def adopt_obligations(schema: str, measured: Sequence[MeasuredEvent]) -> None:
    """Give obligations that the replay has just found the ids they have in the books, also where events are measured by them."""
    fresh = _MAP.format(schema=schema)
    with connection.cursor() as cursor:
        cursor.execute(fresh)
        stored = dict(cursor.fetchall())
        for sql in _ADOPT:
            cursor.execute(sql.format(map=fresh, schema=schema))
    for unit in (unit for each in measured for unit in each.units if unit.dimensions.obligation_id in stored):
        unit.dimensions = unit.dimensions._replace(obligation_id=stored[unit.dimensions.obligation_id])


def recognize(schema: str, events: Sequence[RevenueRecognized]) -> list[tuple[Event, str]]:
    """Bring the schedules to where the recognition run brought them. Answers what an event says otherwise than they do.

    How much was earned is the event's fact; how much of it had been deferred is computed again.
    """
    held = {each.id: each for each in schedules.lock_where("s.id = ANY(%s)", [[e.schedule_id for e in events]])}
    missing = [(e.schedule_id, None, None, e.service_end) for e in events if e.schedule_id not in held]
    if missing:
        _seed(schema, _BY_ID, missing)
        found = schedules.lock_where("s.id = ANY(%s)", [[row[0] for row in missing]])
        held |= {each.id: each for each in found}
    items = [each.contract_item_id for each in held.values() if each.is_committed and each.contract_item_id]
    committed = commitments.lock(items) if items and books().grosses_up else {}
    wrong: list[tuple[Event, str]] = []
    for event in events:
        schedule = held.get(event.schedule_id)
        if schedule is None:
            wrong.append((event, f"there is no recognition schedule {event.schedule_id}"))
            continue
        earned = event.from_deferred + event.from_unbilled
        expected = earn(schedule, earned, committed)
        if expected != event.from_deferred:
            wrong.append((event, _otherwise(event.from_deferred, expected)))
        schedule.postings += 1
        after = (event.earned_through or event.occurred_on) + timedelta(days=1)
        schedule.recognized_until = max(after, schedule.recognized_until or after)
        schedule.service_end = event.service_end
        if schedule.obligation_id is None and not schedule.billed:
            # A run opened it: no event says the price. That of others is known, and can be below what is recognized.
            schedule.amount = max(schedule.amount, schedule.recognized)
    schedules.save(list(held.values()))
    commitments.save(committed)
    return wrong


def tell(schema: str, kind: str, rows: Sequence[int]) -> None:
    """Let persons report progress, or write schedules by hand, as these rows say."""
    with connection.cursor() as cursor:
        if kind == PROGRESS:
            table = "accounting_progressreport"
            cursor.execute(f"INSERT INTO {table} SELECT * FROM {schema}.{table} WHERE id = ANY(%s)", [list(rows)])
            return
        cursor.execute(
            "SELECT schedule_id, after->>'end', after->'left' "
            f"FROM {schema}.accounting_schedulerevision WHERE id = ANY(%s) ORDER BY id",
            [list(rows)],
        )
        written = {pk: (date.fromisoformat(end), _read_parts(left)) for pk, end, left in cursor.fetchall()}
    _seed(schema, _BY_ID, [(pk, None, None, end) for pk, (end, _) in written.items()])
    held = schedules.lock_where("s.id = ANY(%s)", [list(written)])
    write_plans((schedule, written[schedule.id][1]) for schedule in held)
    for schedule in held:
        schedule.service_end = written[schedule.id][0]
    schedules.save(held)


def _read_parts(left: str) -> list[Part]:
    return [
        (DateRange(date.fromisoformat(start), date.fromisoformat(end)), Decimal(share))
        for start, end, share in json.loads(left)
    ]


def _otherwise(said: Decimal, expected: Decimal) -> str:
    return f"it takes {said} out of deferred revenue; by what had been billed it is {expected}"
