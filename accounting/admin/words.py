"""Rules, roles and events in words."""

import re
from collections.abc import Mapping
from typing import Any

from accounting.facts import FACTS

_ACRONYM = re.compile(r"^(Fx|Gst|Tds)\b")
_OPERATORS = {"is": "is", "is_not": "is not", "in": "is one of", "not_in": "is none of"}


def role_name(role: str) -> str:
    """Write an account role for people: `accounts_receivable.customers` is Accounts receivable, customers."""
    words = role.replace(".", ", ").replace("_", " ").capitalize()
    return _ACRONYM.sub(lambda found: found.group().upper(), words)


def amount_name(amount: str) -> str:
    return amount.replace("_", " ")


def line_in_words(line: Mapping[str, Any]) -> str:
    """Say one line of a rule."""
    per = "one line for the document" if line["per"] == "document" else "one line per line of the event"
    return f"{line['side'].capitalize()} {role_name(line['role'])} with {amount_name(line['amount'])}, {per}"


def condition_in_words(event_kind: str, condition: Mapping[str, Any]) -> str:
    """Say one condition of a rule."""
    facts = FACTS[event_kind]
    label = {**facts.header_fields, **facts.line_fields}.get(condition["field"], condition["field"])
    value = condition["value"]
    shown = ", ".join(str(each) for each in value) if isinstance(value, list) else value
    return f"{label} {_OPERATORS.get(condition['operator'], condition['operator'])} {shown}"


def counted(count: int, one: str, many: str) -> str:
    """Write a number with its noun."""
    return f"1 {one}" if count == 1 else f"{count:,} {many}"
