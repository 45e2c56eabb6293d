"""Gateways, payouts, disputes, refunds and wallets through the API alone."""

from typing import Any

from accounting.checks import check_ledger
from billing.models import Tenant
from tests.api.caller import Caller, bill, usd


def test_a_gateways_payment_is_paid_out_disputed_and_won(
    caller: Caller, invoice: dict[str, Any], tenant: Tenant
) -> None:
    caller.post("/payment-gateways", {"business_entity": "main", "code": "cards", "name": "Cards"})
    taken = {"customer": invoice["customer"], "received_on": "2026-01-02", "amount": usd("100.00"), "gateway": "cards"}
    payment = caller.post("/payments", taken)
    assert (payment["gateway"], payment["allocations"][0]["amount"]) == ("cards", usd("100.00"))
    payout = {
        "gateway": "cards",
        "paid_on": "2026-01-05",
        "captured": usd("100.00"),
        "fee": usd("3.00"),
        "reference": "p1",
    }
    assert caller.post("/payouts", payout)["deposited"] == usd("97.00")
    assert caller.post("/payouts", payout, status=409)["error"]["code"] == "duplicate"
    assert caller.post("/payouts", payout | {"reference": "p2"}, status=409)["error"]["code"] == "exceeds_held"
    opened = {
        "payment": payment["id"],
        "on": "2026-01-10",
        "amount": usd("40.00"),
        "fee": usd("15.00"),
        "by_gateway": True,
        "reason": "Fraud",
    }
    dispute = caller.post("/disputes", opened)
    assert (dispute["status"], dispute["gateway"], dispute["parts"][0]["amount"]) == ("open", "cards", usd("40.00"))
    assert (
        "amount"
        in caller.post("/disputes", opened | {"amount": {"amount": "1.00", "currency": "EUR"}}, status=400)["error"][
            "fields"
        ]
    )
    won = caller.post(f"/disputes/{dispute['id']}/win", {"on": "2026-01-20", "fee_returned": usd("15.00")}, status=200)
    assert (won["status"], won["resolved_on"]) == ("won", "2026-01-20")
    assert (
        caller.post(f"/disputes/{dispute['id']}/lose", {"on": "2026-01-21"}, status=409)["error"]["code"]
        == "wrong_state"
    )
    assert check_ledger(tenant).problems == []


def test_a_paid_invoice_is_credited_and_refunded(caller: Caller, invoice: dict[str, Any], tenant: Tenant) -> None:
    caller.post("/payments", {"customer": invoice["customer"], "received_on": "2026-01-02", "amount": usd("100.00")})
    credit = {
        "invoice": invoice["id"],
        "on": "2026-01-15",
        "reason": "Outage",
        "lines": [{"invoice_line": invoice["lines"][0]["id"], "net": usd("40.00")}],
    }
    assert "wallet, or refunded" in caller.post("/credit-notes", credit, status=409)["error"]["message"]
    note = caller.post("/credit-notes", credit | {"keep": "refund"})
    assert (note["to_refund"], note["to_wallet"]) == (usd("40.00"), usd("0.00"))
    paid = caller.post("/refunds", {"credit_note": note["id"], "on": "2026-01-16"}, Idempotency_Key="r-1")
    again = caller.post("/refunds", {"credit_note": note["id"], "on": "2026-01-16"}, Idempotency_Key="r-1")
    assert paid["id"] == again["id"]
    assert paid["amount"] == usd("40.00")
    caller.post("/refunds", {"credit_note": note["id"], "payment": 1, "on": "2026-01-16"}, status=400)
    caller.post("/refunds", {"payment": 1, "on": "2026-01-16"}, status=400)
    assert check_ledger(tenant).problems == []


