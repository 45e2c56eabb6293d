"""What a contract bills, divided over its obligations: first over the terms it is for, then by their prices.

A billing period may hold several terms of a contract that renews, each with obligations and a price of its own. Each term
gets what its days cost. Example: 912.24 for the year of a contract of one month at a time is 77.48 for a month of 31 days
and 74.98 for one of 30, 69.98 for February; the twelve add up to 912.26. Only 912.24 is billed, so the last term's price
is 0.02 less.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import pairwise

from django.db import connection

from accounting import schedules
from accounting.books import Books
from accounting.models import PerformanceObligation
from accounting.schedules import Schedule
from billing.charging import ItemTerms, charge
from billing.events import BilledLine
from billing.models import RecognitionMethod
from billing.money import allocate
from billing.periods import DateRange
from billing.services.terms import read_items

ZERO = Decimal(0)


@dataclass(slots=True)
class Share:
    """What a billed amount did to one obligation: how much of it was earned before, how much is deferred."""

    schedule: Schedule
    from_unbilled: Decimal
    deferred: Decimal


@dataclass(slots=True)
class Pool:
    """The obligations that share one transaction price, held until the transaction ends."""

    key: tuple[int, int]
    schedules: list[Schedule] = field(default_factory=list)

    @property
    def start(self) -> date:
        return min(schedule.service_start for schedule in self.schedules)

    @property
    def price(self) -> Decimal:
        return sum((schedule.amount for schedule in self.schedules), ZERO)

    @property
    def billed(self) -> Decimal:
        return sum((schedule.billed for schedule in self.schedules), ZERO)

    def bill(self, net: Decimal, *, on: date | None = None) -> list[Share]:
        """Divide what is billed in all, with this, over the obligations in proportion to their prices.

        What is billed beyond the price raises the price: it is consideration that nobody had counted on. What is taken back
        does not, also where more is to be taken back by the next credit note. `on` is the day of the invoice, for what is earned
        when invoiced.
        """
        total = self.billed + net
        if net > 0 and (excess := total - self.price) > 0:
            for schedule, more in zip(self.schedules, self._in_proportion(excess), strict=True):
                schedule.amount += more
        for schedule in self.schedules:
            if on is not None and schedule.method == RecognitionMethod.ON_INVOICE:
                schedule.spread_from = on
        return [
            _moved(schedule, target - schedule.billed)
            for schedule, target in zip(self.schedules, self._in_proportion(total), strict=True)
        ]

    def divide_anew(self) -> list[Share]:
        """Divide what is billed over prices that have changed. Answers what each obligation lost or got of it, nothing in all;
        nothing at all where more is billed than the price, which the next invoice or credit will tell."""
        if len(self.schedules) < 2 or self.billed > self.price:
            return []
        return [share for share in self.bill(ZERO) if share.from_unbilled or share.deferred]

    def change_price(self, difference: Decimal) -> None:
        """Change the price by a difference, in proportion to the obligations' prices."""
        if difference:
            prices = self._in_proportion(self.price + difference)
            for schedule, price in zip(self.schedules, prices, strict=True):
                schedule.amount = price

    def _in_proportion(self, total: Decimal) -> list[Decimal]:
        prices = [max(schedule.amount, ZERO) for schedule in self.schedules]
        if not sum(prices, ZERO):
            return [total, *[ZERO] * (len(prices) - 1)]
        return allocate(total, prices, self.schedules[0].currency)

    def unearned(self, credited: Decimal) -> list[tuple[Schedule, Decimal]]:
        """Divide a credit over what the obligations have deferred, as far as that goes."""
        deferred = [schedule.deferred for schedule in self.schedules]
        taken = min(credited, sum(deferred, ZERO))
        if taken <= 0:
            return []
        return list(zip(self.schedules, allocate(taken, deferred, self.schedules[0].currency), strict=True))


def _moved(schedule: Schedule, delta: Decimal) -> Share:
    deferred, unbilled = schedule.deferred, schedule.unbilled
    schedule.billed += delta
    return Share(schedule, unbilled - schedule.unbilled, schedule.deferred - deferred)


