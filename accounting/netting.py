"""Contract assets and liabilities, netted per contract at the end of a month (ASC 606-10-45-1), and taken back the day after.

A contract shows one net position: what is unbilled on one obligation is set against what is deferred on another. And it shows
it on its own side: where something was dated back, an invoice may stand before the revenue it settles, so that by the day
unbilled revenue is in credit or deferred revenue in debit; what is netted is negative then, and the balance moves to the side
that it belongs to. The sub-ledger works on gross balances, so each netting is reversed on the first day of the next month.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection, transaction

from accounting.events import ContractBalancesNetted, ContractNettingReversed
from accounting.periods import refuse_unless_open_month_end
from billing.events import head_of
from billing.models import BusinessEvent
from billing.publishing import publish
from billing.tenancy import current_tenant_id

_CHUNK = 1000


@dataclass(slots=True)
class NettingRun:
    """How many contracts were netted, and how much, by currency."""

    contracts: int = 0
    total: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))


class Standing(NamedTuple):
    """What a contract stands at: what is deferred of it and what is unbilled, in its currency; negative on the wrong side."""

    business_entity_id: int
    customer_id: int
    contract_id: int
    contract_number: str
    currency: str
    deferred: Decimal
    unbilled: Decimal


# By the date, from the journal: a later posting does not change the answer.
_STANDINGS = """
SELECT s.business_entity_id, c.customer_id, s.contract_id, c.number, s.currency, s.deferred, s.unbilled FROM (
    SELECT l.business_entity_id, l.contract_id, l.currency,
           coalesce(sum(l.credit - l.debit) FILTER (WHERE l.role = 'deferred_revenue'), 0) AS deferred,
           coalesce(sum(l.debit - l.credit) FILTER (WHERE l.role = 'unbilled_revenue'), 0) AS unbilled
    FROM accounting_journalline l WHERE l.role IN ('deferred_revenue', 'unbilled_revenue') AND l.date <= %s GROUP BY 1, 2, 3
) s JOIN billing_contract c ON c.id = s.contract_id WHERE {condition} ORDER BY s.contract_id, s.currency
"""


def _standings(condition: str, given: list[Any]) -> list[Standing]:
    with connection.cursor() as cursor:
        cursor.execute(_STANDINGS.format(condition=condition), given)
        return [Standing(*row) for row in cursor.fetchall()]


def on_the_wrong_side(*, business_entity_id: int, at: date) -> list[Standing]:
    """Give the contracts whose unbilled revenue is in credit or whose deferred revenue is in debit by a day."""
    return _standings("least(s.deferred, s.unbilled) < 0 AND s.business_entity_id = %s", [at, business_entity_id])


@transaction.atomic
def net_contracts(*, at: date) -> NettingRun:
    """Net every contract's deferred against its unbilled revenue at a month's end. Run again, it nets the difference.

    Raises BillingError for a day that is not a month's last, or whose month or the next is closed.
    """
    refuse_unless_open_month_end(at, what="Contracts", done="netted")
    found = _standings("least(s.deferred, s.unbilled) <> 0", [at])
    earlier = Counter(
        key.partition(":")[0]
        for key in BusinessEvent.objects.filter(
            kind=ContractBalancesNetted.kind, occurred_on=at
        ).values_list("key", flat=True)
    )  # fmt: skip
    run = NettingRun()
    for start in range(0, len(found), _CHUNK):
        netted = [_netted(each, at, earlier[str(each.contract_id)] + 1) for each in found[start : start + _CHUNK]]
        publish(netted)
        publish([_reversed(event) for event in netted])
        for event in netted:
            run.contracts += 1
            run.total[event.currency] += abs(event.netted)
    return run


def _netted(standing: Standing, at: date, number: int) -> ContractBalancesNetted:
    return ContractBalancesNetted(
        tenant_id=current_tenant_id(),
        business_entity_id=standing.business_entity_id,
        occurred_on=at,
        currency=standing.currency,
        key=f"{standing.contract_id}:{at}:{number}",
        customer_id=standing.customer_id,
        contract_id=standing.contract_id,
        netted=min(standing.deferred, standing.unbilled),
    )


def _reversed(event: ContractBalancesNetted) -> ContractNettingReversed:
    return ContractNettingReversed(
        **head_of(event, on=event.occurred_on + timedelta(days=1), key=event.key),
        customer_id=event.customer_id,
        contract_id=event.contract_id,
        netted=event.netted,
    )
