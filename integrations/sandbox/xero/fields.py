"""Checks the shape of what is sent: names, kinds, lengths, dates. The rules of each object come after."""

import re
import tomllib
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from integrations.sandbox.messages import Json
from integrations.sandbox.xero.errors import Invalid, bad_data
from integrations.sandbox.xero.store import day_of

_FIELDS: dict[str, dict[str, str]] = tomllib.loads((Path(__file__).parent / "fields.toml").read_text(encoding="utf-8"))
_OWN = object()
_MS_DATE = re.compile(r"/Date\(-?\d+([+-]\d{4})?\)/")

Check = Callable[[Any, str], Any]


def check(shape: str, body: Any) -> Json:
    """Give a copy of an object with only what a caller may set; text too long raises Invalid, all else Refused."""
    checked: Json = _shape(shape)(body, shape)
    return checked


def names(shape: str) -> tuple[str, ...]:
    """Give the names of an object's fields that a filter may use."""
    return tuple(_FIELDS.get(shape, ()))


def _shape(name: str) -> Check:
    def run(value: Any, where: str) -> Json:
        if not isinstance(value, dict):
            raise bad_data(f"{where} must be an object")
        clean: Json = {}
        for key, item in value.items():
            kind = _FIELDS[name].get(key)
            if kind is None:
                raise bad_data(f"{where} has no field {key} that can be set")
            if item is None:
                continue
            checked = _kind(kind)(item, f"{where}.{key}")
            if checked is not _OWN:
                clean[key] = checked
        return clean

    return run


@cache
def _kind(words: str) -> Check:
    kind, _, argument = words.partition(" ")
    if kind == "text":
        return _text(int(argument))
    if kind == "one":
        return _one(argument.split("|"))
    if kind == "object":
        return _shape(argument)
    if kind == "list":
        return _list(_shape(argument))
    return _SIMPLE[kind]


def _text(longest: int) -> Check:
    def run(value: Any, where: str) -> str:
        if not isinstance(value, str):
            raise bad_data(f"{where} must be text")
        if len(value.encode("utf-16-le", "surrogatepass")) > 2 * longest:  # as .NET counts
            raise Invalid(f"{where.rpartition('.')[2]} must not be more than {longest} characters long.")
        return value

    return run


def _one(known: list[str]) -> Check:
    def run(value: Any, where: str) -> str:
        if value not in known:
            raise bad_data(f"{where} must be one of {', '.join(known)}, not {value!r}")
        return str(value)

    return run


def _list(item: Check) -> Check:
    def run(value: Any, where: str) -> list[Any]:
        if not isinstance(value, list):
            raise bad_data(f"{where} must be a list")
        return [item(each, where) for each in value]

    return run


def _date(value: Any, where: str) -> str:
    try:
        if isinstance(value, str):
            return day_of(value) if _MS_DATE.fullmatch(value) else date.fromisoformat(value[:10]).isoformat()
    except ValueError:
        pass  # refused below, like a value that is no text
    raise bad_data(f"{where} is not a date of the form YYYY-MM-DD")


def _id(value: Any, where: str) -> str:
    try:
        return str(UUID(value))
    except (AttributeError, TypeError, ValueError) as error:
        raise bad_data(f"{where} is not a UUID") from error


def _number(value: Any, where: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise bad_data(f"{where} must be a number")
    number = Decimal(value)
    if abs(number) >= Decimal(10) ** 15:
        raise bad_data(f"{where} is too large")
    return number


def _bool(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise bad_data(f"{where} must be true or false")
    return value


_SIMPLE: dict[str, Check] = {
    "id": _id,
    "date": _date,
    "number": _number,
    "bool": _bool,
    "own": lambda value, where: _OWN,
}
