"""Invoice finalized: how much of each line was earned before, and how much is deferred.

before: 320.00 of usage earned, unbilled          after an invoice of 500.00 net
    Unbilled Revenue 320.00                            net_from_unbilled 320.00, net_deferred 180.00

What is earned on the invoice's own day, all of it (no service period, at once, a single day), is revenue straight away where the
policy says so: net_earned instead of net_deferred.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from accounting import commitments, schedules
from accounting.books import Books
from accounting.commitments import Commitment
from accounting.engine import Dimensions, MeasuredEvent, Unit
from accounting.measures.billed import (
    cut_short,
    divide,
    held_commitments,
    hold_taken_back,
    line_dimensions,
    pooled_units,
    schedule_key,
)
from accounting.pools import pools_of
from accounting.schedules import Key, Schedule
from accounting.spreading import OVER_TIME
from billing.events import BilledLine, InvoiceFinalized
from billing.models import RecognitionMethod

ZERO = Decimal(0)
_ONE_DAY = timedelta(days=1)


def schedule_keys(events: Sequence[InvoiceFinalized]) -> set[Key]:
    """Name the schedules that the billed lines belong to."""
    return {schedule_key(line) for event in events for line in event.lines}


def measure(events: Sequence[InvoiceFinalized], books: Books, known: dict[Key, Schedule]) -> list[MeasuredEvent]:
    pools = pools_of((line.contract_item_id for event in events for line in event.lines), books)
    hold_taken_back((line for event in events for line in event.lines), known)
    committed = held_commitments(events, books)
    room = commitments.Room(committed)
    fresh: dict[Key, Schedule] = {}
    absorbed: list[Schedule] = []
    measured = []
    for event in events:
        units: list[Unit] = []
        lines, pooled, nets = divide(event.lines, pools)
        if pooled:
            units += pooled_units(event, pooled, nets)
        for line in lines:
            key = schedule_key(line)
            schedule = known.get(key) or fresh.get(key)
            if schedule is None:
                schedule = fresh[key] = _new_schedule(event, line)
                schedule.is_committed = room.take(line.contract_item_id or 0, line.net)
            elif line.net < 0:
                cut_short(schedule, line.period_start)
            elif line.period_end is not None:
                absorbed += _bill_until(schedule, line.period_end)
            atoms = _bill_on(event.occurred_on, schedule, line, committed, straight=books.straight_to_revenue)
            units.append(Unit(atoms, line_dimensions(event, line), *_words(line)))
        document = Dimensions(customer_id=event.customer_id, contract_id=event.contract_id, invoice_id=event.invoice_id)
        measured.append(MeasuredEvent(event, document, units))
    schedules.add(list(fresh.values()))
    schedules.save(list({schedule.id: schedule for schedule in [*known.values(), *absorbed]}.values()))
    schedules.save(pools.changed())
    commitments.save(committed)
    return measured


def _bill_until(schedule: Schedule, until: date) -> list[Schedule]:
    """End the service where it is billed to: a contract that ended early is billed for less, one renewed since for more.

    What was earned in later periods that this one is now billed for is taken over, so that no day earns twice.
    """
    longer = until > schedule.service_end
    schedule.service_end = until
    if not longer:
        return []
    others = schedules.lock_where(
        "s.contract_item_id = %s AND s.service_start > %s AND s.service_start < %s AND s.is_committed = %s "
        "AND s.billed = 0 AND s.obligation_id IS NULL AND NOT s.is_void",
        [schedule.contract_item_id, schedule.service_start, until, schedule.is_committed],
    )
    for other in others:
        schedule.recognized += other.recognized
        schedule.released += other.released
        if other.recognized_until and (
            not schedule.recognized_until or other.recognized_until > schedule.recognized_until
        ):
            schedule.recognized_until = other.recognized_until
        other.amount = other.recognized = other.released = other.spread_base = ZERO
        other.is_void = True
    return others


def _new_schedule(event: InvoiceFinalized, line: BilledLine) -> Schedule:
    # A line without a service period has nothing to spread: it is earned on the day of the invoice.
    start = line.period_start or event.occurred_on
    spreads = line.period_end is not None
    return Schedule(
        id=0,
        business_entity_id=event.business_entity_id,
        customer_id=event.customer_id,
        contract_id=line.contract_id,
        contract_item_id=line.contract_item_id if line.period_start else None,
        invoice_line_id=None if line.contract_item_id and line.period_start else line.line_id,
        product_id=line.product_id,
        product_family_id=line.product_family_id,
        pricing_model=line.pricing_model or "",
        method=line.recognition_method if spreads else RecognitionMethod.POINT_IN_TIME,
        service_start=start,
        service_end=line.period_end or start + timedelta(days=1),
        currency=event.currency,
        spread_from=start,
        is_metered=False,
        amount=ZERO,
    )


def _bill(schedule: Schedule, line: BilledLine, committed: dict[int, Commitment]) -> dict[str, Decimal]:
    atoms = {"tax": line.tax, "net_committed": ZERO, "net_from_unbilled": ZERO, "net_deferred": ZERO}
    if schedule.is_committed:
        commitment = committed[line.contract_item_id or 0]
        if line.net < 0:
            back = commitments.take_back(commitment, schedule, -line.net)
            atoms["net_committed"], atoms["net_deferred"] = line.net + back, -back
        else:
            # What was voided for good is billed after all: it is committed anew.
            anew = line.net if schedule.is_void and not schedule.amount else ZERO
            commitment.committed += anew
            commitment.billed += line.net
            schedule.billed += line.net
            atoms["net_committed"], atoms["net_deferred"] = line.net - anew, anew
    else:
        deferred, unbilled = schedule.deferred, schedule.unbilled
        schedule.billed += line.net
        atoms["net_from_unbilled"] = unbilled - schedule.unbilled
        atoms["net_deferred"] = schedule.deferred - deferred
    schedule.amount = schedule.billed
    schedule.is_void = False
    return atoms


def _bill_on(
    day: date, schedule: Schedule, line: BilledLine, committed: dict[int, Commitment], *, straight: bool
) -> dict[str, Decimal]:
    if schedule.method == RecognitionMethod.ON_INVOICE:
        schedule.spread_from = day
    atoms = _bill(schedule, line, committed)
    if straight and _is_earned_on(schedule, day):
        _earn(schedule, day, atoms)
    return atoms


def _is_earned_on(schedule: Schedule, day: date) -> bool:
    """Tell whether the whole price is earned on this one day, by nothing but its coming."""
    if schedule.is_committed or schedule.is_planned or schedule.is_metered or schedule.spread_base:
        return False
    if schedule.method in (RecognitionMethod.POINT_IN_TIME, RecognitionMethod.ON_INVOICE):
        return schedule.spread_from == day
    return (
        schedule.service_end - schedule.service_start == _ONE_DAY
        and schedule.service_start == day
        and (schedule.method in OVER_TIME)
    )


def _earn(schedule: Schedule, day: date, atoms: dict[str, Decimal]) -> None:
    fresh = atoms["net_deferred"]
    if fresh <= 0:
        return  # What is given back waits for the recognition run, which takes revenue back.
    atoms["net_earned"], atoms["net_deferred"] = fresh, ZERO
    schedule.recognized += fresh
    schedule.straight += fresh
    schedule.recognized_until = max(day + _ONE_DAY, schedule.recognized_until or day)


def _words(line: BilledLine) -> tuple[str | None, str]:
    return line.pricing_model, line.recognition_method
