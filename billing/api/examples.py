"""An example of each request with a body, by the name of its operation; ids are those of a company's first records.

They tell one story: 4711, Copper Bakery, pays 500.00 a month in advance and 0.25 for each gigabyte used.
"""

from collections.abc import Mapping
from typing import Any


def _usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


_CHANGE: dict[str, Any] = {
    "effective_on": "2026-03-01",
    "signed_on": "2026-02-20",
    "reason": "Upgrade to ten seats",
    "treatment": "prospective",
    "replace": [{"item": 1, "pricing_model": "flat_fee", "pricing": {"amount": "800.00"}}],
}
EXAMPLES: dict[str, Any] = {
    "customers_create": {
        "external_id": "4711",
        "name": "Copper Bakery",
        "email": "books@copper-bakery.example",
        "address": "1 Mill Lane\nPortsend",
        "country": "US",
        "currency": "USD",
    },
    "customers_partial_update": {"email": "billing@copper-bakery.example"},
    "product_families_create": {"code": "cloud", "name": "Cloud services"},
    "product_families_partial_update": {"name": "Cloud"},
    "products_create": {"code": "plan", "name": "Business plan", "recognition_method": "straight_line_days"},
    "products_partial_update": {"name": "Business plan 2026"},
    "prices_create": {
        "product": 1,
        "name": "Monthly",
        "currency": "USD",
        "pricing_model": "flat_fee",
        "pricing": {"amount": "500.00"},
    },
    "prices_partial_update": {"is_active": False},
    "tax_rates_create": {"code": "st", "name": "Sales tax", "percent": "8.25", "jurisdiction": "Demo State"},
    "tax_rates_partial_update": {"is_active": False},
    "contracts_create": {
        "customer": 1,
        "number": "K-2026-001",
        "start": "2026-01-01",
        "term_months": 12,
        "renewal": "same_terms",
        "payment_terms_days": 30,
        "items": [
            {"product": 1, "price": 1},
            {
                "product": 2,
                "is_metered": True,
                "timing": "arrears",
                "pricing_model": "per_unit",
                "pricing": {"unit_amount": "0.25"},
            },
        ],
    },
    "contracts_modify_create": _CHANGE,
    "contracts_end_create": {"end": "2026-07-01"},
    "usage_create": [
        {"contract_item": 2, "used_on": "2026-01-12", "quantity": "12.5", "key": "meter-7-2026-01-12"},
        {"contract_item": 2, "used_on": "2026-01-13", "quantity": "7.5", "key": "meter-7-2026-01-13"},
    ],
    "jobs_run_billing_create": {"through": "2026-02-01", "finalize": False},
    "invoices_create": {
        "customer": 1,
        "issued_on": "2026-01-15",
        "lines": [{"product": 1, "unit_amount": "250.00", "quantity": "2", "description": "On-site training"}],
    },
    "invoices_void_create": {"on": "2026-01-20", "reason": "Wrong customer", "bill_again": True},
    "invoices_write_off_create": {"on": "2026-06-30", "reason": "The customer is insolvent"},
    "invoices_recover_create": {"received_on": "2026-08-15", "amount": _usd("100.00"), "method": "bank_transfer"},
    "payments_create": {
        "customer": 1,
        "received_on": "2026-01-20",
        "amount": _usd("300.00"),
        "method": "bank_transfer",
        "reference": "BANK-2026-01-20-17",
        "allocations": [{"invoice": 1, "amount": _usd("300.00")}],
    },
    "payments_allocate_create": {"on": "2026-01-21", "allocations": [{"invoice": 1, "amount": _usd("100.00")}]},
    "payments_unallocate_create": {"on": "2026-01-22", "reason": "Meant for another invoice", "allocation": 1},
    "payments_keep_in_wallet_create": {"on": "2026-01-22", "amount": _usd("50.00")},
    "payments_void_create": {"on": "2026-01-22", "reason": "Recorded twice"},
    "credit_notes_create": {
        "invoice": 1,
        "on": "2026-01-25",
        "reason": "Two days without service",
        "lines": [{"invoice_line": 1, "net": _usd("50.00")}],
    },
    "credit_notes_void_create": {"on": "2026-01-26", "reason": "Issued by mistake"},
    "credit_uses_create": {"customer": 1, "product": 1, "units": "100", "on": "2026-01-12", "key": "use-2026-01-12"},
    "payment_gateways_create": {"business_entity": "main", "code": "cards", "name": "Card payments"},
    "payouts_create": {
        "gateway": "cards",
        "paid_on": "2026-01-31",
        "captured": _usd("500.00"),
        "fee": _usd("14.80"),
        "reference": "po_2026_01",
    },
    "disputes_create": {
        "payment": 1,
        "on": "2026-02-03",
        "amount": _usd("300.00"),
        "fee": _usd("15.00"),
        "reason": "Not recognized",
        "reference": "dp_1",
    },
    "disputes_win_create": {"on": "2026-03-01", "fee_returned": _usd("15.00")},
    "disputes_lose_create": {"on": "2026-03-01"},
    "refunds_create": {"payment": 1, "amount": _usd("25.00"), "on": "2026-02-05", "reason": "Goodwill"},
    "wallets_top_up_create": {
        "customer": 1,
        "amount": _usd("1000.00"),
        "bonus": _usd("100.00"),
        "bonus_expires_on": "2026-12-31",
        "on": "2026-01-05",
        "method": "card",
    },
    "wallets_apply_create": {"customer": 1, "currency": "USD", "on": "2026-02-02"},
    "wallets_grant_bonus_create": {"customer": 1, "amount": _usd("20.00"), "on": "2026-01-05", "reason": "Welcome"},
    "wallets_withdraw_bonus_create": {
        "customer": 1,
        "amount": _usd("20.00"),
        "on": "2026-04-01",
        "reason": "Granted twice",
    },
    "wallets_refund_create": {"customer": 1, "amount": _usd("200.00"), "on": "2026-04-01", "reason": "Account closed"},
}


def add_examples(more: Mapping[str, Any]) -> None:
    """Take up the examples of the apps above."""
    EXAMPLES.update(more)


def modification_example() -> dict[str, Any]:
    """Give the example of a modification, which can also be tried."""
    return dict(_CHANGE)
