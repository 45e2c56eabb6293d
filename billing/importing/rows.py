"""One row of a file, read and checked: text in, plain values out."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from billing import pricing
from billing.fields import CURRENCIES
from billing.importing import plain
from billing.importing.column_map import ColumnMap
from billing.models import BillingInterval, BillingTiming, RecognitionMethod, Renewal
from billing.money import round_money
from billing.periods import add_months

_LONGEST_FIELD = 10_000
_QUANTITY_DECIMALS = 6
_LONGEST_LINE = 200_000
_CURRENCIES = frozenset(dict(CURRENCIES))
_COUNTRY = re.compile("([A-Z]{2})?")
_LONGEST: dict[tuple[str, str], int] = {
    ("customer", "name"): 200,
    ("customer", "email"): 254,
    ("customer", "tax_id"): 50,
    ("product", "name"): 200,
    ("product", "family"): 50,
    ("contract", "reference"): 200,
    ("item", "description"): 200,
}


class UnreadableFile(ValueError):
    """The file as a whole cannot be imported; the text says where and why."""


@dataclass(frozen=True, slots=True)
class ContractRow:
    """One contract as read from one line of the file."""

    line: int
    customer: dict[str, str]
    product: dict[str, str]
    number: str
    start: date
    end: date | None
    term_months: int | None
    renewal: str
    payment_terms_days: int
    currency: str
    reference: str
    attributes: dict[str, str]
    amount: Decimal
    pricing_model: str
    quantity: Decimal
    timing: str
    interval_months: int
    description: str
    tax_rate: str
    recognition_method: str


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that cannot be imported, and why."""

    line: int
    reason: str


def read_rows(path: Path, columns: ColumnMap, *, default_currency: str) -> Iterator[ContractRow | BadRow]:
    """Read the file row by row, in constant memory. Raises UnreadableFile for a file that is not CSV with these columns."""
    try:
        with path.open("rb") as raw:
            yield from _read(raw, columns, default_currency)
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}.") from error


def _read(raw: io.BufferedReader, columns: ColumnMap, default_currency: str) -> Iterator[ContractRow | BadRow]:
    lines = _Lines(raw)
    reader = csv.reader(lines, strict=True)
    header = _header(reader, columns)
    while True:
        line = lines.number + 1
        try:
            values = _next(reader)
            if values is None:
                return
            if len(values) not in (0, len(header)):
                raise _BadLine(f"the row has {len(values)} fields, the header has {len(header)}.")
            if values:
                yield _row(line, dict(zip(header, values, strict=True)), columns, default_currency)
        except ValueError as error:
            yield BadRow(line, str(error))


def _header(reader: Iterator[list[str]], columns: ColumnMap) -> list[str]:
    try:
        values = _next(reader)
    except _BadLine as error:
        raise UnreadableFile(f"Line 1: {error}") from error
    if values is None:
        raise UnreadableFile("Line 1: the file is empty.")
    header = [name.strip() for name in values]
    if missing := sorted(columns.columns - set(header)):
        raise UnreadableFile(f"Line 1: the file has no column “{missing[0]}”, which the column map names.")
    if twice := sorted({name for name in header if header.count(name) > 1} & columns.columns):
        raise UnreadableFile(f"Line 1: the file has the column “{twice[0]}” twice.")
    return header


class _BadLine(ValueError):
    """One line cannot be read, the ones after it can."""


