"""A tenant's rules and defaults, compiled once and kept while they hold.

Rules, accounts, defaults, policies and periods change rarely and are asked thousands of times a second. Each change moves the
tenant's stamp (a trigger takes it from a sequence, so that no value comes twice); a compiled copy is used as long as its
stamp is the stored one. One small query instead of seven.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from typing import Any

from accounting import schedules
from accounting.defaults import Hierarchy, load_hierarchy
from accounting.engine import RuleBook
from accounting.models import AccountingPeriod, AccountingPolicy, ContractStartTreatment, RevenueDate, RuleVersion
from accounting.rule_versions import compiled
from accounting.schedules import Key, Schedule
from billing.bulk import read_rows
from billing.models import BusinessEntity
from billing.statements import Statement
from billing.tenancy import current_tenant_id

_KEPT = 200
_STAMP = "SELECT stamp FROM accounting_accountingpolicy WHERE tenant_id = %s"
_STAMP_AND_SCHEDULES = """
SELECT p.stamp, held.* FROM accounting_accountingpolicy p LEFT JOIN LATERAL ({}) held ON true
WHERE p.tenant_id = %s
"""
_BY_ITEM = _STAMP_AND_SCHEDULES.format(schedules.BY_ITEM)
_OF_INVOICE = _STAMP_AND_SCHEDULES.format(schedules.OF_INVOICE)
_compiled: "OrderedDict[int, Books]" = OrderedDict()
_held: ContextVar["Books | None"] = ContextVar("counterfoil_books", default=None)


class BooksNotSetUp(RuntimeError):
    """The tenant has no chart and rules yet."""


@dataclass(frozen=True, slots=True)
class Books:
    """What posting needs to know of a tenant. `stamp` is another one as soon as any of it changed."""

    stamp: int
    rules: RuleBook
    hierarchy: Hierarchy
    base_currency: dict[int, str]
    contract_start: str
    has_obligations: bool
    credit_adjustment: str
    period_status: dict[tuple[int, date], str]
    bad_debt_tax_relief: bool = True
    revenue_date: str = RevenueDate.MONTH_END
    straight_to_revenue: bool = True

    @property
    def grosses_up(self) -> bool:
        return self.contract_start == ContractStartTreatment.GROSS_UP


@contextmanager
def holding(current: Books) -> Iterator[None]:
    """Let one look at the books do for a batch that is published in slices, in one transaction."""
    token = _held.set(current)
    try:
        yield
    finally:
        _held.reset(token)


def books() -> Books:
    """Give the compiled books of the tenant in scope. Raises BooksNotSetUp."""
    if held := _held.get():
        return held
    return _books_at(read_rows(_STAMP, [current_tenant_id()], table="accounting_accountingpolicy"))


def books_and_schedules(
    keys: Iterable[Key], ahead: Sequence[tuple[Any, ...]] | None = None
) -> tuple[Books, dict[Key, Schedule]]:
    """Give the books, and hold the schedules of these keys: one round trip for both, as each invoice needs both.

    `ahead`: the answer to `books_and_schedules_of`, where it was asked ahead.
    """
    keys = list(keys)
    if not all(isinstance(key, tuple) for key in keys):
        return books(), schedules.lock(keys)
    rows = ahead
    if rows is None:
        rows = read_rows(_BY_ITEM, [*schedules.item_arrays(keys), current_tenant_id()], table=schedules.TABLE)
    held = [Schedule(*row[1:]) for row in rows if row[1] is not None]
    return _books_at(rows), {schedules.key_of(schedule): schedule for schedule in held}


def books_and_schedules_of(invoice_id: int) -> Statement:
    """Ask for the books and hold the schedules that an invoice's lines belong to, before its event says so."""
    return Statement(_OF_INVOICE, [invoice_id, current_tenant_id()])


def _books_at(rows: Sequence[tuple[Any, ...]]) -> Books:
    if not rows:
        raise BooksNotSetUp("This company has no books yet: create its chart of accounts and rules first.")
    tenant_id, stamp = current_tenant_id(), rows[0][0]
    kept = _compiled.get(tenant_id)
    if kept is None or kept.stamp != stamp:
        kept = _compiled[tenant_id] = _compile(stamp)
        if len(_compiled) > _KEPT:
            _compiled.popitem(last=False)
    return kept


def _compile(stamp: int) -> Books:
    rules = RuleBook({})
    for version in RuleVersion.objects.filter(is_active=True).select_related("rule"):
        rules.rules.setdefault(version.rule.event_kind, []).append(compiled(version))
    policy = AccountingPolicy.objects.get()
    return Books(
        stamp=stamp,
        rules=rules,
        hierarchy=load_hierarchy(),
        base_currency=dict(BusinessEntity.objects.values_list("id", "base_currency")),
        contract_start=policy.contract_start,
        has_obligations=policy.has_obligations,
        credit_adjustment=policy.credit_adjustment,
        bad_debt_tax_relief=policy.bad_debt_tax_relief,
        revenue_date=policy.revenue_date,
        # A rule that says nowhere what is earned when billed goes to would leave it out of the entry.
        straight_to_revenue=policy.straight_to_revenue
        and not any(rule.left_out for rule in rules.rules.get("invoice_finalized", ())),
        period_status={
            (entity, start): status
            for entity, start, status in AccountingPeriod.objects.values_list("business_entity_id", "start", "status")
        },
    )