class Pools:
    """The pools that a batch of billed lines belongs to. A line of an item without obligations belongs to none."""

    def __init__(self, item_ids: Iterable[int | None]) -> None:
        self._starts: dict[int, list[tuple[date, tuple[int, int]]]] = defaultdict(list)
        self.pools: dict[tuple[int, int], Pool] = {}
        self._schedules_of: dict[int, list[tuple[date, Schedule]]] = defaultdict(list)
        self._terms: dict[int, ItemTerms] = {}
        wanted = {item for item in item_ids if item}
        if not wanted:
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT i.contract_item_id, i.start, o.id, o.contract_id, o.pool FROM accounting_obligationitem i "
                "JOIN accounting_performanceobligation o ON o.id = i.obligation_id WHERE i.contract_item_id = ANY(%s) "
                "ORDER BY i.contract_item_id, i.start, o.pool",
                [list(wanted)],
            )
            rows = cursor.fetchall()
        for item, start, _, contract, pool in rows:
            self._starts[item].append((start, (contract, pool)))
        self._hold({key for starts in self._starts.values() for _, key in starts})
        by_obligation = {schedule.obligation_id: schedule for schedule in self.changed()}
        for item, start, obligation, _, _ in rows:
            self._schedules_of[item].append((start, by_obligation[obligation]))

    def _hold(self, keys: set[tuple[int, int]]) -> None:
        if not keys:
            return
        rows = PerformanceObligation.objects.filter(contract__in={contract for contract, _ in keys})
        pool_of = {pk: (contract, pool) for pk, contract, pool in rows.values_list("pk", "contract_id", "pool")}
        wanted = [pk for pk, key in pool_of.items() if key in keys]
        for schedule in schedules.lock_where("s.obligation_id = ANY(%s)", [wanted]):
            key = pool_of[schedule.obligation_id or 0]
            self.pools.setdefault(key, Pool(key)).schedules.append(schedule)

    def over(self, item_id: int | None, start: date | None, end: date | None) -> list[Pool]:
        """Give the pools that an item's service from `start` to before `end` belongs to: more than one where a billing period
        covers several terms of a contract that renews."""
        return [self.pools[key] for key in self._begun(item_id, start, end).values()]

    def _begun(self, item_id: int | None, start: date | None, end: date | None) -> dict[date, tuple[int, int]]:
        starts = self._starts.get(item_id or 0, [])
        first = next((i for i in range(len(starts) - 1, -1, -1) if start is None or starts[i][0] <= start), 0)
        return {day: key for day, key in starts[first:] if day == starts[first][0] or (end is not None and day < end)}

    def divide(self, line: BilledLine, *, sign: int = 1) -> list[tuple[Pool, Decimal]]:
        """Divide a charge over its pools: each gets what its days cost, the last the rest. `sign` -1: the charge is undone.

        Rounded term by term, what was promised may come to some cents more or less than the charge: so much more or less
        is the price of the last.
        """
        begun = self._begun(line.contract_item_id, line.period_start, line.period_end)
        pools = [self.pools[key] for key in begun.values()]
        if len(pools) < 2:
            return [(pool, sign * line.net) for pool in pools]
        assert line.period_start is not None
        assert line.period_end is not None
        terms = self._terms_of(line.contract_item_id or 0)
        days = [line.period_start, *list(begun)[1:], line.period_end]
        costs = [charge(terms, DateRange(*days_of_term)).net for days_of_term in pairwise(days)]
        whole = charge(terms, DateRange(line.period_start, line.period_end)).net
        pools[-1].change_price(sign * (whole - sum(costs, ZERO)))
        costs[-1] = line.net - sum(costs[:-1], ZERO)
        return [(pool, sign * cost) for pool, cost in zip(pools, costs, strict=True)]

    def _terms_of(self, item_id: int) -> ItemTerms:
        # Asked for only where a billing period holds several terms; what an item costs never changes.
        if not self._terms:
            self._terms = {item.id: item.terms for item in read_items("i.id = ANY(%s)", [list(self._starts)])}
        return self._terms[item_id]

    def take_back(
        self,
        net: Decimal,
        item_id: int | None,
        start: date | None,
        end: date | None,
        *,
        before: Mapping[tuple[int, int], Decimal] | None = None,
    ) -> list[tuple[Pool, Decimal]]:
        """Divide what a modification takes back (net is negative) over its pools: the last give first, as far as billed.

        `before` is what the lines before it gave to each pool.
        """
        pools = self.over(item_id, start, end)
        divided, left = [], net
        for pool in reversed(pools[1:]):
            billed = pool.billed + (before or {}).get(pool.key, ZERO)
            part = max(left, -max(billed, ZERO))
            divided.append((pool, part))
            left -= part
        return [*divided, *((pool, left) for pool in pools[:1])]

    def of_item(self, item_id: int | None) -> list[Pool]:
        """Give the pools of all terms that an item is part of."""
        return [self.pools[key] for _, key in self._starts.get(item_id or 0, [])]

    def obligation_of(self, item_id: int | None, *, before: date | None = None) -> Schedule | None:
        """Give the schedule of the obligation that an item was last part of, or was before a day."""
        found = self._schedules_of.get(item_id or 0, ())
        return next((each for start, each in reversed(found) if before is None or start < before), None)

    def changed(self) -> list[Schedule]:
        return [schedule for pool in self.pools.values() for schedule in pool.schedules]


def pools_of(item_ids: Iterable[int | None], books: Books) -> Pools:
    """Hold the pools of these contract items; asks nothing where the company has no obligations at all."""
    return Pools(item_ids if books.has_obligations else ())
