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
    """The vocabulary of one kind of event: amount → the atoms it adds up; condition field → its label.

    `optional` atoms came later, or are told apart only where the accounting policy says so: a rule may leave them out.
    `is_net`: lines of one role about the same are one line, since amounts of either sign meet in it.
    """

    amounts: dict[str, tuple[str, ...]]
    header_fields: dict[str, str] = field(default_factory=lambda: _HEADER_FIELDS)
    line_fields: dict[str, str] = field(default_factory=lambda: _LINE_FIELDS)
    optional: frozenset[str] = frozenset()
    is_net: bool = False


def _crossed(sources: tuple[str, ...], destinations: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Declare amounts that are told apart twice, by what they are and by where they go: one atom for each pair."""
    return {source: tuple(crossing(source, end) for end in destinations) for source in sources} | {
        end: tuple(crossing(source, end) for source in sources) for end in destinations
    }


def crossing(source: str, destination: str) -> str:
    """Name the atom of an amount that comes from one place and goes to another."""
    return f"{source}_{destination}"


def _returned(*sources: str) -> dict[str, tuple[str, ...]]:
    amounts = _crossed(("earned", "unearned", "tax", *sources), ("in_cash", "by_gateway"))
    return {"lost": (*amounts["earned"], *amounts["tax"]), **amounts}


_CREDITED = _crossed(("unearned", "earned", "unbilled_again", "tax"), ("settled", "to_wallet", "to_refund"))
_RECEIVED = {
    "received": ("allocated", "unapplied"),
    "settled": ("allocated", "withheld_recoverable", "withheld_lost"),
    **{atom: (atom,) for atom in ("allocated", "unapplied", "withheld_recoverable", "withheld_lost")},
}
_WRITTEN_OFF = {"gross": ("lost", "unearned", "tax"), **{atom: (atom,) for atom in ("lost", "unearned", "tax")}}
_REVENUE = {
    "revenue": ("from_deferred", "from_unbilled"),
    "from_deferred": ("from_deferred",),
    "from_unbilled": ("from_unbilled",),
}
_NET_OF_INVOICE = ("net_committed", "net_from_unbilled", "net_deferred", "net_earned")
_NET_OF_CREDIT = (*_CREDITED["unearned"], *_CREDITED["earned"], *_CREDITED["unbilled_again"])
_MOVED = ("moved_unbilled", "moved_deferred")  # Nothing in all, over the event.
_CONTRACT = {"contract_id": "Contract"}


def revalued_as(role: str) -> str:
    """Name the amount by which the balance of a role is revalued."""
    return role.replace(".", "_")


_REVALUED = _crossed(
    (
        "accounts_receivable_customers",
        "accounts_receivable_payment_gateways",
        "contra_accounts_receivable_customers",
        "contra_accounts_receivable_payment_gateways",
        "unapplied_payments",
        "customer_wallet",
        "unbilled_revenue",
        "cash",
    ),
    ("gain", "loss"),
)

FACTS: dict[str, EventFacts] = {
    "contract_started": EventFacts({"committed": ("committed",)}),
    "contract_renewed": EventFacts({"committed": ("committed",)}),
    "contract_modified": EventFacts({atom: (atom,) for atom in ("committed", "unbilled_again", *_MOVED)}, is_net=True),
    "contract_ended": EventFacts({atom: (atom,) for atom in ("withdrawn", "unbilled_again", *_MOVED)}, is_net=True),
    "usage_recorded": EventFacts({}),
    "invoice_finalized": EventFacts(
        {
            "gross": (*_NET_OF_INVOICE, "tax"),
            "net": _NET_OF_INVOICE,
            **{atom: (atom,) for atom in (*_NET_OF_INVOICE, "tax")},
        },
        optional=frozenset({"net_earned"}),
    ),
    "invoice_voided": EventFacts({atom: (atom,) for atom in ("released", "accrued", "unbilled_again", "withdrawn")}),
    "credit_note_issued": EventFacts(
        {
            "gross": (*_NET_OF_CREDIT, *_CREDITED["tax"]),
            "net": _NET_OF_CREDIT,
            **_CREDITED,
        }
    ),
    "credit_note_voided": EventFacts({}),
    "revenue_recognized": EventFacts(_REVENUE),
    "usage_trued_up": EventFacts(_REVENUE),
    "contract_balances_netted": EventFacts({"netted": ("netted",)}, line_fields=_CONTRACT),
    "contract_netting_reversed": EventFacts({}, line_fields=_CONTRACT),
    "foreign_balances_revalued": EventFacts(
        _REVALUED,
        header_fields={"business_entity_id": "Business entity", "currency": "Currency"},
        line_fields={"customer_id": "Customer"},
    ),
    "foreign_revaluation_reversed": EventFacts(
        {}, header_fields={"business_entity_id": "Business entity", "currency": "Currency"}, line_fields={}
    ),
    "payment_received": EventFacts(
        _RECEIVED, header_fields={**_HEADER_FIELDS, "method": "Payment method"}, line_fields={}
    ),
    "payment_captured": EventFacts(
        _RECEIVED,
        header_fields={**_HEADER_FIELDS, "method": "Payment method", "gateway": "Payment gateway"},
        line_fields={},
    ),
    "payment_allocated": EventFacts({"allocated": ("allocated",)}, line_fields={}),
    "payment_unallocated": EventFacts({"unallocated": ("unallocated",)}, line_fields={}),
    "payment_voided": EventFacts(
        {
            "amount": ("in_cash", "by_gateway"),
            "undone": ("in_cash", "by_gateway", "withheld_recoverable", "withheld_lost"),
            **{atom: (atom,) for atom in ("in_cash", "by_gateway", "withheld_recoverable", "withheld_lost")},
        },
        line_fields={},
    ),
    "payout_received": EventFacts(
        {
            "captured": ("deposited", "withheld", "fee"),
            **{atom: (atom,) for atom in ("deposited", "withheld", "fee")},
        },
        header_fields={
            "business_entity_id": "Business entity",
            "currency": "Currency",
            "gateway": "Payment gateway",
        },
        line_fields={},
    ),
    "dispute_opened": EventFacts(_returned("from_unapplied", "fee")),
    "dispute_won": EventFacts(_returned("from_unapplied", "fee")),
    "dispute_lost": EventFacts({}, line_fields={}),
    "refund_paid": EventFacts(_returned("from_credit_note", "from_wallet", "from_unapplied")),
    "credits_consumed": EventFacts(_REVENUE),
    "credits_expired": EventFacts(_REVENUE),
    "invoice_written_off": EventFacts(_WRITTEN_OFF),
    "write_off_recovered": EventFacts(_WRITTEN_OFF),
    "wallet_topped_up": EventFacts(
        {
            "amount": ("in_cash", "by_gateway", "from_unapplied"),
            **{atom: (atom,) for atom in ("in_cash", "by_gateway", "from_unapplied")},
        },
        line_fields={},
    ),
    "wallet_bonus_granted": EventFacts({"bonus": ("bonus",)}, line_fields={}),
    "wallet_bonus_withdrawn": EventFacts({"bonus": ("bonus",)}, line_fields={}),
    "wallet_applied": EventFacts(
        {"settled": ("paid", "bonus"), "paid": ("paid",), "bonus": ("bonus",)}, line_fields={}
    ),
    "wallet_expired": EventFacts({"paid": ("paid",), "bonus": ("bonus",)}, line_fields={}),
}
