"""From customer to journal entry through the API alone; only the billing run is a command."""

from typing import Any

from billing.models import Tenant
from tests.api.caller import Caller, bill, usd


def test_from_customer_to_trial_balance(caller: Caller, tenant: Tenant) -> None:
    customer = caller.post("/customers", {"external_id": "C-1", "name": "Globex", "email": "ap@globex.example"})
    assert customer["currency"] == "USD"
    assert customer["business_entity"] == "main"
    family = caller.post("/product-families", {"code": "saas", "name": "Software"})
    product = caller.post("/products", {"code": "pro", "name": "Pro plan", "family": family["id"]})
    price = caller.post(
        "/prices",
        {
            "product": product["id"],
            "name": "List",
            "currency": "USD",
            "pricing_model": "per_unit",
            "pricing": {"unit_amount": "10.00"},
        },
    )
    tax = caller.post("/tax-rates", {"code": "vat", "name": "VAT", "percent": "20"})
    contract = caller.post(
        "/contracts/",
        {
            "customer": customer["id"],
            "number": "K-1",
            "start": "2026-01-01",
            "term_months": 12,
            "items": [{"product": product["id"], "price": price["id"], "quantity": "5", "tax_rate": tax["id"]}],
        },
    )
    assert contract["status"] == "draft"
    assert contract["end"] == "2027-01-01"
    assert contract["phases"][0]["items"][0]["pricing"] == {"unit_amount": "10.00"}
    assert caller.post(f"/contracts/{contract['id']}/start", status=200)["status"] == "active"

    (draft,) = bill(caller)
    assert draft["total"] == usd("60.00")
    invoice = caller.post(f"/invoices/{draft['id']}/finalize", status=200)
    assert (invoice["number"], invoice["status"]) == ("INV-000001", "finalized")
    assert invoice["lines"][0]["unit_amount"] == usd("10.00")
    assert invoice["lines"][0]["tax"] == usd("10.00")

    payment = caller.post(
        "/payments",
        {"customer": customer["id"], "received_on": "2026-01-20", "amount": usd("75.00"), "reference": "B1"},
    )
    assert payment["unapplied"] == usd("15.00")
    assert payment["allocations"][0]["amount"] == usd("60.00")
    assert caller.get(f"/invoices/{invoice['id']}")["due"] == usd("0.00")

    entries = caller.get("/journal-entries", {"invoice": invoice["id"], "ordering": "id"})["results"]
    assert entries[0]["event_kind"] == "invoice_finalized"
    lines = caller.get(f"/journal-entries/{entries[0]['id']}")["lines"]
    assert {line["role"]: (line["debit"], line["credit"]) for line in lines}["accounts_receivable.customers"] == (
        usd("60.00"),
        usd("0.00"),
    )
    assert all(line["resolved_by"] and line["account"] for line in lines)
    balance = caller.get("/reports/trial-balance", {"at": "2026-01-31"})
    accounts = balance["tables"][0]
    assert accounts["totals"]["debit"] == accounts["totals"]["credit"] != usd("0.00")
    assert balance["proofs"][0]["holds"] is True
    cash = next(row for row in accounts["rows"] if row["values"]["account"] == "1000")
    ledger = caller.get(cash["links"]["debit"].removeprefix("/api/v1"))
    assert ledger["tables"][0]["totals"]["balance"] == cash["values"]["debit"]
    entry = ledger["tables"][0]["rows"][1]["links"]["entry"]
    assert caller.get(entry.removeprefix("/api/v1"))["event_kind"] == "payment_received"


def test_usage_is_recorded_one_by_one_and_by_the_list(caller: Caller, sold: Any) -> None:
    item = sold(pricing_model="per_unit", pricing={"unit_amount": "2.00"}, is_metered=True, timing="arrears")["phases"][
        0
    ]["items"][0]["id"]
    one = caller.post("/usage", {"contract_item": item, "used_on": "2026-01-05", "quantity": "1.5", "key": "u1"})
    assert one["quantity"] == "1.500000"
    rest = [{"contract_item": item, "used_on": "2026-01-06", "quantity": 1, "key": f"u{n}"} for n in range(2, 12)]
    assert len(caller.post("/usage", rest)) == 10
    again = caller.post("/usage", [{**rest[0], "key": "new"}, rest[1]], status=409)
    assert again["error"]["code"] == "duplicate"
    assert "is recorded already" in again["error"]["message"]
    assert caller.get("/usage", {"key": "new"})["results"] == []
    assert len(caller.get("/usage", {"contract_item": item})["results"]) == 11
    caller.post("/usage", [], status=400)
    caller.post("/usage", [rest[0]] * 1001, status=400)


def test_an_invoice_is_voided_and_billed_again(caller: Caller, invoice: dict[str, Any]) -> None:
    void = {"on": "2026-01-10", "reason": "Wrong price", "bill_again": True}
    assert caller.post(f"/invoices/{invoice['id']}/void", void, status=200)["status"] == "void"
    (draft,) = bill(caller)
    caller.delete(f"/invoices/{draft['id']}")
    assert caller.get("/invoices", {"status": "draft"})["results"] == []
    refused = caller("delete", f"/invoices/{invoice['id']}", status=409)
    assert refused["error"]["code"] == "wrong_state"


