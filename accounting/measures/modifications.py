"""Contract modified: obligations change their price and their end, service periods that fall away are cut short.

An item that takes another's place takes its place in the obligation too. What is added joins the obligation of its name (over
a whole term also that of its product), or is one of its own at its stated price; as a separate contract it always is. Where
the price is divided by standalone prices, what is left of it is divided anew (`accounting.reallocation`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from accounting import commitments, obligations, schedules
from accounting.books import Books
from accounting.engine import Dimensions, MeasuredEvent, Unit
from accounting.measures.billed import about_item, cut_short, moved_units
from accounting.measures.unbilled import end_unbilled
from accounting.models import AccountingPolicy, PerformanceObligation
from accounting.obligations import Promise, is_obligation
from accounting.pools import Pools, pools_of
from accounting.reallocation import Shared, is_reallocated, reallocate
from accounting.revisions import RevisionRefused, Revisions
from accounting.schedules import Schedule
from billing.events import ContractModified, ModifiedLine
from billing.models import Adjustment, RevenueSpan, Treatment

ZERO = Decimal(0)


def measure(events: Sequence[ContractModified], books: Books) -> list[MeasuredEvent]:
    """Measure one modification after the other: they are rare, and each looks at what the one before has left."""
    return [_measure(event, books) for event in events]


def _measure(event: ContractModified, books: Books) -> MeasuredEvent:
    pools = pools_of((line.contract_item_id for line in event.lines), books)
    revisions = Revisions(books, pools.changed())
    told = _told_apart(event, pools)
    if is_reallocated(event) and told.changed:
        _reallocate(event, pools, told, revisions)
    else:
        for schedule, lines in told.changed:
            _revise(event, schedule, lines, _difference(lines), revisions, term_end=_term_end(lines))
        obligations.add(told.added)
    about = Dimensions(customer_id=event.customer_id, contract_id=event.contract_id)
    units = moved_units(event, [share for pool in pools.pools.values() for share in pool.divide_anew()])
    revisions.save()
    schedules.save(pools.changed())
    units += _of_plain(event, told.plain, books)
    return MeasuredEvent(event, about, units)


@dataclass(slots=True)
class _Told:
    """An event's lines told apart: those of obligations that are there, obligations to be, and what earns by service period."""

    changed: list[tuple[Schedule, list[ModifiedLine]]]
    added: list[Promise]
    plain: list[ModifiedLine]


def _told_apart(event: ContractModified, pools: Pools) -> _Told:
    """Find which obligation each line belongs to; items that join one are made part of it."""
    lines_of: dict[int, list[ModifiedLine]] = defaultdict(list)
    schedules_of: dict[int, Schedule] = {}
    told = _Told([], [], [])
    joining: list[tuple[int, int, date]] = []
    for line in event.lines:
        schedule = pools.obligation_of(line.contract_item_id, before=line.term_end)
        if schedule is None and (schedule := _joined(event, line, pools)):
            joining.append((schedule.obligation_id or 0, line.contract_item_id or 0, line.start or event.occurred_on))
        if schedule is not None:
            schedules_of[schedule.id] = schedule
            lines_of[schedule.id].append(line)
        elif not line.was_committed and is_obligation(line, allocation=event.price_allocation, span=event.revenue_span):
            told.added.append(_promise(event, line, place=len(told.added) + 1))
        else:
            told.plain.append(line)
    obligations.join(joining)
    told.changed = [(schedules_of[pk], lines) for pk, lines in lines_of.items()]
    return told


def _reallocate(event: ContractModified, pools: Pools, told: _Told, revisions: Revisions) -> None:
    """Divide the price of each pool that changes anew; what is added is part of the last one of its term."""
    pool_of = {schedule.id: pool for pool in pools.pools.values() for schedule in pool.schedules}
    shared: dict[tuple[int, int], Shared] = {}
    for schedule, lines in told.changed:
        pool = pool_of[schedule.id]
        shared.setdefault(pool.key, Shared(pool)).lines[schedule.id] = lines
    for promise in told.added:
        of_its_term = [each for each in shared.values() if each.term_end == promise.term_end]
        max(of_its_term or shared.values(), key=lambda each: each.pool.key).added.append(promise)
    for each in shared.values():
        prices = reallocate(event, each, revisions)
        for schedule, price in zip(each.pool.schedules, prices, strict=False):
            lines = each.lines.get(schedule.id, [])
            _revise(event, schedule, lines, price - schedule.amount, revisions, term_end=each.term_end)
        for promise, price in zip(each.added, prices[len(each.pool.schedules) :], strict=True):
            promise.joins, promise.price = each.pool.key[1], price
        each.pool.schedules += obligations.add(each.added)


