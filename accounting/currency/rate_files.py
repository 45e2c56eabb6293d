"""A central bank's rates as a table, in either of the two layouts in which banks give them.

Wide, one row a day and one column a currency, as the ECB's file of reference rates:

    Date,USD,JPY,GBP,
    2026-03-02,1.1012,163.24,0.8421,
    2026-03-03,1.0987,N/A,0.8433,

Long, one row a day and currency, as the ECB's data portal gives them (SDMX-CSV; other columns do no harm):

    KEY,FREQ,CURRENCY,CURRENCY_DENOM,EXR_TYPE,EXR_SUFFIX,TIME_PERIOD,OBS_VALUE
    EXR.D.USD.EUR.SP00.A,D,USD,EUR,SP00,A,2026-03-02,1.1012

or by hand, with the headings Date, Currency, Rate. Days may also be written as in the ECB's file of the day (2 March 2026).
`N/A`, `NaN` or nothing: no rate on that day.
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
_NOTHING = frozenset(("", "N/A", "-", "NaN"))
# What the columns of the long layout are called: by SDMX, and by people.
_LONG = {"day": ("time_period", "date"), "currency": ("currency",), "rate": ("obs_value", "rate")}
# Columns of SDMX that say which series a row belongs to, the one value that is meant here, and what it means.
_SERIES = {"freq": ("D", "a rate of a day"), "exr_type": ("SP00", "a spot rate")}
_NO_HEADING = (
    "The first line must be the heading, with commas between: either Date, then a currency code for each column; or one row for "
    "each day and currency, with columns called TIME_PERIOD, CURRENCY and OBS_VALUE (or Date, Currency, Rate)."
)
_WRITTEN_DAY = re.compile("(?P<day>[0-9]{1,2}) (?P<month>[A-Z][a-z]+) (?P<year>[0-9]{4})")


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
    """Read a file in either layout. Raises UnreadableRates; what is wrong with single lines is in the answer."""
    rows = csv.reader(_text(content).splitlines(), strict=True, skipinitialspace=True)
    reader: _Wide | _Long | None = None
    try:
        for fields in rows:
            values = [value.strip() for value in fields]
            if not any(values):
                continue
            if reader is None:
                reader = _reader(values, bank_currency, today)
            else:
                reader.take(rows.line_num, values)
    except csv.Error as error:
        raise UnreadableRates(f"Line {rows.line_num}: this is not CSV ({error}).") from error
    if reader is None:
        raise UnreadableRates("The file is empty.")
    return reader.table


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


def _reader(values: list[str], bank_currency: str, today: date) -> "_Wide | _Long":
    places = {name.lower(): place for place, name in reversed(list(enumerate(values)))}
    found = {what: next((places[name] for name in names if name in places), None) for what, names in _LONG.items()}
    long = {what: place for what, place in found.items() if place is not None}
    if len(long) == len(_LONG):
        return _Long(bank_currency, today, places, long)
    return _Wide(today, _header(values, bank_currency))


def _header(values: list[str], bank_currency: str) -> list[str]:
    columns = values[1:]
    if values[0].lower() != "date" or not any(columns):
        raise UnreadableRates(_NO_HEADING)
    for name in columns:
        if name and not _CODE.fullmatch(name):
            raise UnreadableRates(f"The heading has “{name[:40]}”, which is not a currency code such as USD.")
        if name and columns.count(name) > 1:
            raise UnreadableRates(f"The heading has {name} twice.")
    if bank_currency in columns:
        raise UnreadableRates(f"The file compares {bank_currency} with itself; which currency are its rates in?")
    return columns


class _Wide:
    """A row a day, a column a currency."""

    def __init__(self, today: date, columns: list[str]) -> None:
        self.table = RateTable(unknown=sorted(set(columns) - _KNOWN - {""}))
        self.today = today
        self.columns = columns
        self.seen: dict[date, int] = {}

    def take(self, line: int, values: list[str]) -> None:
        """Take up one row."""
        try:
            day = _past_day(values[0], self.today)
            if day in self.seen:
                raise ValueError(f"{day} is on line {self.seen[day]} already.")
            if len(values) - 1 > len(self.columns):
                raise ValueError(f"the row has {len(values)} fields, the heading has {len(self.columns) + 1}.")
        except ValueError as error:
            self.table.bad.append(BadLine(line, str(error)))
            return
        self.seen[day] = line
        for currency, value in zip(self.columns, values[1:], strict=False):
            if currency in _KNOWN:
                _take(self.table, line, day, currency, value)


class _Long:
    """A row a day and currency; `places` says where each column is, `long` where the three are that must be there."""

    def __init__(self, bank_currency: str, today: date, places: dict[str, int], long: dict[str, int]) -> None:
        self.table = RateTable()
        self.today = today
        self.long = long
        said = {**_SERIES, "currency_denom": (bank_currency, f"a rate for one {bank_currency}")}
        self.series = [(places[name], name.upper(), *wanted) for name, wanted in said.items() if name in places]
        self.width = 1 + max([*long.values(), *(place for place, *_ in self.series)])
        self.bank_currency = bank_currency
        self.seen: dict[tuple[date, str], int] = {}

    def take(self, line: int, values: list[str]) -> None:
        """Take up one row."""
        try:
            day, currency = self._read(values)
        except ValueError as error:
            self.table.bad.append(BadLine(line, str(error)))
            return
        if currency not in _KNOWN:
            self.table.unknown = sorted({*self.table.unknown, currency})
            return
        if first := self.seen.get((day, currency)):
            self.table.bad.append(BadLine(line, f"{currency} on {day} is on line {first} already."))
            return
        self.seen[(day, currency)] = line
        _take(self.table, line, day, currency, values[self.long["rate"]])

    def _read(self, values: list[str]) -> tuple[date, str]:
        if len(values) < self.width:
            raise ValueError(f"the row has {len(values)} fields, at least {self.width} are needed.")
        for place, name, wanted, meaning in self.series:
            if values[place] != wanted:
                raise ValueError(f"{name} is “{values[place][:40]}”: this is not {meaning} ({wanted}).")
        currency = values[self.long["currency"]]
        if not _CODE.fullmatch(currency):
            raise ValueError(f"“{currency[:40]}” is not a currency code such as USD.")
        if currency == self.bank_currency:
            raise ValueError(f"{currency} is compared with itself; which currency are the file's rates in?")
        return _past_day(values[self.long["day"]], self.today), currency


def _take(table: RateTable, line: int, day: date, currency: str, value: str) -> None:
    if value in _NOTHING:
        return
    rate = _rate(value)
    if rate is None:
        reason = f"{currency}: “{value[:40]}” is not a rate: a number above zero, of ten decimals at most."
        table.bad.append(BadLine(line, reason))
    else:
        table.rates.append(GivenRate(line, day, currency, rate))


def _past_day(value: str, today: date) -> date:
    day = _day(value)
    if day is None:
        raise ValueError(f"“{value[:40]}” is not a date such as 2026-03-02.")
    if day > today:
        raise ValueError(f"{day} is not over yet; a rate of that day cannot be known.")
    return day


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
