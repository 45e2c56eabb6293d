"""Remaining performance obligation: what contracts in force still promise, billed or not, and when it falls due to be earned.

Added up from dated facts: what was committed when contracts started, renewed, were modified and ended early (the events),
less what the books recognized and credited of it. Usage is not in it: it is no promise until it is used (ASC 606-10-50-14A).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from accounting.reports.asked import Asked
from accounting.reports.control import DEFERRED, accounts_of
from accounting.reports.movements import SOURCE
from accounting.reports.release import REVENUE_ROLES
from accounting.reports.sql import fetch
from accounting.reports.structure import (
    Chart,
    Column,
    Further,
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
from billing.models import ContractItem
from billing.periods import add_months

# What an end withdraws is no longer promised; a modification says what is still to be billed, and what was before.
_PROMISING = ("contract_started", "contract_renewed", "contract_modified", "contract_ended")

_REMAINING = """
WITH committed AS (
    SELECT (v.line->>'contract_item_id')::bigint AS item, min((b.payload->>'contract_id')::bigint) AS contract_id,
           sum(CASE WHEN b.kind = 'contract_ended' THEN -(v.line->>'committed')::numeric
                    ELSE (v.line->>'committed')::numeric - coalesce((v.line->>'was_committed')::numeric, 0) END) AS amount,
           count(*) FILTER (WHERE b.kind IN ('contract_started', 'contract_renewed')) AS terms,
           min(b.occurred_on) FILTER (WHERE b.kind = 'contract_ended') AS ended
    FROM billing_businessevent b CROSS JOIN LATERAL jsonb_array_elements(b.payload->'lines') AS v(line)
    WHERE b.tenant_id = (SELECT tenant_id FROM billing_businessentity WHERE id = %(entity)s)
    AND b.business_entity_id = %(entity)s AND b.kind = ANY(%(promising)s) AND b.occurred_on <= %(at)s GROUP BY 1
),
modified_later AS (
    SELECT DISTINCT (v.line->>'contract_item_id')::bigint AS item
    FROM billing_businessevent b CROSS JOIN LATERAL jsonb_array_elements(b.payload->'lines') AS v(line)
    WHERE b.tenant_id = (SELECT tenant_id FROM billing_businessentity WHERE id = %(entity)s)
    AND b.business_entity_id = %(entity)s AND b.kind = 'contract_modified' AND b.occurred_on > %(at)s
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
    SELECT k.item, k.contract_id, k.amount AS committed, coalesce(e.amount, 0) AS earned, coalesce(d.credited, 0) AS credited,
           coalesce(d.balance, 0) AS deferred, c.currency,
           -- As it stood on the day: the terms begun by then, and an end only if it had come.
           least(CASE WHEN i.end IS DISTINCT FROM c.end AND m.item IS NULL THEN i.end END,
                 CASE WHEN h.end IS DISTINCT FROM c.end THEN h.end END,
                 coalesce((c.start + make_interval(months => (c.term_months * k.terms)::int))::date, c.end), k.ended) AS ends
    FROM committed k JOIN billing_contractitem i ON i.id = k.item JOIN billing_contractphase h ON h.id = i.phase_id
    JOIN billing_contract c ON c.id = k.contract_id LEFT JOIN earned e USING (item) LEFT JOIN deferred d USING (item)
    LEFT JOIN modified_later m USING (item)
    WHERE k.amount <> 0 {narrowed}
),
open AS (
    SELECT items.*, CASE WHEN ends - 1 <= %(at)s THEN 0 ELSE greatest(committed - earned - credited, 0) END AS remaining
    FROM items
)
SELECT o.contract_id, {item}, c.number, k.name, max(o.ends) - 1, sum(o.committed), sum(o.earned), sum(o.credited),
       sum(o.committed - o.earned - o.credited - o.remaining), sum(o.remaining), sum(least(o.remaining, greatest(o.deferred, 0))),
       sum(round(CASE WHEN o.ends - 1 <= %(year)s THEN o.remaining
                      ELSE o.remaining * (%(year)s::date - %(at)s::date) / (o.ends - 1 - %(at)s::date) END, 2))
FROM open o JOIN billing_contract c ON c.id = o.contract_id JOIN billing_customer k ON k.id = c.customer_id
WHERE o.currency = %(currency)s GROUP BY 1, 2, 3, 4 HAVING sum(o.remaining) <> 0 ORDER BY k.name, c.number, 2
"""
_CREDITED = (
    "'credit_note_issued', 'credit_note_voided'"  # A voided invoice is billed again; what was promised stays promised.
)


def remaining_obligation(asked: Asked) -> Report:
    """Show what each contract still promises at the end of a day: within a year and later, billed and not."""
    entity, at, currency = asked.entity, asked["at"], asked.currency
    narrowed = "".join(
        f" AND c.{name} = %({key})s" for key, name in (("customer", "customer_id"), ("contract", "id")) if asked[key]
    )
    by_item = asked["by"] == "item"
    lines = fetch(
        _REMAINING.format(
            credits=_CREDITED, source=SOURCE, narrowed=narrowed, item="o.item" if by_item else "NULL::bigint"
        ),
        {
            "entity": entity.pk,
            "at": at,
            "year": add_months(at, 12),
            "promising": list(_PROMISING),
            "currency": currency,
            "customer": asked["customer"].pk if asked["customer"] else None,
            "contract": asked["contract"].pk if asked["contract"] else None,
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
    items = _item_names(line[1] for line in lines) if by_item else {}
    rows = Listed(_row(line, items) for line in lines)
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
                _leads(asked),
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


def _item_names(ids: Iterable[int]) -> dict[int, str]:
    items = ContractItem.objects.filter(pk__in=list(ids)).select_related("product")
    return {item.pk: item.description or item.product.name for item in items}


def _row(line: Sequence[Any], items: Mapping[int, str]) -> Row:
    contract, item, number, name, until, committed, earned, credited, lapsed, remaining, billed, year = line
    label = f"{number}: {items[item]}" if item in items else number
    cells = (
        label, name, until, committed, earned, credited, lapsed, remaining, billed, remaining - billed, year, remaining - year,
    )  # fmt: skip
    return Row(cells, {"contract_id": contract, "contract_item_id": item, "number": number})


_BY_TERMS = ("committed", "lapsed", "remaining", "billed", "unbilled", "year", "later")


def _leads(asked: Asked) -> Any:
    """A contract leads to its items, an item to its lines and its contract."""

    def leads(row: Row, key: str) -> Target | None:
        if not row.about:
            return None
        item = row.about["contract_item_id"]
        # The terms of a contract say what is promised, and so what remains of it.
        if key == "contract" or (item and key in _BY_TERMS):
            return Record("contract", row.about["contract_id"])
        if not item and key not in ("customer", "until"):
            further = asked.also(at=asked["at"], contract=row.about["number"], by="item", currency=asked["currency"])
            return Further("remaining-obligation", further)
        lines = {"recognized": {"role": ",".join(REVENUE_ROLES)}, "credited": {"role": DEFERRED, "event": _CREDITED}}
        if key not in lines:
            return None
        return Further(
            "lines", asked.also(**lines[key], to=asked["at"], contract_item_id=item, currency=asked.currency)
        )

    return leads
