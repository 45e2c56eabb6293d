"""Hard cases with their complete journals. The numbers come from worked examples, not from running the code."""

from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone

from accounting.models import AccountingPeriod, JournalLine
from accounting.periods import close_period
from accounting.recognition import recognize_revenue
from billing.models import Contract, CreditNote, Invoice, TaxRate
from billing.services.billing_run import run_billing
from billing.services.credit_notes import issue_credit_note
from billing.services.invoices import void_invoice
from billing.services.modifications import Modification, modify_contract
from billing.services.payments import allocate_payment, receive_payment
from billing.services.tenants import choose_proration
from billing.services.usage import record_usage
from tests.journal import journal, text

D = Decimal


def test_annual_contract_billed_up_front_by_days_in_a_leap_year(sell):
    """C1: 3,660.00 for the 366 days of 2028, 10.00 a day."""
    sell(amount="3660", start=date(2028, 1, 1), interval_months=12, terms={"term_months": 12})
    run_billing(through=date(2028, 1, 1), finalize=True)
    recognize_revenue(through=date(2028, 2, 29))
    assert journal() == text("""
        2028-01-01  Invoice finalized
            Dr AR - Customers                      3,660.00
            Cr Deferred Revenue                    3,660.00
        2028-01-31  Revenue recognized
            Dr Deferred Revenue                      310.00
            Cr Sales and Services Revenue            310.00
        2028-02-29  Revenue recognized
            Dr Deferred Revenue                      290.00
            Cr Sales and Services Revenue            290.00
    """)
    assert _stands_at("deferred_revenue") == D("-3060.00")
    recognize_revenue(through=date(2028, 12, 31))
    assert JournalLine.objects.filter(role="revenue").count() == 12
    assert _stands_at("deferred_revenue") == 0


def _stands_at(role: str) -> D:
    lines = JournalLine.objects.filter(role=role).values_list("debit", "credit")
    return sum((debit - credit for debit, credit in lines), D(0))


def test_equally_by_months_with_the_remainder_last(sell):
    """C2: 1,000.00 over 3 months; the odd cent goes to the last."""
    sell(
        amount="1000",
        start=date(2026, 1, 1),
        interval_months=3,
        recognition_method="straight_line_months",
        terms={"term_months": 3},
    )
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 3, 31))
    assert journal(kinds={"revenue_recognized"}) == text("""
        2026-01-31  Revenue recognized
            Dr Deferred Revenue                      333.33
            Cr Sales and Services Revenue            333.33
        2026-02-28  Revenue recognized
            Dr Deferred Revenue                      333.33
            Cr Sales and Services Revenue            333.33
        2026-03-31  Revenue recognized
            Dr Deferred Revenue                      333.34
            Cr Sales and Services Revenue            333.34
    """)


def test_cancellation_with_a_credit_note_on_an_unpaid_invoice(sell):
    """C4: yearly 1,200.00 by months, cancelled at the end of March, never paid; nine months credited, 300.00 still due."""
    sell(
        amount="1200",
        start=date(2026, 1, 1),
        interval_months=12,
        recognition_method="straight_line_months",
        terms={"term_months": 12},
    )
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 3, 31))
    invoice = Invoice.objects.get()
    issue_credit_note(
        invoice_id=invoice.pk, lines={invoice.lines.get().pk: D("900.00")}, on=date(2026, 3, 31), reason="Cancelled"
    )
    recognize_revenue(through=date(2026, 12, 31))
    assert journal() == text("""
        2026-01-01  Invoice finalized
            Dr AR - Customers                      1,200.00
            Cr Deferred Revenue                    1,200.00
        2026-01-31  Revenue recognized
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
        2026-02-28  Revenue recognized
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
        2026-03-31  Revenue recognized
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
        2026-03-31  Credit note issued
            Dr Deferred Revenue                      900.00
            Cr AR - Customers                        900.00
    """)
    invoice.refresh_from_db()
    assert (invoice.due.amount, invoice.status) == (D("300.00"), "partially_paid")


