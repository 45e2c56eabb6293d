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
    wallet = caller.post("/wallets/top-up", {**mine, "amount": usd("50.00"), "bonus": usd("10.00"), "reference": "t1"})
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
