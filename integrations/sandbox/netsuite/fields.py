"""Checks the shape of what is sent: names, kinds, lengths. The rules of each record come after."""

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from integrations.sandbox.messages import Json
from integrations.sandbox.netsuite.faults import VendorFault, bad_reference, bad_value, content
from integrations.sandbox.netsuite.store import Books

_FIELDS: dict[str, Any] = tomllib.loads((Path(__file__).parent / "fields.toml").read_text(encoding="utf-8"))
_RECORDS: dict[str, dict[str, str]] = {
    name: _FIELDS["every"] | (_FIELDS["body"] if "tranDate" in shape else {}) | shape
    for name, shape in _FIELDS["records"].items()
}
_RECORDS["nonInventorySaleItem"] = _RECORDS["serviceSaleItem"]
_MODES = ("Error", "Warning", "Ignore")
_KNOWN_ELSEWHERE = ("customForm", "accountingBook", "term", "priceLevel", "taxSchedule", "paymentOption")
_EXTERNAL = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_ID = 255


@dataclass
class Shape:
    """What checking needs: the books for references, how strict to be with names, and the warnings it made."""

    books: Books
    names: str = "Warning"
    warnings: list[str] = field(default_factory=list)

    def check(self, kind: str, body: Any) -> Json:
        """Give a copy with only what a caller may set. Raises VendorFault."""
        return self._fields(_RECORDS[kind], body, "")

    def _fields(self, known: dict[str, str], body: Any, path: str) -> Json:
        if not isinstance(body, dict):
            raise bad_value(path or "body")
        clean: Json = {}
        for name, value in body.items():
            where = f"{path}.{name}" if path else name
            kind = known.get(name)
            if kind is None:
                if name.startswith(("custbody", "custcol", "custentity", "custitem", "custrecord")):
                    kind = "any"
                else:
                    self._unknown(name, where)
                    continue
            word, _, argument = kind.partition(" ")
            if word == "own":
                continue
            clean[name] = None if value is None else _KINDS[word](self, value, where, argument)
        return clean

    def _unknown(self, name: str, path: str) -> None:
        words = f"Unknown reference or missing reference property. The property '{name}' does not exist."
        if self.names == "Error":
            raise content(words, path)
        if self.names == "Warning":
            self.warnings.append(words)

    def items(self, value: Any, path: str) -> list[Any]:
        """Give the lines of a sublist. Raises VendorFault."""
        if not isinstance(value, dict) or not isinstance(value.get("items"), list):
            raise bad_value(path)
        return list(value["items"])

    def lines(self, value: Any, path: str, name: str) -> list[Json]:
        """Check the lines of a sublist."""
        known = _FIELDS["lines"][name]
        return [self._fields(known, line, f"{path}.items[{n}]") for n, line in enumerate(self.items(value, path))]

    def reference(self, value: Any, path: str, kind: str) -> Json:
        """Give a reference as `{"id": ..}`. Raises VendorFault."""
        if not isinstance(value, dict) or not ("id" in value or "externalId" in value):
            raise bad_value(path)
        if "id" in value:
            given = _text(self, value["id"], f"{path}.id", "255")
            found = self.books.get(kind, given)
            if found is None and kind in _KNOWN_ELSEWHERE:
                return {"id": given}
        else:
            given = str(value["externalId"])
            found = self.books.by_external(kind, given)
        if found is None:
            raise bad_reference(path, given)
        return {"id": found.id}


def mode(headers: Any, name: str, default: str) -> str:
    """Give how strict a header asks to be. Raises VendorFault."""
    text = str(headers.get(name.lower(), default)).strip().capitalize()
    if text not in _MODES:
        raise VendorFault("INVALID_HEADER", f"Invalid value of header '{name}'.")
    return text


def _text(shape: Shape, value: Any, path: str, argument: str) -> str:
    if not isinstance(value, str):
        raise bad_value(path)
    if len(value.encode("utf-16-le", "surrogatepass")) > 2 * int(argument):  # as Java counts
        name = path.rpartition(".")[2]
        raise content(
            f"The field {name} contained more than the maximum number ( {argument} ) of characters allowed.", path
        )
    return value


def external_id(value: Any, path: str) -> str:
    """Check an external id: letters, digits, underscore and hyphen. Raises VendorFault."""
    if not isinstance(value, str) or len(value) > _LONGEST_ID or not _EXTERNAL.fullmatch(value):
        raise bad_value(path)
    return value


def _key(shape: Shape, value: Any, path: str, argument: str) -> Json:
    if not isinstance(value, dict) or not isinstance(value.get("id"), str):
        raise bad_value(path)
    return {"id": value["id"]}


def _id(shape: Shape, value: Any, path: str, argument: str) -> str:
    given = _text(shape, value, path, "40")
    if shape.books.by_name:  # by preference
        given = next((each.id for each in shape.books.all(argument) if each.data["name"] == given), "")
    if shape.books.get(argument, given) is None:
        raise bad_reference(path, str(value))
    return given


def _date(shape: Shape, value: Any, path: str, argument: str) -> str:
    try:
        if isinstance(value, str) and len(value) == 10:
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass  # refused below, like a value that is no text
    raise bad_value(path)


def _number(shape: Shape, value: Any, path: str, argument: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise bad_value(path)
    return Decimal(value)


def _int(shape: Shape, value: Any, path: str, argument: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad_value(path)
    return value


def _bool(shape: Shape, value: Any, path: str, argument: str) -> bool:
    if not isinstance(value, bool):
        raise bad_value(path)
    return value


def _enum(shape: Shape, value: Any, path: str, argument: str) -> Json:
    given = value.get("id") if isinstance(value, dict) else None
    if not isinstance(given, str) or given not in argument.split("|"):
        raise bad_reference(path, str(given if isinstance(value, dict) else value))
    return {"id": given}


def _refs(shape: Shape, value: Any, path: str, argument: str) -> list[Json]:
    items = shape.items(value, path)
    return [shape.reference(each, f"{path}.items[{n}]", argument) for n, each in enumerate(items)]


_KINDS: dict[str, Callable[[Shape, Any, str, str], Any]] = {
    "text": _text,
    "external": lambda shape, value, path, argument: external_id(value, path),
    "key": _key,
    "id": _id,
    "date": _date,
    "number": _number,
    "int": _int,
    "bool": _bool,
    "enum": _enum,
    "refs": _refs,
    "ref": lambda shape, value, path, argument: shape.reference(value, path, argument),
    "list": lambda shape, value, path, argument: shape.lines(value, path, argument),
    "any": lambda shape, value, path, argument: value,
}
