"""Open monetary balances at the rate of a month's last day, and back to what they are carried at on the day after.

The unrealized gain or loss is what the balances would make if they were settled on that day (ASC 830-20-35-1, IAS 21.28).
It is taken back on the first day of the next month, so that what is realized later is measured from the original rate.
Everything is read from the journal as of the day, so that a run brings the books to the right value whatever was posted,
revalued or corrected before; a run that finds them right posts nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction

from accounting.books import BooksNotSetUp, books
from accounting.currency.rates import Pair, Rate, rates_for
from accounting.currency.roles import CARRIED, CASH, DEFERRED, IS_CARRIED, MONETARY, RECEIVABLE, UNBILLED
from accounting.events import ForeignBalancesRevalued, RevaluationReversed, RevaluedBalance
from accounting.models import CarryingAmount, Level
from accounting.periods import refuse_unless_open_month_end
from billing.events import head_of
from billing.models import BusinessEvent
from billing.money import format_money, round_money
from billing.publishing import publish
from billing.tenancy import current_tenant_id
from billing.wording import counted

ZERO = Decimal(0)
_LINES_PER_EVENT = 1000

_AS_WHOLE = ", ".join(f"'{role}'" for role, carried in CARRIED.items() if not carried.by)
# Receivables by invoice, unbilled revenue by contract item, what is held for customers by customer; gateways and cash as a
# whole. A line without an amount of its own currency is a revaluation's.
_OPEN = f"""
SELECT l.business_entity_id, e.base_currency, l.currency, l.role,
    CASE WHEN l.role NOT IN ({_AS_WHOLE}) THEN l.customer_id END,
    CASE WHEN l.role = '{UNBILLED}' THEN l.contract_id END, CASE WHEN l.role = '{UNBILLED}' THEN l.contract_item_id END,
    CASE WHEN l.role = '{UNBILLED}' THEN l.product_id END, CASE WHEN l.role = '{UNBILLED}' THEN p.family_id END,
    CASE WHEN l.role = '{RECEIVABLE}' THEN l.invoice_id END,
    sum(l.debit - l.credit) AS amount,
    coalesce(sum(l.base_debit - l.base_credit) FILTER (WHERE l.debit + l.credit > 0), 0) AS carried,
    coalesce(sum(l.base_debit - l.base_credit) FILTER (WHERE l.debit + l.credit = 0), 0) AS posted
FROM accounting_journalline l JOIN billing_businessentity e ON e.id = l.business_entity_id
LEFT JOIN billing_product p ON p.id = l.product_id
WHERE l.account_id IN (SELECT account_id FROM accounting_roleaccount WHERE tenant_id = %s AND role = ANY(%s))
    AND l.role = ANY(%s) AND {IS_CARRIED} AND l.currency <> e.base_currency AND l.date <= %s
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
HAVING sum(l.debit - l.credit) <> 0 OR sum(l.base_debit - l.base_credit) FILTER (WHERE l.debit + l.credit = 0) <> 0
ORDER BY 1, 3, 4, 5, 10, 7
"""


# Under the gross-up treatment unbilled revenue holds what is signed for and not yet earned, too, and deferred revenue the same
# amount: neither side has performed, so nobody owes it yet, and no rate changes it.
_DEFERRED = f"""
SELECT l.contract_item_id, sum(l.credit - l.debit) FROM accounting_journalline l
WHERE l.account_id IN (SELECT account_id FROM accounting_roleaccount WHERE tenant_id = %s AND role = '{DEFERRED}')
    AND l.role = '{DEFERRED}' AND l.contract_item_id = ANY(%s) AND l.date <= %s GROUP BY 1 HAVING sum(l.credit - l.debit) > 0
