"""Rules, roles and events in words."""

import re
from collections.abc import Mapping
from typing import Any

from django.db.models import Model

from accounting.facts import FACTS
from billing.models import BusinessEntity, Contract, Customer, Product, ProductFamily

_ACRONYM = re.compile(r"^(Fx|Gst|Tds)\b")
CONDITION_MODELS: dict[str, type[Model]] = {
    "business_entity_id": BusinessEntity,
    "customer_id": Customer,
    "contract_id": Contract,
    "product_id": Product,
    "product_family_id": ProductFamily,
}
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
    """Say one condition of a rule, with names in place of ids."""
    facts, field = FACTS[event_kind], condition["field"]
    label = {**facts.header_fields, **facts.line_fields}.get(field, field)
    value = condition["value"]
    values = value if isinstance(value, list) else [value]
    names = {}
    if field in CONDITION_MODELS:
        found = CONDITION_MODELS[field]._default_manager.in_bulk([each for each in values if isinstance(each, int)])
        names = {pk: str(row) for pk, row in found.items()}
    shown = ", ".join(names.get(each, str(each).replace("_", " ")) for each in values)
    return f"{label} {_OPERATORS.get(condition['operator'], condition['operator'])} {shown}"
