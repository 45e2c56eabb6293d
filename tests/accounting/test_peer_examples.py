"""The peers' examples and the life cycle of the reference, each with its complete journal. The numbers are theirs."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from accounting.checks import check_ledger
from accounting.recognition import recognize_revenue
from billing.models import Contract, Customer, Invoice, Product, TaxRate, Tenant
from billing.services.billing_run import run_billing
from billing.services.credit_notes import issue_credit_note
from billing.services.gateways import add_gateway, record_payout
from billing.services.invoices import finalize_invoices
from billing.services.modifications import Modification, modify_contract
from billing.services.one_off import NewLine, draft_invoice
from billing.services.payments import receive_payment
from billing.services.prepaid import consume_credits
from billing.services.refunds import refund_credit_note
from billing.services.wallets import apply_wallet, top_up_wallet
from tests.accounting.test_money_cases import balances
from tests.journal import journal, text

D = Decimal
Sell = Callable[..., Contract]
JAN = date(2026, 1, 1)


@pytest.fixture(autouse=True)
def _books_agree(tenant: Tenant) -> Iterator[None]:
    yield
    assert check_ledger(tenant).problems == []


def pay(customer: Customer, amount: str, on: date, **how: Any) -> None:
    receive_payment(customer_id=customer.pk, received_on=on, amount=D(amount), currency="USD", **how)


def invoiced(customer: Customer, *lines: NewLine, on: date = JAN, **more: Any) -> Invoice:
    draft = draft_invoice(customer_id=customer.pk, issued_on=on, lines=lines, **more)
    finalize_invoices([draft.pk])
    draft.refresh_from_db()
    return draft


def test_a_month_from_its_middle(sell: Sell, customer: Customer) -> None:
    """PE1: 31.00 a month from 15 January, paid: 17.00 in January, 14.00 deferred; February 14.00."""
    sell(amount="31", start=date(2026, 1, 15), terms={"term_months": 1})
    run_billing(through=date(2026, 1, 15), finalize=True)
    pay(customer, "31", date(2026, 1, 15))
    recognize_revenue(through=date(2026, 2, 28))
    assert journal() == text("""
        2026-01-15  Invoice finalized
            Dr AR - Customers                         31.00
            Cr Deferred Revenue                       31.00
        2026-01-15  Payment received
            Dr Cash                                   31.00
            Cr AR - Customers                         31.00
        2026-01-31  Revenue recognized
            Dr Deferred Revenue                       17.00
            Cr Sales and Services Revenue             17.00
        2026-02-28  Revenue recognized
            Dr Deferred Revenue                       14.00
            Cr Sales and Services Revenue             14.00
    """)


def test_a_year_by_days(sell: Sell) -> None:
    """PE2: 365.00 a year from 1 January: 31, 28, 31."""
    sell(amount="365", start=JAN, interval_months=12, terms={"term_months": 12})
    run_billing(through=JAN, finalize=True)
    recognize_revenue(through=date(2026, 3, 31))
    assert journal() == text("""
        2026-01-01  Invoice finalized
            Dr AR - Customers                        365.00
            Cr Deferred Revenue                      365.00
        2026-01-31  Revenue recognized
            Dr Deferred Revenue                       31.00
            Cr Sales and Services Revenue             31.00
        2026-02-28  Revenue recognized
            Dr Deferred Revenue                       28.00
            Cr Sales and Services Revenue             28.00
        2026-03-31  Revenue recognized
            Dr Deferred Revenue                       31.00
            Cr Sales and Services Revenue             31.00
    """)


def test_a_proration_credit_to_the_customers_balance(sell: Sell, customer: Customer) -> None:
    """PE4: 31.00 of a paid invoice are not needed any more and kept for the customer. The peer takes them off the receivable
    first and puts them back (AR 31.00 twice); here the credit note names the balance at once (docs/decisions/0023)."""
    sell(amount="62", start=JAN, terms={"term_months": 1})
    run_billing(through=JAN, finalize=True)
    pay(customer, "62", JAN)
    invoice = Invoice.objects.get()
    issue_credit_note(
        invoice_id=invoice.pk, lines={invoice.lines.get().pk: D(31)}, on=JAN, reason="Proration", keep="wallet"
    )
    assert journal(kinds={"credit_note_issued"}) == text("""
        2026-01-01  Credit note issued
            Dr Deferred Revenue                       31.00
            Cr Customer Wallet                        31.00
    """)


def test_a_credit_note_before_payment(sell: Sell, customer: Customer) -> None:
    """PE5: 120.00 for three months from 1 January; 30.00 credited before payment; 90.00 paid in February; 31, 28, 31."""
    sell(amount="120", start=JAN, interval_months=3, terms={"term_months": 3})
    run_billing(through=JAN, finalize=True)
    invoice = Invoice.objects.get()
    issue_credit_note(invoice_id=invoice.pk, lines={invoice.lines.get().pk: D(30)}, on=JAN, reason="Coupon")
    recognize_revenue(through=date(2026, 1, 31))
    pay(customer, "90", date(2026, 2, 10))
    recognize_revenue(through=date(2026, 3, 31))
    assert journal() == text("""
        2026-01-01  Invoice finalized
            Dr AR - Customers                        120.00
            Cr Deferred Revenue                      120.00
        2026-01-01  Credit note issued
            Dr Deferred Revenue                       30.00
            Cr AR - Customers                         30.00
        2026-01-31  Revenue recognized
            Dr Deferred Revenue                       31.00
            Cr Sales and Services Revenue             31.00
        2026-02-10  Payment received
            Dr Cash                                   90.00
            Cr AR - Customers                         90.00
        2026-02-28  Revenue recognized
            Dr Deferred Revenue                       28.00
            Cr Sales and Services Revenue             28.00
        2026-03-31  Revenue recognized
            Dr Deferred Revenue                       31.00
            Cr Sales and Services Revenue             31.00
    """)


def test_an_upgrade_in_mid_month(sell: Sell) -> None:
    """PE7: 90.00 a month from 1 April, 120.00 from 21 April: 20 days at 3.00 and 10 days at 4.00."""
    contract = sell(amount="90", start=date(2026, 4, 1), terms={"term_months": 12})
    run_billing(through=date(2026, 4, 1), finalize=True)
    price = {"pricing_model": "flat_fee", "pricing": {"amount": "120"}}
    day = date(2026, 4, 21)
    change = Modification(effective_on=day, signed_on=day, reason="Upgrade", replace={contract.items.get().pk: price})
    modify_contract(contract_id=contract.pk, change=change)
    recognize_revenue(through=date(2026, 4, 30))
    assert journal() == text("""
        2026-04-01  Invoice finalized
            Dr AR - Customers                         90.00
            Cr Deferred Revenue                       90.00
        2026-04-21  Invoice finalized
            Dr AR - Customers                         10.00
            Dr Deferred Revenue                       30.00
            Cr Deferred Revenue                       40.00
        2026-04-30  Revenue recognized
            Dr Deferred Revenue                       60.00
            Cr Sales and Services Revenue             60.00
        2026-04-30  Revenue recognized
            Dr Deferred Revenue                       40.00
            Cr Sales and Services Revenue             40.00
    """)


def test_discount_tax_overpayment_credit_note_and_payout(customer: Customer, product: Product) -> None:
    """PE11: 100.00 less 10.00 with 30.00 tax; 120.00 paid of which 100.00 are applied; 50.00 credited; payout 115.00."""
    add_gateway(business_entity=customer.business_entity, code="cards", name="Cards")
    tax = TaxRate.objects.create(code="t", name="Tax", percent=D("33.3333"))
    service = {"period_start": JAN, "period_end": date(2026, 2, 1)}
    line = NewLine(product=product, unit_amount=D(100), discount=D(10), tax_rate=tax, **service)
    invoice = invoiced(customer, line)
    pay(customer, "120", JAN, gateway="cards", allocations={invoice.pk: D(100)})
    # 50.00 with the tax in it: 37.50 and 12.50. 20.00 are open, the rest was paid and is kept.
    issue_credit_note(
        invoice_id=invoice.pk, lines={invoice.lines.get().pk: D("37.50")}, on=JAN, reason="Less", keep="wallet"
    )
    record_payout(
        gateway="cards", business_entity_id=customer.business_entity_id, paid_on=JAN, currency="USD", captured=D(120),
        fee=D(5), reference="po",
    )  # fmt: skip
    assert journal() == text("""
        2026-01-01  Invoice finalized
            Dr AR - Customers                        120.00
            Cr Deferred Revenue                       90.00
            Cr Sales Tax                              30.00
        2026-01-01  Payment captured
            Dr AR - Payment Gateways                 120.00
            Cr AR - Customers                        100.00
            Cr Unapplied Payments                     20.00
        2026-01-01  Credit note issued
            Dr Deferred Revenue                       37.50
            Dr Sales Tax                              12.50
            Cr AR - Customers                         20.00
            Cr Customer Wallet                        30.00
        2026-01-01  Gateway payout
            Dr Cash                                  115.00
            Dr Payment Gateway Fees                    5.00
            Cr AR - Payment Gateways                 120.00
    """)


def test_a_month_that_begins_on_the_sixteenth(sell: Sell) -> None:
    """PE12: 30.00 for a month from 16 April: April's entry covers 15 of its 30 days."""
    sell(amount="30", start=date(2026, 4, 16), terms={"term_months": 1})
    run_billing(through=date(2026, 4, 16), finalize=True)
    recognize_revenue(through=date(2026, 4, 30))
    assert journal() == text("""
        2026-04-16  Invoice finalized
            Dr AR - Customers                         30.00
            Cr Deferred Revenue                       30.00
        2026-04-30  Revenue recognized
            Dr Deferred Revenue                       15.00
            Cr Sales and Services Revenue             15.00
    """)


