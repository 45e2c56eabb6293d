"""Foreign currency, with complete journals in base currency. The numbers come from worked examples, not from the code."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounting.checks import check_ledger
from accounting.currency.rates import MissingRate
from accounting.currency.revaluation import revalue, value_balances
from accounting.models import (
    Account,
    AccountingPeriod,
    CarryingAmount,
    DefaultAccount,
    JournalEntry,
    JournalLine,
)
from accounting.periods import close_period
from accounting.recognition import recognize_revenue
from accounting.replaying import replay_ledger
from accounting.reversing import reverse_entry
from billing.errors import BillingError
from billing.models import BusinessEntity, Customer, Invoice, Payment, Product, Tenant
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, end_contract, start_contracts
from billing.services.credit_notes import issue_credit_note
from billing.services.gateways import add_gateway, record_payout
from billing.services.invoices import finalize_invoices, void_invoice
from billing.services.one_off import NewLine, draft_invoice
from billing.services.payments import allocate_payment, receive_payment
from billing.services.refunds import refund_credit_note, refund_payment
from billing.services.undoing import void_payment
from billing.services.usage import record_usage
from billing.services.wallets import apply_wallet, top_up_wallet
from billing.services.write_offs import write_off_invoice
from billing.tenancy import tenant_scope
from tests.accounting.rates import rates
from tests.company import make_company
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
    assert replay_ledger().differences == []


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


def test_revenue_of_two_invoices_of_one_product_keeps_each_ones_rate(customer, product):
    """IAS 21.16. 900.00 EUR for 90 days at 1.10, and 280.00 EUR for February alone at 1.20: 10.00 EUR a day, each of its own."""
    rates("Date USD\n2026-01-01 1.10\n2026-01-30 1.30\n2026-02-01 1.20\n2026-02-27 1.40")
    for issued, until, price in (
        (date(2026, 1, 1), date(2026, 4, 1), "900"),
        (date(2026, 2, 1), date(2026, 3, 1), "280"),
    ):
        line = NewLine(product=product, unit_amount=D(price), period_start=issued, period_end=until)
        finalize_invoices([draft_invoice(customer_id=customer.pk, issued_on=issued, lines=[line]).pk])
    recognize_revenue(through=date(2026, 2, 28))
    assert journal(kinds={"revenue_recognized"}, in_base=True) == text("""
        2026-01-31  Revenue recognized
            Dr Deferred Revenue                      341.00
            Cr Sales and Services Revenue            341.00
        2026-02-28  Revenue recognized
            Dr Deferred Revenue                      308.00
            Cr Sales and Services Revenue            308.00
        2026-02-28  Revenue recognized
            Dr Deferred Revenue                      336.00
            Cr Sales and Services Revenue            336.00
    """)
    about = JournalLine.objects.filter(entry__event__kind="revenue_recognized").values_list("invoice_id", flat=True)
    assert set(about) == set(Invoice.objects.values_list("id", flat=True))
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


def test_yen_and_dinars(sell, customer):
    """Books in USD; 100,000 JPY at 1/160 are 625.00, 12.345 KWD at 3.25 are 40.12; settled at 1/150 and 3.30."""
    rates(
        "Date USD JPY KWD\n"
        "2026-03-01 1.00 160 0.3076923077\n"
        "2026-03-20 1.00 150 0.3030303030\n"
    )  # fmt: skip
    for currency, amount, number in (("JPY", "100000", "K-1"), ("KWD", "12.345", "K-2")):
        sell(amount=amount, start=date(2026, 3, 1), number=number, interval_months=12,
             terms={"term_months": 12, "currency": currency})  # fmt: skip
    run_billing(through=date(2026, 3, 1), finalize=True)
    for currency, amount in (("JPY", "100000"), ("KWD", "12.345")):
        receive_payment(
            customer_id=customer.pk, received_on=date(2026, 3, 20), amount=D(amount), currency=currency
        )  # fmt: skip
    assert journal(in_base=True) == text("""
        2026-03-01  Invoice finalized
            Dr AR - Customers                        625.00
            Cr Deferred Revenue                      625.00
        2026-03-01  Invoice finalized
            Dr AR - Customers                         40.12
            Cr Deferred Revenue                       40.12
        2026-03-20  Payment received
            Dr Cash                                  666.67
            Cr AR - Customers                        625.00
            Cr FX Gain, Realized                      41.67
        2026-03-20  Payment received
            Dr Cash                                   40.74
            Cr AR - Customers                         40.12
            Cr FX Gain, Realized                       0.62
    """)
    assert "Dr AR - Customers                       100,000" in journal()
    assert "Dr AR - Customers                        12.345" in journal()
    agrees()


def test_an_amount_too_small_for_the_base_currency(sell, customer):
    """1 IDR at 0.00006 is nothing in dollars: it is posted, and settled, without an amount in base currency."""
    rates("Date USD IDR\n2026-03-01 1.00 16000\n2026-03-20 1.00 100")
    sell(amount="1", start=date(2026, 3, 1), interval_months=12, terms={"term_months": 12, "currency": "IDR"})
    run_billing(through=date(2026, 3, 1), finalize=True)
    receive_payment(customer_id=customer.pk, received_on=date(2026, 3, 20), amount=D(1), currency="IDR")
    assert journal(in_base=True) == text("""
        2026-03-01  Invoice finalized
            Dr AR - Customers                          0.00
            Cr Deferred Revenue                        0.00
        2026-03-20  Payment received
            Dr Cash                                    0.01
            Cr AR - Customers                          0.00
            Cr FX Gain, Realized                       0.01
    """)
    agrees()


def test_parts_of_an_invoice_add_up_in_base_currency(customer, product):
    """Three items of 0.05 EUR at 1.10: the receivable of 0.15 EUR is 0.17; so are the three parts (0.06, 0.06, 0.05)."""
    rates("Date USD\n2026-03-01 1.10")
    invoice = draft_invoice(
        customer_id=customer.pk,
        issued_on=date(2026, 3, 1),
        lines=[NewLine(product=product, description=f"Part {part}", unit_amount=D("0.05")) for part in (1, 2, 3)],
    )
    finalize_invoices([invoice.pk])
    assert journal(in_base=True) == text("""
        2026-03-01  Invoice finalized
            Dr AR - Customers                          0.17
            Cr Sales and Services Revenue              0.06
            Cr Sales and Services Revenue              0.06
            Cr Sales and Services Revenue              0.05
    """)
    agrees()


def test_a_void_mirrors_the_base_amounts_of_the_invoice(sell):
    """Invoiced at 1.10, a month of it recognized, voided at 1.30: nothing of it is left in any account."""
    rates("Date USD\n2026-01-01 1.10\n2026-01-30 1.20\n2026-02-10 1.30")
    sell(amount="1200", start=date(2026, 1, 1), recognition_method="straight_line_months", **YEAR)
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    void_invoice(invoice_id=Invoice.objects.get().pk, on=date(2026, 2, 10), reason="Wrong customer")
    assert journal(in_base=True, kinds={"invoice_voided"}) == text("""
        2026-02-10  Invoice voided: reversal
            Dr Deferred Revenue                    1,320.00
            Cr AR - Customers                      1,320.00
        2026-02-10  Invoice voided
            Dr Sales and Services Revenue            110.00
            Cr Deferred Revenue                      110.00
    """)
    agrees()


def test_usage_earned_before_it_is_billed_is_money_owed(sell):
    """Usage of 100.00 EUR earned at 1.10 and billed at 1.15: unbilled revenue leaves at 110.00, the gain is 5.00."""
    rates("Date USD\n2026-01-30 1.10\n2026-02-01 1.15")
    contract = sell(
        amount="0", pricing_model="per_unit", pricing={"unit_amount": "1"}, start=date(2026, 1, 1), timing="arrears",
        is_metered=True, terms={"term_months": 12},
    )  # fmt: skip
    record_usage(contract_item_id=contract.items.get().pk, used_on=date(2026, 1, 10), quantity=D(100), key="u1")
    recognize_revenue(through=date(2026, 1, 31))
    run_billing(through=date(2026, 2, 1), finalize=True)
    assert journal(in_base=True) == text("""
        2026-01-31  Revenue recognized
            Dr Unbilled Revenue                      110.00
            Cr Sales and Services Revenue            110.00
        2026-02-01  Invoice finalized
            Dr AR - Customers                        115.00
            Cr Unbilled Revenue                      110.00
            Cr FX Gain, Realized                       5.00
    """)
    agrees()


def test_a_gateway_pays_out_at_another_rate(sell, entity):
    """Captured 1,000.00 EUR at 1.10, paid out less 30.00 of fee at 1.20: the gateway's debt leaves at 1,100.00."""
    rates("Date USD\n2026-03-01 1.10\n2026-03-05 1.20")
    add_gateway(business_entity=entity, code="cards", name="Cards")
    sell(amount="1000", start=date(2026, 3, 1), **YEAR)
    run_billing(through=date(2026, 3, 1), finalize=True)
    pay("1000", date(2026, 3, 1), gateway="cards")
    record_payout(
        gateway="cards", business_entity_id=entity.pk, paid_on=date(2026, 3, 5), currency="EUR", captured=D(1000),
        fee=D(30), reference="po-1",
    )  # fmt: skip
    assert journal(in_base=True, kinds={"payment_captured", "payout_received"}) == text("""
        2026-03-01  Payment captured
            Dr AR - Payment Gateways               1,100.00
            Cr AR - Customers                      1,100.00
        2026-03-05  Gateway payout
            Dr Cash                                1,164.00
            Dr Payment Gateway Fees                   36.00
            Cr AR - Payment Gateways               1,100.00
            Cr FX Gain, Realized                     100.00
    """)
    rates("Date USD\n2026-03-31 1.30")
    assert not [each for each in value_balances(at=date(2026, 3, 31)) if "gateways" in each.balance.role]
    agrees()


