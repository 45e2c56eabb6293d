"""Notice deletions at an ERP that does not tell of them: look in turn, some days at a time, whether documents are there.

A poll takes the next of our documents that were delivered, in the order they were, of at most so many different days; at
the end it begins again. What a list lacks is read by itself before it counts as deleted (see `noticing`).
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from accounting.models import JournalEntry
from billing.models import CreditNote, Invoice, Payment, Refund
from integrations.connectors import base
from integrations.connectors.base import Connector, Sweeps
from integrations.documents import Kind
from integrations.models import Connection, ExternalReference

_DOCUMENTS, _DAYS = 200, 5  # For one poll: a vendor that lists by day is asked once for each day and kind.
_UNDONE = {
    Kind.INVOICE: Kind.INVOICE_VOID,
    Kind.CREDIT_NOTE: Kind.CREDIT_NOTE_VOID,
    Kind.PAYMENT: Kind.PAYMENT_VOID,
}
Found = list[tuple[Kind, str]]


def deleted(connection: Connection, connector: Connector) -> Found:
    """Give those of the next documents that seem to be gone, and remember how far that was. Raises DeliveryError."""
    kinds = base.get(connection.erp).sweeps
    if not kinds or not isinstance(connector, Sweeps):
        return []
    references = ExternalReference.objects.filter(connection=connection, kind__in=[kind.value for kind in kinds])
    rows = references.order_by("id").values_list("id", "kind", "subject_id", "external_id")
    chosen = list(rows.filter(id__gt=connection.swept_through)[:_DOCUMENTS])
    last = chosen[-1][0] if len(chosen) == _DOCUMENTS else 0  # At the end the next poll begins again.
    days = {kind: _days(kind, [subject for _, each, subject, _ in chosen if each == kind.value]) for kind in kinds}
    asked: dict[Kind, dict[date, list[str]]] = {kind: defaultdict(list) for kind in kinds}
    seen: set[date] = set()
    before = connection.swept_through
    for number, name, subject, external_id in chosen:
        kind = Kind(name)
        day = days[kind].get(subject)
        if day is None:
            continue
        if day not in seen and len(seen) == _DAYS:
            last = before
            break
        seen.add(day)
        asked[kind][day].append(external_id)
        before = number
    gone = [(kind, each) for kind, by_day in asked.items() if by_day for each in sorted(connector.gone(kind, by_day))]
    Connection.objects.filter(pk=connection.pk).update(swept_through=last)
    connection.swept_through = last
    return [each for each in gone if not _is_undone(connection, *each)]


def _days(kind: Kind, subjects: list[int]) -> Mapping[int, date]:
    """Give the day that each of our documents has."""
    if not subjects:
        return {}
    if kind is Kind.JOURNAL_ENTRY:
        return dict(JournalEntry.objects.filter(pk__in=subjects).values_list("pk", "date"))
    if kind is Kind.PAYMENT:
        return dict(Payment.objects.filter(pk__in=subjects).values_list("pk", "received_on"))
    if kind is Kind.REFUND:
        return dict(Refund.objects.filter(pk__in=subjects).values_list("pk", "refunded_on"))
    model = Invoice if kind is Kind.INVOICE else CreditNote
    return dict(model.objects.filter(pk__in=subjects).values_list("pk", "issued_on"))


def _is_undone(connection: Connection, kind: Kind, external_id: str) -> bool:
    """Tell whether we ourselves took it back there."""
    undo = _UNDONE.get(kind)
    if undo is None:
        return False
    ours = ExternalReference.objects.filter(connection=connection, kind=kind.value, external_id=external_id)
    subject = ours.values_list("subject_id", flat=True)[:1]
    return ExternalReference.objects.filter(connection=connection, kind=undo.value, subject_id__in=subject).exists()