def test_credits_bought_and_used(customer: Customer) -> None:
    """PE13: 100.00 of credits bought on 1 January, 30.00 used in January; 70.00 are left."""
    prepaid = Product.objects.create(code="credits", name="Credits", recognition_method="as_consumed")
    until = {"period_start": JAN, "period_end": date(2027, 1, 1)}
    invoiced(customer, NewLine(product=prepaid, quantity=D(100), unit_amount=D(1), **until))
    consume_credits(customer_id=customer.pk, product_id=prepaid.pk, units=D(30), on=date(2026, 1, 31))
    assert journal() == text("""
        2026-01-01  Invoice finalized
            Dr AR - Customers                        100.00
            Cr Deferred Revenue                      100.00
        2026-01-31  Prepaid credits used
            Dr Deferred Revenue                       30.00
            Cr Sales and Services Revenue             30.00
    """)


def test_coupon_and_prepaid_credit_after_tax(customer: Customer, product: Product) -> None:
    """PE14: fees of 50.00 and 20.00, tax 10 % on 70.00; of 77.00 a coupon pays 10.00 and prepaid credit 30.00: 37.00 are due."""
    tax = TaxRate.objects.create(code="t", name="Tax", percent=10)
    top_up_wallet(customer_id=customer.pk, amount=D(30), bonus=D(10), currency="USD", on=JAN)
    service = {"tax_rate": tax, "period_start": JAN, "period_end": date(2026, 2, 1)}
    invoice = invoiced(customer, *(NewLine(product=product, unit_amount=D(fee), **service) for fee in (50, 20)))
    apply_wallet(customer_id=customer.pk, currency="USD", on=JAN)
    assert journal() == text("""
        2026-01-01  Wallet topped up
            Dr Cash                                   30.00
            Cr Customer Wallet                        30.00
        2026-01-01  Invoice finalized
            Dr AR - Customers                         77.00
            Cr Deferred Revenue                       50.00
            Cr Deferred Revenue                       20.00
            Cr Sales Tax                               5.00
            Cr Sales Tax                               2.00
        2026-01-01  Wallet applied
            Dr Customer Wallet                        30.00
            Dr Discounts Given                        10.00
            Cr AR - Customers                         40.00
    """)
    invoice.refresh_from_db()
    assert invoice.due.amount == D(37)