def test_part_of_an_invoice_is_credited(caller: Caller, invoice: dict[str, Any]) -> None:
    credit = {
        "invoice": invoice["id"],
        "on": "2026-01-15",
        "reason": "Outage",
        "lines": [{"invoice_line": invoice["lines"][0]["id"], "net": usd("40.00")}],
    }
    note = caller.post("/credit-notes", credit)
    assert note["total"] == usd("40.00")
    assert caller.get(f"/credit-notes/{note['id']}")["lines"][0]["net"] == usd("40.00")
    assert caller.get(f"/invoices/{invoice['id']}")["due"] == usd("60.00")
    credit["lines"][0]["net"] = {"amount": "10.00", "currency": "EUR"}
    assert "lines" in caller.post("/credit-notes", credit, status=400)["error"]["fields"]


def test_an_unapplied_payment_is_allocated_later(caller: Caller, invoice: dict[str, Any]) -> None:
    paid = {"customer": invoice["customer"], "received_on": "2026-01-09", "amount": usd("100.00"), "allocations": []}
    payment = caller.post("/payments", paid)
    assert payment["unapplied"] == usd("100.00")
    part = {"on": "2026-01-12", "allocations": [{"invoice": invoice["id"], "amount": usd("30.00")}]}
    payment = caller.post(f"/payments/{payment['id']}/allocate", part, status=200)
    assert payment["unapplied"] == usd("70.00")
    part["allocations"][0]["amount"] = usd("90.00")
    assert caller.post(f"/payments/{payment['id']}/allocate", part, status=409)["error"]["code"] == "exceeds_unapplied"
    part["allocations"] *= 2
    caller.post(f"/payments/{payment['id']}/allocate", part, status=400)


def test_a_contract_is_ended(caller: Caller, sold: Any) -> None:
    contract = sold()
    assert caller.post(f"/contracts/{contract['id']}/end", {"end": "2026-06-01"}, status=200)["end"] == "2026-06-01"
    started = caller.post(f"/contracts/{contract['id']}/start", status=409)
    assert started["error"]["code"] == "wrong_state"


def test_harmless_fields_change_and_nothing_else(caller: Caller, sold: Any) -> None:
    customer = sold()["customer"]
    assert caller.patch(f"/customers/{customer}", {"is_active": False, "name": "New"})["name"] == "New"
    assert "currency" in caller.patch(f"/customers/{customer}", {"currency": "EUR"}, status=400)["error"]["fields"]
    product = caller.get("/products")["results"][0]["id"]
    assert caller.patch(f"/products/{product}", {"is_active": False})["is_active"] is False
    assert "set it to false" in caller("delete", f"/customers/{customer}", status=405)["error"]["message"]


def test_the_ledger_of_an_account_runs_page_by_page(caller: Caller, invoice: dict[str, Any]) -> None:
    account = caller.get("/accounts", {"role": "accounts_receivable.customers"})["results"][0]["code"]
    asked = {"account": account, "from": "2026-01-01", "to": "2026-01-31", "page_size": 1}
    first = caller.get("/reports/general-ledger", asked)["tables"][0]
    assert (first["count"], first["totals"]["balance"]) == (2, usd("100.00"))
    assert first["rows"][0]["values"]["balance"] == usd("0.00")
    second, third = (caller.get("/reports/general-ledger", {**asked, "page": page})["tables"][0] for page in (2, 3))
    assert second["rows"][0]["values"]["balance"] == usd("100.00")
    assert third["rows"] == []
    balance = caller.get("/reports/account-balance", {"account": account, "at": "2026-01-31"})
    assert (balance["balance"], balance["side"]) == (usd("100.00"), "debit")
    assert (
        "account"
        in caller.get("/reports/account-balance", {"account": "9", "at": "2026-01-31"}, status=400)["error"]["fields"]
    )


def test_events_show_what_was_published(caller: Caller, invoice: dict[str, Any]) -> None:
    event = caller.get("/business-events", {"kind": "invoice_finalized"})["results"][0]
    assert event["payload"]["total"] == "100.0000"
    assert caller.get(f"/business-events/{event['id']}")["payload"]["currency"] == "USD"


def test_documents_come_as_pdf(caller: Caller, reader: Caller, stranger: Caller, invoice: dict[str, Any]) -> None:
    line = invoice["lines"][0]["id"]
    note = caller.post(
        "/credit-notes",
        {"invoice": invoice["id"], "on": "2026-01-05", "reason": "Outage",
         "lines": [{"invoice_line": line, "net": usd("10.00")}]},
    )  # fmt: skip
    for path, number in (
        (f"/invoices/{invoice['id']}/pdf", "INV-000001"),
        (f"/credit-notes/{note['id']}/pdf", "CN-000001"),
    ):
        answer = reader.client.get(f"/api/v1{path}")
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
        assert answer["Content-Disposition"] == f'inline; filename="{number}.pdf"'
        assert answer.content.startswith(b"%PDF")
        stranger.get(path, status=404)
