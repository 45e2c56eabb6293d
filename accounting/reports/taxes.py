"""Tax by jurisdiction: what was charged and credited between two days, and on what."""

from collections.abc import Sequence
from typing import Any

from accounting.reports.asked import Asked
from accounting.reports.control import RECEIVABLE, TAX, accounts_of
from accounting.reports.sql import fetch
from accounting.reports.structure import (
    Column,
    Further,
    Kind,
    Listed,
    Proof,
    Report,
    Row,
    Style,
    Table,
    Target,
    money,
    summed,
)
from accounting.reports.words import between

_CHARGED = "invoice_finalized"

# The lines of a charge carry its rate: those on tax accounts are the tax, the others, receivables apart, what it is on.
_TAXED = """
SELECT t.jurisdiction, t.name, t.percent, s.* FROM (
    SELECT l.tax_rate_id,
           coalesce(sum(l.base_credit - l.base_debit) FILTER (WHERE NOT l.account_id = ANY(%(tax)s)), 0) AS taxable,
           coalesce(sum(l.base_credit - l.base_debit) FILTER (WHERE l.account_id = ANY(%(tax)s) AND b.kind = %(charged)s), 0),
           coalesce(sum(l.base_credit - l.base_debit)
               FILTER (WHERE l.account_id = ANY(%(tax)s) AND b.kind IS DISTINCT FROM %(charged)s), 0),
           coalesce(sum(l.base_credit - l.base_debit) FILTER (WHERE l.account_id = ANY(%(tax)s)), 0)
    FROM accounting_journalentry e JOIN accounting_journalline l ON l.entry_id = e.id
    LEFT JOIN billing_businessevent b ON b.id = e.event_id
    WHERE e.business_entity_id = %(entity)s AND e.date BETWEEN %(since)s AND %(until)s
    AND (l.tax_rate_id IS NOT NULL OR l.account_id = ANY(%(tax)s)) AND NOT l.account_id = ANY(%(owed)s) GROUP BY 1
) s LEFT JOIN billing_taxrate t ON t.id = s.tax_rate_id ORDER BY t.jurisdiction NULLS LAST, t.name, s.tax_rate_id
"""


def tax_by_jurisdiction(asked: Asked) -> Report:
    """Show the tax charged and taken back between two days, by jurisdiction and rate."""
    entity, since, until, currency = asked.entity, asked["from"], asked["to"], asked.base
    tax = accounts_of([TAX], entity_id=entity.pk)
    given = {
        "tax": tax, "owed": accounts_of([RECEIVABLE], entity_id=entity.pk), "entity": entity.pk, "charged": _CHARGED,
        "since": since, "until": until,
    }  # fmt: skip
    lines = fetch(_TAXED, given)
    columns = [
        Column("jurisdiction", "Jurisdiction"), Column("rate", "Rate"), Column("percent", "Percent", Kind.PERCENT),
        money("taxable", "Taxable", currency), money("charged", "Tax charged", currency),
        money("credited", "Tax credited", currency), money("tax", "Tax", currency),
    ]  # fmt: skip
    rows = Listed(_row(line) for line in lines)
    totals = summed(rows, columns)
    ((moved,),) = fetch(
        "SELECT coalesce(sum(base_credit) - sum(base_debit), 0) FROM accounting_journalline "
        "WHERE account_id = ANY(%s) AND date BETWEEN %s AND %s",
        [tax, since, until],
    )
    return Report(
        "Tax by jurisdiction",
        between(entity, since, until, currency),
        currency,
        [
            Table(
                "rates",
                "",
                columns,
                _by_jurisdiction(rows, columns),
                "No tax was charged between these days.",
                totals,
                _leads(asked),
            )
        ],
        headline=[("Taxable", totals.cells[3]), ("Tax", totals.cells[6])],
        proofs=[Proof("The tax equals the movement of the tax accounts", totals.cells[6], moved, currency)],
    )


def _row(line: Sequence[Any]) -> Row:
    jurisdiction, name, percent, rate, *amounts = line
    place = "No jurisdiction" if rate else "Without a rate"
    return Row((jurisdiction or place, name, percent, *amounts), {"tax_rate_id": rate or 0}, level=1)


def _by_jurisdiction(rows: Sequence[Row], columns: Sequence[Column]) -> Listed:
    """Put each jurisdiction's sum below its rates, where it has several."""
    listed = Listed()
    for place, row in enumerate(rows):
        listed.append(row)
        is_last = place + 1 == len(rows) or rows[place + 1].cells[0] != row.cells[0]
        same = [each for each in rows if each.cells[0] == row.cells[0]]
        if is_last and len(same) > 1:
            sums = summed(same, columns, label=f"Total {row.cells[0]}")
            listed.append(Row(sums.cells, style=Style.SUBTOTAL))
    return listed


def _leads(asked: Asked) -> Any:
    days = {"from_": asked["from"], "to": asked["to"]}

    def leads(row: Row, key: str) -> Target | None:
        rate = row.about.get("tax_rate_id")
        if rate is None and row.cells[0] != "Total":
            return None
        about = {"tax_rate_id": rate} if rate is not None else {}
        if key == "taxable" and rate:
            return Further("lines", asked.also(role=f"-{TAX},{RECEIVABLE}", **days, **about))
        events = {"charged": _CHARGED, "credited": f"-{_CHARGED}", "tax": None}
        if key not in events:
            return None
        return Further("lines", asked.also(role=TAX, event=events[key], **days, **about))

    return leads