def test_a_one_off_price_split_by_days_over_five_months(customer: Customer, product: Product) -> None:
    """RR2: 400.00 from 20 August to 19 December: 39.34, 98.36, 101.64, 98.36, 62.30."""
    service = {"period_start": date(2025, 8, 20), "period_end": date(2025, 12, 20)}
    invoiced(customer, NewLine(product=product, unit_amount=D(400), **service), on=date(2025, 8, 20))
    recognize_revenue(through=date(2025, 12, 31))
    assert journal() == text("""
        2025-08-20  Invoice finalized
            Dr AR - Customers                        400.00
            Cr Deferred Revenue                      400.00
        2025-08-31  Revenue recognized
            Dr Deferred Revenue                       39.34
            Cr Sales and Services Revenue             39.34
        2025-09-30  Revenue recognized
            Dr Deferred Revenue                       98.36
            Cr Sales and Services Revenue             98.36
        2025-10-31  Revenue recognized
            Dr Deferred Revenue                      101.64
            Cr Sales and Services Revenue            101.64
        2025-11-30  Revenue recognized
            Dr Deferred Revenue                       98.36
            Cr Sales and Services Revenue             98.36
        2025-12-31  Revenue recognized
            Dr Deferred Revenue                       62.30
            Cr Sales and Services Revenue             62.30
    """)


