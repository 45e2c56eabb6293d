"""A report as a workbook: numbers are numbers, dates are dates, headings stay in view, and nothing is a formula."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import IO, Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from accounting.reports.structure import Column, Kind, Report, Row, Style, Table
from billing.money import minor_digits, round_money

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS = 1_000_000  # A sheet has 1,048,576.
_SAMPLE, _NARROWEST, _WIDEST, _A4 = 400, 8, 60, 9
_WIDTHS = {Kind.DAY: 12, Kind.MONEY: 17, Kind.COUNT: 9, Kind.PERCENT: 10}
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\", " "))


def write_xlsx(report: Report, file: IO[bytes]) -> None:
    """Write the report, one sheet per table. Rows are written as they come, so a long report needs no memory."""
    # A customer's name is never a formula or a link, whatever it begins with.
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "in_memory": False,
    }
    with xlsxwriter.Workbook(file, options) as book:
        book.set_properties({"title": report.title, "comments": report.about, "author": "Counterfoil"})
        formats = _Formats(book)
        for number, table in enumerate(report.tables, start=1):
            name = (table.title or report.title).translate(_FORBIDDEN)[:28].strip("' ") or f"Table {number}"
            taken = {sheet.get_name().lower() for sheet in book.worksheets()}
            _write(book.add_worksheet(f"{name} {number}" if name.lower() in taken else name), report, table, formats)


class _Formats:
    """The looks of cells, each made once: by the kind of a column, its currency, and the style of a row."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self._book = book
        self._made: dict[tuple[Any, ...], Format] = {}
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.note = book.add_format({"font_color": "#555555"})
        self.head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self.head_right = book.add_format(
            {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top", "align": "right"}
        )

    def of(self, column: Column, style: Style, level: int) -> Format:
        key = (column.kind, column.currency, style, level)
        if key not in self._made:
            options: dict[str, Any] = {"bold": style is not Style.LINE}
            if style is Style.SUBTOTAL:
                options["top"] = 1
            if column.kind is Kind.MONEY:
                digits = minor_digits(column.currency)
                options["num_format"] = "#,##0" + ("." + "0" * digits if digits else "")
            elif column.kind is Kind.DAY:
                options["num_format"] = "d mmm yyyy"
            elif level and column.kind is Kind.TEXT:
                options["indent"] = level
            self._made[key] = self._book.add_format(options)
        return self._made[key]


def _write(sheet: Worksheet, report: Report, table: Table, formats: _Formats) -> None:
    for place, width in enumerate(_widths(table)):
        sheet.set_column(place, place, width)
    sheet.write_string(0, 0, report.title, formats.title)
    sheet.write_string(1, 0, report.about, formats.note)
    line = 2
    for heading, lines in report.letter:
        sheet.write_string(line, 0, f"{heading}: {', '.join(lines)}", formats.note)
        line += 1
    for proof in report.proofs:
        sheet.write_string(line, 0, f"{proof.words}: {'yes' if proof.holds else 'NO'}", formats.note)
        line += 1
    line += 1
    for place, column in enumerate(table.columns):
        sheet.write_string(line, place, column.heading, formats.head_right if column.numeric else formats.head)
    sheet.freeze_panes(line + 1, 0)
    sheet.repeat_rows(line)
    if report.landscape:
        sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&L" + report.title.replace("&", "&&") + "&RPage &P of &N")
    for row in table.rows:
        line += 1
        _write_row(sheet, line, row, table.columns, formats)
    if table.totals is not None:
        _write_row(sheet, line + 1, table.totals, table.columns, formats)


def _widths(table: Table) -> list[int]:
    """Give each column's width in letters: for texts as long as the first rows need, within reason."""
    first = table.rows.part(0, _SAMPLE)
    widths = []
    for place, column in enumerate(table.columns):
        if column.kind in _WIDTHS:
            widths.append(_WIDTHS[column.kind])
        else:
            texts = [len(str(row.cells[place])) for row in first if len(row.cells) > place and row.cells[place]]
            widths.append(min(max([*texts, len(column.heading), _NARROWEST]), _WIDEST) + 2)
    return widths


def _write_row(sheet: Worksheet, line: int, row: Row, columns: Sequence[Column], formats: _Formats) -> None:
    for place, (value, column) in enumerate(zip(row.cells, columns, strict=False)):
        look = formats.of(column, row.style, row.level)
        if value is None:
            if row.style is Style.SUBTOTAL:
                sheet.write_blank(line, place, None, look)
        elif isinstance(value, Decimal):
            amount = round_money(value, column.currency) if column.kind is Kind.MONEY else value
            sheet.write_number(line, place, amount, look)
        elif isinstance(value, date):
            sheet.write_datetime(line, place, value, look)
        elif isinstance(value, int):
            sheet.write_number(line, place, value, look)
        else:
            sheet.write_string(line, place, str(value), look)
