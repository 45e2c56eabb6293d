"""A transaction price divided anew when a contract is modified. Pure but for the schedules and events it reads.

Under standalone selling prices a modification ends the old contract and makes a new one of what is left (ASC
606-10-25-13(a)): what is not yet recognized of the price, with what is added or taken away, is divided over what is still to
be transferred, by its standalone selling prices on that day. What is earned keeps what it earned. Example (ASC 606-10-55-117):
X is transferred, 600.00; Y is not, 600.00; Z is added for 300.00: 900.00 over Y and Z, 450.00 each.

As a cumulative catch-up (25-13(b)) the whole new price is divided over all that was promised.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from accounting.obligations import Promise
from accounting.pools import Pool
from accounting.revisions import Revisions
from accounting.schedules import Schedule
from accounting.spreading import AT_ONCE
from billing.events import ContractModified, ModifiedLine
from billing.models import PriceAllocation, Treatment
from billing.money import allocate
from billing.periods import DateRange, share_of_days

ZERO = Decimal(0)


@dataclass(slots=True)
class Shared:
    """One pool under a modification: the event's lines of each of its obligations, and what is added to it."""

    pool: Pool
    lines: dict[int, list[ModifiedLine]] = field(default_factory=dict)
    added: list[Promise] = field(default_factory=list)

    @property
    def term_end(self) -> date | None:
        """The end of the term that the pool is of; None where it is the current one."""
        return next((line.term_end for lines in self.lines.values() for line in lines if line.term_end), None)

    @property
    def changes(self) -> bool:
        """Whether there is anything to divide anew."""
        return bool(self.added) or any(
            line.committed != line.was_committed for lines in self.lines.values() for line in lines
        )

    @property
    def price(self) -> Decimal:
        """What the obligations share after the modification."""
        changed = (line.committed - line.was_committed for lines in self.lines.values() for line in lines)
        return self.pool.price + sum(changed, ZERO) + sum((each.stated for each in self.added), ZERO)


def is_reallocated(event: ContractModified) -> bool:
    """Tell whether a modification divides the price anew. Events stored before they told what is left do not."""
    told = all(line.standalone_left is not None for line in event.lines)
    return told and event.price_allocation == PriceAllocation.STANDALONE and event.treatment != Treatment.SEPARATE


def reallocate(event: ContractModified, shared: Shared, revisions: Revisions) -> list[Decimal]:
    """Give the new price of each schedule of the pool, then of each promise that is added. Together they are its price."""
    pool, currency = shared.pool, event.currency
    if not shared.changes:
        return [schedule.amount for schedule in pool.schedules]
    if event.treatment == Treatment.CATCH_UP:
        begin = min(schedule.service_start for schedule in pool.schedules)
        whole = [_whole(shared.lines.get(schedule.id, ()), begin) for schedule in pool.schedules]
        whole += [each.standalone for each in shared.added]
        return divide_what_is_left(shared.price, [ZERO] * len(whole), whole, currency=currency)
    earned = [revisions.earned_before(schedule, event.occurred_on) for schedule in pool.schedules]
    weights = [
        _left(schedule, before, shared.lines.get(schedule.id, ()), event.occurred_on)
        for schedule, before in zip(pool.schedules, earned, strict=True)
    ]
    earned += [ZERO] * len(shared.added)
    weights += [each.standalone for each in shared.added]
    return divide_what_is_left(shared.price, earned, weights, currency=currency)


def divide_what_is_left(
    total: Decimal, earned: Sequence[Decimal], weights: Sequence[Decimal], *, currency: str
) -> list[Decimal]:
    """Give each obligation what it has earned and its part of the rest, by weight. None goes below zero unless the total does.

    Where less is left than is earned, or nothing is to be transferred any more, all of it goes by what was earned: that
    was divided by standalone prices, too.
    """
    left = total - sum(earned, ZERO)
    if left >= 0 and sum(weights, ZERO) > 0:
        return [done + part for done, part in zip(earned, allocate(left, weights, currency), strict=True)]
    by_earned = [max(done, ZERO) for done in earned]
    if sum(by_earned, ZERO) > 0:
        return allocate(total, by_earned, currency)
    return [total, *[ZERO] * (len(earned) - 1)]


def _left(schedule: Schedule, earned: Decimal, lines: Iterable[ModifiedLine], day: date) -> Decimal:
    """Give the standalone price of what an obligation still promises from a day on."""
    if schedule.method not in AT_ONCE:
        return sum((line.standalone_left or ZERO for line in lines), ZERO)
    if earned and earned >= schedule.amount:
        return ZERO
    # Not time passes but an act is done: what is not done is left as a whole, where it runs on or ended by itself.
    promised = [line for line in lines if (line.end and line.end > day) or line.committed == line.was_committed]
    undone = 1 - earned / schedule.amount if schedule.amount else Decimal(1)
    return undone * sum((line.standalone for line in promised), ZERO)


def _whole(lines: Iterable[ModifiedLine], begin: date) -> Decimal:
    return sum((_since(line, begin) for line in lines), ZERO)


def _since(line: ModifiedLine, begin: date) -> Decimal:
    # An item of a contract that renewed has run through terms before.
    if line.start is None or line.end is None or line.start >= begin:
        return line.standalone
    if line.end <= begin:
        return ZERO
    return line.standalone * share_of_days(DateRange(begin, line.end), DateRange(line.start, line.end))