def test_a_write_off_loses_what_the_receivable_is_worth_on_the_day(sell):
    """100.00 EUR invoiced at 1.10 and earned; written off at 1.05: 105.00 is lost as a debt, 5.00 by the rate."""
    rates("Date USD\n2026-03-01 1.10\n2026-04-01 1.05")
    sell(amount="100", start=date(2026, 3, 1), recognition_method="on_invoice", **YEAR)
    run_billing(through=date(2026, 3, 1), finalize=True)
    recognize_revenue(through=date(2026, 3, 31))
    write_off_invoice(invoice_id=Invoice.objects.get().pk, on=date(2026, 4, 1), reason="Bankrupt")
    assert journal(in_base=True, kinds={"invoice_written_off"}) == text("""
        2026-04-01  Invoice written off
            Dr Bad Debt Expense                      105.00
            Dr FX Loss, Realized                       5.00
            Cr AR - Customers                        110.00
    """)
    agrees()


def test_corrected_rates_replace_a_revaluation(sell):
    """600.00 EUR carried at 660.00: at 1.08 a loss of 12.00; the bank's corrected 1.13 makes it a gain of 18.00."""
    rates("Date USD\n2026-03-01 1.10\n2026-03-31 1.08")
    sell(amount="600", start=date(2026, 3, 1), **YEAR)
    run_billing(through=date(2026, 3, 1), finalize=True)
    revalue(at=date(2026, 3, 31))
    rates("Date USD\n2026-03-31 1.13", correct=True)
    assert revalue(at=date(2026, 3, 31)).total == {"USD": D("30.00")}
    assert revalue(at=date(2026, 3, 31)).balances == 0
    assert journal(in_base=True, kinds={"foreign_balances_revalued"}) == text("""
        2026-03-31  Foreign balances revalued
            Dr FX Loss, Unrealized                    12.00
            Cr AR - Customers                         12.00
        2026-03-31  Foreign balances revalued
            Dr AR - Customers                         30.00
            Cr FX Gain, Unrealized                    18.00
            Cr FX Loss, Unrealized                    12.00
    """)
    agrees()


