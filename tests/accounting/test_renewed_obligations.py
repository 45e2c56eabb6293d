"""Terms of a contract that renews, billed over periods longer than a term: what each term gets of an invoice.

A term's price is what its days cost, rounded: of 912.24 a year 77.48 in a month of 31 days, 74.98 of 30, 69.98 in February.
Together that is 912.26; the invoice of the year says 912.24, and the term in which the year ends costs 0.02 less.
"""

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from accounting.checks import check_ledger
from accounting.models import JournalLine, RecognitionSchedule
from accounting.recognition import recognize_revenue
from billing.models import Contract, Customer, Invoice, Product, Tenant
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.services.invoices import void_invoice
from billing.services.modifications import Modification, modify_contract

D = Decimal
JANUARY_TO_DECEMBER = [
    "77.48",
    "69.98",
    "77.48",
    "74.98",
    "77.48",
    "74.98",
    "77.48",
    "77.48",
    "74.98",
    "77.48",
    "74.98",
]


def renewing(customer: Customer, product: Product, *items: dict[str, Any], **terms: Any) -> Contract:
    """Start a contract of 2026 that renews each month; its items cost 912.24 a year unless told otherwise."""
    yearly = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "912.24"}, "interval_months": 12}
    contract = draft_contract(
        customer=customer,
        number="K-1",
        start=date(2026, 1, 1),
        items=[yearly | item for item in items],
        **({"term_months": 1, "renewal": "same_terms", "price_allocation": "standalone"} | terms),
    )
    start_contracts([contract.pk])
    return contract


def standing(role: str) -> Decimal:
    """What stands in an account, whichever side it is on."""
    return abs(sum((line.debit - line.credit for line in JournalLine.objects.filter(role=role)), D(0)))


def billed() -> list[Decimal]:
    return [each.billed.amount for each in RecognitionSchedule.objects.order_by("service_start", "id")]


def assert_all_is_earned(tenant: Tenant) -> None:
    """Of a finished year, billed whole: price, billed and recognized are one, and nothing stays unbilled or deferred."""
    for each in RecognitionSchedule.objects.filter(service_end__lte=date(2027, 1, 1)):
        assert each.amount == each.billed == each.recognized, each
    assert (standing("unbilled_revenue"), standing("deferred_revenue")) == (0, 0)
    assert check_ledger(tenant).problems == []


@pytest.mark.parametrize("method", ["on_invoice", "straight_line_days", "point_in_time"])
@pytest.mark.parametrize("timing", ["advance", "arrears"])
def test_the_last_term_of_a_billed_year_costs_what_is_left(
    customer: Customer, product: Product, tenant: Tenant, method: str, timing: str
) -> None:
    """Eleven months as promised, 834.78 in all; December 912.24 - 834.78 = 77.46, not 77.48."""
    renewing(customer, product, {"recognition_method": method, "timing": timing})
    recognize_revenue(through=date(2026, 12, 31))
    run_billing(through=date(2026, 12, 31) if timing == "advance" else date(2027, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 12, 31))
    assert billed()[:12] == [*map(D, JANUARY_TO_DECEMBER), D("77.46")]
    revenue = JournalLine.objects.filter(role="revenue", date__lte=date(2027, 1, 1))
    assert Invoice.objects.get().net.amount == D("912.24")
    if method == "on_invoice" and timing == "arrears":
        recognize_revenue(through=date(2027, 1, 1))
    assert sum(line.credit - line.debit for line in revenue) == D("912.24")
    assert_all_is_earned(tenant)


def test_each_item_gives_a_term_what_its_own_days_cost(customer: Customer, product: Product, tenant: Tenant) -> None:
    """1,200.00 a year beside 100.00 a month: 101.92 for 31 days, 98.63 for 30, 92.05 in February, 0.01 less in December.

    The year's invoice gives no month what the month's own invoice brings; no price is raised by another item's.
    """
    renewing(
        customer, product, {"pricing": {"amount": "1200"}}, {"pricing": {"amount": "100"}, "interval_months": 1}
    )  # fmt: skip
    recognize_revenue(through=date(2026, 12, 31))
    run_billing(through=date(2026, 12, 31), finalize=True)
    recognize_revenue(through=date(2026, 12, 31))
    months: dict[date, Decimal] = defaultdict(Decimal)
    for each in RecognitionSchedule.objects.filter(service_end__lte=date(2027, 1, 1)):
        months[each.service_start] += each.amount.amount
    whole, short, february = D("201.92"), D("198.63"), D("192.05")
    assert [months[day] for day in sorted(months)] == [
        whole, february, whole, short, whole, short, whole, whole, short, whole, short, D("201.91")
    ]  # fmt: skip
    assert_all_is_earned(tenant)