class _Lines:
    """The file's lines as text, counted, with a limit on their length, so that no field can fill the memory."""

    def __init__(self, raw: io.BufferedReader) -> None:
        self._raw = raw
        self.number = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        data = self._raw.readline(_LONGEST_LINE)
        if not data:
            raise StopIteration
        self.number += 1
        if len(data) == _LONGEST_LINE and not data.endswith(b"\n"):
            while data and not data.endswith(b"\n"):
                data = self._raw.readline(_LONGEST_LINE)
            raise _BadLine(f"the line is longer than {_LONGEST_LINE:,} bytes; no field may be that long.")
        try:
            return data.decode("utf-8-sig" if self.number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise _BadLine(
                f"byte {error.start + 1} of the line is not UTF-8. Save the file as UTF-8 and import it again."
            ) from error


def _next(reader: Iterator[list[str]]) -> list[str] | None:
    try:
        return next(reader)
    except StopIteration:
        return None
    except csv.Error as error:
        raise _BadLine(f"the line is not valid CSV: {error}.") from error


def _refuse_unfit(row: Mapping[str, str], columns: ColumnMap) -> None:
    for column in columns.columns:
        if len(row[column]) > _LONGEST_FIELD:
            raise ValueError(
                f"{column}: the field has {len(row[column]):,} characters; {_LONGEST_FIELD:,} are the most."
            )
        if unfit := plain.unfit(row[column]):
            raise ValueError(f"{column}: the field holds {unfit}.")


def _row(line: int, row: Mapping[str, str], columns: ColumnMap, default_currency: str) -> ContractRow:
    _refuse_unfit(row, columns)
    texts = {
        section: {name: source.read(row) for name, source in fields.items()}
        for section, fields in columns.sections.items()
    }
    customer, product, contract, item = (texts[name] for name in ("customer", "product", "contract", "item"))
    currency = contract.get("currency") or customer.get("currency") or default_currency
    if currency not in _CURRENCIES:
        raise ValueError(f"currency: “{currency}” is not a currency code such as USD.")
    start = _date("start", contract["start"])
    term = _integer("term_months", contract["term_months"], 1, 1200) if contract.get("term_months") else None
    end = _date("end", contract["end"]) if contract.get("end") else add_months(start, term) if term else None
    if end is not None and end <= start:
        raise ValueError(f"end: {end} is not after the start, {start}.")
    renewal = _choice("renewal", contract.get("renewal") or Renewal.NONE, Renewal.values)
    if renewal == Renewal.SAME_TERMS and not term:
        raise ValueError("renewal: a contract that renews needs a term in months.")
    interval = item.get("interval_months") or str(BillingInterval.MONTHLY.value)
    model = _choice("pricing_model", item.get("pricing_model") or "flat_fee", ("flat_fee", "per_unit"))
    amount = _amount(item["amount"], model, currency)
    quantity = _quantity(item.get("quantity") or "1")
    if amount * quantity >= pricing.LARGEST:
        raise ValueError(f"amount: price times quantity must stay below {pricing.LARGEST:,}.")
    for (section, name), longest in _LONGEST.items():
        _no_longer_than(name, texts[section].get(name, ""), longest)
    return ContractRow(
        line=line,
        customer=customer
        | {
            "external_id": _text("customer.external_id", customer["external_id"], 100),
            "country": _country(customer.get("country", "")),
        },
        product=product | {"code": _text("product.code", product["code"], 50)},
        number=_text("contract.number", contract["number"], 100),
        start=start,
        end=end,
        term_months=term,
        renewal=renewal,
        payment_terms_days=_integer("payment_terms_days", contract.get("payment_terms_days") or "30", 0, 3650),
        currency=currency,
        reference=contract.get("reference", ""),
        attributes={name: row[column].strip() for name, column in columns.attributes.items()},
        amount=amount,
        pricing_model=model,
        quantity=quantity,
        timing=_choice("timing", item.get("timing") or BillingTiming.ADVANCE, BillingTiming.values),
        interval_months=int(_choice("interval_months", interval, [str(value) for value in BillingInterval.values])),
        description=item.get("description", ""),
        tax_rate=item.get("tax_rate", ""),
        recognition_method=_choice(
            "recognition_method",
            item.get("recognition_method") or product.get("recognition_method") or RecognitionMethod.STRAIGHT_LINE_DAYS,
            RecognitionMethod.values,
        ),
    )


def _amount(text: str, model: str, currency: str) -> Decimal:
    amount = _decimal("amount", text)
    if model == "per_unit":
        pricing.validate(model, {"unit_amount": str(amount)})
    elif amount != round_money(amount, currency):
        raise ValueError(f"amount: {amount} has more decimals than {currency} has.")
    return amount


def _quantity(text: str) -> Decimal:
    quantity = _decimal("quantity", text)
    if quantity != round(quantity, _QUANTITY_DECIMALS):
        raise ValueError(f"quantity: “{text[:50]}” has more than {_QUANTITY_DECIMALS} decimals.")
    return quantity


def _country(text: str) -> str:
    if not _COUNTRY.fullmatch(text.upper()):
        raise ValueError(f"country: “{text[:50]}” is not a country code of two letters, such as US.")
    return text.upper()


def _text(name: str, text: str, longest: int) -> str:
    if not text:
        raise ValueError(f"{name}: the field is empty.")
    _no_longer_than(name, text, longest)
    return text


def _no_longer_than(name: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise ValueError(f"{name}: the text has {len(text):,} characters; {longest} are the most.")


def _date(name: str, text: str) -> date:
    day = plain.day(text)
    if day is None:
        raise ValueError(f"{name}: “{text[:50]}” is not a date such as 2026-01-31.")
    return day


def _decimal(name: str, text: str) -> Decimal:
    number = plain.number(text)
    if number is None:
        raise ValueError(
            f"{name}: “{text[:50]}” is not a number such as 1249.50, with a point and no other separators."
        )
    if number < 0:
        raise ValueError(f"{name}: {number} is negative; a price must be zero or more.")
    if number >= pricing.LARGEST:
        raise ValueError(f"{name}: “{text[:50]}” is not an amount that can be billed.")
    return number


def _integer(name: str, text: str, least: int, most: int) -> int:
    if not re.fullmatch("[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise ValueError(f"{name}: “{text[:50]}” is not a whole number from {least} to {most}.")
    return int(text)


def _choice(name: str, text: str, known: "list[str] | tuple[str, ...]") -> str:
    if text not in known:
        raise ValueError(f"{name}: “{text[:50]}” is not one of {', '.join(known)}.")
    return str(text)