def test_what_is_owed_to_customers_loses_when_the_rate_rises(sell):
    """50.00 EUR in advance at 1.10, not asked back by the end of March at 1.20: 5.00 more are owed."""
    rates("Date USD\n2026-03-05 1.10\n2026-03-31 1.20")
    pay("50", date(2026, 3, 5))
    revalue(at=date(2026, 3, 31))
    assert journal(in_base=True, kinds={"foreign_balances_revalued"}) == text("""
        2026-03-31  Foreign balances revalued
            Dr FX Loss, Unrealized                     5.00
            Cr Unapplied Payments                      5.00
    """)
    agrees()


def test_a_revaluation_is_refused_where_it_cannot_be_right(sell):
    rates("Date USD\n2026-03-01 1.10")
    sell(amount="600", start=date(2026, 3, 1), **YEAR)
    run_billing(through=date(2026, 3, 1), finalize=True)
    with pytest.raises(BillingError, match="not the last day"):
        revalue(at=date(2026, 3, 30))
    with pytest.raises(MissingRate, match="for 31 March 2026"):
        revalue(at=date(2026, 3, 31))
    rates("Date USD\n2026-03-31 1.20")
    close_period(period_id=AccountingPeriod.objects.get(start=date(2026, 3, 1)).pk, at=timezone.now())
    with pytest.raises(BillingError, match="March 2026 is closed"):
        revalue(at=date(2026, 3, 31))


