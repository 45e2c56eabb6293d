"""From billing's documents to the entries they caused, and the months' revenue: set-based reads for pages."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum

from accounting.models import AS_POSTED, JournalEntry, JournalLine
from billing.tenancy import current_tenant_id


def with_totals(entries: QuerySet[JournalEntry]) -> QuerySet[Any]:
    """Add `total_debit`, the entry's debits in base currency."""
    debit = (
        JournalLine.objects.filter(entry=OuterRef("pk"))
        .order_by()
        .values("entry")
        .annotate(debit_sum=Sum("base_debit"))
        .values("debit_sum")
    )
    return entries.annotate(total_debit=Subquery(debit))


def entries_of_facts(facts: Mapping[str, Iterable[object]]) -> QuerySet[Any]:
    """Give the entries of business events named by kind and keys, in the order they were posted. Reads an index."""
    condition = Q(pk__in=[])
    for kind, keys in facts.items():
        condition |= Q(event__kind=kind, event__key__in=[str(key) for key in keys])
    return (
        with_totals(JournalEntry.objects.filter(condition))
        .select_related("event", "business_entity")
        .order_by(*AS_POSTED)
    )


def revenue_by_month(*, since: date) -> list[tuple[date, int, str, Decimal]]:
    """Add up the income accounts' lines per month, business entity and currency, credit less debit, without what rates did."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT date_trunc('month', l.date)::date, l.business_entity_id, l.currency, sum(l.credit - l.debit) "
            "FROM accounting_journalline l JOIN accounting_account a ON a.id = l.account_id "
            "WHERE a.tenant_id = %s AND a.category = 'income' AND l.date >= %s GROUP BY 1, 2, 3 "
            "HAVING sum(l.credit - l.debit) <> 0 ORDER BY 1, 2, 3",
            [current_tenant_id(), since],
        )
        return cursor.fetchall()