def test_the_life_cycle_to_the_letter(sell: Sell, customer: Customer) -> None:
    """L1 to L9: 1,200.00 for 2025 by months with 10 % tax; 240.00 credited and refunded in June: 60.00 a month then."""
    add_gateway(business_entity=customer.business_entity, code="cards", name="Cards")
    tax = TaxRate.objects.create(code="tax", name="Sales tax", percent=10)
    sell(
        amount="1200", start=date(2025, 1, 1), interval_months=12, recognition_method="straight_line_months", tax_rate=tax,
        terms={"term_months": 12},
    )  # fmt: skip
    run_billing(through=date(2025, 1, 1), finalize=True)
    recognize_revenue(through=date(2025, 1, 31))
    pay(customer, "1320", date(2025, 2, 10), gateway="cards")
    payout = {"gateway": "cards", "business_entity_id": customer.business_entity_id, "currency": "USD"}
    record_payout(**payout, paid_on=date(2025, 2, 12), captured=D(1320), fee=D(40), reference="po-1")
    recognize_revenue(through=date(2025, 6, 30))
    invoice = Invoice.objects.get()
    note = issue_credit_note(
        invoice_id=invoice.pk, lines={invoice.lines.get().pk: D(240)}, on=date(2025, 6, 30), reason="Agreed", keep="refund"
    )  # fmt: skip
    refund_credit_note(credit_note_id=note.pk, on=date(2025, 7, 2), gateway="cards")
    record_payout(**payout, paid_on=date(2025, 7, 4), captured=D(0), withheld=D(264), reference="po-2")
    recognize_revenue(through=date(2025, 12, 31))
    assert journal() == text("""
        2025-01-01  Invoice finalized
            Dr AR - Customers                      1,320.00
            Cr Deferred Revenue                    1,200.00
            Cr Sales Tax                             120.00
        2025-01-31  Revenue recognized
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
        2025-02-10  Payment captured
            Dr AR - Payment Gateways               1,320.00
            Cr AR - Customers                      1,320.00
        2025-02-12  Gateway payout
            Dr Cash                                1,280.00
            Dr Payment Gateway Fees                   40.00
            Cr AR - Payment Gateways               1,320.00
        2025-02-28  Revenue recognized
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
        2025-03-31  Revenue recognized
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
        2025-04-30  Revenue recognized
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
        2025-05-31  Revenue recognized
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
        2025-06-30  Revenue recognized
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
        2025-06-30  Credit note issued
            Dr Deferred Revenue                      240.00
            Dr Sales Tax                              24.00
            Cr Contra AR - Customers                 264.00
        2025-07-02  Refund paid
            Dr Contra AR - Customers                 264.00
            Cr Contra AR - Payment Gateways          264.00
        2025-07-04  Gateway payout
            Dr Contra AR - Payment Gateways          264.00
            Cr Cash                                  264.00
        2025-07-31  Revenue recognized
            Dr Deferred Revenue                       60.00
            Cr Sales and Services Revenue             60.00
        2025-08-31  Revenue recognized
            Dr Deferred Revenue                       60.00
            Cr Sales and Services Revenue             60.00
        2025-09-30  Revenue recognized
            Dr Deferred Revenue                       60.00
            Cr Sales and Services Revenue             60.00
        2025-10-31  Revenue recognized
            Dr Deferred Revenue                       60.00
            Cr Sales and Services Revenue             60.00
        2025-11-30  Revenue recognized
            Dr Deferred Revenue                       60.00
            Cr Sales and Services Revenue             60.00
        2025-12-31  Revenue recognized
            Dr Deferred Revenue                       60.00
            Cr Sales and Services Revenue             60.00
    """)
    assert balances() == {
        "Cash": "1,016.00",
        "Payment Gateway Fees": "40.00",
        "Sales and Services Revenue": "-960.00",
        "Sales Tax": "-96.00",
    }