def test_a_batch_of_foreign_invoices_takes_three_queries_more(sell, customer):
    """Whatever their number: one for the rates, one for what is carried, one to write it."""
    rates("Date USD\n2026-03-01 1.10")
    for number in range(60):
        terms = {"term_months": 12, "currency": "EUR" if number % 2 else "USD"}
        sell(amount="10.01", start=date(2026, 3, 1), number=f"K-{number}", interval_months=12, terms=terms)
    run_billing(through=date(2026, 3, 1))
    counts = []
    for currency in ("USD", "EUR"):
        ids = list(Invoice.objects.filter(currency=currency).values_list("pk", flat=True))
        for part in (ids[:5], ids[5:]):
            with CaptureQueriesContext(connection) as queries:
                finalize_invoices(part)
            counts.append(len(queries))
    few, many, few_foreign, many_foreign = counts
    # One more may be for the ids of what is carried.
    assert few_foreign - few <= 4 and many_foreign - many <= 4, counts
    agrees()


def test_entries_in_base_currency_ask_for_no_rates(sell, customer):
    customer.currency = "USD"
    customer.save()
    sell(amount="10", start=date(2026, 3, 1), **YEAR)
    run_billing(through=date(2026, 3, 1))
    with CaptureQueriesContext(connection) as queries:
        finalize_invoices(list(Invoice.objects.values_list("pk", flat=True)))
    assert not [q for q in queries.captured_queries if "exchangerate" in q["sql"] or "carryingamount" in q["sql"]]


def test_a_wallet_is_worth_what_was_paid_into_it(sell, customer):
    """100.00 EUR paid in at 1.10 settle an invoice of 1.20: the wallet leaves at 110.00, the receivable at 120.00."""
    rates("Date USD\n2026-03-01 1.10\n2026-03-05 1.20\n2026-03-06 1.30")
    top_up_wallet(customer_id=customer.pk, amount=D(100), currency="EUR", on=date(2026, 3, 1), bonus=D(0))
    sell(amount="100", start=date(2026, 3, 5), **YEAR)
    run_billing(through=date(2026, 3, 5), finalize=True)
    if Invoice.objects.get().due.amount:
        apply_wallet(customer_id=customer.pk, currency="EUR", on=date(2026, 3, 6))
    applied = journal(in_base=True, kinds={"wallet_applied"})
    assert (
        applied.partition("\n")[2]
        == text("""
        x
            Dr Customer Wallet                       110.00
            Dr FX Loss, Realized                      10.00
            Cr AR - Customers                        120.00
    """).partition("\n")[2]
    )
    agrees()


def test_a_foreign_wallet_expires_at_the_rate_of_its_last_day(customer):
    """100.00 EUR paid in at 1.10, unused on 31 March at 1.20: what was owed leaves at 110.00, and 120.00 are earned."""
    rates("Date USD\n2026-03-01 1.10\n2026-03-31 1.20")
    paid = {"customer_id": customer.pk, "amount": D(100), "currency": "EUR", "on": date(2026, 3, 1)}
    top_up_wallet(**paid, expires_on=date(2026, 3, 31))
    recognize_revenue(through=date(2026, 3, 31))
    assert journal(in_base=True, kinds={"wallet_expired"}) == text("""
        2026-03-31  Wallet balance expired
            Dr Customer Wallet                       110.00
            Dr FX Loss, Realized                      10.00
            Cr Breakage Revenue                      120.00
    """)
    agrees()


def test_an_entry_reversed_by_hand_takes_its_exchange_difference_back(sell):
    """The payment of C7 reversed: the receivable is carried at 1.10 again, and the gain is gone."""
    rates("Date USD\n2026-03-01 1.10\n2026-03-20 1.15\n2026-03-25 1.30")
    sell(amount="1000", start=date(2026, 3, 1), **YEAR)
    run_billing(through=date(2026, 3, 1), finalize=True)
    pay("400", date(2026, 3, 20))
    paid = JournalEntry.objects.get(event__kind="payment_received")
    reverse_entry(entry_id=paid.pk, on=date(2026, 3, 25), reason="Bounced")
    carried = CarryingAmount.objects.get(role="accounts_receivable.customers")
    assert (carried.amount, carried.base) == (1000, 1100)
    gains = JournalLine.objects.filter(role="fx_gain_realized").values_list("base_credit", "base_debit")
    assert sorted(gains) == [(0, 20), (20, 0)]
    problems = {problem["check"] for problem in check_ledger(Tenant.objects.get()).problems}
    assert problems == {"receivables_agree"}  # the invoice still says that it is paid in part


