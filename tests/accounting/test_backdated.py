"""A modification that holds from a day in a term before the current one touches each term since then."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounting.checks import check_ledger
from accounting.models import AccountingPeriod, JournalLine, PerformanceObligation, RecognitionSchedule
from accounting.periods import close_period
from accounting.recognition import recognize_revenue
from accounting.replaying import replay_ledger
from accounting.what_if import try_modification
from billing.models import Contract, Customer, Invoice, Product, Tenant
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.services.modifications import Modification, modify_contract
from tests.accounting.test_renewed_obligations import standing
from tests.journal import journal, text

D = Decimal


@pytest.fixture(autouse=True)
def books_agree(tenant: Tenant) -> Iterator[None]:
    yield
    assert check_ledger(tenant).problems == []
    assert replay_ledger().differences == []


def quarterly(customer: Customer, product: Product, *items: dict[str, Any], **terms: Any) -> Contract:
    """A contract from 2026 of a quarter at a time that renews, 90.00 a month unless told otherwise; lived until 30 April."""
    monthly = {"product": product, **flat("90"), "recognition_method": "straight_line_months"}
    contract = draft_contract(
        customer=customer, number="K-1", start=date(2026, 1, 1), items=[monthly | item for item in items or ({},)],
        **({"term_months": 3, "renewal": "same_terms", "revenue_span": "term"} | terms),
    )  # fmt: skip
    start_contracts([contract.pk])
    for month in (1, 2, 3, 4):
        live(date(2026, month, 1))
    recognize_revenue(through=date(2026, 4, 30))
    return contract


def flat(amount: str) -> dict[str, Any]:
    return {"pricing_model": "flat_fee", "pricing": {"amount": amount}}


def live(through: date) -> None:
    run_billing(through=through, finalize=True)
    recognize_revenue(through=through)


def modify(contract: Contract, on: date, **change: Any) -> None:
    agreed = Modification(effective_on=on, signed_on=date(2026, 5, 1), reason="Agreed by mail", **change)
    modify_contract(contract_id=contract.pk, change=agreed)


def prices() -> list[tuple[str, Decimal]]:
    """Each obligation's first day and price, in the order of their days."""
    rows = RecognitionSchedule.objects.order_by("service_start", "id")
    return [(f"{each.service_start:%d %b}", each.amount.amount) for each in rows]


@pytest.mark.parametrize("allocation", ["stated", "standalone"])
def test_a_higher_price_is_caught_up_term_by_term(customer: Customer, product: Product, allocation: str) -> None:
    """From 1 February 120.00 instead of 90.00, signed in May: 60.00 more of the first term (February and March), 90.00 more of
    the second. January to April are closed: the first term's 60.00 are May's, the second's are spread over May and June."""
    contract = quarterly(customer, product, price_allocation=allocation)
    for month in (1, 2, 3, 4):
        close_period(period_id=AccountingPeriod.objects.get(start=date(2026, month, 1)).pk, at=timezone.now())
    modify(contract, date(2026, 2, 1), replace={contract.items.get().pk: flat("120")})
    assert prices() == [("01 Jan", D(330)), ("01 Apr", D(360))]
    live(date(2026, 6, 1))
    recognize_revenue(through=date(2026, 6, 30))
    entries = journal()
    assert entries[entries.index("2026-05-01") :] == text("""
        2026-05-01  Invoice finalized
            Dr AR - Customers                        210.00
            Cr Deferred Revenue                       60.00
            Cr Deferred Revenue                      150.00
        2026-05-31  Revenue recognized
            Dr Deferred Revenue                       60.00
            Cr Sales and Services Revenue             60.00
        2026-05-31  Revenue recognized
            Dr Deferred Revenue                      135.00
            Cr Sales and Services Revenue            135.00
        2026-06-01  Invoice finalized
            Dr AR - Customers                        120.00
            Cr Deferred Revenue                      120.00
        2026-06-30  Revenue recognized
            Dr Deferred Revenue                      135.00
            Cr Sales and Services Revenue            135.00
    """)
    assert (standing("deferred_revenue"), standing("unbilled_revenue"), standing("revenue")) == (0, 0, D(690))


def test_a_term_that_is_over_is_caught_up_on_the_day_of_signing(customer: Customer, product: Product) -> None:
    """Signed on 10 June for February: no month is closed, but May and what was before is recognized. 60.00 more of the first
    term, 90.00 of the second, both June's: nothing of them was agreed before."""
    contract = quarterly(customer, product)
    live(date(2026, 5, 1))
    live(date(2026, 6, 1))
    recognize_revenue(through=date(2026, 5, 31))
    change = Modification(
        effective_on=date(2026, 2, 1), signed_on=date(2026, 6, 10), reason="Agreed",
        replace={contract.items.get().pk: flat("120")},
    )  # fmt: skip
    modify_contract(contract_id=contract.pk, change=change)
    assert recognize_revenue(through=date(2026, 5, 31)).entries == 0
    recognize_revenue(through=date(2026, 6, 30))
    entries = journal(kinds={"revenue_recognized"}, by_day=True)
    assert entries[entries.index("2026-05-31") :] == text("""
        2026-05-31  Revenue recognized
            Dr Deferred Revenue                       90.00
            Cr Sales and Services Revenue             90.00
        2026-06-30  Revenue recognized
            Dr Deferred Revenue                      240.00
            Cr Sales and Services Revenue            240.00
    """)


