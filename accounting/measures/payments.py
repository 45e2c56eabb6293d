"""Payment received or captured, allocated, taken off an invoice, voided; payout received."""

from collections.abc import Sequence
from decimal import Decimal

from accounting.books import Books
from accounting.engine import Dimensions, MeasuredEvent, Unit
from billing.events import PaymentAllocated, PaymentReceived, PaymentUnallocated, PaymentVoided
from billing.payment_events import PaymentCaptured, PayoutReceived


def measure_received(events: Sequence[PaymentReceived | PaymentCaptured], books: Books) -> list[MeasuredEvent]:
    """One unit per invoice settled at once, one for the rest that is kept."""
    measured = []
    for event in events:
        document = Dimensions(customer_id=event.customer_id, payment_id=event.payment_id)
        withheld = "withheld_recoverable" if event.withheld_is_recoverable else "withheld_lost"
        units = [
            Unit(
                {"allocated": part.allocated, withheld: part.withheld},
                Dimensions(customer_id=event.customer_id, invoice_id=part.invoice_id, payment_id=event.payment_id),
            )
            for part in event.lines
        ]
        if event.unapplied or not units:
            units.append(Unit({"unapplied": event.unapplied}, document))
        measured.append(MeasuredEvent(event, document, units))
    return measured


def measure_allocated(events: Sequence[PaymentAllocated], books: Books) -> list[MeasuredEvent]:
    return [_of_one_invoice(event, "allocated", event.allocated) for event in events]


def measure_unallocated(events: Sequence[PaymentUnallocated], books: Books) -> list[MeasuredEvent]:
    return [_of_one_invoice(event, "unallocated", event.unallocated) for event in events]


def _of_one_invoice(event: PaymentAllocated | PaymentUnallocated, atom: str, amount: Decimal) -> MeasuredEvent:
    about = Dimensions(customer_id=event.customer_id, invoice_id=event.invoice_id, payment_id=event.payment_id)
    return MeasuredEvent(event, about, [Unit({atom: amount}, about)])


def measure_voided(events: Sequence[PaymentVoided], books: Books) -> list[MeasuredEvent]:
    measured = []
    for event in events:
        about = Dimensions(customer_id=event.customer_id, payment_id=event.payment_id)
        end = "by_gateway" if event.by_gateway else "in_cash"
        withheld = "withheld_recoverable" if event.withheld_is_recoverable else "withheld_lost"
        measured.append(MeasuredEvent(event, about, [Unit({end: event.amount, withheld: event.withheld}, about)]))
    return measured


def measure_payout(events: Sequence[PayoutReceived], books: Books) -> list[MeasuredEvent]:
    measured = []
    for event in events:
        atoms = {"deposited": event.deposited, "withheld": event.withheld, "fee": event.fee}
        measured.append(MeasuredEvent(event, Dimensions(), [Unit(atoms, Dimensions())]))
    return measured