def _joined(event: ContractModified, line: ModifiedLine, pools: Pools) -> Schedule | None:
    if line.is_metered or event.treatment == Treatment.SEPARATE:
        return None
    if line.replaces is not None:
        return pools.obligation_of(line.replaces, before=line.term_end)
    # Of a contract that has renewed each term has its own; the last one that the line's days can belong to.
    held = sorted(pools.changed(), key=lambda each: each.service_start, reverse=True)
    held = [each for each in held if line.term_end is None or each.service_start < line.term_end]
    if line.obligation:
        names = dict(
            PerformanceObligation.objects.filter(pk__in=[each.obligation_id for each in held]).values_list("pk", "name")
        )
        return next((each for each in held if names[each.obligation_id or 0] == line.obligation), None)
    if event.revenue_span == RevenueSpan.TERM:
        return next((each for each in held if each.product_id == line.product_id), None)
    return None


def _promise(event: ContractModified, line: ModifiedLine, *, place: int) -> Promise:
    assert line.start is not None
    assert line.end is not None
    promise = Promise(
        event.contract_id, event.customer_id, event.business_entity_id, event.currency, [line], line.start, line.end
    )
    promise.price, promise.pool, promise.term_end = line.committed, place, line.term_end
    return promise


def _term_end(lines: Iterable[ModifiedLine]) -> date | None:
    """Give the end of the earlier term that lines are about; None where it is the current one."""
    return next((line.term_end for line in lines if line.term_end), None)


def _is_over(line: ModifiedLine, day: date) -> bool:
    return line.committed == line.was_committed and line.end is not None and line.end < day


def _difference(lines: Sequence[ModifiedLine]) -> Decimal:
    return sum((line.committed - line.was_committed for line in lines), ZERO)


def _revise(
    event: ContractModified,
    schedule: Schedule,
    lines: Sequence[ModifiedLine],
    difference: Decimal,
    revisions: Revisions,
    *,
    term_end: date | None,
) -> None:
    if not difference and lines and all(_is_over(line, event.occurred_on) for line in lines):
        return  # Such as an item that was replaced in an earlier term: its obligation ends where it ended.
    ends = [line.end for line in lines if line.end]
    end = max(ends) if ends else schedule.service_end
    if event.revenue_span == RevenueSpan.TERM and event.term_end and event.treatment != Treatment.SEPARATE:
        end = term_end or event.term_end
    if not difference and end == schedule.service_end:
        return
    _refuse_large(schedule, difference, event.adjustment)
    revisions.change_price(
        schedule,
        difference,
        on=event.occurred_on,
        agreed_on=event.signed_on,
        reason=f"Modification {event.key.rpartition(':')[2]} of contract {event.contract_number}",
        end=end,
        treatment=event.treatment,
        adjustment=event.adjustment,
    )


def large_change(price: Decimal, difference: Decimal, policy: AccountingPolicy) -> bool:
    """Tell whether a change of an obligation's price is large by the company's policy."""
    return abs(difference) * 100 > policy.large_change_percent * abs(price)


def _refuse_large(schedule: Schedule, difference: Decimal, adjustment: str) -> None:
    policy = AccountingPolicy.objects.get()
    if (
        policy.large_change_must_front_load
        and adjustment != Adjustment.FRONT_LOAD
        and large_change(schedule.amount, difference, policy)
    ):
        raise RevisionRefused(
            f"The price of an obligation changes by more than {policy.large_change_percent.normalize():f} %. Your accounting "
            "policy wants such a change front loaded: choose the front-load adjustment."
        )


def _of_plain(event: ContractModified, lines: Sequence[ModifiedLine], books: Books) -> list[Unit]:
    ended = [(line.contract_item_id or 0, line.end) for line in lines if line.end]
    end_unbilled(dict(ended))
    cut = schedules.lock_covering(ended)
    for (_, end), schedule in cut.items():
        cut_short(schedule, end)
    schedules.save(list(cut.values()))
    return _committed(event, lines) if books.grosses_up else []


def _committed(event: ContractModified, lines: Sequence[ModifiedLine]) -> list[Unit]:
    """Under the gross-up treatment: what is committed follows the price, but not below what is billed or recognized."""
    held = commitments.lock(line.contract_item_id or 0 for line in lines)
    fresh: dict[int, Decimal] = {}
    units = []
    for line in lines:
        item = line.contract_item_id or 0
        change = line.committed - line.was_committed
        if item in held:
            commitment = held[item]
            change = max(change, max(commitment.billed, commitment.recognized) - commitment.committed)
            commitment.committed += change
        else:
            fresh[item] = change = max(change, ZERO)
        about = about_item(event.customer_id, line)
        units.append(Unit({"committed": change}, about, line.pricing_model, line.recognition_method))
    commitments.save(held)
    commitments.commit(fresh, currency=event.currency)
    return units
