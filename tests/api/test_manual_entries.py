"""Entries by hand over the API: written, submitted, never approved; and reversals."""

import base64
import hashlib
from datetime import date
from decimal import Decimal

from django.contrib.auth import get_user_model
from django.utils import timezone

from accounting.manual_entries import approve
from accounting.models import Account, JournalEntry
from billing.services.payments import receive_payment
from tests.api.caller import usd


def body(**changes):
    codes = list(
        Account.objects.filter(is_group=False, role__in=("cash", "bad_debt_expense", "suspense"))
        .order_by("code")
        .values_list("code", flat=True)
    )
    lines = [{"account": codes[1], "debit": usd("12.50")}, {"account": codes[0], "credit": usd("12.50")}]
    return {"date": "2026-01-31", "description": "Bank fee", "lines": lines} | changes


def test_an_entry_is_written_submitted_and_approved_by_a_person(caller, tenant):
    entry = caller.post("/manual-entries", body(reverse_on="2026-02-01", repeat=1))
    assert (entry["status"], entry["lines"][0]["debit"], entry["approved_by"]) == ("draft", usd("12.50"), None)
    assert caller.post(f"/manual-entries/{entry['id']}/submit", status=200)["status"] == "submitted"
    caller.post(f"/manual-entries/{entry['id']}/approve", {}, status=404)
    caller.delete(f"/manual-entries/{entry['id']}", status=422)
    approve(entry_id=entry["id"], by=get_user_model().objects.create(username="bob"), at=timezone.now())
    posted = caller.get("/journal-entries", {"kind": "manual"})["results"]
    assert [(each["rule"], each["rule_version"], each["description"]) for each in posted] == [(None, None, "Bank fee")]
    assert caller.get(f"/manual-entries/{entry['id']}")["approved_by"] == "bob"


def test_what_could_never_be_posted_is_answered_in_words(caller, tenant):
    lines = body()["lines"]
    wrong = caller.post("/manual-entries", body(lines=[lines[0], lines[1] | {"credit": usd("12.49")}]), status=422)
    assert wrong["error"]["code"] == "entry_refused" and "0.01 USD more" in wrong["error"]["message"]
    caller.post("/manual-entries", body(lines=lines[:1]), status=400)
    caller.post("/manual-entries", body(lines=[lines[0] | {"account": "nope"}, lines[1]]), status=400)
    euro = {"amount": "12.50", "currency": "EUR"}
    mixed = caller.post("/manual-entries", body(lines=[lines[0] | {"debit": euro}, lines[1]]), status=400)
    assert "An entry is in one currency; these lines are in EUR and USD." in str(mixed)
    assert caller.get("/manual-entries")["results"] == []


def test_an_entry_in_a_foreign_currency_is_in_that_of_its_lines(caller, tenant):
    lines = body()["lines"]
    euro = {"amount": "12.50", "currency": "EUR"}
    entry = caller.post("/manual-entries", body(lines=[lines[0] | {"debit": euro}, lines[1] | {"credit": euro}]))
    assert (entry["currency"], entry["lines"][1]["credit"]) == ("EUR", euro)


def test_a_draft_is_deleted(caller, tenant):
    entry = caller.post("/manual-entries", body())
    caller.delete(f"/manual-entries/{entry['id']}")
    caller.get(f"/manual-entries/{entry['id']}", status=404)


def test_a_document_is_attached_read_and_removed_while_the_entry_is_a_draft(caller, stranger, tenant):
    entry = caller.post("/manual-entries", body())
    path = f"/manual-entries/{entry['id']}/attachments"
    offer, bill = b"Audit fee: 12,000.00 USD a year", b"%PDF-1.7 bill"
    caller.post(path, {"name": "offer.txt", "content": base64.b64encode(offer).decode()})
    shown = caller.post(path, {"name": "bill.pdf", "content": base64.b64encode(bill).decode()})["attachments"]
    assert [(each["name"], each["size"]) for each in shown] == [("offer.txt", len(offer)), ("bill.pdf", len(bill))]
    assert shown[0]["sha256"] == hashlib.sha256(offer).hexdigest()
    read = caller.client.get(f"/api/v1{path}/{shown[1]['id']}")
    assert (read.content, read["Content-Type"]) == (bill, "application/pdf")
    assert read["Content-Disposition"] == 'attachment; filename="bill.pdf"'
    stranger.get(f"{path}/{shown[0]['id']}", status=404)
    stranger.delete(f"{path}/{shown[0]['id']}", status=404)
    caller.delete(f"{path}/{shown[0]['id']}")
    caller.get(f"{path}/{shown[0]['id']}", status=404)
    caller.delete(f"{path}/{shown[0]['id']}", status=422)
    caller.post(f"/manual-entries/{entry['id']}/submit", status=200)
    kept = caller.delete(f"{path}/{shown[1]['id']}", status=422)
    assert "what was submitted with an entry stays with it" in kept["error"]["message"]
    left = caller.get(f"/manual-entries/{entry['id']}")["attachments"]
    assert [each["name"] for each in left] == ["bill.pdf"]


def test_what_is_no_document_is_not_attached(caller, tenant):
    entry = caller.post("/manual-entries", body())
    path = f"/manual-entries/{entry['id']}/attachments"
    assert "base64" in str(caller.post(path, {"name": "offer.txt", "content": "not base64!"}, status=400))
    page = base64.b64encode(b"<html>").decode()
    assert "does not hold what its name says" in str(caller.post(path, {"name": "a.pdf", "content": page}, status=422))
    assert "cannot be attached" in str(caller.post(path, {"name": "a.html", "content": page}, status=422))
    assert caller.get(f"/manual-entries/{entry['id']}")["attachments"] == []


def test_another_companys_entry_is_not_found(caller, stranger):
    entry = caller.post("/manual-entries", body())
    stranger.post(f"/manual-entries/{entry['id']}/submit", status=404)


def test_an_entry_is_reversed_once(caller, customer):
    receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 9), amount=Decimal(5), currency="USD")
    paid = JournalEntry.objects.get()
    early = caller.post(f"/journal-entries/{paid.pk}/reverse", {"on": "2026-01-08", "reason": "Bounced"}, status=422)
    assert early["error"]["code"] == "reversal_refused"
    mirror = caller.post(f"/journal-entries/{paid.pk}/reverse", {"on": "2026-01-10", "reason": "Bounced"})
    assert (mirror["reverses"], mirror["date"], mirror["kind"]) == (paid.pk, "2026-01-10", "reversal")
    again = caller.post(f"/journal-entries/{paid.pk}/reverse", {"on": "2026-01-10", "reason": "Bounced"}, status=409)
    assert again["error"]["code"] == "already_reversed"
