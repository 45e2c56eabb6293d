"""Contract assets and liabilities, netted per contract: where they stood, what moved them, where they stand."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from accounting.reports.asked import Asked
from accounting.reports.control import DEFERRED, UNBILLED, accounts_of, balance_of
from accounting.reports.movements import MOVEMENTS, OTHER, SOURCE, event_filter, filtered_sums
from accounting.reports.sql import fetch
from accounting.reports.structure import (
    ZERO,
    Column,
    Further,
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
from accounting.reports.words import between

# Credit less debit: above zero a contract liability (billed, not earned), below zero a contract asset.
_MOVED = """
SELECT m.*, c.number, k.name FROM (
    SELECT l.contract_id, CASE WHEN l.contract_id IS NULL THEN l.customer_id END AS customer_id,
           coalesce(sum(l.base_credit - l.base_debit) FILTER (WHERE l.date < %s), 0) AS opening, {sums}
    FROM {source} WHERE l.account_id = ANY(%s) AND l.date <= %s {narrowed} GROUP BY 1, 2
) m LEFT JOIN billing_contract c ON c.id = m.contract_id
LEFT JOIN billing_customer k ON k.id = coalesce(m.customer_id, c.customer_id) ORDER BY k.name, c.number, m.contract_id
"""


def contract_balances(asked: Asked) -> Report:
    """Roll each contract's asset or liability forward from one day to another."""
    entity, since, until, currency = asked.entity, asked["from"], asked["to"], asked.base
    accounts = accounts_of([DEFERRED, UNBILLED], entity_id=entity.pk)
    sums = filtered_sums("l.base_credit - l.base_debit", f"l.date >= '{since.isoformat()}'")
    narrowed, about = "", []
    if asked["customer"]:
        narrowed, about = " AND l.customer_id = %s", [asked["customer"].pk]
    lines = fetch(_MOVED.format(sums=sums, source=SOURCE, narrowed=narrowed), [since, accounts, until, *about])
    columns = [
        Column("contract", "Contract"),
        Column("customer", "Customer"),
        *(
            money(key, label, currency)
            for key, label in (
                ("asset_before", "Asset before"),
                ("liability_before", "Liability before"),
                ("billed", "Billed"),
                ("recognized", "Recognized"),
                ("credited", "Credited"),
                (OTHER, "Other"),
                ("asset", "Asset"),
                ("liability", "Liability"),
                ("from_opening", "Revenue out of the opening liability"),
            )
        ),
    ]
    rows = Listed(_row(line) for line in lines if any(line[2:7]))
    totals = summed(rows, columns)
    net = totals.cells[9] - totals.cells[8]
    proofs = (
        []
        if asked["customer"]
        else [
            Proof(
                "Liabilities less assets equal deferred less unbilled revenue",
                net,
                -balance_of(accounts, at=until),
                currency,
            )
        ]
    )
    return Report(
        "Contract assets and liabilities",
        between(entity, since, until, currency),
        currency,
        [Table("contracts", "", columns, rows, "No contract has an asset or a liability.", totals, _leads(asked))],
        headline=[
            ("Contract assets", totals.cells[8]),
            ("Contract liabilities", totals.cells[9]),
            ("Revenue out of the opening liability", totals.cells[10]),
        ],
        proofs=proofs,
        landscape=True,
    )


def _row(line: Sequence[Any]) -> Row:
    contract, customer, opening, billed, recognized, credited, other, number, name = line
    closing = opening + billed + recognized + credited + other
    liability_before = max(opening, ZERO)
    cells = (
        number or "No contract",
        name or "No customer",
        max(-opening, ZERO),
        liability_before,
        billed,
        recognized,
        credited,
        other,
        max(-closing, ZERO),
        max(closing, ZERO),
        _out_of_opening(liability_before, recognized),
    )
    about = {"contract_id": contract, "customer_id": customer}
    return Row(cells, about)


def _out_of_opening(liability: Decimal, recognized: Decimal) -> Decimal:
    """Give the revenue that was included in the opening liability (ASC 606-10-50-8(b)): the first to be earned."""
    return min(liability, max(-recognized, ZERO))


def _leads(asked: Asked) -> Any:
    roles = f"{DEFERRED},{UNBILLED}"

    def leads(row: Row, key: str) -> Target | None:
        if not row.about:
            about: dict[str, int] = {"customer_id": asked["customer"].pk} if asked["customer"] else {}
        elif row.about["contract_id"]:
            about = {"contract_id": row.about["contract_id"]}
        else:
            about = {"contract_id": 0, "customer_id": row.about["customer_id"] or 0}
        if key == "contract":
            return Record("contract", row.about["contract_id"]) if row.about.get("contract_id") else None
        if key in (*MOVEMENTS, OTHER):
            days = {"from_": asked["from"], "to": asked["to"]}
            return Further("lines", asked.also(role=roles, event=event_filter(key), **days, **about))
        # A contract has one of both: an empty figure leads nowhere.
        if row.about and row.cells[{"asset": 8, "liability": 9}.get(key, 2)] and key in ("asset", "liability"):
            return Further("lines", asked.also(role=roles, to=asked["to"], **about))
        return None

    return leads