def _by_months(sell, amount: str) -> Contract:
    contract = sell(
        amount=amount,
        start=date(2026, 1, 1),
        interval_months=12,
        recognition_method="straight_line_months",
        terms={"term_months": 12},
    )
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 3, 31))
    return contract


def _ended(contract: Contract, on: date) -> None:
    end = Modification(effective_on=on, signed_on=date(2026, 3, 31), reason="Cancelled", end=on)
    modify_contract(contract_id=contract.pk, change=end)


def test_cancellation_by_ending_the_contract_gives_back_the_months_that_are_left(sell):
    """C4, as the contract is ended instead of its invoice credited: the same journal, nine months of twelve."""
    contract = _by_months(sell, "1200")
    _ended(contract, date(2026, 4, 1))
    recognize_revenue(through=date(2026, 12, 31))
    assert journal(kinds={"credit_note_issued"}) == text("""
        2026-03-31  Credit note issued
            Dr Deferred Revenue                      900.00
            Cr AR - Customers                        900.00
    """)
    assert journal(kinds={"revenue_recognized"}, by_day=True) == text("""
        2026-01-31  Revenue recognized
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
        2026-02-28  Revenue recognized
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
        2026-03-31  Revenue recognized
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
    """)
    assert _stands_at("deferred_revenue") == _stands_at("unbilled_revenue") == 0
    assert Invoice.objects.get().due.amount == D("300.00")


@pytest.mark.parametrize(
    ("how", "on", "given_back", "april"),
    [
        # Half of April is earned, 50.00; eight months and a half are given back.
        ("as_earned", date(2026, 4, 16), "850.00", "50.00"),
        # 275 of 365 days: 904.11, 4.11 more than is left to earn, which April takes back.
        ("by_days", date(2026, 4, 1), "904.11", "-4.11"),
        ("by_months", date(2026, 4, 1), "900.00", "0.00"),
    ],
)
def test_what_an_ended_contract_gives_back_is_the_policy_s_choice(sell, entity, how, on, given_back, april):
    choose_proration(code=entity.code, how=how)
    entity.refresh_from_db()
    contract = _by_months(sell, "1200")
    _ended(contract, on)
    assert CreditNote.objects.get().total.amount == D(given_back)
    recognize_revenue(through=date(2026, 12, 31))
    assert -_stands_at("revenue") == D(1200) - D(given_back) == D(300) + D(april)
    assert _stands_at("deferred_revenue") == _stands_at("unbilled_revenue") == 0


def test_upgrade_by_months_bills_the_months_that_are_left(sell):
    """A 1,200.00, from 1 April B 2,400.00 a year: nine months of each, an invoice of 1,800.00 less 900.00."""
    contract = _by_months(sell, "1200")
    item = contract.items.get()
    change = Modification(
        effective_on=date(2026, 4, 1),
        signed_on=date(2026, 4, 1),
        reason="Upgrade",
        replace={item.pk: {"pricing_model": "flat_fee", "pricing": {"amount": "2400"}}},
    )
    modify_contract(contract_id=contract.pk, change=change)
    assert journal(kinds={"invoice_finalized"}) == text("""
        2026-01-01  Invoice finalized
            Dr AR - Customers                      1,200.00
            Cr Deferred Revenue                    1,200.00
        2026-04-01  Invoice finalized
            Dr AR - Customers                        900.00
            Dr Deferred Revenue                      900.00
            Cr Deferred Revenue                    1,800.00
    """)
    recognize_revenue(through=date(2026, 4, 30))
    assert -_stands_at("revenue") == D("500.00")  # three months of 100.00, one of 200.00
    recognize_revenue(through=date(2026, 12, 31))
    assert -_stands_at("revenue") == D("2100.00")


