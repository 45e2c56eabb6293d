"""Contract assets and liabilities, netted per contract at the end of a month (ASC 606-10-45-1), and taken back the day after.

A contract shows one net position: what is unbilled on one obligation is set against what is deferred on another. The
sub-ledger works on gross balances, so each netting is reversed on the first day of the next month.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

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


# What a contract stands at by the date, from the journal: a later posting does not change the answer.
_BOTH_SIDES = """
SELECT l.business_entity_id, c.customer_id, l.contract_id, l.currency,
       sum(l.credit - l.debit) FILTER (WHERE l.role = 'deferred_revenue') AS deferred,
       sum(l.debit - l.credit) FILTER (WHERE l.role = 'unbilled_revenue') AS unbilled
FROM accounting_journalline l JOIN billing_contract c ON c.id = l.contract_id
WHERE l.role IN ('deferred_revenue', 'unbilled_revenue') AND l.date <= %s
GROUP BY 1, 2, 3, 4
HAVING sum(l.credit - l.debit) FILTER (WHERE l.role = 'deferred_revenue') > 0
   AND sum(l.debit - l.credit) FILTER (WHERE l.role = 'unbilled_revenue') > 0
ORDER BY l.contract_id
"""


@transaction.atomic
def net_contracts(*, at: date) -> NettingRun:
    """Net every contract's deferred against its unbilled revenue at a month's end. Run again, it nets the difference.

    Raises BillingError for a day that is not a month's last, or whose month or the next is closed.
    """
    refuse_unless_open_month_end(at, what="Contracts", done="netted")
    with connection.cursor() as cursor:
        cursor.execute(_BOTH_SIDES, [at])
        found = cursor.fetchall()
    earlier = Counter(
        key.partition(":")[0]
        for key in BusinessEvent.objects.filter(
            kind=ContractBalancesNetted.kind, occurred_on=at
        ).values_list("key", flat=True)
    )  # fmt: skip
    run = NettingRun()
    for start in range(0, len(found), _CHUNK):
        netted = [_netted(row, at, earlier[str(row[2])] + 1) for row in found[start : start + _CHUNK]]
        publish(netted)
        publish([_reversed(event) for event in netted])
        for event in netted:
            run.contracts += 1
            run.total[event.currency] += event.netted
    return run


def _netted(row: tuple[int, int, int, str, Decimal, Decimal], at: date, number: int) -> ContractBalancesNetted:
    entity, customer, contract, currency, deferred, unbilled = row
    return ContractBalancesNetted(
        tenant_id=current_tenant_id(),
        business_entity_id=entity,
        occurred_on=at,
        currency=currency,
        key=f"{contract}:{at}:{number}",
        customer_id=customer,
        contract_id=contract,
        netted=min(deferred, unbilled),
    )


def _reversed(event: ContractBalancesNetted) -> ContractNettingReversed:
    return ContractNettingReversed(
        **head_of(event, on=event.occurred_on + timedelta(days=1), key=event.key),
        customer_id=event.customer_id,
        contract_id=event.contract_id,
        netted=event.netted,
    )
