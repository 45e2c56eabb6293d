"""Sequences that an auditor would try, and that the random stories seldom reach. Each must leave books that agree."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounting.checks import check_ledger
from accounting.models import AccountingPeriod, JournalLine, RecognitionSchedule
from accounting.periods import close_period, reopen_period
from accounting.recognition import recognize_revenue
from accounting.replaying import replay_ledger
from billing.errors import BillingError
from billing.models import BusinessEntity, Contract, Customer, Invoice, Product, TaxRate, Tenant
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, end_contract, start_contracts
from billing.services.credit_notes import issue_credit_note
from billing.services.disputes import open_dispute, win_dispute
from billing.services.invoices import finalize_invoices, void_invoice
from billing.services.modifications import Modification, modify_contract
from billing.services.one_off import NewLine, draft_invoice
from billing.services.payments import allocate_payment, receive_payment
from billing.services.prepaid import consume_credits
from billing.services.refunds import refund_credit_note, refund_payment
from billing.services.undoing import void_credit_note
from billing.services.usage import record_usage
from billing.services.write_offs import recover_write_off, write_off_invoice
from billing.tenancy import tenant_scope
from tests.accounting.rates import rates
from tests.company import make_company
from tests.journal import journal, text

D = Decimal
JAN = date(2026, 1, 1)
Sell = Callable[..., Contract]


def stands(role: str, *, in_base: bool = False) -> Decimal:
    lines = JournalLine.objects.filter(role=role)
    return sum((each.base_debit - each.base_credit if in_base else each.debit - each.credit for each in lines), D(0))


@pytest.fixture(autouse=True)
def books_agree(tenant: Tenant) -> Iterator[None]:
    yield
    assert check_ledger(tenant).problems == []
    assert replay_ledger().differences == []


def flat(amount: str, **more: Any) -> dict[str, Any]:
    return {"pricing_model": "flat_fee", "pricing": {"amount": amount}, **more}


def modify(contract: Contract, on: date, *, signed: date | None = None, **change: Any) -> None:
    agreed = Modification(effective_on=on, signed_on=signed or on, reason="Agreed", **change)
    modify_contract(contract_id=contract.pk, change=agreed)


def live(through: date) -> None:
    run_billing(through=through, finalize=True)
    recognize_revenue(through=through)


def all_is_earned() -> None:
    for each in RecognitionSchedule.objects.filter(is_void=False):
        assert each.amount == each.billed == each.recognized, each
    assert (stands("deferred_revenue"), stands("unbilled_revenue")) == (0, 0)


@pytest.fixture
def abroad(customer: Customer) -> Customer:
    customer.currency = "EUR"
    customer.save()
    days = [
        "2026-01-01 1.10",
        "2026-01-10 1.11",
        "2026-01-31 1.12",
        "2026-02-10 1.15",
        "2026-02-20 1.20",
        "2026-02-28 1.18",
        "2026-03-05 1.25",
    ]
    rates("\n".join(["Date USD", *days]))
    return customer


YEAR = {"interval_months": 12, "recognition_method": "straight_line_months", "terms": {"term_months": 12}}


@pytest.mark.parametrize("keep", ["refund", "wallet"])
def test_a_credit_note_after_partial_payment_abroad(abroad: Customer, sell: Sell, keep: str) -> None:
    """1,200.00 EUR at 1.10, 500.00 paid at 1.15, 900.00 credited at 1.20: 700.00 settle what is open, 200.00 are owed back."""
    tax = TaxRate.objects.create(code="t", name="Tax", percent=0)
    sell(amount="1200", start=JAN, tax_rate=tax, **YEAR)
    run_billing(through=JAN, finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    receive_payment(customer_id=abroad.pk, received_on=date(2026, 2, 10), amount=D(500), currency="EUR")
    invoice = Invoice.objects.get()
    note = issue_credit_note(
        invoice_id=invoice.pk, lines={invoice.lines.get().pk: D(900)}, on=date(2026, 2, 20), reason="Less", keep=keep
    )
    assert stands("accounts_receivable.customers", in_base=True) == 0
    if keep == "refund":
        refund_credit_note(credit_note_id=note.pk, on=date(2026, 3, 5))
        assert stands("contra_accounts_receivable.customers", in_base=True) == 0


def test_void_after_partial_recognition_abroad(abroad: Customer, sell: Sell) -> None:
    sell(amount="100", start=date(2026, 1, 10), terms={"term_months": 3})
    run_billing(through=date(2026, 2, 10), finalize=True)
    recognize_revenue(through=date(2026, 2, 20))
    second = Invoice.objects.order_by("-id")[0]
    void_invoice(invoice_id=second.pk, on=date(2026, 2, 28), reason="Wrong", bill_again=True)
    run_billing(through=date(2026, 3, 5), finalize=True)
    recognize_revenue(through=date(2026, 3, 5))
    assert stands("unbilled_revenue", in_base=True) == 0


def test_recovery_of_a_write_off_in_a_month_that_was_reopened(sell: Sell) -> None:
    sell(amount="1200", start=JAN, **YEAR)
    run_billing(through=JAN, finalize=True)
    recognize_revenue(through=date(2026, 2, 28))
    write_off_invoice(invoice_id=Invoice.objects.get().pk, on=date(2026, 2, 10), reason="Gone")
    recognize_revenue(through=date(2026, 2, 28))
    periods = {each.start.month: each.pk for each in AccountingPeriod.objects.all()}
    for month in (1, 2):
        close_period(period_id=periods[month], at=timezone.now())
    reopen_period(period_id=periods[2], reason="Money came", at=timezone.now())
    recover_write_off(invoice_id=Invoice.objects.get().pk, amount=D(700), received_on=date(2026, 2, 20))
    close_period(period_id=periods[2], at=timezone.now())
    recover_write_off(invoice_id=Invoice.objects.get().pk, amount=D(500), received_on=date(2026, 2, 25))
    recognize_revenue(through=date(2026, 12, 31))
    all_is_earned()
    assert stands("revenue") == -1200
    assert stands("bad_debt_expense") == 0


def test_refund_of_a_payment_applied_in_part(sell: Sell, customer: Customer) -> None:
    sell(amount="120", start=JAN, **YEAR)
    run_billing(through=JAN, finalize=True)
    payment = receive_payment(customer_id=customer.pk, received_on=JAN, amount=D(200), currency="USD", allocations={})
    recognize_revenue(through=date(2026, 3, 31))
    allocate_payment(payment_id=payment.pk, allocations={Invoice.objects.get().pk: D(80)}, on=date(2026, 3, 31))
    refund_payment(payment_id=payment.pk, amount=D(150), on=date(2026, 4, 2), reason="Asked")
    recognize_revenue(through=date(2026, 12, 31))
    assert stands("unapplied_payments") == 0
    assert journal(kinds={"refund_paid"}) == text("""
        2026-04-02  Refund paid
            Dr Unapplied Payments                    120.00
            Dr Deferred Revenue                       30.00
            Cr Cash                                  150.00
    """)
    # 120.00 less 30.00 not earned any more; 30.00 are earned, 60.00 are left for nine months.
    assert journal(kinds={"revenue_recognized"}).count("6.67") == 16
    assert (stands("revenue"), stands("deferred_revenue")) == (-90, 0)


@pytest.mark.parametrize(
    ("terms", "treatment"),
    [({}, "prospective"), ({"revenue_span": "term"}, "catch_up"), ({"price_allocation": "standalone"}, "prospective")],
)
def test_two_modifications_on_one_day(sell: Sell, terms: dict[str, Any], treatment: str) -> None:
    """100.00 a month; on 16 April first 200.00, then, the same day, 50.00, and 60.00 instead of those."""
    contract = sell(amount="100", start=JAN, terms={"term_months": 12, **terms})
    live(date(2026, 4, 15))
    day = date(2026, 4, 16)
    modify(contract, day, treatment=treatment, replace={contract.items.get().pk: flat("200")})
    other = Product.objects.create(code="other", name="Other")
    modify(contract, day, treatment=treatment, add=[{"product": other, **flat("50"), "interval_months": 1}])
    modify(contract, day, treatment=treatment, end=date(2026, 11, 16))
    first = contract.items.get(product=other).pk
    modify(contract, day, treatment=treatment, replace={first: flat("60")})
    with pytest.raises(BillingError, match="choose what took its place"):
        modify(contract, day, treatment=treatment, replace={first: flat("70")})
    live(date(2026, 12, 31))
    all_is_earned()


def test_a_catch_up_after_usage(customer: Customer, product: Product) -> None:
    calls = Product.objects.create(code="calls", name="Calls")
    contract = draft_contract(
        customer=customer, number="K", start=JAN, term_months=12, price_allocation="standalone",
        items=[
            {"product": product, **flat("100"), "interval_months": 1},
            {"product": calls, "pricing_model": "per_unit", "pricing": {"unit_amount": "0.5"}, "is_metered": True,
             "timing": "arrears", "interval_months": 1, "minimum": D(20)},
        ],
    )  # fmt: skip
    start_contracts([contract.pk])
    metered = contract.items.get(is_metered=True).pk
    record_usage(contract_item_id=metered, used_on=date(2026, 2, 3), quantity=D(100), key="u1")
    live(date(2026, 2, 10))
    fixed = contract.items.get(is_metered=False).pk
    cheaper = {"pricing_model": "per_unit", "pricing": {"unit_amount": "0.4"}}
    modify(contract, date(2026, 2, 11), treatment="catch_up", replace={fixed: flat("130"), metered: cheaper})
    new = contract.items.filter(is_metered=True).order_by("-pk")[0].pk
    record_usage(contract_item_id=new, used_on=date(2026, 2, 20), quantity=D(100), key="u2")
    live(date(2026, 12, 31))
    live(date(2027, 1, 1))
    all_is_earned()


def test_credits_used_in_part_then_credited_and_expired(customer: Customer) -> None:
    prepaid = Product.objects.create(code="credits", name="Credits", recognition_method="as_consumed")
    draft = draft_invoice(
        customer_id=customer.pk, issued_on=JAN,
        lines=[NewLine(product=prepaid, quantity=D(100), unit_amount=D(1), period_start=JAN, period_end=date(2026, 7, 1))],
    )  # fmt: skip
    finalize_invoices([draft.pk])
    consume_credits(customer_id=customer.pk, product_id=prepaid.pk, units=D(30), on=date(2026, 2, 1))
    note = issue_credit_note(
        invoice_id=draft.pk, lines={draft.lines.get().pk: D(50)}, on=date(2026, 3, 1), reason="Less"
    )
    consume_credits(customer_id=customer.pk, product_id=prepaid.pk, units=D(5), on=date(2026, 3, 2))
    void_credit_note(credit_note_id=note.pk, on=date(2026, 3, 3), reason="Wrong")
    recognize_revenue(through=date(2026, 7, 31))
    all_is_earned()
    assert journal(kinds={"credits_consumed", "credits_expired"}) == text("""
        2026-02-01  Prepaid credits used
            Dr Deferred Revenue                       30.00
            Cr Sales and Services Revenue             30.00
        2026-03-02  Prepaid credits used
            Dr Deferred Revenue                        1.43
            Cr Sales and Services Revenue              1.43
        2026-06-30  Prepaid credits expired
            Dr Deferred Revenue                       68.57
            Cr Breakage Revenue                       68.57
    """)  # 5 of 70 credits for which 20.00 are left; then the 50.00 are back


def test_a_contract_that_ends_before_it_began_is_refused(sell: Sell) -> None:
    contract = sell(amount="100", start=date(2026, 3, 1), terms={"term_months": 12})
    with pytest.raises(BillingError, match="can end after"):
        end_contract(contract_id=contract.pk, end=date(2026, 3, 1))
    live(date(2027, 12, 31))
    all_is_earned()


@pytest.mark.parametrize("span", ["term", "service_period"])
def test_a_renewal_with_another_price_and_shared_obligations(customer: Customer, product: Product, span: str) -> None:
    """A quarter at a time; two items share an obligation; at the second term one gets dearer, at the third one goes."""
    other = Product.objects.create(code="other", name="Other")
    contract = draft_contract(
        customer=customer, number="K", start=JAN, term_months=3, renewal="same_terms", price_allocation="standalone",
        revenue_span=span,
        items=[
            {"product": product, **flat("100"), "interval_months": 1, "obligation": "Platform"},
            {"product": other, **flat("50"), "interval_months": 1, "obligation": "Platform", "standalone_price": D(70)},
            {"product": Product.objects.create(code="third", name="Third"), **flat("25"), "interval_months": 1},
        ],
    )  # fmt: skip
    start_contracts([contract.pk])
    for month in (1, 2, 3, 4):
        live(date(2026, month, 1))
    modify(
        contract,
        date(2026, 4, 1),
        signed=date(2026, 4, 2),
        replace={contract.items.get(product=product).pk: flat("140")},
    )
    for month in (5, 6, 7):
        live(date(2026, month, 1))
    modify(contract, date(2026, 7, 1), signed=date(2026, 7, 2), remove=[contract.items.get(product=other).pk])
    modify(contract, date(2026, 9, 1), signed=date(2026, 7, 2), end=date(2026, 10, 1))
    live(date(2026, 12, 31))
    all_is_earned()
    assert stands("revenue") == -(175 * 3 + 215 * 3 + 165 * 3)


def test_a_dispute_won_puts_back_what_it_took_of_revenue(sell: Sell, customer: Customer) -> None:
    sell(amount="1200", start=JAN, **YEAR)
    run_billing(through=JAN, finalize=True)
    payment = receive_payment(customer_id=customer.pk, received_on=JAN, amount=D(1200), currency="USD")
    recognize_revenue(through=date(2026, 3, 31))
    dispute = open_dispute(payment_id=payment.pk, amount=D(1000), on=date(2026, 4, 1), fee=D(15), reason="Fraud")
    recognize_revenue(through=date(2026, 4, 30))
    invoice = Invoice.objects.get()
    more = {invoice.lines.get().pk: D(300)}
    with pytest.raises(BillingError, match="Only 200"):
        issue_credit_note(invoice_id=invoice.pk, lines=more, on=date(2026, 5, 1), reason="Less", keep="wallet")
    win_dispute(dispute_id=dispute.pk, on=date(2026, 5, 2))
    recognize_revenue(through=date(2026, 12, 31))
    assert stands("deferred_revenue") == 0
    assert journal(kinds={"dispute_opened", "dispute_won"}) == text("""
        2026-04-01  Dispute opened
            Dr Disputes                              100.00
            Dr Deferred Revenue                      900.00
            Dr Payment Gateway Fees                   15.00
            Cr Cash                                1,015.00
        2026-05-02  Dispute won
            Dr Cash                                1,000.00
            Cr Disputes                              100.00
            Cr Deferred Revenue                      900.00
    """)
    assert stands("revenue") == -1200


def test_backdated_twice_abroad(abroad: Customer, product: Product) -> None:
    """A month at a time, two promises that share their price, one earned at once; changed back to February, then to March."""
    days = [date(2026, month, day) for month in range(1, 9) for day in (2, 7, 14, 21, 27)]
    rates("\n".join(["Date USD", *(f"{day} 1.{10 + day.month}" for day in days)]))
    set_up = Product.objects.create(code="set-up", name="Set-up", recognition_method="point_in_time")
    contract = draft_contract(
        customer=abroad, number="K", start=JAN, term_months=1, renewal="same_terms", price_allocation="standalone",
        revenue_span="term",
        items=[
            {"product": product, **flat("100"), "interval_months": 1},
            {"product": set_up, **flat("50"), "interval_months": 1, "standalone_price": D(80)},
        ],
    )  # fmt: skip
    start_contracts([contract.pk])
    for month in (1, 2, 3, 4):
        live(date(2026, month, 28))
    for month in (1, 2):
        close_period(period_id=AccountingPeriod.objects.get(start=date(2026, month, 1)).pk, at=timezone.now())
    first, second = contract.items.order_by("pk").values_list("pk", flat=True)
    modify(contract, date(2026, 2, 10), signed=date(2026, 4, 28), replace={first: flat("140")})
    for month in (5, 6):
        live(date(2026, month, 28))
    modify(contract, date(2026, 3, 10), signed=date(2026, 6, 28), remove=[second])
    modify(contract, date(2026, 6, 28), end=date(2026, 7, 1))
    live(date(2026, 8, 1))
    all_is_earned()
    assert stands("deferred_revenue", in_base=True) == stands("unbilled_revenue", in_base=True) == 0
    assert max(RecognitionSchedule.objects.values_list("service_end", flat=True)) <= date(2026, 7, 1)


@pytest.mark.parametrize("span", ["term", "service_period"])
def test_backdated_into_recognized_months_where_contracts_are_grossed_up(db: None, span: str) -> None:
    """What is promised no longer leaves both accounts, also where it had been recognized: nothing of it is left in the end."""
    company = make_company("gross", contract_start="gross_up")
    with tenant_scope(company.pk):
        entity = BusinessEntity.objects.get()
        customer = Customer.objects.create(business_entity=entity, external_id="C-1", name="Globex", currency="USD")
        product = Product.objects.create(code="pro", name="Pro plan")
        fee = {"product": product, **flat("10"), "interval_months": 3, "recognition_method": "on_invoice"}
        contract = draft_contract(
            customer=customer, number="K", start=JAN, term_months=3, renewal="same_terms", revenue_span=span,
            items=[{"product": product, **flat("100"), "interval_months": 1}, fee],
        )  # fmt: skip
        start_contracts([contract.pk])
        for month in (1, 2, 3, 4):
            live(date(2026, month, 15))
        first = contract.items.order_by("pk")[0].pk
        modify(contract, date(2026, 2, 10), signed=date(2026, 4, 20), replace={first: flat("140")})
        modify(contract, date(2026, 6, 1), end=date(2026, 7, 1))
        live(date(2026, 12, 31))
        all_is_earned()
        assert check_ledger(company).problems == []
        assert replay_ledger().differences == []


def test_a_price_that_was_revenue_at_once_is_changed(sell: Sell) -> None:
    """1,200.00 a year, revenue on 1 January; from 1 February 600.00: 334 of 365 days are given back, 549.04 charged."""
    contract = sell(
        amount="1200", start=JAN, interval_months=12, recognition_method="point_in_time", terms={"term_months": 12}
    )
    live(JAN)
    modify(contract, date(2026, 2, 1), replace={contract.items.get().pk: flat("600")})
    live(date(2026, 12, 31))
    all_is_earned()
    assert stands("revenue") == -(D("101.92") + D("549.04"))


def test_a_credit_note_before_the_item_is_taken_away_from_an_earlier_day(sell: Sell) -> None:
    """100.00 a month; 40.00 of February credited; then the item ends on 10 February: 60.00 more of February are given back."""
    contract = sell(amount="100", start=JAN, terms={"term_months": 3, "renewal": "same_terms", "revenue_span": "term"})
    for month in (1, 2, 3, 4):
        live(date(2026, month, 15))
    february = Invoice.objects.order_by("pk")[1]
    credited = {february.lines.get().pk: D(40)}
    issue_credit_note(invoice_id=february.pk, lines=credited, on=date(2026, 4, 16), reason="Late", keep="wallet")
    modify(contract, date(2026, 2, 10), signed=date(2026, 4, 20), remove=[contract.items.get().pk])
    live(date(2026, 12, 31))
    # January stays billed; what was credited of February is an allowance.
    assert stands("revenue") + stands("sales_returns") == -100
    assert (stands("deferred_revenue"), stands("unbilled_revenue")) == (0, 0)
