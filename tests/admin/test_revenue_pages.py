"""Revenue in the admin: obligations and months of a contract, the what-if before a modification, reports, parts by hand."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from django.test import Client
from django.urls import reverse

from accounting.models import ProgressReport, RecognitionSchedule, ScheduleRevision
from accounting.recognition import recognize_revenue
from billing.models import Contract, ContractModification, Customer, Job, Product
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract


def url(name: str, *args: object) -> str:
    return reverse(f"admin:{name}", args=args)


def asked(contract: Contract, **more: Any) -> dict[str, Any]:
    return {
        "change": "replace",
        "effective_on": "2026-01-17",
        "signed_on": "2026-01-17",
        "item": contract.items.get().pk,
        "price_text": "200",
        "pricing_model": "flat_fee",
        "treatment": "prospective",
        "adjustment": "straight_line",
        "credit_unused": "on",
        "reason": "Twice the seats",
        **more,
    }


def test_a_modification_is_looked_at_before_it_is_signed(
    finance: Client, viewer: Client, sell: Callable[..., Contract]
) -> None:
    contract = sell(amount="100", start=date(2026, 1, 1), terms={"term_months": 12})
    run_billing(through=date(2026, 1, 1), finalize=True)
    page = url("modify_contract", contract.pk)
    assert viewer.get(page).status_code == 403
    assert "Show what would happen" in finance.get(page).content.decode()
    told = finance.post(page, asked(contract)).content.decode()
    assert "148.38" in told
    assert "Sign the modification" in told
    assert not ContractModification.objects.exists()
    unseen = finance.post(page, asked(contract, sign="1"), follow=True).content.decode()
    assert "Nothing is signed" in unseen and not ContractModification.objects.exists()
    look_and_sign(finance, contract, asked(contract))
    assert ContractModification.objects.get().made_by is not None


def test_the_page_says_what_is_missing(finance: Client, sell: Callable[..., Contract]) -> None:
    contract = sell(amount="100", start=date(2026, 1, 1), terms={"term_months": 12})
    page = url("modify_contract", contract.pk)
    for change, words in {"end": "new end", "add": "Choose the product", "extend": "new end"}.items():
        assert words in finance.post(page, asked(contract, change=change, price_text="")).content.decode()
    refused = finance.post(page, asked(contract, treatment="catch_up", sign="1")).content.decode()
    assert "nothing to catch up" in refused
    assert not ContractModification.objects.exists()


def look_and_sign(finance: Client, contract: Contract, given: dict[str, object]) -> None:
    page = url("modify_contract", contract.pk)
    shown = re.search(r'name="shown" value="(\w+)"', finance.post(page, given).content.decode())
    assert shown
    changed = finance.post(page, {**given, "reason": "Other words", "sign": "1", "shown": shown[1]}).content.decode()
    assert "Nothing is signed" in changed and not ContractModification.objects.exists()
    done = finance.post(page, {**given, "sign": "1", "shown": shown[1]}, follow=True).content.decode()
    assert "Modified: " in done
    assert ContractModification.objects.count() == 1


def test_a_new_price_goes_on_being_priced_as_the_item_is(finance: Client, sell: Callable[..., Contract]) -> None:
    per_unit = {"pricing_model": "per_unit", "pricing": {"unit_amount": "12.50"}, "quantity": 11}
    contract = sell(amount="", start=date(2026, 1, 1), terms={"term_months": 12}, **per_unit)
    run_billing(through=date(2026, 1, 1), finalize=True)
    given = asked(contract, price_text="15", pricing_model="", effective_on="2026-02-01")
    told = finance.post(url("modify_contract", contract.pk), given).content.decode()
    assert "1,952.50" in told  # January of 137.50 is billed as it was; eleven months of 11 x 15.00 follow.
    look_and_sign(finance, contract, given)
    assert contract.items.order_by("id").last().pricing_model == "per_unit"


def test_an_early_end_names_the_last_day(finance: Client, sell: Callable[..., Contract]) -> None:
    contract = sell(amount="100", start=date(2026, 1, 1), terms={"term_months": 12})
    given = asked(contract, change="end", end="2026-07-01", price_text="")
    assert "last day is 30 June 2026" in finance.post(url("modify_contract", contract.pk), given).content.decode()


def test_an_extension_at_another_price(finance: Client, sell: Callable[..., Contract]) -> None:
    contract = sell(amount="100", start=date(2026, 1, 1), terms={"term_months": 12, "revenue_span": "term"})
    given = asked(contract, change="extend", end="2028-01-01", price_text="80")
    look_and_sign(finance, contract, given)
    schedule = RecognitionSchedule.objects.get()
    assert (schedule.amount.amount, schedule.service_end) == (2160, date(2028, 1, 1))


def test_a_contract_shows_its_obligations_and_months(viewer: Client, sell: Callable[..., Contract]) -> None:
    contract = sell(amount="100", start=date(2026, 1, 1), terms={"term_months": 12, "revenue_span": "term"})
    run_billing(through=date(2026, 2, 1), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    page = viewer.get(url("billing_contract_change", contract.pk)).content.decode()
    for words in ("Performance obligations", "Billing and revenue by month", 'data-type="bar"', "1,200.00", "101.92"):
        assert words in page
    schedule = viewer.get(url("accounting_recognitionschedule_change", RecognitionSchedule.objects.get().pk))
    assert "To come" in schedule.content.decode()


def test_a_draft_shows_what_it_would_bill_and_earn(viewer: Client, customer: Customer, product: Product) -> None:
    """C12: licence 600.00 at once and support 400.00 over a year, sold for 850.00: 510.00 and 340.00."""
    flat = {"product": product, "pricing_model": "flat_fee", "interval_months": 12}
    licence = {**flat, "pricing": {"amount": "500"}, "standalone_price": "600", "recognition_method": "point_in_time"}
    support = {
        **flat,
        "product": Product.objects.create(code="support", name="Support"),
        "pricing": {"amount": "350"},
        "standalone_price": "400",
        "recognition_method": "straight_line_months",
    }
    terms: dict[str, Any] = {"term_months": 12, "revenue_span": "term", "price_allocation": "standalone"}
    contract = draft_contract(
        customer=customer, number="K-1", start=date(2026, 1, 1), items=[licence, support], **terms
    )
    page = viewer.get(url("billing_contract_change", contract.pk)).content.decode()
    for words in ("What it would bill and earn", "510.00", "340.00", "538.33", "28.37"):
        assert words in page
    contract.refresh_from_db()
    assert contract.status == "draft"
    assert not RecognitionSchedule.objects.exists()
    contract.items.all().delete()
    assert "has no items" in viewer.get(url("billing_contract_change", contract.pk)).content.decode()


def test_progress_is_reported_and_parts_are_written(
    finance: Client, accountant: Client, sell: Callable[..., Contract]
) -> None:
    sell(amount="100", start=date(2026, 1, 1), interval_months=12, recognition_method="percentage",
         terms={"term_months": 12})  # fmt: skip
    schedule = RecognitionSchedule.objects.get()
    page = url("accounting_recognitionschedule_report", schedule.pk)
    finance.post(page, {"reached_on": "2026-02-01", "percent": "40", "evidence": "Hours"})
    assert ProgressReport.objects.get().percent == 40
    shown = finance.get(url("accounting_recognitionschedule_change", schedule.pk)).content.decode()
    assert "Hours" in shown and "1\xa0Feb\xa02026" in shown and ">40.00<" in shown and ">60.00<" in shown
    contract = finance.get(url("billing_contract_change", schedule.contract_id)).content.decode()
    assert "60.00 USD of revenue waits for a delivery" in contract
    by_hand = url("accounting_recognitionschedule_by_hand", schedule.pk)
    assert finance.get(by_hand).status_code == 403
    wrong = accountant.post(by_hand, {"parts": "soon 100", "reason": "Agreed"}).content.decode()
    assert "is not a part" in wrong
    accountant.post(by_hand, {"parts": "2026-06-01 2026-06-30 100.00", "reason": "Agreed"})
    assert ScheduleRevision.objects.get().reason == "Agreed"


def test_netting_is_started_as_a_job(accountant: Client, finance: Client) -> None:
    assert finance.get(url("net_contracts")).status_code == 403
    accountant.post(url("net_contracts"), {"day": "2026-01-31"})
    assert Job.objects.get().kind == "net_contracts"
