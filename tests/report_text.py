"""Reports as text a bookkeeper can read, and what must hold for each of them."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from textwrap import dedent
from typing import Any

from accounting.reports.asked import read
from accounting.reports.catalog import REPORTS
from accounting.reports.structure import Further, Kind, Report, Row, Style, Table
from billing.money import format_amount


def run(code: str, **given: Any) -> Report:
    """Run a report with parameters as an address gives them; a name may end in an underscore (`from_`)."""
    kind = REPORTS[code]
    return kind.build(read(kind.parameters, {name.rstrip("_"): str(value) for name, value in given.items()}))


def shown(report: Report, table: str | int = 0) -> str:
    """Write a table: cells between bars, an empty cell as nothing, totals below a line."""
    found = next((each for place, each in enumerate(report.tables) if table in (each.name, place)), report.tables[0])
    lines = [_line(row, found) for row in found.rows]
    if found.totals:
        lines += ["---", _line(found.totals, found)]
    return "\n".join(lines)


def text(expected: str) -> str:
    """Give an expected table without the indentation of the test, bars close together."""
    lines = dedent(expected).strip("\n").splitlines()
    return "\n".join("|".join(cell.strip() for cell in line.split("|")).rstrip("|") for line in lines)


def _line(row: Row, table: Table) -> str:
    cells = [_cell(value, column.currency) for value, column in zip(row.cells, table.columns, strict=False)]
    return "|".join(cells).rstrip("|")


def _cell(value: Any, currency: str) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format_amount(value, currency) if currency else f"{value.normalize():f}"
    return value.isoformat() if isinstance(value, date) else str(value)


def prove(report: Report) -> None:
    """Check what must hold for any report: its proofs, its totals, and that every figure is the sum of its lines."""
    for proof in report.proofs:
        assert proof.holds, f"{report.title}: {proof}"
    for table in report.tables:
        for row in table.rows:
            for column, value in zip(table.columns, row.cells, strict=False):
                if column.kind is Kind.MONEY and value is not None:
                    _prove_figure(table, row, column.key, value)
        if table.totals:
            _prove_totals(table)
            for column, value in zip(table.columns, table.totals.cells, strict=False):
                if column.kind is Kind.MONEY and value is not None:
                    _prove_figure(table, table.totals, column.key, value)


def _prove_totals(table: Table) -> None:
    for place, column in enumerate(table.page_columns):
        total = table.totals.cells[place] if table.totals else None
        if column.kind is Kind.MONEY and total is not None and column.key not in ("balance",):
            lines = [row.cells[place] for row in table.rows if row.style is Style.LINE]
            assert sum(value for value in lines if value is not None) == total, (table.name, column.key)


def _prove_figure(table: Table, row: Row, key: str, value: Decimal) -> None:
    target = table.leads(row, key)
    if not isinstance(target, Further):
        return
    behind = run(target.report, **_plain(target.asked))
    if target.report == "lines":
        found = dict(behind.headline)["Debit less credit"]
    elif target.report == "general-ledger":
        found = dict(behind.headline)["Closing balance"]
    else:
        return
    assert abs(Decimal(found)) == abs(value), f"{table.name} {row.cells[0]} {key}: {value} is not {found}: {target}"


def _plain(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if value not in (None, "")}
