"""A report as plain data for programs: every amount with its currency, every row with where its figures lead."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from accounting.reports.structure import Column, Kind, Report, Row, Table, Target
from billing.money import amount_text

Address = Callable[[Target], str | None]


def report_data(report: Report, address: Address, *, page: int, page_size: int) -> dict[str, Any]:
    """Give one page of each of the report's tables. `address` turns where a figure leads into an address, or None."""
    return {
        "title": report.title,
        "about": report.about,
        "currency": report.currency,
        "letter": [{"heading": heading, "lines": list(lines)} for heading, lines in report.letter],
        "headline": [
            {"label": label, "value": _money(value, report.currency) if isinstance(value, Decimal) else value}
            for label, value in report.headline
        ],
        "proofs": [
            {
                "words": proof.words,
                "report": _money(proof.ours, proof.currency),
                "books": _money(proof.books, proof.currency),
                "holds": proof.holds,
            }
            for proof in report.proofs
        ],
        "tables": [_table(table, address, page, page_size) for table in report.tables],
        "page": page,
        "page_size": page_size,
    }


def _table(table: Table, address: Address, page: int, page_size: int) -> dict[str, Any]:
    return {
        "name": table.name,
        "title": table.title,
        "columns": [
            {"key": column.key, "label": column.label, "type": column.kind.value, "currency": column.currency or None}
            for column in table.columns
        ],
        "count": len(table.rows),
        "rows": [_row(row, table, address) for row in table.rows.part((page - 1) * page_size, page_size)],
        "totals": _values(table.totals.cells, table.columns) if table.totals else None,
    }


def _row(row: Row, table: Table, address: Address) -> dict[str, Any]:
    links = {}
    for column, value in zip(table.columns, row.cells, strict=False):
        target = table.leads(row, column.key) if value is not None else None
        if target is not None and (url := address(target)):
            links[column.key] = url
    return {
        "style": row.style.value,
        "level": row.level,
        "values": _values(row.cells, table.columns),
        "links": links,
    }


def _values(cells: Sequence[Any], columns: Sequence[Column]) -> dict[str, Any]:
    return {column.key: _value(value, column) for column, value in zip(columns, cells, strict=False)}


def _value(value: Any, column: Column) -> Any:
    if isinstance(value, Decimal):
        return _money(value, column.currency) if column.kind is Kind.MONEY else f"{value.normalize():f}"
    return value.isoformat() if isinstance(value, date) else value


def _money(amount: Decimal, currency: str) -> dict[str, str]:
    return {"amount": amount_text(amount, currency), "currency": currency}
