"""A report on paper: drawn row by row, so that thousands of rows take seconds; the same report gives the same bytes."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import chain, islice
from typing import IO, Any

from reportlab.lib.pagesizes import A4, landscape

from accounting.reports.structure import Column, Kind, Report, Row, Style, Table
from billing.money import format_amount, format_money
from billing.printing.fonts import BOLD, REGULAR, width_of
from billing.printing.paper import Paper, wrapped

CONTENT_TYPE = "application/pdf"
MOST_ROWS = 30_000
_MARGIN, _GAP, _SIZE, _LINE = 36.0, 8.0, 7.5, 10.0
_TITLE_SIZE, _LETTER_SIZE, _NOTE_SIZE, _INDENT = 14.0, 9.0, 8.0, 8.0
_SAMPLE, _NARROWEST, _MOST_AIR = 400, 24.0, 48.0


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
        self._is_first = True
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
        if self._is_first and self._report.letter:
            self._letter()
        self._is_first = False
        if self._head:
            self._headings(*self._head)

    def _letter(self) -> None:
        """Write the blocks of a letter side by side."""
        width = (self.right - _MARGIN + _GAP) / len(self._report.letter) - _GAP
        top = lowest = self.y - 6
        for place, (heading, lines) in enumerate(self._report.letter):
            x, self.y = _MARGIN + place * (width + _GAP), top
            self.write(x, heading, REGULAR, _NOTE_SIZE, grey=True)
            for line in chain.from_iterable(wrapped(each, width, REGULAR, _LETTER_SIZE) for each in lines):
                self.y -= _LETTER_SIZE + 3
                self.write(x, line, REGULAR, _LETTER_SIZE)
            lowest = min(lowest, self.y)
        self.y = lowest - 24

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
        self._rule(widths, 0.8)
        self.y -= 3

    def _rule(self, widths: Sequence[float], weight: float) -> None:
        self.rule(_LINE - 2, weight, until=_MARGIN + sum(widths) + _GAP * (len(widths) - 1))

    def _row(self, row: Row, columns: Sequence[Column], widths: Sequence[float]) -> None:
        font = REGULAR if row.style is Style.LINE else BOLD
        cells = [
            self._lines(shown(value, column, row.style), column, width - (0 if place else _INDENT * row.level), font)
            for place, (value, column, width) in enumerate(zip(row.cells, columns, widths, strict=False))
        ]
        height = _LINE * max(len(lines) for lines in cells)
        self.room(height)
        if row.style is Style.SUBTOTAL:
            self.y -= 2
            self._rule(widths, 0.4)
        self._cells(cells, columns, widths, font, row.level)

    def _lines(self, text: str, column: Column, width: float, font: str) -> list[str]:
        # Widths are measured on the first rows. A longer number further down reaches into the gap; it is never broken.
        return [text] if column.numeric else wrapped(text, width, font, self._size)

    def _cells(
        self, cells: Sequence[list[str]], columns: Sequence[Column], widths: Sequence[float], font: str, level: int
    ) -> None:
        top, lowest, x = self.y, self.y - _LINE, _MARGIN
        for place, (lines, column, width) in enumerate(zip(cells, columns, widths, strict=False)):
            self.y = top
            for line in lines:
                indent = 0 if place else _INDENT * level
                size = self._fitting(line, width, font) if column.numeric else self._size
                self.write(x + indent, line, font, size, right=x + width if column.numeric else None)
                self.y -= _LINE
            lowest = min(lowest, self.y)
            x += width + _GAP
        self.y = lowest

    def _fitting(self, number: str, width: float, font: str) -> float:
        """Give the size at which a number takes no more than its column and most of the gap before it."""
        return min(self._size, self._size * (width + _GAP - 2) / (width_of(number, font, self._size) or 1))

    def proofs(self) -> None:
        """State the report's proofs, with both figures; a letter has none."""
        for proof in [] if self._report.letter else self._report.proofs:
            self.room(14)
            verdict = "yes" if proof.holds else "NO"
            figures = f"{format_amount(proof.ours, proof.currency)} and {format_money(proof.books, proof.currency)}"
            self.write(_MARGIN, f"{proof.words}: {verdict} ({figures})", REGULAR, _NOTE_SIZE)
            self.y -= 12


def shown(value: Any, column: Column, style: Style = Style.LINE) -> str:
    """Write a value for people; the heading names the currency. Nothing is an empty cell, but for sums."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        if not value and column.kind is Kind.MONEY and style is Style.LINE:
            return ""
        return format_amount(value, column.currency) if column.kind is Kind.MONEY else f"{value.normalize():f}"
    if isinstance(value, date):
        return f"{value.day} {value:%b %Y}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _widths(table: Table, sample: Sequence[Row], room: float) -> tuple[list[float], float]:
    """Give columns the room they need, and some of what is left over.

    Where it is too little, texts break between their words; where that is too little, letters shrink. Numbers, days and
    single words such as INV-000001 are never broken.
    """
    wanted, least = [], []
    rows = [*sample, *([table.totals] if table.totals else [])]
    for place, column in enumerate(table.page_columns):
        cells = {shown(row.cells[place], column, row.style) for row in rows if len(row.cells) > place}
        widest = max((width_of(cell, BOLD, _SIZE) for cell in cells), default=0.0)
        broken = cells if column.kind is Kind.TEXT else set()
        words = max(width_of(_longest(text), BOLD, _SIZE) for text in (column.heading, *broken))
        least.append(max(words if broken else widest, words, _NARROWEST) + 2)
        wanted.append(max(widest + 2, least[-1]))
    room -= _GAP * (len(wanted) - 1)
    if sum(wanted) <= room:
        more = min((room - sum(wanted)) / len(wanted), _MOST_AIR)
        return [width + more for width in wanted], _SIZE
    if sum(least) <= room:
        share = (room - sum(least)) / (sum(wanted) - sum(least))
        return [few + share * (many - few) for few, many in zip(least, wanted, strict=True)], _SIZE
    shrink = room / sum(least)
    return [width * shrink for width in least], _SIZE * shrink


def _longest(text: str) -> str:
    return max(text.split(), key=len, default="")