def test_a_wallet_is_filled_and_pays_the_next_invoice(caller: Caller, sold: Any, tenant: Tenant) -> None:
    customer = sold()["customer"]
    mine = {"customer": customer, "on": "2026-01-01"}
    top_up = {**mine, "amount": usd("50.00"), "bonus": usd("10.00"), "reference": "t1"}
    early = caller.post("/wallets/top-up", {**top_up, "expires_on": "2025-12-31"}, status=422)
    assert "Give a later last day" in early["error"]["message"]
    wallet = caller.post("/wallets/top-up", {**top_up, "bonus_expires_on": "2026-06-30"})
    assert wallet["newest"]["expires_on"] == "2026-06-30"
    assert wallet["newest"]["bonus_balance"] == usd("10.00")
    caller.post("/wallets/grant-bonus", {**mine, "amount": usd("5.00"), "reason": "Sorry"})
    caller.post("/wallets/withdraw-bonus", {**mine, "amount": usd("5.00"), "reason": "Expired"})
    draft = bill(caller)[0]
    invoice = caller.post(f"/invoices/{draft['id']}/finalize", status=200)
    part = [{"invoice": invoice["id"], "amount": usd("20.00")}]
    applied = {"customer": customer, "currency": "USD", "on": "2026-01-02"}
    caller.post("/wallets/apply", {**applied, "allocations": part})
    assert caller.post("/wallets/apply", applied)["newest"]["bonus_balance"] == usd("0.00")
    assert caller.get(f"/invoices/{invoice['id']}")["due"] == usd("40.00")
    assert [each["kind"] for each in caller.get("/wallet-entries", {"customer": customer, "ordering": "id"})["results"]] == [
        "top_up", "bonus", "bonus", "withdrawn", "applied", "applied",
    ]  # fmt: skip
    assert caller.post("/wallets/apply", applied, status=409)["error"]["code"] == "exceeds_balance"
    rest = caller.post(
        "/payments",
        {"customer": customer, "received_on": "2026-01-03", "amount": usd("45.00"), "withheld": usd("0.00")},
    )
    assert caller.post(f"/payments/{rest['id']}/keep-in-wallet", {"on": "2026-01-03"}, status=200)["unapplied"] == usd(
        "0.00"
    )
    assert caller.post("/wallets/refund", {**mine, "amount": usd("5.00")})["newest"]["paid_balance"] == usd("0.00")
    assert check_ledger(tenant).problems == []


def test_credits_are_sold_by_an_invoice_used_and_the_rest_given_up(
    caller: Caller, invoice: dict[str, Any], tenant: Tenant
) -> None:
    sold = caller.post("/products", {"code": "credits", "name": "Credits", "recognition_method": "as_consumed"})
    tax = caller.post("/tax-rates", {"code": "vat", "name": "VAT", "percent": "19"})
    line = {
        "product": sold["id"],
        "quantity": "100",
        "unit_amount": "1.19",
        "tax_rate": tax["id"],
        "tax_included": True,
        "period_start": "2026-01-01",
        "period_end": "2026-07-01",
    }
    new = {"customer": invoice["customer"], "issued_on": "2026-01-01", "lines": [line]}
    draft = caller.post("/invoices", new)
    assert (draft["net"], draft["tax"], draft["status"]) == (usd("100.00"), usd("19.00"), "draft")
    caller.post("/invoices", new | {"discount": usd("200.00")}, status=422)
    wrong = new | {"discount": {"amount": "1.00", "currency": "EUR"}}
    assert "give the discount in it" in str(caller.post("/invoices", wrong, status=400))
    caller.post(f"/invoices/{draft['id']}/finalize", status=200)
    use = {"customer": invoice["customer"], "product": sold["id"], "units": "30", "on": "2026-01-31", "key": "u1"}
    assert [each["amount"] for each in caller.post("/credit-uses", use)] == [usd("30.00")]
    assert caller.post("/credit-uses", use, status=409)["error"]["code"] == "duplicate"
    assert (
        caller.post("/credit-uses", use | {"units": "71", "key": "u2"}, status=409)["error"]["code"]
        == "exceeds_balance"
    )
    given_up = caller.post(f"/invoices/{draft['id']}/write-off", {"on": "2026-02-01", "reason": "Gone"}, status=200)
    assert given_up["status"] == "written_off"
    back = {"received_on": "2026-03-01", "amount": usd("19.00")}
    caller.post(f"/invoices/{draft['id']}/recover", back, status=200)
    assert caller.get("/write-offs", {"invoice": draft["id"]})["results"][0]["recovered"] == usd("19.00")
    euro = back | {"amount": {"amount": "1.00", "currency": "EUR"}}
    assert "amount" in caller.post(f"/invoices/{draft['id']}/recover", euro, status=400)["error"]["fields"]
    assert check_ledger(tenant).problems == []
