"""Which day's rate a line takes: the event's, or that of the record which the event undoes."""

from collections.abc import Iterable
from datetime import date

from accounting.currency.roles import RECEIVABLE
from accounting.engine import Draft, DraftLine
from billing.models import Invoice, Payment

# A settlement is undone, or money that never came is taken back: both at the rates they were recorded with.
UNDOING = frozenset(("payment_unallocated", "payment_voided"))


class OriginalDays:
    """The day whose rate a line takes: the event's, or the document's whose record the event undoes."""

    def __init__(self, drafts: Iterable[Draft]) -> None:
        lines = [line for draft in drafts if draft.event.kind in UNDOING for line in draft.lines]
        self._invoices: dict[int, date] = {}
        self._payments: dict[int, date] = {}
        if lines:
            invoices = Invoice.objects.filter(pk__in={line.dimensions.invoice_id for line in lines})
            payments = Payment.objects.filter(pk__in={line.dimensions.payment_id for line in lines})
            self._invoices = dict(invoices.values_list("pk", "issued_on"))
            self._payments = dict(payments.values_list("pk", "received_on"))

    def of(self, draft: Draft, line: DraftLine) -> date:
        found = None
        if draft.event.kind in UNDOING:
            about = line.dimensions
            found = (
                self._invoices.get(about.invoice_id or 0)
                if line.role == RECEIVABLE
                else self._payments.get(about.payment_id or 0)
            )
        return found or draft.event.occurred_on
