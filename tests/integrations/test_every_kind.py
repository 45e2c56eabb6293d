"""Every kind of business, in each way of feeding the ERP: delivered, and both sides agree to the cent."""

from decimal import Decimal

import pytest

from billing.models import Invoice, InvoiceLine, TaxRate
from billing.services.credit_notes import issue_credit_note
from billing.services.invoices import void_invoice
from billing.services.payments import receive_payment
from integrations import mapping, setup
from integrations.delivery import drain
from integrations.reconciliation import reconcile
from integrations.sandbox.server import start_in_thread
from tests.integrations.books import Books
from tests.integrations.world import JANUARY, a_month

pytestmark = pytest.mark.django_db(transaction=True)


def pay(invoice: Invoice, *, amount: Decimal, settled: Decimal) -> None:
    allocations = {invoice.pk: settled} if settled else {}
    receive_payment(
        customer_id=invoice.customer_id, amount=amount, currency="USD", received_on=JANUARY, allocations=allocations
    )


def a_busy_month() -> None:
    """Six taxed invoices: one credited in part and overpaid, one void, one with money on account."""
    a_month(customers=6, tax=TaxRate.objects.create(code="ca", name="California", percent=Decimal("8.25")))
    credited, void, other, *_ = Invoice.objects.order_by("id")
    line = InvoiceLine.objects.get(invoice=credited)
    issue_credit_note(invoice_id=credited.pk, lines={line.pk: Decimal("3.33")}, on=JANUARY, reason="Late")
    void_invoice(invoice_id=void.pk, on=JANUARY, reason="Wrong")
    credited.refresh_from_db()
    rest = credited.total.amount - credited.settled.amount
    pay(credited, amount=rest + 5, settled=rest)
    pay(other, amount=Decimal(7), settled=Decimal(0))


@pytest.mark.parametrize(
    ("mode", "options", "held"),
    [
        ("journal_entries", {}, {"JournalEntry": 17, "Customer": 1, "Invoice": 0}),
        ("journal_entries", {"ar_customer": "each"}, {"JournalEntry": 17, "Customer": 7, "Invoice": 0}),
        ("documents", {}, {"JournalEntry": 0, "Customer": 6, "Invoice": 6, "CreditMemo": 1, "Payment": 3}),
    ],
)
def test_both_sides_agree(connect, box, mode, options, held) -> None:
    connection = connect(mode=mode, payments=mode == "documents", **options)
    a_busy_month()
    result = drain(connection.pk, until_empty=True, seconds=180)
    assert (result.parked, result.waiting) == (0, 0)
    _, findings = reconcile(connection, through=JANUARY)
    assert findings.differences == []
    counts = Books(box.url).state()["counts"]
    assert {entity: counts[entity] for entity in held} == held


@pytest.mark.slow
def test_the_vendors_real_limits_are_never_exceeded(entity) -> None:
    with start_in_thread("quickbooks", port=0, limits="real") as box:
        made, _ = setup.create_connection(business_entity=entity, erp="quickbooks", mode="documents")
        connection = setup.connect_sandbox(made, box.url)
        assert connection.throttled
        a_month(customers=2)
        assert drain(connection.pk, until_empty=True, seconds=180).waiting == 0
        connector = mapping.connector_of(connection)
        for _ in range(15):  # By itself each takes a hundredth of a second.
            connector.company()
        assert set(Books(box.url).state()["limits"]["exceeded"].values()) == {0}
