"""Performance obligations: found when a contract starts or renews, and what the contract bills divided over them.

Transaction price: what the fixed prices of the term add up to; usage is variable and belongs to the period it is used in
(ASC 606-10-32-40). Example (C12): 600.00 and 400.00 standalone, sold for 850.00, are 510.00 and 340.00.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.db import connection
from django.db.models import Max

from accounting import schedules
from accounting.books import Books
from accounting.models import AccountingPolicy, ObligationItem, PerformanceObligation
from accounting.schedules import Schedule
from billing.bulk import insert_rows, reserve_ids
from billing.events import CommitmentLine, ContractRenewed, ContractStarted
from billing.models import REPORTED_METHODS, PriceAllocation, Product, RecognitionMethod, RevenueSpan
from billing.money import allocate
from billing.tenancy import current_tenant_id

ZERO = Decimal(0)
_OBLIGATION_COLUMNS = (
    "id", "tenant_id", "contract_id", "number", "pool", "name", "currency", "stated_price", "standalone_price",
)  # fmt: skip


@dataclass(slots=True)
class Promise:
    """An obligation to be: the contract items it is made of, its days and its allocated price."""

    contract_id: int
    customer_id: int
    business_entity_id: int
    currency: str
    lines: list[CommitmentLine]
    start: date
    end: date
    price: Decimal = ZERO
    pool: int = 0
    number: int = 0

    @property
    def stated(self) -> Decimal:
        return sum((line.committed for line in self.lines), ZERO)

    @property
    def standalone(self) -> Decimal:
        return sum((line.standalone for line in self.lines), ZERO)

    @property
    def lead(self) -> CommitmentLine:
        """The item that gives the obligation its product and its method: the dearest, the first of equals."""
        return max(self.lines, key=lambda line: line.committed)


def promises(event: ContractStarted | ContractRenewed) -> list[Promise]:
    """Group the event's items into obligations and allocate the transaction price over them."""
    groups: dict[object, list[CommitmentLine]] = defaultdict(list)
    for line in event.lines:
        if is_obligation(line, allocation=event.price_allocation, span=event.revenue_span):
            groups[group_key(line, span=event.revenue_span)].append(line)
    whole_term = event.revenue_span == RevenueSpan.TERM
    found = []
    for lines in groups.values():
        starts = [line.start for line in lines if line.start]
        ends = [line.end for line in lines if line.end]
        start = event.occurred_on if whole_term else min(starts)
        end = event.term_end if whole_term and event.term_end else max(ends)
        found.append(
            Promise(event.contract_id, event.customer_id, event.business_entity_id, event.currency, lines, start, end)
        )
    allocate_price(found, allocation=event.price_allocation)
    return found


def is_obligation(line: CommitmentLine, *, allocation: str, span: str) -> bool:
    """Tell whether an item is earned as an obligation; otherwise each of its service periods earns its own price."""
    if line.recognition_method == RecognitionMethod.AS_CONSUMED:
        return False  # Prepaid credits are earned by being used.
    if line.is_metered or line.end is None or line.start is None or line.end <= line.start:
        return False
    as_whole = allocation == PriceAllocation.STANDALONE or span == RevenueSpan.TERM
    return as_whole or bool(line.obligation) or line.recognition_method in REPORTED_METHODS


def group_key(line: CommitmentLine, *, span: str) -> object:
    """Say which items are one promise: those of one name; over a whole term also those of one product."""
    if line.obligation:
        return line.obligation
    return ("product", line.product_id) if span == RevenueSpan.TERM else ("item", line.contract_item_id)


def allocate_price(found: Sequence[Promise], *, allocation: str) -> None:
    """Give each promise its price and its pool. By standalone prices the cents go by largest remainder."""
    standalone = [promise.standalone for promise in found]
    pooled = allocation == PriceAllocation.STANDALONE and sum(standalone, ZERO) > 0
    if pooled:
        total = sum((promise.stated for promise in found), ZERO)
        for promise, price in zip(found, allocate(total, standalone, found[0].currency), strict=True):
            promise.price, promise.pool = price, 1
    else:
        for pool, promise in enumerate(found, start=1):
            promise.price, promise.pool = promise.stated, pool


def add(found: Sequence[Promise]) -> list[Schedule]:
    """Write obligations with their items and schedules, set-wise; numbers and pools go on from what a contract has."""
    if not found:
        return []
    last: dict[int, tuple[int, int]] = {
        contract: (number, pool)
        for contract, number, pool in PerformanceObligation.objects.filter(
            contract__in={each.contract_id for each in found}
        )
        .order_by()
        .values("contract")
        .annotate(last_number=Max("number"), last_pool=Max("pool"))
        .values_list("contract", "last_number", "last_pool")
    }
    names = dict(Product.objects.filter(pk__in={each.lead.product_id for each in found}).values_list("pk", "name"))
    taken: dict[int, int] = defaultdict(int)
    tenant_id = current_tenant_id()
    rows, items, fresh = [], [], []
    for promise, pk in zip(found, reserve_ids(PerformanceObligation, len(found)), strict=True):
        number, pool = last.get(promise.contract_id, (0, 0))
        taken[promise.contract_id] += 1
        promise.number, promise.pool = number + taken[promise.contract_id], pool + promise.pool
        name = promise.lead.obligation or names[promise.lead.product_id]
        rows.append(
            (pk, tenant_id, promise.contract_id, promise.number, promise.pool, name, promise.currency, promise.stated,
             promise.standalone)
        )  # fmt: skip
        items += [(pk, line.contract_item_id or 0, line.start or promise.start) for line in promise.lines]
        fresh.append(_schedule(promise, pk))
    insert_rows(PerformanceObligation, _OBLIGATION_COLUMNS, rows)
    join(items)
    schedules.add(fresh)
    # Moves the stamp once in a company's life: from now on invoices ask for obligations.
    AccountingPolicy.objects.filter(has_obligations=False).update(has_obligations=True)
    return fresh


