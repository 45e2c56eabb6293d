"""How a report looks on a page: its figures as links, its rows by what they are, its charts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from accounting.models import Account, JournalEntry, RecognitionSchedule
from accounting.reports.structure import Chart, Column, Further, Kind, Proof, Report, Row, Style, Table, Target
from billing.admin.charts import chart_options
from billing.admin.shown import badge, change_url, day, figure, money, to
from billing.models import BusinessEvent, Contract, CreditNote, Customer, Invoice, Payment, Product

PAGE = 200
_SIDE_BY_SIDE = 12  # So many labels fit below a chart on one line.
_PAGES: dict[str, Any] = {
    "entry": JournalEntry, "event": BusinessEvent, "account": Account, "schedule": RecognitionSchedule,
    "customer": Customer, "contract": Contract, "invoice": Invoice, "credit_note": CreditNote, "payment": Payment,
    "product": Product,
}  # fmt: skip
_COLOURS = (
    "var(--color-primary-600)",
    "var(--color-base-400)",
    "var(--color-primary-300)",
    "#d97706",
    "#059669",
    "#dc2626",
)


def report_url(code: str, asked: Mapping[str, Any]) -> str:
    """Give the address of a report with its parameters."""
    url = reverse("admin:" + code.replace("-", "_"))
    return f"{url}?{urlencode(asked)}" if asked else url


def address(target: Target) -> str:
    """Give the address of what a figure leads to."""
    if isinstance(target, Further):
        return report_url(target.report, target.asked)
    return change_url(_PAGES[target.kind], target.id)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell ready to show."""

    shown: object
    numeric: bool
    level: int = 0
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """One page of a table, ready for the template."""

    title: str
    note: str
    columns: Sequence[Column]
    rows: Sequence[tuple[str, Sequence[Cell]]]
    foot: Sequence[Cell]
    empty: str


def shown_tables(report: Report, page: int) -> list[Shown]:
    """Give one page of each table; totals are those of all pages."""
    return [_shown(table, page) for table in report.tables]


def pages_of(report: Report) -> int:
    """Give the number of pages of the longest table."""
    return max([1, *(-(-len(table.rows) // PAGE) for table in report.tables)])


def _shown(table: Table, page: int) -> Shown:
    rows = [(row.style.value, _cells(row, table)) for row in table.rows.part((page - 1) * PAGE, PAGE)]
    foot = _cells(table.totals, table) if table.totals and rows else []
    return Shown(table.title, table.note, table.page_columns, rows, foot, table.empty)


def _cells(row: Row, table: Table) -> list[Cell]:
    cells = []
    for place, column in enumerate(table.page_columns):
        value = row.cells[place] if place < len(row.cells) else None
        shown = _value(value, column, row.style)
        target = table.leads(row, column.key) if value is not None and shown != "" else None
        # A number such as INV-000001 stays on one line.
        whole = isinstance(value, str) and " " not in value
        link = to(address(target), shown) if target else shown
        cells.append(Cell(link, column.numeric, 0 if place else row.level, whole))
    return cells


def _value(value: Any, column: Column, style: Style = Style.LINE) -> object:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        if column.kind is Kind.MONEY:
            return figure(value, column.currency, blank_zero=style is Style.LINE)
        return f"{value.normalize():f}"
    if isinstance(value, date):
        return day(value)
    return f"{value:,}" if isinstance(value, int) else value


def headline(report: Report) -> list[tuple[str, object]]:
    """Show the figures above the tables."""
    return [
        (label, money(value, report.currency) if isinstance(value, Decimal) else value)
        for label, value in report.headline
    ]


def letter(report: Report) -> list[tuple[str, str]]:
    """Show who writes to whom, where the report is a letter."""
    return [(heading, "\n".join(lines)) for heading, lines in report.letter]


def verdict(report: Report) -> object:
    """Say in a word whether all proofs of the report hold."""
    if not report.proofs:
        return ""
    return badge("paid", "Proved") if all(proof.holds for proof in report.proofs) else badge("failed", "Differs")


def proof_words(proof: Proof) -> tuple[object, str, object, object]:
    """Show a proof: whether it holds, in words, and both figures."""
    verdict = badge("paid", "Proved") if proof.holds else badge("failed", "Differs")
    return verdict, proof.words, money(proof.ours, proof.currency), money(proof.books, proof.currency)


def chart_data(chart: Chart) -> dict[str, str]:
    """Give a chart as the theme's script reads it."""
    datasets = [
        {
            "label": label,
            "data": [str(value) for value in values],
            "backgroundColor": _COLOURS[place % len(_COLOURS)],
            "borderColor": _COLOURS[place % len(_COLOURS)],
            "maxBarThickness": 36,
        }
        for place, (label, values) in enumerate(chart.series)
    ]
    # Many labels stand upright only word below word.
    labels = [label.split() if len(chart.labels) > _SIDE_BY_SIDE else label for label in chart.labels]
    return {
        "title": chart.title,
        "kind": chart.kind,
        "value": json.dumps({"labels": labels, "datasets": datasets}),
        "options": json.dumps(chart_options(stacked=chart.stacked)),
    }
