"""The only door to the recognition schedules: read them locked, change them in memory, write them back set-wise."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from operator import attrgetter
from typing import Any

from django.db import connection
from django.db.models import Sum

from accounting.models import RecognitionSchedule
from accounting.spreading import BY_ACT
from billing.bulk import as_array, insert_rows, read_rows, reserve_ids, write
from billing.statements import array
from billing.tenancy import current_tenant_id

ZERO = Decimal(0)


@dataclass(slots=True)
class Schedule:
    """One row of `RecognitionSchedule`, as plain values in the order of its columns."""

    id: int
    business_entity_id: int
    customer_id: int
    contract_id: int | None
    contract_item_id: int | None
    invoice_line_id: int | None
    product_id: int
    product_family_id: int | None
    pricing_model: str
    method: str
    service_start: date
    service_end: date
    currency: str
    spread_from: date
    is_metered: bool
    amount: Decimal
    billed: Decimal = ZERO
    recognized: Decimal = ZERO
    released: Decimal = ZERO
    spread_base: Decimal = ZERO
    recognized_until: date | None = None
    postings: int = 0
    is_committed: bool = False
    is_void: bool = False
    obligation_id: int | None = None
    is_planned: bool = False
    true_up: Decimal = ZERO
    straight: Decimal = ZERO

    @property
    def deferred(self) -> Decimal:
        """Billed and not yet earned."""
        return max(self.billed - self.recognized, ZERO)

    @property
    def unbilled(self) -> Decimal:
        """Earned and not yet billed."""
        return max(self.recognized - self.billed, ZERO)

    @property
    def unearned(self) -> Decimal:
        """What stands in deferred revenue: of a price that was grossed up all that is not earned, billed or not."""
        return self.amount - self.recognized if self.is_committed else self.deferred

    def spread_anew(self) -> None:
        """Spread what is left of the price over the days that are not recognized yet, if any are left."""
        if self.recognized_until and self.recognized_until < self.service_end:
            self.spread_from, self.spread_base = self.recognized_until, self.recognized


COLUMNS = tuple(field.name for field in fields(Schedule))
_SELECTED = ", ".join(f"s.{name}" for name in COLUMNS)
TABLE = "accounting_recognitionschedule"
_values = attrgetter(*COLUMNS)
_CHANGING = {
    "amount": "numeric",
    "billed": "numeric",
    "recognized": "numeric",
    "released": "numeric",
    "service_end": "date",
    "spread_from": "date",
    "spread_base": "numeric",
    "recognized_until": "date",
    "postings": "smallint",
    "is_committed": "boolean",
    "is_void": "boolean",
    "is_planned": "boolean",
    "true_up": "numeric",
    "straight": "numeric",
}
_FEW = 20
Key = tuple[int, date] | int


def key_of(schedule: Schedule) -> Key:
    """Name a schedule as billing does: contract item and first day of service, else the invoice line."""
    if schedule.contract_item_id is not None:
        return schedule.contract_item_id, schedule.service_start
    assert schedule.invoice_line_id is not None
    return schedule.invoice_line_id


def lock(keys: Iterable[Key]) -> dict[Key, Schedule]:
    """Read the schedules of these keys and hold them until the transaction ends, in the order of the keys."""
    by_item = [key for key in keys if isinstance(key, tuple)]
    by_line = sorted(key for key in keys if not isinstance(key, tuple))
    found: list[Schedule] = []
    if by_item:
        found += _select(BY_ITEM, item_arrays(by_item))
    if by_line:
        found += _select(_BY_LINE, [by_line])
    return {key_of(schedule): schedule for schedule in found}


def lock_covering(days: Iterable[tuple[int, date]]) -> dict[tuple[int, date], Schedule]:
    """Read the schedules of the service periods that hold these days of contract items, or end before them; hold them."""
    wanted = list(days)
    if not wanted:
        return {}
    found = _select(_COVERING, [[item for item, _ in wanted], [day for _, day in wanted]])
    found.sort(key=lambda schedule: schedule.service_start)  # of two that meet on the day, the later
    return {
        (item, day): schedule
        for item, day in wanted
        for schedule in found
        if schedule.contract_item_id == item and schedule.service_start <= day <= schedule.service_end
    }


def committed_amounts(item_ids: Iterable[int]) -> dict[int, Decimal]:
    """Add up, per contract item, the prices of the service periods that draw on its commitment."""
    amounts = dict.fromkeys(item_ids, ZERO)
    rows = RecognitionSchedule.objects.filter(
        contract_item__in=amounts, is_committed=True, obligation_id=None
    ).order_by()
    for item_id, amount in (
        rows.values("contract_item").annotate(total=Sum("amount")).values_list("contract_item", "total")
    ):
        amounts[item_id] = amount
    return amounts


def lock_where(condition: str, parameters: Sequence[Any]) -> list[Schedule]:
    """Read the schedules that an SQL condition on `s` picks, by id, and hold them."""
    return _select(f"SELECT {_SELECTED} FROM {TABLE} s WHERE {condition} ORDER BY s.id FOR UPDATE", list(parameters))


def read_where(condition: str, parameters: Sequence[Any]) -> list[Schedule]:
    """Read the schedules that an SQL condition on `s` picks, by id, without holding them."""
    return _select(f"SELECT {_SELECTED} FROM {TABLE} s WHERE {condition} ORDER BY s.id", list(parameters))


def lock_unfinished(*, through: date, after_id: int, limit: int) -> list[Schedule]:
    """Read the next schedules, by id, with revenue to come or to be taken back for service that began by the date; hold
    them."""
    return _select(UNFINISHED_IN_ORDER, [after_id, through, limit])


# OFFSET 0: each wanted schedule is looked up by its key, however small the table is when the plan is made.
BY_ITEM = f"""
SELECT {_SELECTED} FROM unnest(%s::bigint[], %s::date[]) AS wanted(item, start) JOIN LATERAL (
    SELECT * FROM {TABLE} s WHERE s.contract_item_id = wanted.item AND s.service_start = wanted.start
        AND s.obligation_id IS NULL OFFSET 0 FOR UPDATE
) s ON true
"""
# The same for an invoice's lines, for one that is being finalized alone.
OF_INVOICE = f"""
SELECT {_SELECTED} FROM (
    SELECT l.contract_item_id AS item, l.period_start AS start FROM billing_invoiceline l
    WHERE l.invoice_id = %s ORDER BY l.contract_item_id, l.period_start OFFSET 0
) wanted JOIN LATERAL (
    SELECT * FROM {TABLE} s WHERE s.contract_item_id = wanted.item AND s.service_start = wanted.start
        AND s.obligation_id IS NULL OFFSET 0 FOR UPDATE
) s ON true
"""
_BY_LINE = f"""
SELECT {_SELECTED} FROM unnest(%s::bigint[]) AS wanted(line) JOIN LATERAL (
    SELECT * FROM {TABLE} s WHERE s.contract_item_id IS NULL AND s.invoice_line_id = wanted.line
    AND s.obligation_id IS NULL OFFSET 0 FOR UPDATE
) s ON true
"""
_COVERING = f"""
SELECT {_SELECTED} FROM {TABLE} s JOIN unnest(%s::bigint[], %s::date[]) AS wanted(item, day)
    ON s.contract_item_id = wanted.item AND s.service_start <= wanted.day AND s.service_end >= wanted.day
    AND s.obligation_id IS NULL AND NOT s.is_void ORDER BY s.id FOR UPDATE OF s