def test_a_contract_abroad_is_grossed_up_at_the_rate_of_its_start(db):
    """1,200.00 EUR for a year, signed at 1.10, billed in January at 1.20 and in February at 1.15, 100.00 a month.

    What is signed for stays at 1.10 in deferred revenue, and so does the revenue; the receivable is worth what the day's rate
    says, and the difference is realized when the right to the money comes about. Only what is earned and not billed (nothing)
    is valued anew at the month's end.
    """
    company = make_company("gross", contract_start="gross_up")
    with tenant_scope(company.pk):
        entity = BusinessEntity.objects.get()
        rates("Date USD\n2025-12-31 1.10\n2026-01-02 1.20\n2026-01-30 1.30\n2026-02-02 1.15")
        abroad = Customer.objects.create(business_entity=entity, external_id="C-1", name="Globex", currency="EUR")
        product = Product.objects.create(code="pro", name="Pro", recognition_method="straight_line_months")
        item = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "100"}}
        contract = draft_contract(customer=abroad, number="K-1", start=date(2026, 1, 1), items=[item], term_months=12)
        start_contracts([contract.pk])
        run_billing(through=date(2026, 1, 1), finalize=True)
        recognize_revenue(through=date(2026, 1, 31))
        assert revalue(at=date(2026, 1, 31)).total == {"USD": D("20.00")}
        run_billing(through=date(2026, 2, 2), finalize=True)
        assert journal(in_base=True) == text("""
            2026-01-01  Contract started: committed value
                Dr Unbilled Revenue                    1,320.00
                Cr Deferred Revenue                    1,320.00
            2026-01-01  Invoice finalized
                Dr AR - Customers                        110.00
                Cr Unbilled Revenue                      110.00
            2026-01-31  Revenue recognized
                Dr Deferred Revenue                      110.00
                Cr Sales and Services Revenue            110.00
            2026-01-31  Foreign balances revalued
                Dr AR - Customers                         20.00
                Cr FX Gain, Unrealized                    20.00
            2026-02-01  Foreign balances revalued: reversal
                Dr FX Gain, Unrealized                    20.00
                Cr AR - Customers                         20.00
            2026-02-01  Invoice finalized
                Dr AR - Customers                        130.00
                Cr Unbilled Revenue                      110.00
                Cr FX Gain, Realized                      20.00
        """)
        assert check_ledger(company).problems == []
        assert replay_ledger().differences == []


def test_a_contract_abroad_that_ends_early_takes_back_what_it_was_grossed_up_by(db):
    """600.00 EUR at 1.10 for six months, ended after two at 1.40: the other four leave as they came, at 1.10."""
    company = make_company("gross", contract_start="gross_up")
    with tenant_scope(company.pk):
        entity = BusinessEntity.objects.get()
        rates("Date USD\n2025-12-31 1.10\n2026-01-30 1.20\n2026-02-27 1.40")
        abroad = Customer.objects.create(business_entity=entity, external_id="C-1", name="Globex", currency="EUR")
        product = Product.objects.create(code="pro", name="Pro", recognition_method="straight_line_months")
        item = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "100"}, "timing": "arrears"}
        contract = draft_contract(customer=abroad, number="K-1", start=date(2026, 1, 1), items=[item], term_months=6)
        start_contracts([contract.pk])
        recognize_revenue(through=date(2026, 2, 28))
        # 200.00 EUR are earned and not billed, 220.00 when signed for: 280.00 on the last day of February.
        assert revalue(at=date(2026, 2, 28)).total == {"USD": D("60.00")}
        end_contract(contract_id=contract.pk, end=date(2026, 3, 1))
        assert journal(in_base=True, kinds={"contract_started", "contract_ended"}) == text("""
            2026-01-01  Contract started: committed value
                Dr Unbilled Revenue                      660.00
                Cr Deferred Revenue                      660.00
            2026-03-01  Contract ended early: rest of the commitment
                Dr Deferred Revenue                      440.00
                Cr Unbilled Revenue                      440.00
        """)
        run_billing(through=date(2026, 3, 1), finalize=True)
        assert check_ledger(company).problems == []
        assert replay_ledger().differences == []


