"""Which rate a line takes: the event day's, or that at which the books recorded what the event undoes."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db.models import F, Sum

from accounting.currency.rates import Rate
from accounting.currency.roles import CASH, RECEIVABLE
from accounting.engine import Draft, DraftLine
from accounting.models import JournalLine
from billing.events import PaymentAllocated, PaymentReceived
from billing.models import Invoice, Payment, PaymentAllocation
from billing.payment_events import PaymentCaptured

# A settlement is undone, or money that never came is taken back: both at the rates they were recorded with.
UNDOING = frozenset(("payment_unallocated", "payment_voided"))
_RECEIVED = (PaymentReceived.kind, PaymentCaptured.kind)
_CAME_IN = (CASH, "accounts_receivable.payment_gateways")
_ZERO = Decimal(0)


class _Settled(NamedTuple):
    """What a line is about: a payment, or an invoice settled by it."""

    payment_id: int
    invoice_id: int


class Originals:
    """The rates of what some drafts undo; none is read where nothing is undone."""

    def __init__(self, drafts: Iterable[Draft]) -> None:
        undoing = [draft for draft in drafts if draft.event.kind in UNDOING]
        about = [line.dimensions for draft in undoing for line in draft.lines]
        self._invoices: dict[int, date] = {}
        self._payments: dict[int, date] = {}
        self._recorded: dict[_Settled, tuple[Decimal, Decimal, date]] = {}
        if undoing:
            payments = {each.payment_id for each in about if each.payment_id}
            invoices = Invoice.objects.filter(pk__in={each.invoice_id for each in about})
            self._invoices = dict(invoices.values_list("pk", "issued_on"))
            self._payments = dict(Payment.objects.filter(pk__in=payments).values_list("pk", "received_on"))
            self._recorded = _recorded(payments)

    def day_of(self, draft: Draft, line: DraftLine) -> date:
        """Give the day whose rate a line takes, where what it undoes is not in the journal (see `rate_of`)."""
        found = None
        if draft.event.kind in UNDOING:
            about = line.dimensions
            found = (
                self._invoices.get(about.invoice_id or 0)
                if line.role == RECEIVABLE
                else self._payments.get(about.payment_id or 0)
            )
        return found or draft.event.occurred_on

    def rate_of(self, draft: Draft, line: DraftLine, *, base: str) -> Rate | None:
        """Give the rate at which the books recorded what a line undoes, whatever the rates of that day are now."""
        if draft.event.kind not in UNDOING:
            return None
        about = line.dimensions
        invoice = (about.invoice_id or 0) if line.role == RECEIVABLE else 0
        found = self._recorded.get(_Settled(about.payment_id or 0, invoice))
        return Rate(base, *found) if found else None


def _recorded(payment_ids: set[int]) -> dict[_Settled, tuple[Decimal, Decimal, date]]:
    """Give base amount, amount and day of what payments brought and settled, as the journal has it, in two queries."""
    parts = dict(PaymentAllocation.objects.filter(payment__in=payment_ids).values_list("id", "payment_id"))
    settled = JournalLine.objects.filter(
        entry__event__kind__in=(*_RECEIVED, PaymentAllocated.kind),
        entry__event__key__in=[str(pk) for pk in (*payment_ids, *parts)],
        payment_id__in=payment_ids,
    )
    rows = (
        settled.filter(role__in=(RECEIVABLE, *_CAME_IN))
        .order_by("entry__date")
        .values_list("payment_id", "invoice_id", "role", "entry__event__kind", "entry__date")
        .annotate(base=Sum(F("base_credit") - F("base_debit")), amount=Sum(F("credit") - F("debit")))
    )
    found: dict[_Settled, list[Decimal]] = defaultdict(lambda: [_ZERO, _ZERO])
    days: dict[_Settled, date] = {}
    for payment, invoice, role, kind, day, base, amount in rows:
        if role == RECEIVABLE:
            key, sign = _Settled(payment, invoice or 0), 1
        elif kind in _RECEIVED:
            key, sign = _Settled(payment, 0), -1
        else:
            continue
        days.setdefault(key, day)
        found[key][0] += sign * base
        found[key][1] += sign * amount
    return {key: (base, amount, days[key]) for key, (base, amount) in found.items() if base > 0 and amount > 0}