"""
# As `UNFINISHED` says it, word for word: it is the condition of an index.
UNFINISHED_IN_ORDER = f"""
SELECT {_SELECTED} FROM {TABLE} s
WHERE s.id > %s AND s.service_start <= %s AND NOT s.is_void AND (s.recognized <> s.amount
    OR (s.is_planned AND s.recognized_until IS NULL) OR (s.is_planned AND s.recognized_until < s.service_end)
    OR (s.method IN ({", ".join(f"'{method}'" for method in sorted(BY_ACT))}) AND s.recognized_until <= s.spread_from))
ORDER BY s.id LIMIT %s FOR UPDATE
"""


def item_arrays(keys: Iterable[Any]) -> list[str]:
    """Give the two arrays that `BY_ITEM` asks for."""
    ordered = sorted(keys)
    return [array(item for item, _ in ordered), array(start for _, start in ordered)]


def _select(sql: str, parameters: list[Any]) -> list[Schedule]:
    return [Schedule(*row) for row in read_rows(sql, parameters, table=TABLE)]


def add(schedules: Sequence[Schedule]) -> None:
    """Write new schedules; their ids are given out here."""
    if not schedules:
        return
    tenant_id = current_tenant_id()
    for schedule, schedule_id in zip(schedules, reserve_ids(RecognitionSchedule, len(schedules)), strict=True):
        schedule.id = schedule_id
    insert_rows(
        RecognitionSchedule,
        ("tenant_id", *COLUMNS),
        [(tenant_id, *_values(schedule)) for schedule in schedules],
    )


def save(schedules: Sequence[Schedule], *, columns: Iterable[str] = tuple(_CHANGING)) -> None:
    """Write back what can change (or these columns of it), in one statement."""
    if not schedules:
        return
    names = tuple(columns)
    arrays = ", ".join(["%s::bigint[]", *(f"%s::{_CHANGING[name]}[]" for name in names)])
    sql = (
        f"UPDATE {TABLE} s SET {', '.join(f'{name} = v.{name}' for name in names)} "
        f"FROM unnest({arrays}) AS v(id, {', '.join(names)}) WHERE s.id = v.id"
    )
    values = [
        as_array([schedule.id for schedule in schedules], "bigint"),
        *(as_array([getattr(schedule, name) for schedule in schedules], _CHANGING[name]) for name in names),
    ]
    if len(schedules) > _FEW:
        write(TABLE, sql, values)
        return
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def set_amounts(amounts: Mapping[int, tuple[Decimal, Decimal]]) -> None:
    """Set the price of schedules whose usage has been rated anew, and how much of it tops up to a minimum."""
    if not amounts:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounting_recognitionschedule s SET amount = v.amount, true_up = v.true_up "
            "FROM unnest(%s::bigint[], %s::numeric[], %s::numeric[]) AS v(id, amount, true_up) WHERE s.id = v.id",
            [list(amounts), [net for net, _ in amounts.values()], [top for _, top in amounts.values()]],
        )