def test_a_bank_account_in_the_currency_is_carried_and_revalued(sell, entity):
    """1,000.00 EUR received at 1.10 into an account of its own, worth 1.20 at month end; 300.00 refunded at 1.30."""
    rates("Date USD\n2026-03-01 1.10\n2026-03-31 1.20\n2026-04-02 1.30")
    account = {"category": "assets", "normal_balance": "debit", "business_entity": entity}
    Account.objects.create(code="1010", name="Cash EUR", **account)
    DefaultAccount.objects.create(
        role="cash", level="entity_currency", business_entity=entity, currency="EUR", account_code="1010"
    )
    pay("1000", date(2026, 3, 1), allocations={})
    assert revalue(at=date(2026, 3, 31)).total == {"USD": 0}
    assert revalue(at=date(2026, 3, 31)).balances == 0
    refund_payment(payment_id=Payment.objects.get().pk, amount=D(300), on=date(2026, 4, 2), reason="Too much")
    assert journal(in_base=True) == text("""
        2026-03-01  Payment received
            Dr Cash EUR                            1,100.00
            Cr Unapplied Payments                  1,100.00
        2026-03-31  Foreign balances revalued
            Dr Cash EUR                              100.00
            Dr FX Loss, Unrealized                   100.00
            Cr Unapplied Payments                    100.00
            Cr FX Gain, Unrealized                   100.00
        2026-04-01  Foreign balances revalued: reversal
            Dr Unapplied Payments                    100.00
            Dr FX Gain, Unrealized                   100.00
            Cr Cash EUR                              100.00
            Cr FX Loss, Unrealized                   100.00
        2026-04-02  Refund paid
            Dr Unapplied Payments                    330.00
            Cr Cash EUR                              330.00
    """)
    agrees()


def test_a_payment_taken_off_and_voided_leaves_nothing_behind(sell):
    """The payment of C7 taken off at 1.30 and voided: the receivable is back at 1.10, the gain and the cash are gone."""
    rates("Date USD\n2026-03-01 1.10\n2026-03-20 1.15\n2026-03-25 1.30")
    sell(amount="1000", start=date(2026, 3, 1), **YEAR)
    run_billing(through=date(2026, 3, 1), finalize=True)
    pay("400", date(2026, 3, 20))
    void_payment(payment_id=Payment.objects.get().pk, on=date(2026, 3, 25), reason="Bounced")
    assert journal(in_base=True, kinds={"payment_unallocated", "payment_voided"}) == text("""
        2026-03-25  Payment taken off
            Dr AR - Customers                        440.00
            Dr FX Loss, Realized                      20.00
            Cr Unapplied Payments                    460.00
        2026-03-25  Payment voided
            Dr Unapplied Payments                    460.00
            Cr Cash                                  460.00
    """)
    carried = CarryingAmount.objects.get(role="accounts_receivable.customers")
    assert (carried.amount, carried.base) == (1000, 1100)
    agrees()


def test_a_payment_is_taken_off_at_what_was_recorded_though_the_rate_was_corrected(sell):
    """As above, but the rate of the payment's day was corrected meanwhile: its entries keep theirs, and so does their undoing."""
    rates("Date USD\n2026-03-01 1.10\n2026-03-20 1.15\n2026-03-25 1.30")
    sell(amount="1000", start=date(2026, 3, 1), **YEAR)
    run_billing(through=date(2026, 3, 1), finalize=True)
    pay("400", date(2026, 3, 20))
    rates("Date USD\n2026-03-01 1.12\n2026-03-20 1.20", correct=True)
    void_payment(payment_id=Payment.objects.get().pk, on=date(2026, 3, 25), reason="Bounced")
    assert journal(in_base=True, kinds={"payment_unallocated", "payment_voided"}) == text("""
        2026-03-25  Payment taken off
            Dr AR - Customers                        440.00
            Dr FX Loss, Realized                      20.00
            Cr Unapplied Payments                    460.00
        2026-03-25  Payment voided
            Dr Unapplied Payments                    460.00
            Cr Cash                                  460.00
    """)
    carried = CarryingAmount.objects.get(role="accounts_receivable.customers")
    assert (carried.amount, carried.base) == (1000, 1100)
    assert check_ledger(Tenant.objects.get()).problems == []
