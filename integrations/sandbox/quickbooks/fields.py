"""Checks the shape of what is sent: unknown fields, kinds, lengths, dates. The rules of each object come after."""

import tomllib
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from integrations.sandbox.messages import Json
from integrations.sandbox.quickbooks.faults import VendorFault, unsupported

_FIELDS: dict[str, Any] = tomllib.loads((Path(__file__).parent / "fields.toml").read_text(encoding="utf-8"))
FILTERABLE: dict[str, list[str]] = _FIELDS["filterable"]
SUBTYPES: dict[str, list[str]] = _FIELDS["subtypes"]
_EVERY: dict[str, str] = _FIELDS["every"]
_MOST_DIGITS, _AMOUNT_PLACES = 15, 5
_OWN = object()

Check = Callable[[Any, str], Any]


def check(entity: str, body: Json) -> Json:
    """Give a copy with only what a caller may set. Raises VendorFault for anything else the body holds."""
    return _ENTITIES[entity](body, entity)


def is_writable(entity: str) -> bool:
    """Tell whether objects of this kind can be created."""
    return entity in _ENTITIES


def property_names(entity: str) -> set[str]:
    """Give the top-level property names of an entity."""
    names = {"Id", "SyncToken", "MetaData", "sparse", "domain"}
    return names | set(_FIELDS["shapes"].get(entity, ())) | set(FILTERABLE[entity])


def read_date(value: Any, name: str) -> str:
    """Give a date as YYYY-MM-DD. Raises VendorFault 2060."""
    try:
        if isinstance(value, str) and len(value) >= 10 and value[4] == "-":
            return date.fromisoformat(value[:10]).isoformat()
    except ValueError:
        pass  # refused below, like a value that is no text
    raise VendorFault("2060", f"{name} is not a date of the form YYYY-MM-DD", name)


def _shape(fields: dict[str, str]) -> Check:
    checks = {name: _kind(kind) for name, kind in fields.items()}

    def run(value: Any, name: str) -> Any:
        if not isinstance(value, dict):
            raise unsupported(name)
        clean: Json = {}
        for key, item in value.items():
            checker = checks.get(key)
            if checker is None:
                raise unsupported(f"{name}.{key}")
            if item is None:
                continue
            checked = checker(item, key)
            if checked is not _OWN:
                clean[key] = checked
        return clean

    return run


def _kind(words: str) -> Check:
    kind, _, argument = words.partition(" ")
    if kind in ("text", "note"):
        return _text(int(argument))
    if kind == "enum":
        return _enum(argument.split("|"))
    if kind == "object":
        return _shapes(argument)
    if kind == "list":
        return _list(_shapes(argument))
    simple: dict[str, Check] = {
        "date": read_date,
        "number": _number,
        "amount": _amount,
        "place": _place,
        "bool": _bool,
        "ref": _ref,
        "any": lambda value, name: value,
        "own": lambda value, name: _OWN,
    }
    return simple[kind]


def _shapes(name: str) -> Check:
    if name not in _COMPILED:
        _COMPILED[name] = _shape(_FIELDS["shapes"][name])
    return _COMPILED[name]


def _text(longest: int) -> Check:
    def run(value: Any, name: str) -> str:
        if not isinstance(value, str):
            raise unsupported(name)
        length = len(value.encode("utf-16-le", "surrogatepass")) // 2  # as Java counts
        if length > longest:
            raise VendorFault("2050", f"{name} has {length} characters; at most {longest} are supported", name)
        return value

    return run


def _enum(values: list[str]) -> Check:
    def run(value: Any, name: str) -> str:
        if not isinstance(value, str) or value not in values:
            raise unsupported(name)
        return value

    return run


def _list(item: Check) -> Check:
    def run(value: Any, name: str) -> list[Any]:
        if not isinstance(value, list):
            raise unsupported(name)
        return [item(each, name) for each in value]

    return run


def _number(value: Any, name: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise unsupported(name)
    number = Decimal(value)
    if abs(number.adjusted()) >= _MOST_DIGITS or len(number.normalize().as_tuple().digits) > _MOST_DIGITS:
        raise VendorFault("2290", f"{name} has more than {_MOST_DIGITS} digits", name)
    return number


def _amount(value: Any, name: str) -> Decimal:
    number = _number(value, name)
    if number != round(number, _AMOUNT_PLACES):
        raise VendorFault("2290", f"{name} has more than {_AMOUNT_PLACES} decimals", name)
    if number.adjusted() >= _MOST_DIGITS - _AMOUNT_PLACES:
        raise VendorFault("2290", f"{name} has more than {_MOST_DIGITS - _AMOUNT_PLACES} digits before the point", name)
    return number


def _place(value: Any, name: str) -> Decimal:
    number = _number(value, name)
    if number < 1 or number != int(number):
        raise unsupported(name)
    return number


def _bool(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise unsupported(name)
    return value


_COMPILED: dict[str, Check] = {}
_ref_shape = _shape(_FIELDS["shapes"]["Ref"])


def _ref(value: Any, name: str) -> Json:
    checked: Json = _ref_shape(value, name)
    if not checked.get("value"):
        raise VendorFault("2020", f"Required parameter {name}.value is missing in the request", name)
    return checked


_WRITABLE = (
    "JournalEntry",
    "Invoice",
    "CreditMemo",
    "Payment",
    "Purchase",
    "Deposit",
    "Customer",
    "Vendor",
    "Item",
    "Account",
)
_ENTITIES: dict[str, Check] = {name: _shape(_FIELDS["shapes"][name] | _EVERY) for name in _WRITABLE}
