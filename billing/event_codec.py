"""Events to JSON and back, without loss: Decimals and dates travel as text, lines as lists of objects."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

import orjson

_E = TypeVar("_E")

# Columns of the stored record itself, which decide.
_IN_COLUMNS = frozenset({"tenant_id", "business_entity_id", "occurred_on", "key", "event_id"})


def encode(event: Any) -> str:
    """Give the event's payload as JSON text."""
    return orjson.dumps(event, default=str).decode()


def decode(event_class: type[_E], payload: Mapping[str, Any], **columns: Any) -> _E:
    """Build the event again from its stored payload and the record's columns."""
    values = {name: value for name, value in payload.items() if name not in _IN_COLUMNS}
    return event_class(**columns, **_decoded(event_class, values))


def _decoded(target: type, values: Mapping[str, Any]) -> dict[str, Any]:
    readers = _readers(target)
    return {name: readers[name](value) for name, value in values.items()}


@cache
def _readers(target: type) -> dict[str, Callable[[Any], Any]]:
    return {name: _reader(hint) for name, hint in get_type_hints(target).items()}


def _reader(hint: Any) -> Callable[[Any], Any]:
    options = get_args(hint) or (hint,)
    if Decimal in options:
        return lambda value: None if value is None else Decimal(value)
    if date in options:
        return lambda value: None if value is None else date.fromisoformat(value)
    if getattr(hint, "__origin__", None) is tuple:
        line_class = options[0]
        return lambda value: tuple(line_class(**_decoded(line_class, line)) for line in value)
    return lambda value: value
