"""Periods over the API: the dry run, closing with its seal, reopening."""

from datetime import date
from decimal import Decimal

from accounting.models import AccountingPeriod
from billing.services.payments import receive_payment
from tests.api.caller import Caller


def test_a_month_is_checked_closed_and_reopened(caller, tenant, customer):
    receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 9), amount=Decimal(5), currency="USD")
    month = AccountingPeriod.objects.get()
    checked = caller.post("/periods/validate-close", {"end_date": "2026-01-31"}, status=200)
    assert (checked["can_close"], checked["period_start"], checked["period_end"]) == (True, "2026-01-01", "2026-01-31")
    assert checked["summary"]["failed"] == 0 == checked["summary"]["total_issues"]
    assert {"check_name", "passed", "count", "message", "is_blocking", "details"} <= set(
        checked["validation_checks"][0]
    )
    closed = caller.post(f"/periods/{month.pk}/close", status=200)
    assert closed["status"] == "closed" and len(closed["seal"]["digest"]) == 64
    assert closed["seal"]["debits"] == {"amount": "5.00", "currency": "USD"}
    again = caller.post(f"/periods/{month.pk}/close", status=409)
    assert again["error"]["code"] == "wrong_period" and "closed already" in again["error"]["message"]
    refused = caller.post(f"/periods/{month.pk}/reopen", {"reason": "A bill was forgotten"}, status=403)
    assert refused["error"]["code"] == "may_not_reopen"
    assert AccountingPeriod.objects.get().status == "closed"
    closer = Caller(tenant, may_reopen=True)
    assert closer.post(f"/periods/{month.pk}/reopen", {}, status=400)["error"]["fields"].keys() == {"reason"}
    opened = closer.post(f"/periods/{month.pk}/reopen", {"reason": "A bill was forgotten"}, status=200)
    assert (opened["status"], opened["seal"], opened["reopen_reason"]) == ("open", None, "A bill was forgotten")
    assert [each["id"] for each in caller.get("/periods", {"status": "open"})["results"]] == [month.pk]


def test_a_month_that_something_blocks_is_not_closed(caller, customer):
    receive_payment(customer_id=customer.pk, received_on=date(2126, 1, 9), amount=Decimal(5), currency="USD")
    month = AccountingPeriod.objects.get()
    refused = caller.post(f"/periods/{month.pk}/close", status=409)
    assert refused["error"]["code"] == "close_refused" and "is not over" in refused["error"]["message"]
    month.refresh_from_db()
    assert month.status == "open"


def test_a_month_without_entries_has_nothing_to_close(caller, tenant):
    refused = caller.post("/periods/validate-close", {"end_date": "2026-01-31"}, status=400)
    assert "nothing to close" in str(refused["error"]["fields"]["end_date"])


def test_another_companys_month_is_not_found(caller, stranger, customer):
    receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 9), amount=Decimal(5), currency="USD")
    stranger.post(f"/periods/{AccountingPeriod.objects.get().pk}/close", status=404)


def test_a_reading_key_closes_nothing(reader, customer):
    receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 9), amount=Decimal(5), currency="USD")
    reader.post(f"/periods/{AccountingPeriod.objects.get().pk}/close", status=403)
