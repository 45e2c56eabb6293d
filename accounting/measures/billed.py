"""What the measures of billed lines share: invoices, voids and credit notes speak of the same lines."""

from collections.abc import Iterable

from accounting import commitments
from accounting.books import Books
from accounting.commitments import Commitment
from accounting.engine import Dimensions
from billing.events import BilledLine, CreditNoteIssued, InvoiceFinalized, InvoiceVoided

Billed = InvoiceFinalized | InvoiceVoided | CreditNoteIssued


def held_commitments(events: Iterable[Billed], books: Books) -> dict[int, Commitment]:
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
