"""Checks the shape of a request's body: names, kinds, lengths, dates. The rules of each document come after."""

import re
import tomllib
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from integrations.sandbox.messages import Json
from integrations.sandbox.zoho.errors import UNKNOWN_NAME, ZohoError, invalid, missing, too_long

_SHAPES: dict[str, dict[str, str]] = tomllib.loads((Path(__file__).parent / "fields.toml").read_text(encoding="utf-8"))
_LINES_TO_BE = ("line_items", "invoices")
_ID = re.compile(r"\d{5,19}")

Check = Callable[[Any, str], Any]


def check(shape: str, body: Any) -> Json:
    """Give a copy of what a caller sent. Raises ZohoError for a wrong kind, a text too long, and unknown or missing names."""
    if not isinstance(body, dict):
        raise invalid("JSONString")
    known = _SHAPES[shape]
    clean: Json = {}
    for name, value in body.items():
        if name not in known:
            raise ZohoError(UNKNOWN_NAME, f"Invalid Element {name}")
        kind = known[name].removesuffix("!")
        if value is None:
            continue
        clean[name] = _value(kind, value, name)
    for name, kind in known.items():
        if kind.endswith("!") and name not in clean:
            raise missing(name)
    return clean


def read_date(value: Any, name: str) -> str:
    """Give a date of the form yyyy-mm-dd. Raises ZohoError."""
    try:
        if isinstance(value, str) and len(value) == 10:
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass  # refused below, like a value that is no text
    raise invalid(name)


def _value(kind: str, value: Any, name: str) -> Any:
    word, _, argument = kind.partition(" ")
    if word == "text":
        return _text(value, name, int(argument))
    if word == "one":
        if value not in argument.split("|"):
            raise invalid(name)
        return value
    if word == "list":
        if not isinstance(value, list):
            # What the vendor says of lines that are nested wrongly.
            raise too_long(name, 100) if name in _LINES_TO_BE else invalid(name)
        return [check(argument, each) for each in value]
    return _SIMPLE[word](value, name)


def _text(value: Any, name: str, longest: int) -> str:
    if not isinstance(value, str):
        raise invalid(name)
    if len(value.encode("utf-16-le", "surrogatepass")) > 2 * longest:  # as Java counts
        raise too_long(name, longest)
    return value


def _id(value: Any, name: str) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise invalid(name)
    return value


def _id_or_none(value: Any, name: str) -> str:
    return "" if value == "" else _id(value, name)


def _field(value: Any, name: str) -> Any:
    """Take an id of either kind; which of them is right, and whose it is, is known where the field is."""
    _id(str(value) if isinstance(value, int) else value, name)
    return value


def _number(value: Any, name: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise invalid(name)
    number = Decimal(value)
    if abs(number) >= 10**15:
        raise invalid(name)
    return number


def _numeral(value: Any, name: str) -> Decimal:
    if not isinstance(value, str) or not re.fullmatch(r"\d+(\.\d+)?", value):
        raise invalid(name)
    return Decimal(value)


def _int(value: Any, name: str) -> int:
    number = _number(value, name)
    if number != int(number):
        raise invalid(name)
    return int(number)


def _bool(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise invalid(name)
    return value


def _texts(value: Any, name: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise invalid(name)
    return value


_SIMPLE: dict[str, Check] = {
    "id": _id,
    "id?": _id_or_none,
    "field": _field,
    "date": read_date,
    "number": _number,
    "numeral": _numeral,
    "int": _int,
    "bool": _bool,
    "texts": _texts,
}