"""


class OpenBalance(NamedTuple):
    """One open foreign balance on a day, debits positive: its amount, the base it is carried at, and what revaluations added."""

    business_entity_id: int
    base_currency: str
    currency: str
    role: str
    customer_id: int | None
    contract_id: int | None
    contract_item_id: int | None
    product_id: int | None
    product_family_id: int | None
    invoice_id: int | None
    amount: Decimal
    carried: Decimal
    posted: Decimal


@dataclass(frozen=True, slots=True)
class Valued:
    """An open balance and its value at the rate of the day."""

    balance: OpenBalance
    rate: Rate
    value: Decimal

    @property
    def difference(self) -> Decimal:
        """The unrealized gain (negative: loss), in base currency."""
        return self.value - self.balance.carried

    @property
    def is_right(self) -> bool:
        return self.difference == self.balance.posted


@dataclass(slots=True)
class RevaluationRun:
    """How many balances were brought to value, and the gain (negative: loss) that this posted, by base currency."""

    balances: int = 0
    total: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))


def revaluation_words(run: RevaluationRun) -> str:
    """Say in a sentence what a run did, for a person."""
    if not run.balances:
        return "Nothing was to be posted: the balances stand at their value."
    totals = ", ".join(
        f"{'gain' if total >= 0 else 'loss'} of {format_money(abs(total), currency)}"
        for currency, total in sorted(run.total.items())
    )
    return f"{counted(run.balances, 'balance', 'balances')} revalued: {totals}."


def value_balances(*, at: date, business_entity_id: int | None = None) -> list[Valued]:
    """Give every open foreign monetary balance of a day and its value. Changes nothing. Raises MissingRate."""
    if not CarryingAmount.objects.exists():
        return []
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [current_tenant_id(), list(MONETARY), list(MONETARY), at])
        found = [OpenBalance(*row) for row in cursor.fetchall()]
    # A bank account that is none any more stands on no default: nothing can be posted to it.
    codes = books().hierarchy.codes
    found = [
        each
        for each in found
        if each.role != CASH or (CASH, Level.ENTITY_CURRENCY.value, (each.business_entity_id, each.currency)) in codes
    ]
    if business_entity_id is not None:
        found = [each for each in found if each.business_entity_id == business_entity_id]
    if books().grosses_up:
        found = _earned_only(found, at)
    pairs = [Pair(each.currency, each.base_currency, at) for each in found]
    rates = rates_for(pairs)
    return [
        Valued(each, rate, rate.convert(each.amount))
        for each, pair in zip(found, pairs, strict=True)
        for rate in [rates.of(pair)]
    ]


def _earned_only(found: Sequence[OpenBalance], at: date) -> list[OpenBalance]:
    items = [each.contract_item_id for each in found if each.role == UNBILLED]
    with connection.cursor() as cursor:
        cursor.execute(_DEFERRED, [current_tenant_id(), items, at])
        deferred: dict[int | None, Decimal] = dict(cursor.fetchall())
    earned = []
    for each in found:
        promised = min(deferred.get(each.contract_item_id, ZERO), each.amount) if each.role == UNBILLED else ZERO
        amount = each.amount - max(promised, ZERO)
        carried = each.carried
        if amount != each.amount:
            carried = round_money(carried * amount / each.amount, each.base_currency)
        if amount or each.posted:
            earned.append(each._replace(amount=amount, carried=carried))
    return earned


@transaction.atomic
def revalue(*, at: date) -> RevaluationRun:
    """Bring the open foreign balances to their value at a month's end, and take it back the day after.

    Raises MissingRate, and BillingError for a day that is not a month's last, or whose month or the next is closed.
    """
    refuse_unless_open_month_end(at, what="Balances", done="revalued")
    with connection.cursor() as cursor:
        # Two runs at a time would each post the same difference.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('revaluation'), %s)", [current_tenant_id()])
    wrong: dict[tuple[int, str], list[Valued]] = defaultdict(list)
    for valued in value_balances(at=at):
        if not valued.is_right:
            wrong[valued.balance.business_entity_id, valued.balance.currency].append(valued)
    run = RevaluationRun()
    if not wrong:
        return run
    _refuse_without_rule(at)
    numbers = _numbers(at)
    events = []
    for (entity, currency), balances in wrong.items():
        for start in range(0, len(balances), _LINES_PER_EVENT):
            numbers[f"{entity}:{currency}:{at}"] += 1
            events.append(_revalued(balances[start : start + _LINES_PER_EVENT], at, numbers))
        for each in balances:
            run.balances += 1
            run.total[each.balance.base_currency] += each.difference - each.balance.posted
    publish(events)
    publish([_reversed(event) for event in events])
    return run


def _refuse_without_rule(at: date) -> None:
    for kind in (ForeignBalancesRevalued.kind, RevaluationReversed.kind):
        if not books().rules.in_force(kind, at):
            raise BooksNotSetUp(f"No rule speaks of “{kind}” yet. Run manage.py update_books, which adds it.")


def _numbers(at: date) -> Counter[str]:
    keys = BusinessEvent.objects.filter(kind=ForeignBalancesRevalued.kind, occurred_on=at).values_list("key", flat=True)
    return Counter(key.rpartition(":")[0] for key in keys)


def _revalued(balances: Sequence[Valued], at: date, numbers: Mapping[str, int]) -> ForeignBalancesRevalued:
    first, rate = balances[0].balance, balances[0].rate
    key = f"{first.business_entity_id}:{first.currency}:{at}"
    return ForeignBalancesRevalued(
        tenant_id=current_tenant_id(),
        business_entity_id=first.business_entity_id,
        occurred_on=at,
        currency=first.currency,
        key=f"{key}:{numbers[key]}",
        base_currency=first.base_currency,
        rate=rate.value,
        rate_day=rate.day,
        lines=tuple(_line(each) for each in balances),
    )


def _line(valued: Valued) -> RevaluedBalance:
    each, wanted = valued.balance, valued.difference
    # As if what was posted before were taken back and posted anew: a gain that becomes a loss leaves no gain behind.
    gain = max(wanted, ZERO) - max(each.posted, ZERO)
    loss = max(-wanted, ZERO) - max(-each.posted, ZERO)
    return RevaluedBalance(
        role=each.role,
        customer_id=each.customer_id,
        contract_id=each.contract_id,
        contract_item_id=each.contract_item_id,
        product_id=each.product_id,
        product_family_id=each.product_family_id,
        invoice_id=each.invoice_id,
        amount=each.amount,
        gain=gain,
        loss=loss,
    )


def _reversed(event: ForeignBalancesRevalued) -> RevaluationReversed:
    return RevaluationReversed(
        **head_of(event, on=event.occurred_on + timedelta(days=1), key=event.key),
    )
