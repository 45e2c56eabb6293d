"""The books behind the API: what is refused, what is kept, and what it does to balances."""

from decimal import Decimal
from typing import Any

import pytest


def test_every_call_names_the_organisation(zoho: Any) -> None:
    assert zoho.get("organizations")["organizations"][0]["organization_id"] == zoho.organization
    answer = zoho.call("GET", "contacts", organization_id="1")
    assert (answer.status_code, answer.json()["code"]) == (400, 6041)
    assert "organization_id" in zoho.refused("GET", "contacts", organization_id="")
    assert zoho.call("GET", "nothing").status_code == 404
    assert zoho.call("DELETE", "contacts").status_code == 405


def test_a_journal_is_a_draft_until_it_is_published(zoho: Any) -> None:
    made = zoho.post("journals", zoho.journal(reference_number="R-1", notes="note"))["journal"]
    assert (made["status"], made["total"], made["entry_number"]) == ("draft", Decimal("100.5"), "1")
    assert zoho.balance("Sales") == 0
    zoho.post(f"journals/{made['journal_id']}/status/publish")
    assert zoho.get(f"journals/{made['journal_id']}")["journal"]["status"] == "published"
    assert zoho.balance("Sales") == Decimal("-100.5")
    assert "already" in zoho.refused("POST", f"journals/{made['journal_id']}/status/publish")
    (row,) = zoho.get("journals", reference_number="r-1")["journals"]
    assert row["journal_id"] == made["journal_id"]
    assert "line_items" not in row
    assert "status" not in row


def test_journals_are_published_in_bulk_all_or_none(zoho: Any) -> None:
    ids = [zoho.post("journals", zoho.journal(reference_number=f"R{n}"))["journal"]["journal_id"] for n in range(3)]
    zoho.post(f"journals/{ids[0]}/status/publish")
    zoho.refused("POST", "journals/status/publish", journal_ids=",".join(ids))
    assert zoho.get(f"journals/{ids[2]}")["journal"]["status"] == "draft"
    zoho.post("journals/status/publish", journal_ids=",".join(ids[1:]))
    assert zoho.get(f"journals/{ids[2]}")["journal"]["status"] == "published"
    assert "journal_ids" in zoho.refused(
        "POST", "journals/status/publish", journal_ids=",".join(["460000000000361"] * 11)
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"surprise": 1}, "Invalid Element surprise"),
        ({"reference_number": "x" * 101}, "less than 100"),
        ({"notes": "x" * 501}, "less than 500"),
        ({"journal_date": "31.10.2026"}, "journal_date"),
        ({"journal_date": None}, "journal_date"),
        ({"currency_id": 460000000000007}, "currency_id"),
        ({"currency_id": "999999"}, "currency_id"),
        ({"journal_type": "accrual"}, "journal_type"),
        ({"line_items": []}, "two line items"),
        ({"line_items": {"amount": 1}}, "less than 100"),
        ({"status": "posted"}, "status"),
    ],
)
def test_bad_journals(zoho: Any, fields: dict[str, Any], words: str) -> None:
    assert words in zoho.refused("POST", "journals", zoho.journal() | fields)
    assert zoho.state()["counts"]["journals"] == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"amount": "100.50"}, "amount"),
        ({"amount": 0}, "amount"),
        ({"amount": -5}, "amount"),
        ({"amount": 100.505}, "amount"),
        ({"amount": 99}, "debits and credits"),
        ({"debit_or_credit": "Debit"}, "debit_or_credit"),
        ({"account_id": "12345678"}, "account_id"),
        ({"account_id": None}, "account_id"),
        ({"description": "x" * 501}, "less than 500"),
        ({"tags": [{"tag_id": "99999", "tag_option_id": "99999"}]}, "tag_option_id"),
        ({"debit": 1}, "Invalid Element debit"),
    ],
)
def test_bad_journal_lines(zoho: Any, line: dict[str, Any], words: str) -> None:
    body = zoho.journal()
    body["line_items"][0] |= line
    assert words in zoho.refused("POST", "journals", body)


def test_receivables_want_a_customer_and_inactive_accounts_take_nothing(zoho: Any) -> None:
    body = zoho.journal()
    body["line_items"][0]["account_id"] = zoho.account("Accounts Receivable")
    assert "select a customer" in zoho.refused("POST", "journals", body)
    body["line_items"][0]["customer_id"] = zoho.customer()
    zoho.post("journals", body)
    zoho.post(f"chartofaccounts/{zoho.account('Sales')}/inactive")
    assert "inactive" in zoho.refused("POST", "journals", body)


def test_locked_days_take_nothing_the_date_itself_included(zoho: Any) -> None:
    made = zoho.post("journals", zoho.journal())["journal"]
    zoho.control("preferences", {"AccountantLockDate": "2026-10-31"})
    assert "locked" in zoho.refused("POST", "journals", zoho.journal())
    assert "locked" in zoho.refused("POST", f"journals/{made['journal_id']}/status/publish")
    zoho.post("journals", zoho.journal(journal_date="2026-11-01"))
    zoho.post("invoices", zoho.invoice(zoho.customer()))
    (lock,) = zoho.get("transactionlocks")["transaction_locks"]
    assert (lock["transaction_lock_date"], lock["lock_scope_formatted"]) == ("2026-10-31", "Accountant")