def test_usage_in_arrears_is_earned_before_it_is_billed(sell):
    """Arrears companion of the life cycle: 250.00 of usage in January, invoiced 1 February with 10 % tax."""
    tax = TaxRate.objects.create(code="vat", name="VAT 10 %", percent=10)
    contract = sell(
        amount="0",
        pricing_model="per_unit",
        pricing={"unit_amount": "2.50"},
        start=date(2026, 1, 1),
        timing="arrears",
        is_metered=True,
        tax_rate=tax,
        terms={"term_months": 12},
    )
    item = contract.items.get()
    record_usage(contract_item_id=item.pk, used_on=date(2026, 1, 10), quantity=D(60), key="u1")
    record_usage(contract_item_id=item.pk, used_on=date(2026, 1, 31), quantity=D(40), key="u2")
    recognize_revenue(through=date(2026, 1, 31))
    run_billing(through=date(2026, 2, 1), finalize=True)
    assert journal() == text("""
        2026-01-31  Revenue recognized
            Dr Unbilled Revenue                      250.00
            Cr Sales and Services Revenue            250.00
        2026-02-01  Invoice finalized
            Dr AR - Customers                        275.00
            Cr Unbilled Revenue                      250.00
            Cr Sales Tax                              25.00
    """)


def test_overpayment_is_kept_then_used(sell):
    """C9: invoice 80.00, paid 100.00; next invoice 50.00, 30.00 still due."""
    sell(amount="80", start=date(2026, 5, 1), interval_months=12, number="K-1", terms={"term_months": 12})
    sell(amount="50", start=date(2026, 6, 1), interval_months=12, number="K-2", terms={"term_months": 12})
    run_billing(through=date(2026, 5, 1), finalize=True)
    customer = Invoice.objects.get().customer_id
    payment = receive_payment(customer_id=customer, received_on=date(2026, 5, 1), amount=D("100.00"), currency="USD")
    run_billing(through=date(2026, 6, 1), finalize=True)
    second = Invoice.objects.get(issued_on=date(2026, 6, 1))
    allocate_payment(payment_id=payment.pk, allocations={second.pk: D("20.00")}, on=date(2026, 6, 1))
    assert journal() == text("""
        2026-05-01  Invoice finalized
            Dr AR - Customers                         80.00
            Cr Deferred Revenue                       80.00
        2026-05-01  Payment received
            Dr Cash                                  100.00
            Cr AR - Customers                         80.00
            Cr Unapplied Payments                     20.00
        2026-06-01  Invoice finalized
            Dr AR - Customers                         50.00
            Cr Deferred Revenue                       50.00
        2026-06-01  Payment allocated
            Dr Unapplied Payments                     20.00
            Cr AR - Customers                         20.00
    """)
    second.refresh_from_db()
    assert (second.due.amount, second.status) == (D("30.00"), "partially_paid")


def test_void_after_the_month_is_closed(sell):
    """C14: invoice for the year, January recognized and closed, voided on 10 February."""
    sell(
        amount="1200",
        start=date(2026, 1, 1),
        interval_months=12,
        recognition_method="straight_line_months",
        terms={"term_months": 12},
    )
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    close_period(period_id=AccountingPeriod.objects.get(start=date(2026, 1, 1)).pk, at=timezone.now())
    void_invoice(invoice_id=Invoice.objects.get().pk, on=date(2026, 2, 10), reason="Wrong customer")
    recognize_revenue(through=date(2026, 12, 31))
    assert journal() == text("""
        2026-01-01  Invoice finalized
            Dr AR - Customers                      1,200.00
            Cr Deferred Revenue                    1,200.00
        2026-01-31  Revenue recognized
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
        2026-02-10  Invoice voided: reversal
            Dr Deferred Revenue                    1,200.00
            Cr AR - Customers                      1,200.00
        2026-02-10  Invoice voided
            Dr Sales and Services Revenue            100.00
            Cr Deferred Revenue                      100.00
    """)
