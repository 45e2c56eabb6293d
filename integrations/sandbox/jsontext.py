"""JSON with exact decimals, and with parts that are already text."""

import json
from collections.abc import Callable
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any


class Rendered(str):
    """Text that is JSON already and is put in as it is."""

    __slots__ = ()


def loads(text: str | bytes) -> Any:
    """Read JSON; numbers with a point become Decimal. Raises ValueError, also for NaN and Infinity."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse)


def dumps(value: Any) -> Rendered:
    """Write JSON. A Decimal becomes a number with exactly its digits. Raises TypeError for what JSON has no word for."""
    parts: list[str] = []
    _write(value, parts.append)
    return Rendered("".join(parts))


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _write(value: Any, put: Callable[[str], None]) -> None:
    kind = type(value)
    if kind is str:
        put(encode_basestring(value))
    elif kind is dict:
        separator = "{"
        for key, item in value.items():
            put(f"{separator}{encode_basestring(key)}:")
            _write(item, put)
            separator = ","
        put("}" if separator == "," else "{}")
    elif kind is list or kind is tuple:
        separator = "["
        for item in value:
            put(separator)
            _write(item, put)
            separator = ","
        put("]" if separator == "," else "[]")
    else:
        put(_scalar(value, kind))


def _scalar(value: Any, kind: type) -> str:
    if kind is Rendered:
        return str.__str__(value)
    if kind is Decimal:
        return format(value, "f")
    if value is None or kind in (bool, int, float):
        return json.dumps(value)
    raise TypeError(f"A {kind.__name__} cannot be written as JSON.")
