"""Remaining performance obligation: what contracts in force still promise, billed or not, and when it falls due to be earned.

Added up from dated facts: what was committed when contracts started, renewed and were modified (the events), less what the
books recognized and credited of it. Usage is not in it: it is no promise until it is used (ASC 606-10-50-14A).
"""

from collections.abc import Sequence
from typing import Any

from accounting.reports.asked import Asked
from accounting.reports.control import DEFERRED, accounts_of
from accounting.reports.deferred import REVENUE_ROLES
from accounting.reports.movements import MOVEMENTS, SOURCE
from accounting.reports.sql import fetch
from accounting.reports.structure import (
    Chart,
    Column,
    Kind,
    Listed,
    Proof,
    Record,
    Report,
    Row,
    Table,
    Target,
    money,
    summed,
)
from accounting.reports.words import as_of
from billing.periods import add_months

_PROMISING = ("contract_started", "contract_renewed", "contract_modified")

_REMAINING = """
WITH committed AS (
    SELECT (v.line->>'contract_item_id')::bigint AS item, min((b.payload->>'contract_id')::bigint) AS contract_id,
           sum((v.line->>'committed')::numeric) AS amount
    FROM billing_businessevent b CROSS JOIN LATERAL jsonb_array_elements(b.payload->'lines') AS v(line)
    WHERE b.tenant_id = (SELECT tenant_id FROM billing_businessentity WHERE id = %(entity)s)
    AND b.business_entity_id = %(entity)s AND b.kind = ANY(%(promising)s) AND b.occurred_on <= %(at)s GROUP BY 1
),
earned AS (
    SELECT contract_item_id AS item, sum(credit - debit) AS amount FROM accounting_journalline
    WHERE account_id = ANY(%(revenue)s) AND date <= %(at)s AND contract_item_id IS NOT NULL GROUP BY 1
),
deferred AS (
    SELECT l.contract_item_id AS item, sum(l.credit - l.debit) AS balance,
           coalesce(sum(l.debit - l.credit) FILTER (WHERE r.event_kind IN ({credits})), 0) AS credited
    FROM {source} WHERE l.account_id = ANY(%(deferred)s) AND l.date <= %(at)s AND l.contract_item_id IS NOT NULL GROUP BY 1
),
items AS (
    SELECT k.contract_id, k.amount AS committed, coalesce(e.amount, 0) AS earned, coalesce(d.credited, 0) AS credited,
           coalesce(d.balance, 0) AS deferred, least(i.end, h.end, c.end) AS ends, c.currency
    FROM committed k JOIN billing_contractitem i ON i.id = k.item JOIN billing_contractphase h ON h.id = i.phase_id
    JOIN billing_contract c ON c.id = k.contract_id LEFT JOIN earned e USING (item) LEFT JOIN deferred d USING (item)
    WHERE k.amount <> 0 {narrowed}
),
open AS (
    SELECT items.*, CASE WHEN ends - 1 <= %(at)s THEN 0 ELSE greatest(committed - earned - credited, 0) END AS remaining
    FROM items
)
SELECT o.contract_id, c.number, k.name, max(o.ends) - 1, sum(o.committed), sum(o.earned), sum(o.credited),
       sum(o.committed - o.earned - o.credited - o.remaining), sum(o.remaining), sum(least(o.remaining, greatest(o.deferred, 0))),
       sum(round(CASE WHEN o.ends - 1 <= %(year)s THEN o.remaining
                      ELSE o.remaining * (%(year)s::date - %(at)s::date) / (o.ends - 1 - %(at)s::date) END, 2))
FROM open o JOIN billing_contract c ON c.id = o.contract_id JOIN billing_customer k ON k.id = c.customer_id
WHERE o.currency = %(currency)s GROUP BY 1, 2, 3 HAVING sum(o.remaining) <> 0 ORDER BY k.name, c.number
"""


def remaining_obligation(asked: Asked) -> Report:
    """Show what each contract still promises at the end of a day: within a year and later, billed and not."""
    entity, at, currency = asked.entity, asked["at"], asked.currency
    narrowed = " AND c.customer_id = %(customer)s" if asked["customer"] else ""
    credits_ = ", ".join(f"'{kind}'" for kind in MOVEMENTS["credited"])
    lines = fetch(
        _REMAINING.format(credits=credits_, source=SOURCE, narrowed=narrowed),
        {
            "entity": entity.pk,
            "at": at,
            "year": add_months(at, 12),
            "promising": list(_PROMISING),
            "currency": currency,
            "customer": asked["customer"].pk if asked["customer"] else None,
            "revenue": accounts_of(REVENUE_ROLES, entity_id=entity.pk),
            "deferred": accounts_of([DEFERRED], entity_id=entity.pk),
        },
    )
    columns = [
        Column("contract", "Contract"), Column("customer", "Customer"), Column("until", "Through", Kind.DAY), *(
            money(key, label, currency) for key, label in (
                ("committed", "Promised"), ("recognized", "Recognized"), ("credited", "Credited"), ("lapsed", "Over or ended"),
                ("remaining", "Remaining"), ("billed", "Billed, deferred"), ("unbilled", "Not billed"),
                ("year", "Within 12 months"), ("later", "Later"),
            )
        ),
    ]  # fmt: skip
    rows = Listed(_row(line) for line in lines)
    totals = summed(rows, columns)
    committed, earned, credited, lapsed, remaining, billed, unbilled, year, later = totals.cells[3:]
    words = "Promised less recognized, credited and ended equals what remains"
    return Report(
        "Remaining performance obligation",
        as_of(entity, at, currency),
        currency,
        [
            Table(
                "contracts",
                "",
                columns,
                rows,
                "No contract promises anything that is not earned.",
                totals,
                _leads,
                note="Fixed prices of contracts in force; usage is not part of it. Within 12 months: by days.",
            )
        ],
        headline=[("Remaining", remaining), ("Within 12 months", year), ("Later", later)],
        charts=[
            Chart("What remains", ["Billed, deferred", "Not billed"], [(f"Remaining {currency}", [billed, unbilled])])
        ]
        if remaining
        else [],
        proofs=[Proof(words, remaining, committed - earned - credited - lapsed, currency)],
        landscape=True,
    )


def _row(line: Sequence[Any]) -> Row:
    contract, number, name, until, committed, earned, credited, lapsed, remaining, billed, year = line
    cells = (
        number, name, until, committed, earned, credited, lapsed, remaining, billed, remaining - billed, year, remaining - year,
    )  # fmt: skip
    return Row(cells, {"contract_id": contract})


def _leads(row: Row, key: str) -> Target | None:
    contract = row.about.get("contract_id")
    return Record("contract", contract) if contract and key in ("contract", "committed") else None
