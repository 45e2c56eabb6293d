"""Foreign currency, with complete journals in base currency. The numbers come from worked examples, not from the code."""

from datetime import date
from decimal import Decimal

import pytest

from accounting.checks import check_ledger
from accounting.currency.revaluation import revalue
from accounting.recognition import recognize_revenue
from billing.models import Customer, Invoice, Tenant
from billing.services.billing_run import run_billing
from billing.services.credit_notes import issue_credit_note
from billing.services.payments import allocate_payment, receive_payment
from billing.services.refunds import refund_credit_note
from tests.accounting.rates import rates
from tests.journal import journal, text

D = Decimal
YEAR = {"interval_months": 12, "terms": {"term_months": 12}}


@pytest.fixture
def customer(entity):
    return Customer.objects.create(business_entity=entity, external_id="C-1", name="Globex", currency="EUR")


def pay(amount: str, on: date, **how: object) -> None:
    receive_payment(
        customer_id=Customer.objects.get().pk, received_on=on, amount=D(amount), currency="EUR", **how
    )  # fmt: skip


def agrees() -> None:
    assert check_ledger(Tenant.objects.get()).problems == []


def test_paid_in_two_parts_at_two_rates(sell):
    """C7: 1,000.00 EUR at 1.10; 400.00 EUR paid at 1.15, 600.00 EUR at 1.05; books in USD."""
    rates("Date USD\n2026-03-01 1.10\n2026-03-20 1.15\n2026-04-10 1.05")
    sell(amount="1000", start=date(2026, 3, 1), **YEAR)
    run_billing(through=date(2026, 3, 1), finalize=True)
    pay("400", date(2026, 3, 20))
    pay("600", date(2026, 4, 10))
    assert journal(in_base=True) == text("""
        2026-03-01  Invoice finalized
            Dr AR - Customers                      1,100.00
            Cr Deferred Revenue                    1,100.00
        2026-03-20  Payment received
            Dr Cash                                  460.00
            Cr AR - Customers                        440.00
            Cr FX Gain, Realized                      20.00
        2026-04-10  Payment received
            Dr Cash                                  630.00
            Dr FX Loss, Realized                      30.00
            Cr AR - Customers                        660.00
    """)
    assert "Dr Cash                                  400.00" in journal()
    agrees()


def test_revalued_at_the_end_of_the_period_and_back(sell):
    """C8: as C7 with 600.00 EUR open on 31 March at 1.08 (carried at 1.10)."""
    rates("Date USD\n2026-03-01 1.10\n2026-03-20 1.15\n2026-03-31 1.08\n2026-04-10 1.05")
    sell(amount="1000", start=date(2026, 3, 1), **YEAR)
    run_billing(through=date(2026, 3, 1), finalize=True)
    pay("400", date(2026, 3, 20))
    # What comes later does not change what was open on the day.
    pay("600", date(2026, 4, 10))
    assert revalue(at=date(2026, 3, 31)).total == {"USD": D("-12.00")}
    expected = text("""
        2026-03-31  Foreign balances revalued
            Dr FX Loss, Unrealized                    12.00
            Cr AR - Customers                         12.00
        2026-04-01  Foreign balances revalued: reversal
            Dr AR - Customers                         12.00
            Cr FX Loss, Unrealized                    12.00
    """)
    kinds = {"foreign_balances_revalued", "foreign_revaluation_reversed"}
    assert journal(kinds=kinds, in_base=True) == expected
    assert revalue(at=date(2026, 3, 31)).balances == 0
    assert revalue(at=date(2026, 4, 30)).balances == 0
    assert journal(kinds=kinds, in_base=True) == expected
    agrees()


def test_small_invoice_paid_at_a_lower_rate(sell):
    """PE8: 30 EUR at 1.20, paid at 1.10 (USD books): 36 becomes 33 of cash and a loss of 3."""
    rates("Date USD\n2026-01-05 1.20\n2026-02-05 1.10")
    sell(amount="30", start=date(2026, 1, 5), **YEAR)
    run_billing(through=date(2026, 1, 5), finalize=True)
    pay("30", date(2026, 2, 5))
    assert journal(in_base=True) == text("""
        2026-01-05  Invoice finalized
            Dr AR - Customers                         36.00
            Cr Deferred Revenue                       36.00
        2026-02-05  Payment received
            Dr Cash                                   33.00
            Dr FX Loss, Realized                       3.00
            Cr AR - Customers                         36.00
    """)
    agrees()


