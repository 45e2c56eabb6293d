"""Every kind of business, in each way of feeding Xero: delivered, and both sides agree to the cent."""

from decimal import Decimal

import pytest

from billing.models import Invoice, InvoiceLine, TaxRate
from billing.services.credit_notes import issue_credit_note
from billing.services.invoices import void_invoice
from billing.services.payments import receive_payment
from integrations.delivery import drain
from integrations.reconciliation import reconcile
from tests.integrations.books import Books
from tests.integrations.world import JANUARY, a_month

pytestmark = pytest.mark.django_db(transaction=True)


def pay(invoice: Invoice, *, amount: Decimal, settled: Decimal) -> None:
    allocations = {invoice.pk: settled} if settled else {}
    receive_payment(
        customer_id=invoice.customer_id, amount=amount, currency="USD", received_on=JANUARY, allocations=allocations
    )


def a_busy_month(tax: TaxRate) -> None:
    """Six taxed invoices: one credited in part and overpaid, one void, one with money on account."""
    a_month(customers=6, tax=tax)
    credited, void, other, *_ = Invoice.objects.order_by("id")
    line = InvoiceLine.objects.get(invoice=credited)
    issue_credit_note(invoice_id=credited.pk, lines={line.pk: Decimal("3.33")}, on=JANUARY, reason="Late")
    void_invoice(invoice_id=void.pk, on=JANUARY, reason="Wrong")
    credited.refresh_from_db()
    rest = credited.total.amount - credited.settled.amount
    pay(credited, amount=rest + 5, settled=rest)
    pay(other, amount=Decimal(7), settled=Decimal(0))


@pytest.mark.parametrize(
    ("mode", "held"),
    [
        ("journal_entries", {"ManualJournal": 17, "Contact": 0, "Invoice": 0}),
        (
            "documents",
            {"ManualJournal": 0, "Contact": 6, "Invoice": 6, "CreditNote": 1, "Payment": 1, "Overpayment": 2},
        ),
    ],
)
def test_both_sides_agree(connect, box, mode, held) -> None:
    tax = TaxRate.objects.create(code="ca", name="California", percent=Decimal("8.25"))
    connection = connect(mode=mode, payments=mode == "documents")
    a_busy_month(tax)
    result = drain(connection.pk, until_empty=True, seconds=180)
    assert (result.parked, result.waiting) == (0, 0)
    _, findings = reconcile(connection, through=JANUARY)
    assert findings.differences == []
    counts = Books(box.url).state()["counts"]
    assert {entity: counts[entity] for entity in held} == held
