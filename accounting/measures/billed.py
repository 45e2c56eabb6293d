"""What the measures of billed lines share: invoices, voids and credit notes speak of the same lines."""

from collections.abc import Iterable
from decimal import Decimal

from accounting import commitments
from accounting.books import Books
from accounting.commitments import Commitment
from accounting.engine import Dimensions
from accounting.schedules import Schedule
from billing.events import BilledLine, CreditNoteIssued, InvoiceFinalized, InvoiceVoided
from billing.payment_events import DisputeOpened, DisputeWon, InvoiceWrittenOff, RefundPaid, WriteOffRecovered

Billed = InvoiceFinalized | InvoiceVoided | CreditNoteIssued | InvoiceWrittenOff | WriteOffRecovered
Returned = DisputeOpened | DisputeWon | RefundPaid


def held_commitments(events: Iterable[Billed | Returned], books: Books) -> dict[int, Commitment]:
    """Hold the commitments of the events' contract items; there are none where the tenant does not gross up."""
    if not books.grosses_up:
        return {}
    return commitments.lock({line.contract_item_id or 0 for event in events for line in event.lines})


def line_dimensions(event: Billed, line: BilledLine, *, credit_note_id: int | None = None) -> Dimensions:
    """Say what a billed line is about."""
    return Dimensions(
        customer_id=event.customer_id,
        contract_id=line.contract_id,
        contract_item_id=line.contract_item_id,
        product_id=line.product_id,
        product_family_id=line.product_family_id,
        invoice_id=event.invoice_id,
        credit_note_id=credit_note_id,
        tax_rate_id=line.tax_rate_id,
    )


def take_unearned(schedule: Schedule, undone: Decimal, commitment: Commitment | None) -> Decimal:
    """Take out of a schedule what is undone of its price as far as it is not earned; answer how much that was.

    What is left is spread anew over the days not yet recognized. A negative amount is put back whole.
    """
    # What was grossed up is deferred until recognized, whether billed or not.
    deferred = schedule.amount - schedule.recognized if schedule.is_committed else schedule.deferred
    unearned = min(undone, deferred)
    schedule.billed -= unearned
    schedule.amount -= unearned
    if schedule.recognized_until and schedule.recognized_until < schedule.service_end:
        schedule.spread_from = schedule.recognized_until
        schedule.spread_base = schedule.recognized
    if schedule.is_committed and commitment is not None:
        commitment.committed -= unearned
        commitment.billed -= unearned
    return unearned