def test_revenue_keeps_the_rate_of_its_invoice(sell):
    """Deferred revenue is not monetary: 300.00 EUR a month at the rates of two invoices, whatever the rate when earned."""
    rates("Date USD\n2026-01-01 1.10\n2026-01-30 1.30\n2026-02-01 1.20\n2026-02-27 1.40")
    sell(amount="300", start=date(2026, 1, 1), terms={"term_months": 12})
    run_billing(through=date(2026, 2, 1), finalize=True)
    recognize_revenue(through=date(2026, 2, 28))
    assert journal(in_base=True, kinds={"revenue_recognized"}) == text("""
        2026-01-31  Revenue recognized
            Dr Deferred Revenue                      330.00
            Cr Sales and Services Revenue            330.00
        2026-02-28  Revenue recognized
            Dr Deferred Revenue                      360.00
            Cr Sales and Services Revenue            360.00
    """)
    assert revalue(at=date(2026, 2, 28)).total == {"USD": D("600") * D("1.40") - D("690")}
    agrees()


def test_credit_note_on_a_paid_invoice_and_its_refund(sell):
    """1,000.00 EUR at 1.10, paid at 1.15; 250.00 credited at 1.20 to be refunded, refunded at 1.25.

    The unearned revenue leaves at 1.10 (275.00), what is owed back comes in at 1.20 (300.00) and leaves at 1.25 (312.50).
    """
    rates("Date USD\n2026-03-01 1.10\n2026-03-20 1.15\n2026-03-25 1.20\n2026-03-30 1.25")
    sell(amount="1000", start=date(2026, 3, 1), **YEAR)
    run_billing(through=date(2026, 3, 1), finalize=True)
    pay("1000", date(2026, 3, 20))
    invoice = Invoice.objects.get()
    note = issue_credit_note(
        invoice_id=invoice.pk,
        lines={invoice.lines.get().pk: D("250")},
        on=date(2026, 3, 25),
        reason="Less",
        keep="refund",
    )
    refund_credit_note(credit_note_id=note.pk, on=date(2026, 3, 30))
    assert journal(in_base=True, kinds={"credit_note_issued", "refund_paid"}) == text("""
        2026-03-25  Credit note issued
            Dr Deferred Revenue                      275.00
            Dr FX Loss, Realized                      25.00
            Cr Contra AR - Customers                 300.00
        2026-03-30  Refund paid
            Dr Contra AR - Customers                 300.00
            Dr FX Loss, Realized                      12.50
            Cr Cash                                  312.50
    """)
    agrees()


def test_unapplied_money_is_carried_at_the_rate_it_came_in_at(sell):
    """100.00 EUR in advance at 1.20 settle an invoice of 1.10: the gain is 10.00, at neither day's other rate."""
    rates("Date USD\n2026-03-01 1.10\n2026-03-05 1.20\n2026-03-10 1.50")
    sell(amount="100", start=date(2026, 3, 1), **YEAR)
    run_billing(through=date(2026, 3, 1), finalize=True)
    payment = receive_payment(
        customer_id=Customer.objects.get().pk,
        received_on=date(2026, 3, 5),
        amount=D("100"),
        currency="EUR",
        allocations={},
    )
    allocate_payment(
        payment_id=payment.pk, allocations={Invoice.objects.get().pk: D("100")}, on=date(2026, 3, 10)
    )  # fmt: skip
    assert journal(in_base=True, kinds={"payment_received", "payment_allocated"}) == text("""
        2026-03-05  Payment received
            Dr Cash                                  120.00
            Cr Unapplied Payments                    120.00
        2026-03-10  Payment allocated
            Dr Unapplied Payments                    120.00
            Cr AR - Customers                        110.00
            Cr FX Gain, Realized                      10.00
    """)
    agrees()
