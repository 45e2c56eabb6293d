"""What every report is made of, whatever it is shown as: tables of typed columns, totals, charts, proofs, and where each
figure leads.

A report is data. One renderer per format (`accounting.reports.rendering`, the admin's page, the API) turns it into HTML,
JSON, CSV, XLSX or PDF, so that a further report is one function.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import dropwhile
from typing import Any, Protocol

ZERO = Decimal(0)


class Kind(StrEnum):
    """The type of a column's values: str, date, Decimal in the column's currency, int, Decimal in percent."""

    TEXT = "text"
    DAY = "day"
    MONEY = "money"
    COUNT = "count"
    PERCENT = "percent"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `key` names it for programs, `currency` is that of its amounts."""

    key: str
    label: str
    kind: Kind = Kind.TEXT
    currency: str = ""
    bare: bool = False  # One of many columns of amounts; the report says the currency once.
    on_page: bool = True  # Else only in the API, CSV and XLSX: a page has no room for it. Such columns come last.

    @property
    def numeric(self) -> bool:
        return self.kind in (Kind.MONEY, Kind.COUNT, Kind.PERCENT)

    @property
    def heading(self) -> str:
        """The label with the currency that its amounts are in."""
        return self.label if self.bare else f"{self.label} {self.currency}".rstrip()


class Style(StrEnum):
    """What a row is: a line of data, the heading of a group, or a sum of lines above it."""

    LINE = "line"
    HEADING = "heading"
    SUBTOTAL = "subtotal"


@dataclass(frozen=True, slots=True)
class Row:
    """Values in the order of the columns; None is an empty cell. `about` are ids that lead on from here."""

    cells: Sequence[Any]
    about: Mapping[str, Any] = field(default_factory=dict)
    style: Style = Style.LINE
    level: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """A figure leads to one record: `kind` is `entry`, `event`, `account`, `customer`, `contract`, `invoice`, …"""

    kind: str
    id: int


@dataclass(frozen=True, slots=True)
class Further:
    """A figure leads to another report with these parameters; `lines` lists the journal lines behind a figure."""

    report: str
    asked: Mapping[str, Any]


Target = Record | Further
Leads = Callable[[Row, str], Target | None]


class Rows(Protocol):
    """The rows of a table: counted, read through once (without holding all of them), or read in part."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Row]: ...

    def part(self, offset: int, limit: int) -> list[Row]: ...


class Listed(list[Row]):
    """Rows that are few enough to be held."""

    def part(self, offset: int, limit: int) -> list[Row]:
        return self[offset : offset + limit]


def nowhere(row: Row, key: str) -> Target | None:
    """Lead nowhere."""
    return None


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `leads` says for a row and the key of a column where its figure comes from."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: Rows
    empty: str
    totals: Row | None = None
    leads: Leads = nowhere
    note: str = ""

    @property
    def page_columns(self) -> Sequence[Column]:
        """Give the columns that a page has room for, which are the first."""
        return [column for column in self.columns if column.on_page]


@dataclass(frozen=True, slots=True)
class Chart:
    """Columns or lines over the same labels; a report always has its figures as a table as well."""

    title: str
    labels: Sequence[str]
    series: Sequence[tuple[str, Sequence[Decimal]]]
    kind: str = "bar"
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """A total of the report beside the balance of the books that it must equal."""

    words: str
    ours: Decimal
    books: Decimal
    currency: str

    @property
    def holds(self) -> bool:
        return self.ours == self.books


@dataclass(frozen=True, slots=True)
class Report:
    """A finished report of one business entity. `about` says in words what was asked.

    `letter` is for what is sent to somebody: blocks for the top of the first sheet, each a heading and its lines. The
    proofs of a letter are for us, and stay off its paper.
    """

    title: str
    about: str
    currency: str
    tables: Sequence[Table]
    headline: Sequence[tuple[str, Decimal | str]] = ()
    charts: Sequence[Chart] = ()
    proofs: Sequence[Proof] = ()
    landscape: bool = False
    letter: Sequence[tuple[str, Sequence[str]]] = ()


def money(key: str, label: str, currency: str) -> Column:
    """Make a column of amounts."""
    return Column(key, label, Kind.MONEY, currency)


def since_begun(rows: Sequence[Row]) -> Listed:
    """Leave out the rows before the first one that has an amount: nothing had happened yet."""
    return Listed(dropwhile(lambda row: not any(isinstance(cell, Decimal) and cell for cell in row.cells), rows))


def month_column(month: date, currency: str) -> Column:
    """Make a column of one month's amounts, one of many."""
    return Column(f"{month:%Y-%m}", f"{month:%b %Y}", Kind.MONEY, currency, bare=True)


def summed(rows: Iterable[Row], columns: Sequence[Column], *, label: str = "Total") -> Row:
    """Add up the amounts of lines, column by column; headings and subtotals do not count."""
    totals: list[Any] = [ZERO if column.kind is Kind.MONEY else None for column in columns]
    for row in rows:
        if row.style is Style.LINE:
            for place, column in enumerate(columns):
                if column.kind is Kind.MONEY and row.cells[place] is not None:
                    totals[place] += row.cells[place]
    totals[0] = label if columns[0].kind is not Kind.MONEY else totals[0]
    return Row(totals, style=Style.SUBTOTAL)