def test_foreign_journals_keep_their_rate_and_currencies_their_decimals(zoho: Any) -> None:
    euro = zoho.post("journals", zoho.journal(100, currency_id=zoho.currency("EUR"), exchange_rate=1.1))["journal"]
    assert (euro["currency_code"], euro["bcy_total"]) == ("EUR", Decimal("110.00"))
    assert "amount" in zoho.refused("POST", "journals", zoho.journal(1.5, currency_id=zoho.currency("JPY")))
    zoho.post("journals", zoho.journal(1.234, currency_id=zoho.currency("KWD"), exchange_rate=3.25))
    assert "exchange_rate" in zoho.refused("POST", "journals", zoho.journal(exchange_rate=2))


def test_an_invoice_counts_when_it_is_sent_and_no_longer_when_it_is_void(zoho: Any) -> None:
    customer = zoho.customer()
    tax = next(each for each in zoho.get("settings/taxes")["taxes"] if each["tax_name"] == "California")
    body = zoho.invoice(customer, 10.01, invoice_number="A-1")
    body["line_items"][0]["tax_id"] = tax["tax_id"]
    assert "ignore_auto_number" in zoho.refused("POST", "invoices", body)
    made = zoho.post("invoices", body, ignore_auto_number_generation="true")["invoice"]
    assert (made["status"], made["sub_total"], made["tax_total"], made["total"]) == (
        "draft",
        Decimal("10.01"),
        Decimal("0.83"),
        Decimal("10.84"),
    )
    assert "already exists" in zoho.refused("POST", "invoices", body, ignore_auto_number_generation="true")
    assert zoho.balance("Accounts Receivable") == 0
    zoho.post(f"invoices/{made['invoice_id']}/status/sent")
    assert zoho.balance("Accounts Receivable") == Decimal("10.84")
    assert "cannot be changed" in zoho.refused("POST", f"invoices/{made['invoice_id']}/status/sent")
    zoho.post(f"invoices/{made['invoice_id']}/status/void")
    assert zoho.balance("Accounts Receivable") == 0
    assert "void" in zoho.refused("POST", f"invoices/{made['invoice_id']}/status/void")


def test_upserts_create_once_and_then_update(zoho: Any) -> None:
    customer = zoho.customer()
    body = zoho.invoice(customer, 5, invoice_number="B-1")
    first = zoho.put("invoices", "X-1", body)
    assert first.status_code == 201
    again = zoho.put("invoices", "X-1", body)
    assert (again.status_code, again.json()["invoice"]["invoice_id"]) == (200, first.json()["invoice"]["invoice_id"])
    assert zoho.state()["counts"]["invoices"] == 1
    assert first.json()["invoice"]["custom_fields"][0]["value"] == "X-1"
    assert zoho.put("invoices", "X-9", body, upsert="false").status_code == 404
    # The contract knows the flag on creating and on updating by id only.
    assert zoho.put("invoices", "X-1", body, ignore_auto_number_generation="true").status_code == 400
    headers = {"X-Unique-Identifier-Key": "cf_other", "X-Unique-Identifier-Value": "1", "X-Upsert": "true"}
    assert zoho.call("PUT", "invoices", body, headers=headers).status_code == 400
    assert zoho.call("PUT", "journals", zoho.journal(), headers=headers).status_code == 405


def test_payments_and_credits_settle_invoices_and_can_be_paid_back(zoho: Any) -> None:
    customer = zoho.customer()
    invoice = zoho.post("invoices", zoho.invoice(customer, 100))["invoice"]["invoice_id"]
    part = {"invoice_id": invoice, "amount_applied": 60}
    payment = {
        "customer_id": customer,
        "payment_mode": "banktransfer",
        "amount": 70,
        "date": "2026-11-01",
        "invoices": [part],
        **part,
    }
    assert "draft" in zoho.refused("POST", "customerpayments", payment)
    zoho.post(f"invoices/{invoice}/status/sent")
    assert "mandatory" in zoho.refused(
        "POST", "customerpayments", {k: v for k, v in payment.items() if k != "invoice_id"}
    )
    paid = zoho.post("customerpayments", payment)["payment"]
    assert (paid["unused_amount"], zoho.get(f"invoices/{invoice}")["invoice"]["balance"]) == (10, 40)
    note = {
        "customer_id": customer,
        "date": "2026-11-02",
        "creditnote_number": "C-1",
        "line_items": [{"item_id": zoho.item(), "rate": 50, "quantity": 1}],
    }
    assert "quantity" in zoho.refused(
        "POST", "creditnotes", note | {"line_items": [{"item_id": zoho.item(), "quantity": 1.5}]}
    )
    credit = zoho.post("creditnotes", note, ignore_auto_number_generation="true")["creditnote"]
    applied = {"invoice_id": invoice, "amount_applied": 40}
    zoho.post(f"creditnotes/{credit['creditnote_id']}/invoices", {"invoices": [applied], **applied})
    assert zoho.get(f"invoices/{invoice}")["invoice"]["status"] == "paid"
    assert zoho.balance("Accounts Receivable") == -20
    bank = zoho.account("Checking Account")
    back = {"amount": 10, "from_account_id": bank, "date": "2026-11-03"}
    zoho.post(f"creditnotes/{credit['creditnote_id']}/refunds", back)
    zoho.post(f"customerpayments/{paid['payment_id']}/refunds", back)
    assert "more than" in zoho.refused("POST", f"customerpayments/{paid['payment_id']}/refunds", back)
    assert (zoho.balance("Accounts Receivable"), zoho.balance("Checking Account")) == (0, -20)
    zoho.post(f"invoices/{invoice}/status/void")
    assert zoho.get(f"customerpayments/{paid['payment_id']}")["payment"]["unused_amount"] == 60


