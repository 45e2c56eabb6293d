"""A central bank's rates as a table: one row a day, one column a currency, as the ECB gives them.

    Date,USD,JPY,GBP,
    2026-03-02,1.1012,163.24,0.8421,
    2026-03-03,1.0987,N/A,0.8433,

Days may also be written as in the ECB's file of the day (2 March 2026). `N/A` or nothing: no rate on that day.
"""

import csv
import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation

from billing.fields import CURRENCIES
from billing.importing import plain

LARGEST = 20 * 1024 * 1024
_KNOWN = frozenset(dict(CURRENCIES))
_CODE = re.compile("[A-Z]{3}")
_NUMBER = re.compile("[0-9]{1,13}([.][0-9]{1,10})?")
# As the bank writes them, whatever the locale of this machine.
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_WRITTEN_DAY = re.compile("(?P<day>[0-9]{1,2}) (?P<month>[A-Z][a-z]+) (?P<year>[0-9]{4})")
_NOTHING = frozenset(("", "N/A", "-"))


class UnreadableRates(ValueError):
    """The file as a whole is not a table of rates; the text says why."""


@dataclass(frozen=True, slots=True)
class GivenRate:
    """One rate of the file, with the line it stands on."""

    line: int
    day: date
    currency: str
    rate: Decimal


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be imported, and why."""

    line: int
    reason: str


@dataclass(slots=True)
class RateTable:
    """What a file says: its rates, its bad lines, and the currencies that this installation does not know."""

    rates: list[GivenRate] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def read_table(content: bytes, *, bank_currency: str, today: date) -> RateTable:
    """Read a file. Raises UnreadableRates; what is wrong with single lines is in the answer."""
    rows = csv.reader(_text(content).splitlines(), strict=True, skipinitialspace=True)
    table = RateTable()
    seen: dict[date, int] = {}
    columns: list[str] | None = None
    try:
        for fields in rows:
            values = [value.strip() for value in fields]
            if not any(values):
                continue
            if columns is None:
                columns = _header(values, bank_currency)
                table.unknown = sorted(set(columns) - _KNOWN - {""})
                continue
            _take(table, rows.line_num, values, columns, today, seen)
    except csv.Error as error:
        raise UnreadableRates(f"Line {rows.line_num}: this is not CSV ({error}).") from error
    if columns is None:
        raise UnreadableRates("The file is empty.")
    return table


def _text(content: bytes) -> str:
    if len(content) > LARGEST:
        raise UnreadableRates(f"The file is larger than {LARGEST // 1024 // 1024} MB; import fewer years at a time.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableRates("The file is not text in UTF-8. A ZIP must be unpacked first.") from error
    if "\x00" in text:
        raise UnreadableRates("The file is not text.")
    return text


def _header(values: list[str], bank_currency: str) -> list[str]:
    columns = values[1:]
    if values[0].lower() != "date" or not any(columns):
        raise UnreadableRates("The first line must be the heading: Date, then a currency code for each column.")
    for name in columns:
        if name and not _CODE.fullmatch(name):
            raise UnreadableRates(f"The heading has “{name[:40]}”, which is not a currency code such as USD.")
        if name and columns.count(name) > 1:
            raise UnreadableRates(f"The heading has {name} twice.")
    if bank_currency in columns:
        raise UnreadableRates(f"The file compares {bank_currency} with itself; which currency are its rates in?")
    return columns


def _take(
    table: RateTable, line: int, values: list[str], columns: list[str], today: date, seen: dict[date, int]
) -> None:
    def refuse(reason: str) -> None:
        table.bad.append(BadLine(line, reason))

    day = _day(values[0])
    if day is None:
        return refuse(f"“{values[0][:40]}” is not a date such as 2026-03-02.")
    if day > today:
        return refuse(f"{day} is not over yet; a rate of that day cannot be known.")
    if day in seen:
        return refuse(f"{day} is on line {seen[day]} already.")
    if len(values) - 1 > len(columns):
        return refuse(f"the row has {len(values)} fields, the heading has {len(columns) + 1}.")
    seen[day] = line
    for currency, value in zip(columns, values[1:], strict=False):
        if currency not in _KNOWN or value in _NOTHING:
            continue
        rate = _rate(value)
        if rate is None:
            refuse(f"{currency}: “{value[:40]}” is not a rate: a number above zero, of ten decimals at most.")
        else:
            table.rates.append(GivenRate(line, day, currency, rate))
    return None


def _day(value: str) -> date | None:
    written = _WRITTEN_DAY.fullmatch(value)
    if written and written["month"] in _MONTHS:
        value = f"{written['year']}-{_MONTHS.index(written['month']) + 1:02}-{int(written['day']):02}"
    return plain.day(value)


def _rate(value: str) -> Decimal | None:
    if not _NUMBER.fullmatch(value):
        return None
    try:
        rate = Decimal(value)
    except InvalidOperation:
        return None
    return rate if rate > 0 else None
