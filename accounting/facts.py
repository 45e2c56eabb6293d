"""What rules may speak of, per kind of event: the amounts it declares and the fields a condition may test.

Each amount is a sum of atoms. An event is measured in atoms that are independent of each other, so a rule balances for
every event exactly when its debits and its credits name the same atoms the same number of times.
"""

from dataclasses import dataclass, field

_HEADER_FIELDS = {
    "business_entity_id": "Business entity",
    "customer_id": "Customer",
    "currency": "Currency",
}
_LINE_FIELDS = {
    "contract_id": "Contract",
    "contract_item_id": "Contract item",
    "product_id": "Product",
    "product_family_id": "Product family",
    "pricing_model": "Pricing model",
    "recognition_method": "Recognition method",
}


@dataclass(frozen=True, slots=True)
class EventFacts:
    """The vocabulary of one kind of event: amount → the atoms it adds up; condition field → its label."""

    amounts: dict[str, tuple[str, ...]]
    header_fields: dict[str, str] = field(default_factory=lambda: _HEADER_FIELDS)
    line_fields: dict[str, str] = field(default_factory=lambda: _LINE_FIELDS)


_NET_OF_INVOICE = ("net_committed", "net_from_unbilled", "net_deferred")
_NET_OF_CREDIT = ("unearned", "earned", "unbilled_again")
_CONTRACT = {"contract_id": "Contract"}
_REVENUE = {
    "revenue": ("from_deferred", "from_unbilled"),
    "from_deferred": ("from_deferred",),
    "from_unbilled": ("from_unbilled",),
}

FACTS: dict[str, EventFacts] = {
    "contract_started": EventFacts({"committed": ("committed",)}),
    "contract_renewed": EventFacts({"committed": ("committed",)}),
    "contract_modified": EventFacts({atom: (atom,) for atom in ("committed", "unbilled_again")}),
    "usage_recorded": EventFacts({}),
    "invoice_finalized": EventFacts(
        {
            "gross": (*_NET_OF_INVOICE, "tax"),
            "net": _NET_OF_INVOICE,
            **{atom: (atom,) for atom in (*_NET_OF_INVOICE, "tax")},
        }
    ),
    "invoice_voided": EventFacts({atom: (atom,) for atom in ("released", "unbilled_again")}),
    "credit_note_issued": EventFacts(
        {
            "gross": (*_NET_OF_CREDIT, "tax"),
            "net": _NET_OF_CREDIT,
            **{atom: (atom,) for atom in (*_NET_OF_CREDIT, "tax")},
        }
    ),
    "revenue_recognized": EventFacts(_REVENUE),
    "usage_trued_up": EventFacts(_REVENUE),
    "contract_balances_netted": EventFacts({"netted": ("netted",)}, line_fields=_CONTRACT),
    "contract_netting_reversed": EventFacts({}, line_fields=_CONTRACT),
    "payment_received": EventFacts(
        {"received": ("allocated", "unapplied"), "allocated": ("allocated",), "unapplied": ("unapplied",)},
        header_fields={**_HEADER_FIELDS, "method": "Payment method"},
        line_fields={},
    ),
    "payment_allocated": EventFacts({"allocated": ("allocated",)}, line_fields={}),
}