def test_a_lower_price_gives_back_what_each_term_had_too_much(customer: Customer, product: Product) -> None:
    """From 1 March 60.00: 30.00 less of the first term, 90.00 of the second; 60.00 are credited for March and April."""
    contract = quarterly(customer, product)
    modify(contract, date(2026, 3, 1), replace={contract.items.get().pk: flat("60")})
    assert prices() == [("01 Jan", D(240)), ("01 Apr", D(180))]
    live(date(2026, 6, 30))
    assert sum(invoice.total.amount for invoice in Invoice.objects.all()) == D(420)
    assert (standing("deferred_revenue"), standing("unbilled_revenue"), standing("revenue")) == (0, 0, D(420))


CHANGES = {
    "replace": lambda first, product: {"replace": {first: flat("120")}},
    "remove": lambda first, product: {"remove": [first]},
    "add": lambda first, product: {"add": [{"product": product, "interval_months": 1, **flat("50")}]},
}


FIRST, ELEVENTH = date(2026, 2, 1), date(2026, 2, 11)
STANDALONE = {"price_allocation": "standalone"}
PERIODS = {"price_allocation": "standalone", "revenue_span": "service_period"}


@pytest.mark.parametrize(
    ("change", "day", "treatment", "terms", "interval"),
    [
        ("replace", ELEVENTH, "prospective", STANDALONE, 1),
        ("replace", ELEVENTH, "catch_up", {}, 12),
        ("remove", FIRST, "prospective", {}, 1),
        ("remove", ELEVENTH, "catch_up", PERIODS, 1),
        ("remove", ELEVENTH, "prospective", STANDALONE, 12),
        ("add", FIRST, "prospective", PERIODS, 12),
        ("add", ELEVENTH, "catch_up", STANDALONE, 1),
    ],
)
def test_in_the_end_all_that_is_billed_is_earned(
    customer: Customer, product: Product, change: str, day: date, treatment: str, terms: dict[str, Any], interval: int
) -> None:
    other = Product.objects.create(code="other", name="Other")
    contract = quarterly(
        customer,
        product,
        {"interval_months": interval, **flat(str(90 * interval))},
        {"product": other, **flat("30")},
        **terms,
    )
    agreed = CHANGES[change](contract.items.order_by("pk")[0].pk, Product.objects.create(code="third", name="Third"))
    modify(contract, day, treatment=treatment, **agreed)
    live(date(2026, 12, 31))
    for each in RecognitionSchedule.objects.filter(service_end__lte=date(2027, 1, 2)):
        assert each.amount == each.billed == each.recognized, each
    assert (standing("deferred_revenue"), standing("unbilled_revenue")) == (0, 0)


def test_what_is_added_is_a_promise_of_each_term(customer: Customer, product: Product) -> None:
    """50.00 a month from 1 March, of another product: one obligation for March, one for the second quarter."""
    contract = quarterly(customer, product)
    third = Product.objects.create(code="third", name="Third")
    modify(contract, date(2026, 3, 1), add=[{"product": third, "interval_months": 1, **flat("50")}])
    assert prices() == [("01 Jan", D(270)), ("01 Mar", D(50)), ("01 Apr", D(270)), ("01 Apr", D(150))]
    assert list(PerformanceObligation.objects.filter(name="Third").values_list("stated_price", flat=True)) == [
        D(50), D(150)
    ]  # fmt: skip


def test_what_is_given_back_by_several_credit_notes_does_not_raise_the_price(
    customer: Customer, product: Product
) -> None:
    """Four months of 90.00 are billed of a year; the item ends on 1 February: three credit notes, and 90.00 stay the price."""
    other = {"product": Product.objects.create(code="other", name="Other"), **flat("30")}
    contract = quarterly(customer, product, {}, other, term_months=12)
    modify(contract, date(2026, 2, 1), remove=[contract.items.order_by("pk")[0].pk])
    assert prices() == [("01 Jan", D(90)), ("01 Jan", D(360))]
    live(date(2026, 12, 31))
    assert (standing("deferred_revenue"), standing("unbilled_revenue"), standing("revenue")) == (0, 0, D(450))


def test_a_what_if_shows_what_falls_back_into_closed_months_in_the_first_open_one(
    customer: Customer, product: Product
) -> None:
    """Each month earns its own 90.00; January and February are closed. From 1 February 120.00: February's and March's 30.00
    are posted on 1 March and 31 March, and that is what is shown before it is signed."""
    contract = quarterly(customer, product, revenue_span="service_period")
    for month in (1, 2):
        close_period(period_id=AccountingPeriod.objects.get(start=date(2026, month, 1)).pk, at=timezone.now())
    change = Modification(
        effective_on=date(2026, 2, 1),
        signed_on=date(2026, 5, 1),
        reason="Agreed by mail",
        replace={contract.items.get().pk: flat("120")},
    )
    tried = try_modification(contract_id=contract.pk, change=change)
    foreseen = {month: tried.after.recognized(month) + tried.after.to_recognize(month) for month in tried.months}
    for month in (date(2026, 1, 1), date(2026, 2, 1)):
        assert foreseen[month] == tried.before.recognized(month) == D(90)
    modify_contract(contract_id=contract.pk, change=change)
    recognize_revenue(through=date(2026, 6, 30))
    entries = JournalLine.objects.filter(role="revenue", date__gte=date(2026, 2, 1)).values_list(
        "date", "debit", "credit"
    )
    posted: dict[date, Decimal] = defaultdict(Decimal)
    for day, debit, credit in entries:
        posted[day.replace(day=1)] += credit - debit
    known = [month for month in foreseen if date(2026, 1, 1) < month < date(2026, 7, 1)]
    assert [posted[month] for month in known] == [foreseen[month] for month in known]
