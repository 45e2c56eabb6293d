"""JSON with exact decimals: an amount never passes through a binary float, neither going out nor coming in."""

import json
from decimal import Decimal
from typing import Any


def dumps(value: Any) -> str:
    """Write JSON; a Decimal becomes a JSON number with exactly its digits. Raises TypeError for a float."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise TypeError("Only finite amounts can be sent.")
        return format(value, "f")
    if isinstance(value, str) or value is None or isinstance(value, int):
        return json.dumps(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(str(key))}:{dumps(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(dumps(item) for item in value) + "]"
    raise TypeError(f"A {type(value).__name__} cannot be sent as JSON.")


def loads(text: str) -> Any:
    """Read JSON with numbers as exact decimals."""
    return json.loads(text, parse_float=Decimal)


def decimal(value: Any) -> Decimal:
    """Read a number of an answer exactly; nothing is zero."""
    return Decimal(str(value)) if value not in (None, "") else Decimal(0)
