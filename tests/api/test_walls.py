"""One company's key neither sees nor touches another's records, by id either."""

from typing import Any

import pytest

from tests.api.caller import Caller, usd

LISTS = [
    "customers",
    "product-families",
    "products",
    "prices",
    "tax-rates",
    "contracts",
    "usage",
    "invoices",
    "credit-notes",
    "payments",
    "payment-gateways",
    "payouts",
    "disputes",
    "refunds",
    "wallets",
    "wallet-entries",
    "write-offs",
    "credit-uses",
    "jobs",
    "business-events",
    "journal-entries",
]


@pytest.fixture
def full(caller: Caller, invoice: dict[str, Any]) -> Caller:
    """The first company's caller, with a record of nearly every kind."""
    caller.post("/product-families", {"code": "f", "name": "F"})
    caller.post("/tax-rates", {"code": "t", "name": "T", "percent": "5"})
    product = caller.get("/products")["results"][0]["id"]
    priced = {
        "product": product,
        "name": "L",
        "currency": "USD",
        "pricing_model": "flat_fee",
        "pricing": {"amount": "1"},
    }
    caller.post("/prices", priced)
    caller.post("/payments", {"customer": invoice["customer"], "received_on": "2026-01-09", "amount": usd("10.00")})
    line = {"invoice_line": invoice["lines"][0]["id"], "net": usd("1.00")}
    caller.post("/credit-notes", {"invoice": invoice["id"], "on": "2026-01-09", "reason": "r", "lines": [line]})
    caller.post("/payment-gateways", {"business_entity": "main", "code": "cards", "name": "Cards"})
    paid = {"customer": invoice["customer"], "received_on": "2026-01-09", "amount": usd("9.00"), "gateway": "cards"}
    payment = caller.post("/payments", paid)["id"]
    caller.post("/payouts", {"gateway": "cards", "paid_on": "2026-01-10", "captured": usd("5.00"), "reference": "p"})
    caller.post("/disputes", {"payment": payment, "on": "2026-01-10", "amount": usd("2.00"), "reason": "r"})
    caller.post("/refunds", {"payment": payment, "on": "2026-01-10", "amount": usd("2.00"), "reason": "r"})
    caller.post("/wallets/top-up", {"customer": invoice["customer"], "on": "2026-01-10", "amount": usd("3.00")})
    caller.post("/jobs/run-billing", {"through": "2026-01-31"})
    return caller


def test_nothing_is_seen(full: Caller, stranger: Caller) -> None:
    for resource in LISTS:
        mine = full.get(f"/{resource}")["results"]
        assert mine or resource in ("usage", "write-offs", "credit-uses"), resource
        assert stranger.get(f"/{resource}")["results"] == [], resource
        for record in mine:
            assert stranger.get(f"/{resource}/{record['id']}", status=404)["error"]["code"] == "not_found", resource


def test_accounts_are_each_companys_own(full: Caller, stranger: Caller) -> None:
    theirs = {account["id"] for account in stranger.get("/accounts", {"page_size": 500})["results"]}
    mine = {account["id"] for account in full.get("/accounts", {"page_size": 500})["results"]}
    assert theirs
    assert not theirs & mine


def test_nothing_is_touched(full: Caller, stranger: Caller) -> None:
    first = {resource: (full.get(f"/{resource}")["results"] or [{"id": 1}])[0]["id"] for resource in LISTS}
    for resource in ("customers", "products", "prices", "tax-rates", "product-families"):
        stranger.patch(f"/{resource}/{first[resource]}", {"name": "taken"}, status=404)
    stranger.post(f"/contracts/{first['contracts']}/start", status=404)
    stranger.post(f"/contracts/{first['contracts']}/end", {"end": "2026-05-01"}, status=404)
    stranger.post(f"/invoices/{first['invoices']}/finalize", status=404)
    stranger.post(f"/invoices/{first['invoices']}/void", {"on": "2026-02-01", "reason": "x"}, status=404)
    stranger.post(f"/invoices/{first['invoices']}/write-off", {"on": "2026-02-01", "reason": "x"}, status=404)
    recovered = {"received_on": "2026-02-01", "amount": usd("1.00")}
    stranger.post(f"/invoices/{first['invoices']}/recover", recovered, status=404)
    stranger("delete", f"/invoices/{first['invoices']}", status=404)
    part = {"on": "2026-02-01", "allocations": [{"invoice": first["invoices"], "amount": usd("1.00")}]}
    stranger.post(f"/payments/{first['payments']}/allocate", part, status=404)
    stranger.post(f"/payments/{first['payments']}/keep-in-wallet", {"on": "2026-02-01"}, status=404)
    stranger.post(f"/disputes/{first['disputes']}/lose", {"on": "2026-02-01"}, status=404)
    stranger.post(f"/disputes/{first['disputes']}/win", {"on": "2026-02-01"}, status=404)
    taken = {"customer": first["customers"], "on": "2026-02-01", "amount": usd("1.00")}
    for verb in ("top-up", "refund"):
        assert "customer" in stranger.post(f"/wallets/{verb}", taken, status=400)["error"]["fields"]
    refund = {"payment": first["payments"], "on": "2026-02-01", "amount": usd("1.00"), "reason": "x"}
    assert "payment" in stranger.post("/refunds", refund, status=400)["error"]["fields"]
    credit = {"invoice": first["invoices"], "on": "2026-02-01", "reason": "x", "lines": []}
    assert "invoice" in stranger.post("/credit-notes", credit, status=400)["error"]["fields"]
    paid = {"customer": first["customers"], "received_on": "2026-01-09", "amount": usd("1.00")}
    assert "customer" in stranger.post("/payments", paid, status=400)["error"]["fields"]
    item = {"product": first["products"], "pricing_model": "flat_fee", "pricing": {"amount": "1"}}
    own = stranger.post("/customers", {"external_id": "1", "name": "Own"})
    contract = {"customer": own["id"], "number": "K", "start": "2026-01-01", "items": [item]}
    assert "items.0.product" in stranger.post("/contracts", contract, status=400)["error"]["fields"]
    usage = {"contract_item": 1, "used_on": "2026-01-01", "quantity": "1", "key": "k"}
    stranger.post("/usage", usage, status=404)
    assert full.get(f"/customers/{first['customers']}")["name"] == "Customer a"
