"""Exchange rates and the revaluation in the admin: looked at before anything is recorded or posted."""

import re
from datetime import date
from decimal import Decimal
from html import unescape

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounting.closing import dry_run
from accounting.models import AccountingPeriod, ExchangeRate, JournalEntry
from billing.models import Customer
from billing.services.payments import receive_payment
from tests.accounting.rates import rates

IMPORT, REVALUE = "admin:import_rates", "admin:revalue_balances"


def given(content: str, **more: str) -> dict[str, object]:
    return {
        "file": SimpleUploadedFile("rates.csv", content.encode(), "text/csv"),
        "source": "ECB",
        "bank_currency": "EUR",
        "quotation": "foreign_per_bank",
        **more,
    }


def confirmed(page: str) -> dict[str, str]:
    found = re.search('name="confirmed" value="([^"]+)"', page)
    assert found is not None, page
    return {"confirmed": found[1]}


def test_rates_are_looked_at_before_they_are_recorded(accountant: Client, viewer: Client) -> None:
    page = reverse(IMPORT)
    assert viewer.get(page).status_code == 403
    assert viewer.post(page, {"confirmed": "x"}).status_code == 403
    shown = accountant.post(page, given("Date,USD,ISK\n2026-03-02,1.1012,140\n2026-03-03,1.0987,\n")).content.decode()
    assert "2 rates are new" in shown and "1 EUR = 1.0987 USD" in shown and "ISK" in shown
    assert not ExchangeRate.objects.exists()
    done = accountant.post(page, confirmed(shown), follow=True).content.decode()
    assert "2 rates imported." in done and "1 EUR = 1.1012 USD" in done
    again = accountant.post(page, given("Date,USD\n2026-03-02,1.1012\n")).content.decode()
    assert "Nothing of this file is new" in again
    rate = ExchangeRate.objects.first()
    assert rate is not None
    opened = accountant.get(reverse("admin:accounting_exchangerate_change", args=[rate.pk])).content.decode()
    assert "As the bank gave it" in opened


def test_bad_lines_and_changed_rates_are_listed_and_nothing_is_recorded(accountant: Client, tenant: object) -> None:
    page = reverse(IMPORT)
    rates("Date USD\n2026-03-02 1.10")
    bad = accountant.post(page, given("Date,USD\n2026-03-02,1.20\nsoon,1\n")).content.decode()
    assert "2 lines are bad" in bad and "recorded with 1.1" in bad and "not a date" in bad
    corrected = accountant.post(page, given("Date,USD\n2026-03-02,1.20\n", correct="on")).content.decode()
    assert "1 corrected" in corrected
    accountant.post(page, confirmed(corrected))
    assert ExchangeRate.objects.count() == 2
    assert "no table" not in accountant.post(page, given("nonsense")).content.decode()
    forged = accountant.post(page, {"confirmed": "forged"}, follow=True).content.decode()
    assert "This preview has expired" in forged
    assert ExchangeRate.objects.count() == 2


def test_balances_are_looked_at_before_they_are_revalued(
    accountant: Client, finance: Client, customer: Customer
) -> None:
    rates("Date USD\n2026-03-05 1.10\n2026-03-31 1.20")
    receive_payment(
        customer_id=customer.pk, received_on=date(2026, 3, 5), amount=Decimal(50), currency="EUR", allocations={}
    )
    period = AccountingPeriod.objects.get(start=date(2026, 3, 1))
    check = {each.code: each for each in dry_run(period, today=date(2026, 4, 9)).checks}["foreign_balances"]
    assert (check.result, check.details) == ("blocking", ("EUR: -5.00 USD",))
    assert finance.get(check.url).status_code == 403
    shown = accountant.get(check.url).content.decode()
    assert "-50.00 EUR" in shown and "1.2 of" in shown and "-5.00" in shown
    entries = JournalEntry.objects.count()
    refused = accountant.post(reverse(REVALUE), {"at": "2026-03-30", "confirmed": "2026-03-30"}).content.decode()
    assert "not the last day of one" in refused and JournalEntry.objects.count() == entries
    unseen = accountant.post(reverse(REVALUE), {"at": "2026-03-31", "confirmed": "2026-02-28"}).content.decode()
    assert "-50.00 EUR" in unseen and JournalEntry.objects.count() == entries
    done = accountant.post(
        reverse(REVALUE), {"at": "2026-03-31", "confirmed": "2026-03-31"}, follow=True
    ).content.decode()
    assert "1 balance revalued: loss of 5.00 USD" in done
    posted, back = JournalEntry.objects.order_by("pk")[entries:]
    assert (posted.date, back.date) == (date(2026, 3, 31), date(2026, 4, 1))
    assert posted.number in done and back.number not in done
    address = re.search(r'href="([^"]+)">what was posted on 1.Apr.2026<', done)
    assert address and back.number in accountant.get(unescape(address[1])).content.decode()
    again = {each.code: each for each in dry_run(period, today=date(2026, 4, 9)).checks}["foreign_balances"]
    assert again.passed
    missing = accountant.get(f"{reverse(REVALUE)}?at=2026-04-30").content.decode()
    assert "There is no exchange rate from EUR to USD for 30 April 2026" in missing