def join(items: Sequence[tuple[int, int, date]]) -> None:
    """Make contract items part of obligations: (obligation, item, from which day)."""
    tenant_id = current_tenant_id()
    insert_rows(
        ObligationItem,
        ("id", "tenant_id", "obligation_id", "contract_item_id", "start"),
        [(pk, tenant_id, *row) for pk, row in zip(reserve_ids(ObligationItem, len(items)), items, strict=True)],
    )


def _schedule(promise: Promise, obligation_id: int) -> Schedule:
    lead = promise.lead
    return Schedule(
        id=0,
        business_entity_id=promise.business_entity_id,
        customer_id=promise.customer_id,
        contract_id=promise.contract_id,
        contract_item_id=lead.contract_item_id,
        invoice_line_id=None,
        product_id=lead.product_id,
        product_family_id=lead.product_family_id,
        pricing_model=lead.pricing_model or "",
        method=lead.recognition_method,
        service_start=promise.start,
        service_end=promise.end,
        currency=promise.currency,
        spread_from=promise.start,
        is_metered=False,
        amount=promise.price,
        obligation_id=obligation_id,
    )


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
    def price(self) -> Decimal:
        return sum((schedule.amount for schedule in self.schedules), ZERO)

    @property
    def billed(self) -> Decimal:
        return sum((schedule.billed for schedule in self.schedules), ZERO)

    def bill(self, net: Decimal, *, on: date | None = None) -> list[Share]:
        """Divide what is billed in all, with this, over the obligations in proportion to their prices.

        What is billed beyond the price raises the price: it is consideration that nobody had counted on. `on` is the day of
        the invoice, for what is earned when invoiced.
        """
        total = self.billed + net
        if (excess := total - self.price) > 0:
            for schedule, more in zip(self.schedules, self._in_proportion(excess), strict=True):
                schedule.amount += more
        for schedule in self.schedules:
            if on is not None and schedule.method == RecognitionMethod.ON_INVOICE:
                schedule.spread_from = on
        return [
            _moved(schedule, target - schedule.billed)
            for schedule, target in zip(self.schedules, self._in_proportion(total), strict=True)
        ]

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
        self._schedule_of: dict[int, Schedule] = {}
        wanted = {item for item in item_ids if item}
        if not wanted:
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT i.contract_item_id, i.start, o.id, o.contract_id, o.pool FROM accounting_obligationitem i "
                "JOIN accounting_performanceobligation o ON o.id = i.obligation_id WHERE i.contract_item_id = ANY(%s) "
                "ORDER BY i.contract_item_id, i.start",
                [list(wanted)],
            )
            rows = cursor.fetchall()
        for item, start, _, contract, pool in rows:
            self._starts[item].append((start, (contract, pool)))
        self._hold({key for starts in self._starts.values() for _, key in starts})
        by_obligation = {schedule.obligation_id: schedule for schedule in self.changed()}
        self._schedule_of = {item: by_obligation[obligation] for item, _, obligation, _, _ in rows}

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
        starts = self._starts.get(item_id or 0, [])
        first = next((i for i in range(len(starts) - 1, -1, -1) if start is None or starts[i][0] <= start), 0)
        keys = [key for day, key in starts[first:] if day == starts[first][0] or (end is not None and day < end)]
        return [self.pools[key] for key in dict.fromkeys(keys)]

    def divide(
        self,
        net: Decimal,
        item_id: int | None,
        start: date | None,
        end: date | None,
        *,
        before: Mapping[tuple[int, int], Decimal] | None = None,
    ) -> list[tuple[Pool, Decimal]]:
        """Divide a line's net over its pools: each takes what it lacks, the last the rest; backwards for what is taken back.

        `before` is what the lines before it gave to each pool.
        """
        pools = self.over(item_id, start, end)
        if net < 0:
            pools.reverse()
        divided, left = [], net
        for pool in pools[:-1]:
            billed = pool.billed + (before or {}).get(pool.key, ZERO)
            part = min(left, max(pool.price - billed, ZERO)) if net >= 0 else max(left, -max(billed, ZERO))
            divided.append((pool, part))
            left -= part
        return [*divided, *((pool, left) for pool in pools[-1:])]

    def obligation_of(self, item_id: int | None) -> Schedule | None:
        """Give the schedule of the obligation that an item was last part of."""
        return self._schedule_of.get(item_id or 0)

    def changed(self) -> list[Schedule]:
        return [schedule for pool in self.pools.values() for schedule in pool.schedules]


def pools_of(item_ids: Iterable[int | None], books: Books) -> Pools | None:
    """Hold the pools of these contract items; None where the company has no obligations at all."""
    return Pools(item_ids) if books.has_obligations else None
