"""Listen to accounting and billing, and write the outbox inside their transaction."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import connection as database

from accounting.posting import PostedEntry
from accounting.signals import entries_posted
from billing import signals
from billing.events import CreditNoteIssued, InvoiceFinalized, InvoiceVoided, PaymentAllocated, PaymentReceived
from integrations import outbox, summaries
from integrations.documents import Kind
from integrations.policy import Target, Unit, targets

_RECEIVABLE_CUSTOMERS = """
SELECT entry_id, min(customer_id), array_agg(DISTINCT customer_id)
  FROM accounting_journalline WHERE entry_id = ANY(%s) AND customer_id IS NOT NULL GROUP BY entry_id
"""


def connect() -> None:
    """Listen. Called once, when the app is ready."""
    for signal, receiver in (
        (entries_posted, on_entries_posted),
        (signals.invoice_finalized, on_invoice_finalized),
        (signals.invoice_voided, on_invoice_voided),
        (signals.credit_note_issued, on_credit_note_issued),
        (signals.payment_received, on_payment_received),
        (signals.payment_allocated, on_payment_allocated),
    ):
        signal.connect(receiver, dispatch_uid=f"integrations.{receiver.__name__}")


def on_entries_posted(sender: Any, *, tenant_id: int, entries: Sequence[PostedEntry], **kwargs: Any) -> None:
    """Send each posted entry where the rules are ours."""
    for target, batch in _by_target(entries, lambda target: target.takes_entries, day="date"):
        units: dict[Unit, list[int]] = defaultdict(list)
        for entry in batch:
            units[target.policy.unit(entry.event_kind)].append(entry.id)
        ids = units.pop(Unit.EACH, [])
        groups = _customers_first(target, [entry.id for entry in batch]) if target.customer_each else {}
        _enqueue(target, Kind.JOURNAL_ENTRY, [(entry_id, groups.get(entry_id)) for entry_id in ids])
        for unit, later in units.items():
            summaries.collect(target, unit, later)


def on_invoice_finalized(sender: Any, *, events: Sequence[InvoiceFinalized], **kwargs: Any) -> None:
    """Send the invoice, and before it the customer and the products that the ERP does not know yet."""
    for target, batch in _by_target(events, lambda target: target.takes_documents):
        customers = sorted({event.customer_id for event in batch})
        products = sorted({line.product_id for event in batch for line in event.lines})
        _enqueue_once(target, Kind.CUSTOMER, [(customer, customer) for customer in customers])
        _enqueue_once(target, Kind.PRODUCT, [(product, None) for product in products])
        _enqueue(target, Kind.INVOICE, [(event.invoice_id, event.customer_id) for event in batch])


def on_invoice_voided(sender: Any, *, events: Sequence[InvoiceVoided], **kwargs: Any) -> None:
    """Void the invoice in the ERP too."""
    for target, batch in _by_target(events, lambda target: target.takes_documents):
        sent = _sent(target, Kind.INVOICE, (event.invoice_id for event in batch))
        subjects = [(event.invoice_id, event.customer_id) for event in batch if event.invoice_id in sent]
        _enqueue(target, Kind.INVOICE_VOID, subjects)


def on_credit_note_issued(sender: Any, *, events: Sequence[CreditNoteIssued], **kwargs: Any) -> None:
    """Send the credit note, and let it settle its invoice there where that is a document of its own."""
    for target, batch in _by_target(events, lambda target: target.takes_documents):
        subjects: list[outbox.Subject] = [(event.credit_note_id, event.customer_id) for event in batch]
        _enqueue(target, Kind.CREDIT_NOTE, subjects)
        if target.takes(Kind.CREDIT_ALLOCATION):
            sent = _sent(target, Kind.INVOICE, (event.invoice_id for event in batch))
            applied = [(event.credit_note_id, event.customer_id) for event in batch if event.invoice_id in sent]
            _enqueue(target, Kind.CREDIT_ALLOCATION, applied)


def on_payment_received(sender: Any, *, events: Sequence[PaymentReceived], **kwargs: Any) -> None:
    """Send the payment where the tenant switched payments on; a payment without invoices still needs its customer."""
    for target, batch in _by_target(events, lambda target: target.takes_payments):
        customers = sorted({event.customer_id for event in batch})
        _enqueue_once(target, Kind.CUSTOMER, [(customer, customer) for customer in customers])
        _enqueue(target, Kind.PAYMENT, [(event.payment_id, event.customer_id) for event in batch])


def on_payment_allocated(sender: Any, *, events: Sequence[PaymentAllocated], **kwargs: Any) -> None:
    """Send what a payment settled later on. The update states all of the payment's allocations, so its repeat is harmless."""
    for target, batch in _by_target(events, lambda target: target.takes_payments):
        sent = _sent(target, Kind.PAYMENT, (event.payment_id for event in batch))
        subjects = [(event.allocation_id, event.customer_id) for event in batch if event.payment_id in sent]
        _enqueue(target, Kind.PAYMENT_UPDATE, subjects)


def _sent(target: Target, kind: Kind, subject_ids: Iterable[int]) -> set[int]:
    """What the ERP never gets, because it was before the connection went live, cannot be changed there either."""
    return outbox.known(connection_id=target.connection_id, kind=kind, subject_ids=subject_ids)


def _by_target(
    batch: Sequence[Any], wants: Callable[[Target], bool], *, day: str = "occurred_on"
) -> list[tuple[Target, list[Any]]]:
    found = targets(each.business_entity_id for each in batch)
    sorted_out: dict[Target, list[Any]] = defaultdict(list)
    for each in batch:
        target = found.get(each.business_entity_id)
        if target and wants(target) and target.takes_day(getattr(each, day)):
            sorted_out[target].append(each)
    return list(sorted_out.items())


def _enqueue(target: Target, kind: Kind, subjects: list[outbox.Subject]) -> None:
    outbox.enqueue(
        tenant_id=target.tenant_id,
        connection_id=target.connection_id,
        kind=kind,
        subjects=subjects,
        approval=target.policy.approval,
    )


def _enqueue_once(target: Target, kind: Kind, subjects: list[outbox.Subject]) -> None:
    outbox.enqueue_once(tenant_id=target.tenant_id, connection_id=target.connection_id, kind=kind, subjects=subjects)


def _customers_first(target: Target, entry_ids: list[int]) -> dict[int, int]:
    with database.cursor() as cursor:
        cursor.execute(_RECEIVABLE_CUSTOMERS, [entry_ids])
        rows = cursor.fetchall()
    customers = sorted({customer for _, _, named in rows for customer in named})
    _enqueue_once(target, Kind.CUSTOMER, [(customer, customer) for customer in customers])
    return {entry_id: first for entry_id, first, _ in rows}
