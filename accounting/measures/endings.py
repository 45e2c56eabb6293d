"""What becomes of obligations when their contract ends early.

A term that would have begun by then or later is not served at all: its price falls to what is billed of it, which is nothing.
The rest of what will not be billed comes off the term that holds the day. Of obligations that share their price, what is left
goes over what can still be done, else by what was earned.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from accounting import schedules
from accounting.books import Books
from accounting.pools import Pool, Pools, Share, pools_of
from accounting.reallocation import divide_what_is_left
from accounting.revisions import Revisions
from accounting.schedules import Schedule
from accounting.spreading import AT_ONCE
from billing.events import CommitmentLine, ContractEnded
from billing.models import Adjustment

ZERO = Decimal(0)


@dataclass(slots=True)
class _Chain:
    """The terms of items that share obligations in some of them, and what of these items will not be billed any more."""

    pools: dict[tuple[int, int], Pool] = field(default_factory=dict)
    withdrawn: Decimal = ZERO


def shorten_obligations(events: Sequence[ContractEnded], books: Books) -> dict[str, list[Share]]:
    """Lower the prices of the obligations of contracts that end early, and let them end with their contract.

    Answers, by the key of the event, what each obligation lost or got of what is billed.
    """
    moved: dict[str, list[Share]] = {event.key: [] for event in events}
    pools = pools_of((line.contract_item_id for event in events for line in event.lines), books)
    revisions = Revisions(books, pools.changed())
    for event in events:
        for chain in _chains(event.lines, pools):
            _end(event, chain, revisions)
            moved[event.key] += [share for pool in chain.pools.values() for share in pool.divide_anew()]
    revisions.save()
    schedules.save(pools.changed())
    return moved


def _chains(lines: Iterable[CommitmentLine], pools: Pools) -> list[_Chain]:
    chains: list[_Chain] = []
    for line in lines:
        found = {pool.key: pool for pool in pools.of_item(line.contract_item_id)}
        if not found:
            continue
        joined = _Chain(found, line.committed)
        for other in [each for each in chains if each.pools.keys() & found.keys()]:
            joined.pools |= other.pools
            joined.withdrawn += other.withdrawn
            chains.remove(other)
        chains.append(joined)
    return chains


def _end(event: ContractEnded, chain: _Chain, revisions: Revisions) -> None:
    terms = sorted(chain.pools.values(), key=lambda pool: (pool.start, pool.key))
    begun = [pool for pool in terms if pool.start < event.occurred_on]
    left = chain.withdrawn
    for pool in terms[len(begun) :]:
        for schedule in pool.schedules:
            left -= schedule.amount - schedule.billed
            never = schedule.service_start + timedelta(days=1)
            _change(event, schedule, schedule.billed - schedule.amount, never, revisions)
    held = begun[-1] if begun else terms[0]
    prices = _prices(held, held.price - left, event.occurred_on, revisions)
    for schedule, price in zip(held.schedules, prices, strict=True):
        _change(event, schedule, price - schedule.amount, min(schedule.service_end, event.occurred_on), revisions)


def _prices(pool: Pool, total: Decimal, day: date, revisions: Revisions) -> list[Decimal]:
    if len(pool.schedules) == 1:
        return [total]
    earned = [revisions.earned_before(schedule, day) for schedule in pool.schedules]
    weights = [
        max(schedule.amount - done, ZERO) if schedule.method in AT_ONCE and schedule.service_start < day else ZERO
        for schedule, done in zip(pool.schedules, earned, strict=True)
    ]
    return divide_what_is_left(total, earned, weights, currency=pool.schedules[0].currency)


def _change(event: ContractEnded, schedule: Schedule, difference: Decimal, end: date, revisions: Revisions) -> None:
    if difference or end < schedule.service_end:
        revisions.change_price(
            schedule,
            difference,
            on=event.occurred_on,
            end=end,
            reason=f"Contract {event.contract_number} ended early",
            adjustment=Adjustment.STRAIGHT_LINE,
        )
