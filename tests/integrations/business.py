"""A company's business of nearly every kind, for tests of what reaches an ERP and how."""

from datetime import date
from decimal import Decimal
from typing import Any

from billing.models import Invoice, InvoiceLine, PaymentAllocation, TaxRate
from billing.services.credit_notes import Keep, issue_credit_note
from billing.services.disputes import open_dispute, win_dispute
from billing.services.invoices import void_invoice
from billing.services.payments import allocate_payment, receive_payment
from billing.services.refunds import refund_payment, refund_wallet
from billing.services.undoing import unallocate_payment, void_credit_note, void_payment
from integrations import mapping, outbox
from integrations.delivery import drain
from integrations.models import Connection, ErpRecord, MappingKind, OutboxItem
from tests.integrations.world import JANUARY, a_month

FEBRUARY = date(2026, 2, 2)


def a_full_month(tax: TaxRate | None = None) -> tuple[int, int, int, int]:
    """Six invoices: credited and overpaid, void, money on account, paid in part, disputed, and paid with a credit kept.

    Gives what `what_comes_after` goes on with: a payment and a credit note to be void, a dispute, money on account.
    """
    a_month(customers=6, tax=tax)
    credited, void, moved, disputed, mistaken, paid = Invoice.objects.order_by("id")
    _credit(credited, "3.33")
    void_invoice(invoice_id=void.pk, on=JANUARY, reason="Wrong")
    credited.refresh_from_db()
    rest = credited.total.amount - credited.settled.amount
    _pay(credited, rest + 5, settled=rest)
    wrong = _pay(moved, Decimal(2))
    note = _credit(mistaken, "3.00")
    fought = _pay(disputed, disputed.total.amount)
    dispute = open_dispute(payment_id=fought, on=JANUARY, amount=disputed.total.amount, reason="Fraud", fee=Decimal(15))
    _pay(paid, paid.total.amount)
    _credit(paid, "3.00", keep=Keep.WALLET)
    return wrong, note, dispute.pk, _pay(paid, Decimal(5), settled=Decimal(0))


def what_comes_after(wrong: int, note: int, dispute: int, over: int) -> None:
    """Undo, move, win and pay back what `a_full_month` left."""
    void_payment(payment_id=wrong, on=FEBRUARY, reason="Another company's")
    void_credit_note(credit_note_id=note, on=FEBRUARY, reason="A mistake")
    win_dispute(dispute_id=dispute, on=FEBRUARY, fee_returned=Decimal(15))
    refund_payment(payment_id=over, amount=Decimal(4), on=FEBRUARY, reason="Goodwill")
    paid = Invoice.objects.order_by("id").last()
    assert paid is not None
    refund_wallet(customer_id=paid.customer_id, amount=Decimal(2), currency="USD", on=FEBRUARY, reason="Asked for it")
    first = Invoice.objects.order_by("id")[0]
    part = PaymentAllocation.objects.filter(invoice=first).order_by("id")[0]
    unallocate_payment(allocation_id=part.pk, on=FEBRUARY, reason="Too much")
    allocate_payment(payment_id=part.payment_id, allocations={first.pk: Decimal(1)}, on=FEBRUARY)


def deliver_all(connection: Connection) -> None:
    """Everything goes out; what waits for a mapping gets it, as a person would give it."""
    result = drain(connection.pk, until_empty=True, seconds=180)
    if result.parked:
        mapping.create_missing(connection)
        item = ErpRecord.objects.filter(connection=connection, kind="product", is_active=True).order_by("id").first()
        for kind in (MappingKind.BAD_DEBT_PRODUCT, MappingKind.DISCOUNT_PRODUCT):
            if item:
                mapping.choose(connection, kind=kind, internal_id=None, record=item)
        outbox.send_again(list(OutboxItem.objects.filter(state="parked").values_list("id", flat=True)))
        result = drain(connection.pk, until_empty=True, seconds=180)
    left = list(OutboxItem.objects.exclude(reason="").values_list("kind", "reason"))
    assert (result.parked, result.waiting) == (0, 0), left


def _pay(invoice: Invoice, amount: Decimal, *, settled: Decimal | None = None) -> int:
    own = amount if settled is None else settled
    made = receive_payment(
        customer_id=invoice.customer_id,
        amount=amount,
        currency="USD",
        received_on=JANUARY,
        allocations={invoice.pk: own} if own else {},
    )
    return int(made.pk)


def _credit(invoice: Invoice, net: str, **more: Any) -> int:
    line = InvoiceLine.objects.get(invoice=invoice)
    made = issue_credit_note(invoice_id=invoice.pk, lines={line.pk: Decimal(net)}, on=JANUARY, reason="Late", **more)
    return int(made.pk)
