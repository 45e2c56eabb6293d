"""Performance obligations: found when a contract starts or renews; what it bills is divided over them by `accounting.pools`.

Transaction price: what the fixed prices of the term add up to; usage is variable and belongs to the period it is used in
(ASC 606-10-32-40). Example (C12): 600.00 and 400.00 standalone, sold for 850.00, are 510.00 and 340.00.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Max

from accounting import schedules
from accounting.models import AccountingPolicy, ObligationItem, PerformanceObligation
from accounting.schedules import Schedule
from billing.bulk import insert_rows, reserve_ids
from billing.events import CommitmentLine, ContractRenewed, ContractStarted
from billing.models import PriceAllocation, Product, RevenueSpan
from billing.money import allocate
from billing.services.promises import earns_as_one
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
    joins: int | None = None  # The contract's pool that it becomes part of; else one of its own.
    term_end: date | None = None  # The end of the earlier term that it is of; None: the current one.

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
    if line.end is None or line.start is None or line.end <= line.start:
        return False
    return earns_as_one(
        method=line.recognition_method,
        obligation=line.obligation,
        is_metered=line.is_metered,
        allocation=allocation,
        span=span,
    )


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
        promise.number = number + taken[promise.contract_id]
        promise.pool = promise.joins or pool + promise.pool
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
