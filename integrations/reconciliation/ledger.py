"""What customers owe in base currency by both ledgers: ours against the ERP's own, with exchange differences on both sides.

Documents side by side cannot tell what settling them at other rates came to, nor a journal that somebody made on receivables.
Money on account and in wallets counts, for the ERP keeps it on receivables. A revaluation does not: the ERP has its own.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import F, QuerySet, Sum

from accounting.currency.roles import RECEIVABLE
from accounting.events import ForeignBalancesRevalued, RevaluationReversed
from accounting.models import JournalLine
from integrations.connectors.base import Connector, TellsReceivables
from integrations.models import Connection, MappingKind
from integrations.models import Mapping as MappingRow
from integrations.policy import SWITCHED_AT
from integrations.reconciliation.findings import BEYOND, RATE, ROUNDING, Findings
from integrations.reconciliation.sums import IN_BASE

BY_LEDGER = f", by the ledger{IN_BASE}"  # The ending of the names of such sums.
LEDGER = "the ERP's own ledger of receivables" + IN_BASE
_ROLES = (RECEIVABLE, "contra_accounts_receivable.customers", "unapplied_payments", "customer_wallet")
_UNREALIZED = (ForeignBalancesRevalued.kind, RevaluationReversed.kind)
_ALL = "All customers"
_ZERO = Decimal(0)
_CENTS = Decimal("0.05")  # Each document and each part of it is rounded by itself, there as here.


def compare(
    connection: Connection,
    connector: Connector,
    findings: Findings,
    *,
    entities: Sequence[int],
    currency: str,
    since: date | None,
    through: date,
    names: Mapping[str, str],
    explained: Collection[str],
    foreign: Collection[str],
) -> None:
    """Compare what customers owe, by the ERP's ids. `currency`: the base currency of all of these entities.

    `explained` are those whose documents differ already: they are shown, and are no difference of their own. `foreign` are
    those with documents in another currency. After a switch of mode they are compared altogether: journals name one customer
    for all. Raises DeliveryError.
    """
    if not isinstance(connector, TellsReceivables):
        return
    theirs = dict(connector.receivables(through=through))
    if since:
        for customer, amount in connector.receivables(through=since - timedelta(days=1)).items():
            theirs[customer] = theirs.get(customer, _ZERO) - amount
    ours = _ours(connection, _lines(entities, since, through))
    if connection.option(SWITCHED_AT, None):
        ours, theirs = ({_ALL: sum(each.values(), _ZERO)} for each in (ours, theirs))
        explained, foreign = ([_ALL] if explained else [], [_ALL] if foreign else [])
    for customer in sorted(set(ours) | set(theirs)):
        mine, other = ours.get(customer, _ZERO), theirs.get(customer, _ZERO)
        if mine == other:
            continue
        name = names.get(customer, customer or "Entries without a customer")
        findings.customer(name=f"{name}{BY_LEDGER}", external_id=customer, currency=currency, ours=mine, theirs=other)
        if customer not in explained:
            is_small = abs(mine - other) <= _CENTS
            cause = ROUNDING if is_small else RATE if customer in foreign else BEYOND
            findings.add(
                "customer",
                name,
                cause,
                ours=mine,
                theirs=other,
                external_id="" if customer == _ALL else customer,
                detail=f"In {currency}, by the ledgers of receivables; the documents themselves agree.",
            )
    findings.account(
        name=LEDGER,
        external_id="",
        currency=currency,
        ours=sum(ours.values(), _ZERO),
        theirs=sum(theirs.values(), _ZERO),
        is_repeat=True,
    )


def _lines(entities: Sequence[int], since: date | None, through: date) -> QuerySet[JournalLine]:
    lines = JournalLine.objects.filter(
        business_entity_id__in=entities, role__in=_ROLES, entry__date__lte=through
    ).exclude(entry__event__kind__in=_UNREALIZED)
    return lines.filter(entry__date__gte=since) if since else lines


def _ours(connection: Connection, lines: QuerySet[JournalLine]) -> Mapping[str, Decimal]:
    """Give what our customers owe, by the ERP's ids of them."""
    mapped = MappingRow.objects.filter(connection=connection, kind=MappingKind.CUSTOMER)
    theirs_of = dict(mapped.values_list("internal_id", "external_id"))
    found: dict[str, Decimal] = {}
    rows = lines.order_by().values_list("customer_id").annotate(base=Sum(F("base_debit") - F("base_credit")))
    for customer_id, amount in rows:
        owner = theirs_of.get(customer_id) or (f"ours {customer_id}" if customer_id else "")
        found[owner] = found.get(owner, _ZERO) + amount
    return found