def test_lists_come_in_pages_of_at_most_200_and_know_what_changed(zoho: Any) -> None:
    for number in range(12):
        zoho.customer(f"C{number:02d}")
    first = zoho.get("contacts")
    assert (len(first["contacts"]), first["page_context"]["has_more_page"]) == (10, True)
    second = zoho.get("contacts", page="2")
    assert (len(second["contacts"]), second["page_context"]["has_more_page"]) == (2, False)
    assert "surprise" in zoho.refused("GET", "contacts", surprise="1")
    assert zoho.get("chartofaccounts", last_modified_time="2099-01-01T00:00:00+0000")["chartofaccounts"] == []
    zoho.control("preferences", {"IdsAsNumbersInLists": True})
    assert isinstance(zoho.get("contacts")["contacts"][0]["contact_id"], int)


def test_names_and_codes_are_unique(zoho: Any) -> None:
    zoho.customer("Zoë & Søn ÅÄÖ 株式会社")
    assert "already exists" in zoho.refused("POST", "contacts", {"contact_name": "zoë & søn åäö 株式会社"})
    account = {"account_name": "Sales", "account_type": "income"}
    assert "already exists" in zoho.refused("POST", "chartofaccounts", account)
    assert "account_type" in zoho.refused("POST", "chartofaccounts", {"account_name": "New", "account_type": "revenue"})


def test_a_day_has_only_so_many_calls_and_the_header_is_the_vendors_choice(zoho: Any) -> None:
    zoho.get("contacts")
    zoho.control("preferences", {"DailyLimit": 1})
    over = zoho.call("GET", "contacts")
    assert (over.status_code, over.json()["code"], "Retry-After" in over.headers) == (429, 45, False)
    zoho.control("preferences", {"RetryAfter": 7})
    assert zoho.call("GET", "contacts").headers["Retry-After"] == "7"
    zoho.control("new_day")
    zoho.get("contacts")


def test_a_form_is_no_json(zoho: Any) -> None:
    headers = {"Authorization": f"Zoho-oauthtoken {zoho.tokens['access_token']}"}
    answer = zoho.http.post(
        f"{zoho.url}/books/v3/contacts?organization_id={zoho.organization}", data={"a": 1}, headers=headers, timeout=5
    )
    assert (answer.status_code, answer.json()["code"]) == (400, 1038)


def test_every_page_for_a_person_is_there(zoho: Any) -> None:
    customer = zoho.customer("<b>Ann</b>")
    invoice = zoho.post("invoices", zoho.invoice(customer))["invoice"]["invoice_id"]
    zoho.post(f"invoices/{invoice}/status/sent")
    journal = zoho.post("journals", zoho.journal(status="published"))["journal"]["journal_id"]
    paths = ["", "journals", "invoices", "contacts", "items", f"journals/{journal}", f"invoices/{invoice}"]
    paths += [f"contacts/{customer}", f"chartofaccounts/{zoho.account('Sales')}"]
    for path in paths:
        page = zoho.http.get(f"{zoho.url}/{path}", timeout=5)
        assert page.status_code == 200, path
        assert "<b>Ann</b>" not in page.text
    assert zoho.http.get(f"{zoho.url}/journals/1", timeout=5).status_code == 404


def test_updates_of_journals_tell_no_status_and_locations_have_no_pages(zoho: Any) -> None:
    made = zoho.post("journals", zoho.journal())["journal"]
    assert zoho.call("PUT", f"journals/{made['journal_id']}", zoho.journal(notes="Other")).status_code == 200
    refused = zoho.call("PUT", f"journals/{made['journal_id']}", zoho.journal(status="draft"))
    assert (refused.status_code, "status" in refused.json()["message"]) == (400, True)
    assert "Head Office" in [each["location_name"] for each in zoho.get("locations")["locations"]]
    assert "page" in zoho.refused("GET", "locations", None, page="1")
