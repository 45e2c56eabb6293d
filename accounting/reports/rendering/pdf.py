"""A report on paper: drawn row by row, so that thousands of rows take seconds; the same report gives the same bytes."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import chain, islice
from typing import IO, Any

from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfgen.canvas import Canvas

from accounting.reports.structure import Column, Kind, Report, Row, Style, Table
from accounting.reports.words import day_words
from billing.money import format_amount, format_money
from billing.print_fonts import BOLD, REGULAR, part_width, register_fonts, runs, width_of

CONTENT_TYPE = "application/pdf"
MOST_ROWS = 30_000
_MARGIN, _GAP, _SIZE, _LINE = 36.0, 8.0, 7.5, 10.0
_TITLE_SIZE, _NOTE_SIZE, _INDENT = 14.0, 8.0, 8.0
_SAMPLE, _MOST_LINES, _NARROWEST, _LEAST_OF_TEXT = 400, 4, 24.0, 0.45
_GREY, _BLACK = 0.4, 0.0


class TooLong(ValueError):
    """The report has more rows than anybody would print."""


def write_pdf(report: Report, file: IO[bytes]) -> None:
    """Write the report. Raises TooLong with what to do instead."""
    rows = sum(len(table.rows) for table in report.tables)
    if rows > MOST_ROWS:
        raise TooLong(f"This report has {rows:,} rows, too many to print. Choose fewer days, or CSV or a workbook.")
    register_fonts()
    paper = _Paper(report, file)
    for table in report.tables:
        paper.table(table)
    paper.proofs()
    paper.finish()


class _Paper:
    """The pages under way. Finished pages are kept until the number of all of them is known."""

    def __init__(self, report: Report, file: IO[bytes]) -> None:
        self._report = report
        self._width, self._height = landscape(A4) if report.landscape else A4
        self._canvas = Canvas(file, pagesize=(self._width, self._height), invariant=1, pageCompression=1)
        self._canvas.setTitle(report.title)
        self._canvas.setAuthor("Counterfoil")
        self._pages: list[dict[str, Any]] = []
        self._y = 0.0
        self._head: tuple[Sequence[Column], Sequence[float]] | None = None
        self._size = _SIZE
        self._open_page()

    def _open_page(self) -> None:
        self._y = self._height - _MARGIN - _TITLE_SIZE
        self._write(_MARGIN, self._report.title, BOLD, _TITLE_SIZE)
        self._y -= 14
        for line in _wrapped(self._report.about, self._width - 2 * _MARGIN, REGULAR, _NOTE_SIZE):
            self._write(_MARGIN, line, REGULAR, _NOTE_SIZE, grey=True)
            self._y -= 11
        self._y -= 6
        if self._head:
            self._headings(*self._head)

    def _turn(self) -> None:
        self._pages.append(dict(self._canvas.__dict__))
        self._canvas._startPage()
        self._open_page()

    def _room(self, height: float) -> None:
        if self._y - height < _MARGIN + 14:
            self._turn()

    def _write(
        self, x: float, text: str, font: str, size: float, *, right: float | None = None, grey: bool = False
    ) -> None:
        self._canvas.setFillGray(_GREY if grey else _BLACK)
        if right is not None:
            x = right - width_of(text, font, size)
        for name, part in runs(text, font):
            self._canvas.setFont(name, size)
            self._canvas.drawString(x, self._y, part)
            x += part_width(part, name, size)

    def _rule(self, above: float, weight: float) -> None:
        self._canvas.setLineWidth(weight)
        self._canvas.line(_MARGIN, self._y + above, self._width - _MARGIN, self._y + above)

    def table(self, table: Table) -> None:
        """Draw one table, over as many pages as it takes."""
        self._head = None
        if table.title:
            self._room(60)
            self._write(_MARGIN, table.title, BOLD, 10)
            self._y -= 16
        rows = iter(table.rows)
        sample = list(islice(rows, _SAMPLE))
        if not sample:
            self._write(_MARGIN, table.empty, REGULAR, _NOTE_SIZE, grey=True)
            self._y -= 20
            return
        widths, self._size = _widths(table, sample, self._width - 2 * _MARGIN)
        self._room(50)
        self._headings(table.page_columns, widths)
        self._head = table.page_columns, widths
        for row in chain(sample, rows, [table.totals] if table.totals else []):
            self._row(row, table.page_columns, widths)
        self._head = None
        self._y -= 14

    def _headings(self, columns: Sequence[Column], widths: Sequence[float]) -> None:
        cells = [
            _wrapped(column.heading, width, BOLD, self._size) for column, width in zip(columns, widths, strict=True)
        ]
        self._cells(cells, columns, widths, BOLD, 0)
        self._rule(_LINE - 2, 0.8)
        self._y -= 3

    def _row(self, row: Row, columns: Sequence[Column], widths: Sequence[float]) -> None:
        font = REGULAR if row.style is Style.LINE else BOLD
        cells = [
            _wrapped(shown(value, column), width - (_INDENT * row.level if not place else 0), font, self._size)
            for place, (value, column, width) in enumerate(zip(row.cells, columns, widths, strict=False))
        ]
        height = _LINE * max(len(lines) for lines in cells)
        self._room(height)
        if row.style is Style.SUBTOTAL:
            self._rule(_LINE - 2, 0.4)
        self._cells(cells, columns, widths, font, row.level)

    def _cells(
        self, cells: Sequence[list[str]], columns: Sequence[Column], widths: Sequence[float], font: str, level: int
    ) -> None:
        top, lowest, x = self._y, self._y - _LINE, _MARGIN
        for place, (lines, column, width) in enumerate(zip(cells, columns, widths, strict=False)):
            self._y = top
            for line in lines:
                indent = 0 if place else _INDENT * level
                self._write(x + indent, line, font, self._size, right=x + width if column.numeric else None)
                self._y -= _LINE
            lowest = min(lowest, self._y)
            x += width + _GAP
        self._y = lowest

    def proofs(self) -> None:
        """State the report's proofs, with both figures."""
        for proof in self._report.proofs:
            self._room(14)
            verdict = "yes" if proof.holds else "NO"
            figures = f"{format_amount(proof.ours, proof.currency)} and {format_money(proof.books, proof.currency)}"
            self._write(_MARGIN, f"{proof.words}: {verdict} ({figures})", REGULAR, _NOTE_SIZE)
            self._y -= 12

    def finish(self) -> None:
        """Number the pages and write the file."""
        self._pages.append(dict(self._canvas.__dict__))
        for number, page in enumerate(self._pages, start=1):
            self._canvas.__dict__.update(page)
            self._y = _MARGIN - 10
            right = self._width - _MARGIN
            self._write(0, f"Page {number} of {len(self._pages)}", REGULAR, _SIZE, right=right, grey=True)
            Canvas.showPage(self._canvas)
        self._canvas.save()


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


def _wrapped(text: str, width: float, font: str, size: float) -> list[str]:
    """Break a text into lines that fit; what takes too many lines ends with an ellipsis."""
    if width_of(text, font, size) <= width:
        return [text]
    lines: list[str] = []
    line = ""
    for piece in _pieces(text, width, font, size):
        longer = f"{line} {piece}" if line else piece
        if line and width_of(longer, font, size) > width:
            lines.append(line)
            line = piece
        else:
            line = longer
    lines.append(line)
    if len(lines) > _MOST_LINES:
        lines = lines[:_MOST_LINES]
        lines[-1] = lines[-1][: max(len(lines[-1]) - 1, 1)] + "…"
    return lines


def _pieces(text: str, width: float, font: str, size: float) -> Iterator[str]:
    for word in text.split():
        left = word
        while width_of(left, font, size) > width and len(left) > 1:
            fits = 1
            while fits < len(left) and width_of(left[: fits + 1], font, size) <= width:
                fits += 1
            yield left[:fits]
            left = left[fits:]
        yield left
