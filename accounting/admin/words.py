"""Rules, roles and events in words."""

import re
from collections.abc import Mapping, Sequence
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


_MEANINGS = {
    "net_committed": "of what was grossed up when the contract started",
    "net_from_unbilled": "earned before it was billed",
    "net_deferred": "billed, and not earned yet",
    "net_earned": "earned on the day it is billed, where the policy takes it to revenue at once",
    "from_deferred": "earned of what had been billed before",
    "from_unbilled": "earned, and not billed yet",
    "unearned": "not earned yet: it leaves deferred revenue",
    "earned": "earned already",
    "unbilled_again": "earned, and now unbilled again",
    "moved_unbilled": "not billed of this obligation any more, but of another; nothing in all",
    "moved_deferred": "billed of another obligation before; nothing in all",
    "released": "had become revenue out of what was billed",
    "accrued": "had become revenue before it was billed, and will not be billed again",
    "committed": "the value that is signed for",
    "withdrawn": "signed for, and not to be billed any more",
    "allocated": "settles invoices",
    "unapplied": "kept until an invoice is there",
    "undone": "the payment, with tax withheld by the payer",
    "withheld_recoverable": "tax withheld by the payer that comes back",
    "withheld_lost": "tax withheld by the payer that does not come back",
    "lost": "earned, and not coming in any more",
    "netted": "unbilled revenue set against deferred revenue of the same contract",
}


def amount_meaning(amount: str, atoms: Sequence[str]) -> str:
    """Explain an amount of an event: what it is, else which parts it adds up."""
    if amount in _MEANINGS:
        return _MEANINGS[amount]
    return " + ".join(amount_name(atom) for atom in atoms) if len(atoms) > 1 else ""


def line_in_words(line: Mapping[str, Any]) -> str:
    """Say one line of a rule."""
    per = "one line for the document" if line["per"] == "document" else "one line per line of the event"
    return f"{line['side'].capitalize()} {role_name(line['role'])} with “{amount_name(line['amount'])}”, {per}"


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
