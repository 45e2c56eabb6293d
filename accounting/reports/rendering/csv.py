"""A report as CSV: for spreadsheets and programs. Amounts are plain digits, dates are ISO, text cannot act as a formula."""

import csv
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from accounting.reports.structure import Column, Kind, Report, Row
from billing.downloads import harmless
from billing.money import amount_text

CONTENT_TYPE = "text/csv; charset=utf-8"
_BOM = "\ufeff"  # Without it spreadsheets take UTF-8 for the machine's own code page, and names are garbled.
_ROWS = 500


class _Echo:
    """A file that gives back what is written."""

    def write(self, text: str) -> str:
        return text


def csv_parts(report: Report) -> Iterator[bytes]:
    """Write the report part by part; a further table follows after an empty line and its title."""
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    yield _BOM.encode()
    for number, table in enumerate(report.tables):
        if number:
            yield b"\r\n" + writer.writerow([harmless(table.title)]).encode()
        yield writer.writerow([column.heading for column in table.columns]).encode()
        waiting: list[str] = []
        for row in table.rows:
            waiting.append(writer.writerow(_cells(row, table.columns)))
            if len(waiting) >= _ROWS:
                yield "".join(waiting).encode()
                waiting.clear()
        if table.totals is not None:
            waiting.append(writer.writerow(_cells(table.totals, table.columns)))
        yield "".join(waiting).encode()


def _cells(row: Row, columns: Sequence[Column]) -> list[str]:
    return [plain(value, column) for value, column in zip(row.cells, columns, strict=False)]


def plain(value: Any, column: Column) -> str:
    """Write a value for programs: 1234.50, 2026-01-31, 19; nothing for an empty cell."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return amount_text(value, column.currency) if column.kind is Kind.MONEY else f"{value.normalize():f}"
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, int) else harmless(str(value))
