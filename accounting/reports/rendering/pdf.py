"""A report on paper: drawn row by row, so that thousands of rows take seconds; the same report gives the same bytes."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import chain, islice
from typing import IO, Any

from reportlab.lib.pagesizes import A4, landscape

from accounting.reports.structure import Column, Kind, Report, Row, Style, Table
from accounting.reports.words import day_words
from billing.money import format_amount, format_money
from billing.printing.fonts import BOLD, REGULAR, width_of
from billing.printing.paper import Paper, wrapped

CONTENT_TYPE = "application/pdf"
MOST_ROWS = 30_000
_MARGIN, _GAP, _SIZE, _LINE = 36.0, 8.0, 7.5, 10.0
_TITLE_SIZE, _NOTE_SIZE, _INDENT = 14.0, 8.0, 8.0
_SAMPLE, _NARROWEST, _LEAST_OF_TEXT = 400, 24.0, 0.45


class TooLong(ValueError):
    """The report has more rows than anybody would print."""


def write_pdf(report: Report, file: IO[bytes]) -> None:
    """Write the report. Raises TooLong with what to do instead."""
    rows = sum(len(table.rows) for table in report.tables)
    if rows > MOST_ROWS:
        raise TooLong(f"This report has {rows:,} rows, too many to print. Choose fewer days, or CSV or a workbook.")
    paper = _Paper(report, file)
    for table in report.tables:
        paper.table(table)
    paper.proofs()
    paper.finish()


class _Paper(Paper):
    """The pages under way, each with the report's title and the headings of the table that goes on."""

    def __init__(self, report: Report, file: IO[bytes]) -> None:
        size = landscape(A4) if report.landscape else A4
        super().__init__(file, size=size, margin=_MARGIN, title=report.title, author="Counterfoil")
        self._report = report
        self._head: tuple[Sequence[Column], Sequence[float]] | None = None
        self._size = _SIZE
        self.begin()

    def begin(self) -> None:
        self.y = self.height - _MARGIN - _TITLE_SIZE
        self.write(_MARGIN, self._report.title, BOLD, _TITLE_SIZE)
        self.y -= 14
        for line in wrapped(self._report.about, self.right - _MARGIN, REGULAR, _NOTE_SIZE):
            self.write(_MARGIN, line, REGULAR, _NOTE_SIZE, grey=True)
            self.y -= 11
        self.y -= 6
        if self._head:
            self._headings(*self._head)

    def foot(self, number: int, of: int) -> None:
        self.y = _MARGIN - 10
        self.write(0, f"Page {number} of {of}", REGULAR, _SIZE, right=self.right, grey=True)

    def table(self, table: Table) -> None:
        """Draw one table, over as many pages as it takes."""
        self._head = None
        if table.title:
            self.room(60)
            self.write(_MARGIN, table.title, BOLD, 10)
            self.y -= 16
        rows = iter(table.rows)
        sample = list(islice(rows, _SAMPLE))
        if not sample:
            self.write(_MARGIN, table.empty, REGULAR, _NOTE_SIZE, grey=True)
            self.y -= 20
            return
        widths, self._size = _widths(table, sample, self.right - _MARGIN)
        self.room(50)
        self._headings(table.page_columns, widths)
        self._head = table.page_columns, widths
        for row in chain(sample, rows, [table.totals] if table.totals else []):
            self._row(row, table.page_columns, widths)
        self._head = None
        self.y -= 14

    def _headings(self, columns: Sequence[Column], widths: Sequence[float]) -> None:
        cells = [
            wrapped(column.heading, width, BOLD, self._size) for column, width in zip(columns, widths, strict=True)
        ]
        self._cells(cells, columns, widths, BOLD, 0)
        self.rule(_LINE - 2, 0.8)
        self.y -= 3

    def _row(self, row: Row, columns: Sequence[Column], widths: Sequence[float]) -> None:
        font = REGULAR if row.style is Style.LINE else BOLD
        cells = [
            wrapped(shown(value, column), width - (_INDENT * row.level if not place else 0), font, self._size)
            for place, (value, column, width) in enumerate(zip(row.cells, columns, widths, strict=False))
        ]
        height = _LINE * max(len(lines) for lines in cells)
        self.room(height)
        if row.style is Style.SUBTOTAL:
            self.rule(_LINE - 2, 0.4)
        self._cells(cells, columns, widths, font, row.level)

    def _cells(
        self, cells: Sequence[list[str]], columns: Sequence[Column], widths: Sequence[float], font: str, level: int
    ) -> None:
        top, lowest, x = self.y, self.y - _LINE, _MARGIN
        for place, (lines, column, width) in enumerate(zip(cells, columns, widths, strict=False)):
            self.y = top
            for line in lines:
                indent = 0 if place else _INDENT * level
                self.write(x + indent, line, font, self._size, right=x + width if column.numeric else None)
                self.y -= _LINE
            lowest = min(lowest, self.y)
            x += width + _GAP
        self.y = lowest

    def proofs(self) -> None:
        """State the report's proofs, with both figures."""
        for proof in self._report.proofs:
            self.room(14)
            verdict = "yes" if proof.holds else "NO"
            figures = f"{format_amount(proof.ours, proof.currency)} and {format_money(proof.books, proof.currency)}"
            self.write(_MARGIN, f"{proof.words}: {verdict} ({figures})", REGULAR, _NOTE_SIZE)
            self.y -= 12


def shown(value: Any, column: Column) -> str:
    """Write a value for people; the heading names the currency."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format_amount(value, column.currency) if column.kind is Kind.MONEY else f"{value.normalize():f}"
    if isinstance(value, date):
        return day_words(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _widths(table: Table, sample: Sequence[Row], room: float) -> tuple[list[float], float]:
    """Give numbers the room they need, and let the texts share the rest; where that is too little, letters shrink."""
    needed = []
    for place, column in enumerate(table.page_columns):
        rows = chain(sample, [table.totals] if table.totals else [])
        cells = [shown(row.cells[place], column) for row in rows if len(row.cells) > place]
        widest = max((width_of(cell, BOLD, _SIZE) for cell in cells), default=0.0)
        heading = width_of(max(column.heading.split(), key=len, default=""), BOLD, _SIZE)
        needed.append(max(widest, heading, _NARROWEST) + 2)
    room -= _GAP * (len(needed) - 1)
    is_text = [column.kind is Kind.TEXT for column in table.page_columns]
    texts = sum(width for width, text in zip(needed, is_text, strict=True) if text)
    numbers = sum(needed) - texts
    shrink = min(1.0, room / (numbers + _LEAST_OF_TEXT * texts))
    share = min(shrink, (room - numbers * shrink) / texts) if texts else 0.0
    widths = [width * (share if text else shrink) for width, text in zip(needed, is_text, strict=True)]
    return widths, _SIZE * shrink
