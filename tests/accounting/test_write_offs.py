"""Bad debt: written off with tax relief or without, in part not earned yet, recovered in part, to the cent."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from accounting.checks import check_ledger
from accounting.models import AccountingPolicy
from accounting.recognition import recognize_revenue
from billing.models import Contract, Customer, Invoice, TaxRate, Tenant, WriteOff
from billing.services.billing_run import run_billing
from billing.services.credit_notes import issue_credit_note
from billing.services.invoices import void_invoice
from billing.services.payments import receive_payment
from billing.services.write_offs import recover_write_off, write_off_invoice
from tests.billing.test_documents import refused
from tests.journal import journal, text

D = Decimal
Sell = Callable[..., Contract]
KINDS = {"invoice_written_off", "write_off_recovered", "payment_received"}


@pytest.fixture(autouse=True)
def books_agree(tenant: Tenant) -> Any:
    yield
    assert check_ledger(tenant).problems == []


@pytest.fixture
def delivered(sell: Sell) -> Invoice:
    """500.00 and 20 % tax of 1 February, all earned."""
    tax = TaxRate.objects.create(code="vat", name="VAT", percent=20)
    sell(
        amount="500",
        start=date(2026, 2, 1),
        recognition_method="point_in_time",
        tax_rate=tax,
        terms={"term_months": 1},
    )
    run_billing(through=date(2026, 2, 1), finalize=True)
    recognize_revenue(through=date(2026, 2, 28))
    return Invoice.objects.get()


def test_bad_debt_with_tax_relief_recovered_in_part(delivered: Invoice) -> None:
    """C10: 600.00 written off; 120.00 comes in a year later."""
    write_off_invoice(invoice_id=delivered.pk, on=date(2026, 9, 1), reason="Insolvent")
    recover_write_off(invoice_id=delivered.pk, amount=D("120"), received_on=date(2027, 9, 1))
    assert journal(kinds=KINDS) == text("""
        2026-09-01  Invoice written off
            Dr Bad Debt Expense                      500.00
            Dr Sales Tax                             100.00
            Cr AR - Customers                        600.00
        2027-09-01  Write-off recovered
            Dr AR - Customers                        120.00
            Cr Bad Debt Expense                      100.00
            Cr Sales Tax                              20.00
        2027-09-01  Payment received
            Dr Cash                                  120.00
            Cr AR - Customers                        120.00
    """)
    delivered.refresh_from_db()
    assert (delivered.status, delivered.due.amount) == ("written_off", 0)


def test_where_the_tax_stays_owed_it_is_lost_too(delivered: Invoice) -> None:
    AccountingPolicy.objects.update(bad_debt_tax_relief=False)
    write_off_invoice(invoice_id=delivered.pk, on=date(2026, 9, 1), reason="Insolvent")
    assert journal(kinds=KINDS) == text("""
        2026-09-01  Invoice written off
            Dr Bad Debt Expense                      600.00
            Cr AR - Customers                        600.00
    """)


def test_recoveries_take_back_what_was_written_off_to_the_cent(delivered: Invoice) -> None:
    """Three payments of 200.00: 166.67, 166.67, 166.66 of the debt and 33.33, 33.33, 33.34 of the tax."""
    write_off_invoice(invoice_id=delivered.pk, on=date(2026, 9, 1), reason="Insolvent")
    for day in (1, 2, 3):
        recover_write_off(invoice_id=delivered.pk, amount=D("200"), received_on=date(2027, 9, day))
    assert [line.split()[-1] for line in journal(kinds={"write_off_recovered"}).splitlines() if "Bad Debt" in line] == [
        "166.67",
        "166.67",
        "166.66",
    ]
    delivered.refresh_from_db()
    assert (delivered.status, WriteOff.objects.get().recovered.amount) == ("paid", D("600"))


def test_what_is_not_earned_leaves_deferred_revenue_and_comes_back(sell: Sell, customer: Customer) -> None:
    """Row 25: 1,200.00 by months, 300.00 paid, three months earned: 900.00 written off, none of it earned."""
    sell(
        amount="1200",
        start=date(2026, 1, 1),
        interval_months=12,
        recognition_method="straight_line_months",
        terms={"term_months": 12},
    )
    run_billing(through=date(2026, 1, 1), finalize=True)
    invoice = Invoice.objects.get()
    receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 5), amount=D("300"), currency="USD")
    recognize_revenue(through=date(2026, 4, 30))
    write_off_invoice(invoice_id=invoice.pk, on=date(2026, 4, 30), reason="Gone")
    assert recognize_revenue(through=date(2026, 12, 31)).entries == 0
    recover_write_off(invoice_id=invoice.pk, amount=D("90"), received_on=date(2027, 1, 10))
    recognize_revenue(through=date(2027, 1, 31))
    assert journal(kinds={"invoice_written_off", "write_off_recovered"}) == text("""
        2026-04-30  Invoice written off
            Dr Bad Debt Expense                      100.00
            Dr Deferred Revenue                      800.00
            Cr AR - Customers                        900.00
        2027-01-10  Write-off recovered
            Dr AR - Customers                         90.00
            Cr Bad Debt Expense                       10.00
            Cr Deferred Revenue                       80.00
    """)


def test_write_offs_that_do_not_fit_are_refused(delivered: Invoice, customer: Customer) -> None:
    give_up: dict[str, Any] = {"invoice_id": delivered.pk, "on": date(2026, 9, 1), "reason": "Gone"}
    for changes, reason in (
        ({"reason": " "}, "Say why"),
        ({"on": date(2026, 1, 1)}, "cannot be written off before"),
        ({"invoice_id": 0}, "no invoice with the id 0"),
    ):
        with refused(reason):
            write_off_invoice(**give_up | changes)
    with refused("was not written off"):
        recover_write_off(invoice_id=delivered.pk, amount=D("1"), received_on=date(2026, 9, 2))
    write_off_invoice(**give_up)
    with refused("is written off; nothing is due"):
        write_off_invoice(**give_up)
    with refused("is written off and cannot be voided"):
        void_invoice(invoice_id=delivered.pk, on=date(2026, 9, 2), reason="x")
    with refused("is written off and cannot be credited"):
        issue_credit_note(
            invoice_id=delivered.pk, lines={delivered.lines.get().pk: D("1")}, on=date(2026, 9, 2), reason="x"
        )
    with refused("nothing is due on it"):
        receive_payment(
            customer_id=customer.pk,
            received_on=date(2026, 9, 2),
            amount=D("1"),
            currency="USD",
            allocations={delivered.pk: D("1")},
        )
    for changes, reason in (
        ({"amount": D("600.01")}, "600.00 USD of invoice INV-000001 is written off"),
        ({"amount": D("0")}, "can come in"),
        ({"received_on": date(2026, 8, 31)}, "nothing is recovered before"),
    ):
        with refused(reason):
            recover_write_off(
                **{"invoice_id": delivered.pk, "amount": D("1"), "received_on": date(2026, 9, 2)} | changes
            )