def test_undoing_the_invoice_of_several_terms(customer: Customer, product: Product, tenant: Tenant) -> None:
    """Two terms of six months, 452.37 and 459.87, recognized to the end of September; then the year's invoice is voided.

    What is earned is unbilled then, no more and no less. Billed again, each term has its own part again.
    """
    renewing(customer, product, {"recognition_method": "straight_line_days"}, term_months=6)
    recognize_revenue(through=date(2026, 8, 31))
    run_billing(through=date(2026, 8, 31), finalize=True)
    assert billed() == [D("452.37"), D("459.87")]
    recognize_revenue(through=date(2026, 9, 30))
    earned = sum((each.recognized.amount for each in RecognitionSchedule.objects.all()), D(0))
    invoice = Invoice.objects.get()
    void_invoice(invoice_id=invoice.pk, on=date(2026, 10, 1), reason="Wrong address", bill_again=True)
    assert billed() == [D(0), D(0)]
    assert standing("unbilled_revenue") == earned
    assert standing("deferred_revenue") == 0
    assert check_ledger(tenant).problems == []
    run_billing(through=date(2026, 10, 1), finalize=True)
    assert billed() == [D("452.37"), D("459.87")]
    recognize_revenue(through=date(2026, 12, 31))
    assert_all_is_earned(tenant)


def test_what_is_earned_when_invoiced_waits_for_the_invoice(
    customer: Customer, product: Product, tenant: Tenant
) -> None:
    """777.00 a year in arrears, terms of three months: 2027 is invoiced on 1 January 2028.

    Its terms cost 191.59, 193.72, 195.85 and 195.85 less 0.01. Until then nothing of a term that is over is earned.
    """
    renewing(
        customer, product, {"pricing": {"amount": "777"}, "timing": "arrears", "recognition_method": "on_invoice"},
        term_months=3,
    )  # fmt: skip
    for through in [date(2027, 4, 20), date(2027, 12, 31)]:
        run_billing(through=through, finalize=True)
        recognize_revenue(through=through)
        assert {each.recognized.amount for each in RecognitionSchedule.objects.filter(service_start__year=2027)} == {0}
        assert standing("unbilled_revenue") == 0
        assert_all_is_earned(tenant)
    run_billing(through=date(2028, 1, 1), finalize=True)
    recognize_revenue(through=date(2028, 1, 1))
    year = RecognitionSchedule.objects.filter(service_start__year=2027).order_by("service_start")
    assert [each.recognized.amount for each in year] == [D("191.59"), D("193.72"), D("195.85"), D("195.84")]
    assert check_ledger(tenant).problems == []


@pytest.mark.parametrize(
    ("end", "price"),
    [(date(2026, 9, 17), "14.61"), (date(2026, 11, 11), "64.84")],  # the term from 1 September ends early, or goes on
)
def test_an_end_that_moves_leaves_no_cent(
    customer: Customer, product: Product, tenant: Tenant, end: date, price: str
) -> None:
    """333.33 a year in arrears, by months: 28.31 of 31 days, 27.40 of 30, 25.57 of 28, eight of them 221.92 (243 days).

    Until 17 September (259 days) 236.53 is billed, 14.61 of it for the term from 1 September; until 11 November (314 days)
    286.76, of it 64.84. The change of the whole year's value would have made them 14.62 and 64.85.
    """
    contract = renewing(
        customer, product,
        {"pricing": {"amount": "333.33"}, "timing": "arrears", "recognition_method": "straight_line_days"},
    )  # fmt: skip
    recognize_revenue(through=date(2026, 9, 16))
    change = Modification(effective_on=date(2026, 9, 17), signed_on=date(2026, 9, 17), reason="Agreed by mail", end=end)
    modify_contract(contract_id=contract.pk, change=change)
    run_billing(through=date(2027, 2, 1), finalize=True)
    recognize_revenue(through=date(2027, 2, 1))
    assert billed()[8] == D(price)
    assert_all_is_earned(tenant)


def test_a_downgrade_of_what_is_billed_lowers_the_price(customer: Customer, product: Product, tenant: Tenant) -> None:
    """730.00 a year, billed; from 2 July (182 days gone) 365.00: 364.00 stay, 183.00 are billed and 366.00 credited."""
    contract = renewing(
        customer, product, {"pricing": {"amount": "730"}, "recognition_method": "straight_line_days"},
        term_months=12, renewal="none", price_allocation="stated", revenue_span="term",
    )  # fmt: skip
    run_billing(through=date(2026, 1, 1), finalize=True)
    cheaper = {contract.items.get().pk: {"pricing_model": "flat_fee", "pricing": {"amount": "365"}}}
    day = date(2026, 7, 2)
    recognize_revenue(through=date(2026, 7, 1))
    change = Modification(effective_on=day, signed_on=day, reason="Agreed by mail", replace=cheaper)
    modify_contract(contract_id=contract.pk, change=change)
    recognize_revenue(through=date(2026, 12, 31))
    schedule = RecognitionSchedule.objects.get()
    assert (schedule.amount.amount, schedule.billed.amount) == (D(547), D(547))
    assert standing("revenue") == D(547)
    assert_all_is_earned(tenant)
