"""Listen to what was booked, and write the outbox inside the same transaction."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from django.db import connection as database

from accounting.posting import PostedEntry
from accounting.signals import events_booked
from billing.events import (
    CreditNoteIssued,
    CreditNoteVoided,
    Event,
    InvoiceFinalized,
    InvoiceVoided,
    PaymentAllocated,
    PaymentReceived,
    PaymentUnallocated,
    PaymentVoided,
)
from billing.models import PaymentAllocation, WalletDraw
from billing.payment_events import (
    DisputeOpened,
    DisputeWon,
    InvoiceWrittenOff,
    PaymentCaptured,
    RefundPaid,
    WalletApplied,
    WalletToppedUp,
    WriteOffRecovered,
)
from integrations import outbox, summaries
from integrations.connectors import base
from integrations.documents import Kind
from integrations.policy import Target, Unit, targets

_RECEIVABLE_CUSTOMERS = """
SELECT entry_id, min(customer_id), array_agg(DISTINCT customer_id)
  FROM accounting_journalline WHERE entry_id = ANY(%s) AND customer_id IS NOT NULL GROUP BY entry_id
"""


def connect() -> None:
    """Listen. Called once, when the app is ready."""
    events_booked.connect(on_events_booked, dispatch_uid="integrations.on_events_booked")


def on_events_booked(
    sender: type[Event], *, events: Sequence[Event], entries: Sequence[PostedEntry], stamp: int, **kwargs: Any
) -> None:
    """Send the entries where the rules are ours, and what the events made of documents where they are the ERP's."""
    # An event that had waited for a rule comes without itself: only its entries are new.
    found = targets((each.business_entity_id for each in events or entries), stamp=stamp)
    if not found:
        return
    for target, batch in _by_target(entries, found, lambda target: target.takes_entries, day="date"):
        _send_entries(target, batch)
    if sender in _DOCUMENTS:
        send, wants = _DOCUMENTS[sender]
        for target, batch in _by_target(events, found, wants):
            send(target, batch)


def _send_entries(target: Target, entries: Sequence[PostedEntry]) -> None:
    """Send entries one by one, or collect them for the sum of their day or month."""
    ids = [entry.id for entry in entries]
    groups = _customers_first(target, ids) if target.customer_each else {}
    unit = target.policy.unit(entries[0].event_kind)  # they are of one kind
    if unit is Unit.EACH:
        _enqueue(target, Kind.JOURNAL_ENTRY, [(entry_id, groups.get(entry_id)) for entry_id in ids])
    else:
        summaries.collect(target, unit, ids)


def _send_invoices(target: Target, events: Sequence[InvoiceFinalized]) -> None:
    """Send the invoices, and before them the customers and the products that the ERP does not know yet."""
    customers = sorted({event.customer_id for event in events})
    products = sorted({line.product_id for event in events for line in event.lines})
    _enqueue_once(target, Kind.CUSTOMER, [(customer, customer) for customer in customers])
    _enqueue_once(target, Kind.PRODUCT, [(product, None) for product in products])
    _enqueue(target, Kind.INVOICE, [(event.invoice_id, event.customer_id) for event in events])


def _send_voids(target: Target, events: Sequence[InvoiceVoided]) -> None:
    sent = _sent(target, Kind.INVOICE, (event.invoice_id for event in events))
    subjects = [(event.invoice_id, event.customer_id) for event in events if event.invoice_id in sent]
    _enqueue(target, Kind.INVOICE_VOID, subjects)


def _send_credit_notes(target: Target, events: Sequence[CreditNoteIssued]) -> None:
    """Send the credit notes, and let them settle their invoices there where that is a document of its own."""
    _enqueue(target, Kind.CREDIT_NOTE, [(event.credit_note_id, event.customer_id) for event in events])
    if target.takes(Kind.CREDIT_ALLOCATION):
        sent = _sent(target, Kind.INVOICE, (event.invoice_id for event in events))
        applied = [
            (event.credit_note_id, event.customer_id)
            for event in events
            # What was paid before stays open on the credit note: it went to the wallet, or is to be refunded.
            if event.invoice_id in sent and event.total > event.to_wallet + event.to_refund
        ]
        _enqueue(target, Kind.CREDIT_ALLOCATION, applied)


def _send_payments(target: Target, events: Sequence[PaymentReceived | PaymentCaptured | WalletToppedUp]) -> None:
    """Send the payments; one without invoices still needs its customer."""
    customers = sorted({event.customer_id for event in events})
    _enqueue_once(target, Kind.CUSTOMER, [(customer, customer) for customer in customers])
    # Where all was withheld no money came: the tax alone settles the invoices.
    paid = [event for event in events if event.amount or base.get(target.erp).withholds]
    _enqueue(target, Kind.PAYMENT, [(event.payment_id, event.customer_id) for event in paid])
    _send_withheld(target, [event for event in events if not isinstance(event, WalletToppedUp) and event.withheld])


def _send_withheld(target: Target, events: Sequence[PaymentReceived | PaymentCaptured]) -> None:
    """Send tax that customers withheld: what comes back as second payments, what is lost as credit notes."""
    parts: dict[bool, list[outbox.Subject]] = {True: [], False: []}
    for event in events:
        lines = [line for line in event.lines if line.withheld]
        parts[event.withheld_is_recoverable] += [(line.allocation_id, event.customer_id) for line in lines]
    if not base.get(target.erp).withholds:
        _enqueue(target, Kind.WITHHELD, parts[True])
    _enqueue(target, Kind.WITHHELD_LOSS, parts[False])
    if target.takes(Kind.CREDIT_ALLOCATION):
        _enqueue(target, Kind.WITHHELD_LOSS_USE, parts[False])


def _send_top_ups(target: Target, events: Sequence[WalletToppedUp]) -> None:
    """Send what was paid into wallets; what came out of an unapplied payment was sent with that."""
    _send_payments(target, [event for event in events if not event.from_unapplied])


def _send_credit_note_voids(target: Target, events: Sequence[CreditNoteVoided]) -> None:
    sent = _sent(target, Kind.CREDIT_NOTE, (event.credit_note_id for event in events))
    subjects = [(event.credit_note_id, event.customer_id) for event in events if event.credit_note_id in sent]
    _enqueue(target, Kind.CREDIT_NOTE_VOID, subjects)


def _send_write_offs(target: Target, events: Sequence[InvoiceWrittenOff]) -> None:
    """Write debt off in the ERP too: a credit note to bad debts that settles the invoice."""
    sent = _sent(target, Kind.INVOICE, (event.invoice_id for event in events))
    subjects = [(event.write_off_id, event.customer_id) for event in events if event.invoice_id in sent]
    _enqueue(target, Kind.WRITE_OFF, subjects)
    if target.takes(Kind.CREDIT_ALLOCATION):
        _enqueue(target, Kind.WRITE_OFF_ALLOCATION, subjects)


def _send_recoveries(target: Target, events: Sequence[WriteOffRecovered]) -> None:
    """Let it be owed again in the ERP too, where the write-off settled the first invoice."""
    sent = _sent(target, Kind.WRITE_OFF, (event.write_off_id for event in events))
    subjects = [(event.event_id or 0, event.customer_id) for event in events if event.write_off_id in sent]
    _enqueue(target, Kind.RECOVERY, subjects)


def _send_wallet_uses(target: Target, events: Sequence[WalletApplied]) -> None:
    """Let what the wallet kept settle the invoice there: payments on account, credit notes, and bonus as a discount."""
    sent = _sent(target, Kind.INVOICE, (event.invoice_id for event in events))
    events = [event for event in events if event.invoice_id in sent]
    if target.takes(Kind.CREDIT_NOTE):
        subjects = [(event.wallet_entry_id, event.customer_id) for event in events if event.bonus]
        _enqueue(target, Kind.WALLET_BONUS, subjects)
        if target.takes(Kind.CREDIT_ALLOCATION):
            _enqueue(target, Kind.WALLET_BONUS_USE, subjects)
    customers = {event.wallet_entry_id: event.customer_id for event in events if event.paid}
    draws = WalletDraw.objects.filter(entry__in=list(customers)).order_by("id")
    rows = list(draws.values_list("id", "entry_id", "source__payment_id"))
    if target.takes_payments:
        _enqueue(target, Kind.WALLET_PAYMENT, [(pk, customers[entry]) for pk, entry, payment in rows if payment])
    _enqueue(target, Kind.WALLET_CREDIT, [(pk, customers[entry]) for pk, entry, payment in rows if not payment])


def _send_disputes(target: Target, events: Sequence[DisputeOpened]) -> None:
    """Send what went back: of invoices as a loss, of money on account as a refund of it; and the fee."""
    _enqueue(target, Kind.DISPUTE, [(it.dispute_id, it.customer_id) for it in events if it.amount > it.from_unapplied])
    _enqueue(target, Kind.DISPUTE_REFUND, [(it.dispute_id, it.customer_id) for it in events if it.from_unapplied])
    _enqueue(target, Kind.DISPUTE_FEE, [(it.dispute_id, it.customer_id) for it in events if it.fee])


def _send_won_disputes(target: Target, events: Sequence[DisputeWon]) -> None:
    """Send what came back. A dispute that was lost needs nothing: what was sent when it was opened stands."""
    returned = [it for it in events if it.from_unapplied]
    sent = _sent(target, Kind.DISPUTE_REFUND, (it.dispute_id for it in returned)) if returned else set()
    subjects = [(it.dispute_id, it.customer_id) for it in returned if it.dispute_id in sent]
    _enqueue(target, Kind.DISPUTE_RETURN, subjects)
    _enqueue(
        target, Kind.DISPUTE_WON, [(it.dispute_id, it.customer_id) for it in events if it.amount > it.from_unapplied]
    )
    _enqueue(target, Kind.DISPUTE_FEE_WON, [(it.dispute_id, it.customer_id) for it in events if it.fee_returned])


def _send_payment_voids(target: Target, events: Sequence[PaymentVoided]) -> None:
    sent = _sent(target, Kind.PAYMENT, (event.payment_id for event in events))
    subjects = [(event.payment_id, event.customer_id) for event in events if event.payment_id in sent]
    _enqueue(target, Kind.PAYMENT_VOID, subjects)
    undone = {event.payment_id: event.customer_id for event in events if event.withheld}
    if undone:
        parts = PaymentAllocation.objects.filter(payment__in=list(undone), undoes=None).order_by("id")
        customers = {pk: undone[payment] for pk, payment in parts.values_list("id", "payment_id")}
        for kind, void in ((Kind.WITHHELD, Kind.WITHHELD_VOID), (Kind.WITHHELD_LOSS, Kind.WITHHELD_LOSS_VOID)):
            held = sorted(_sent(target, kind, customers))
            _enqueue(target, void, [(pk, customers[pk]) for pk in held])


def _send_unallocations(target: Target, events: Sequence[PaymentUnallocated]) -> None:
    """Send what payments settle no longer; where the payment is voided, that alone is enough."""
    _send_allocations(target, [event for event in events if not event.voids_payment])


def _send_allocations(target: Target, events: Sequence[PaymentAllocated | PaymentUnallocated]) -> None:
    """Send what payments settled later on. An update states all of a payment's allocations, so its repeat is harmless."""
    sent = _sent(target, Kind.PAYMENT, (event.payment_id for event in events))
    subjects = [(event.allocation_id, event.customer_id) for event in events if event.payment_id in sent]
    _enqueue(target, Kind.PAYMENT_UPDATE, subjects)


def _sent(target: Target, kind: Kind, subject_ids: Iterable[int]) -> set[int]:
    """What the ERP never gets, because it was before the connection went live, cannot be changed there either."""
    return outbox.known(connection_id=target.connection_id, kind=kind, subject_ids=subject_ids)


def _send_refunds(target: Target, events: Sequence[RefundPaid]) -> None:
    """Send refunds by where the money came from: a credit note or money on account, a wallet, or invoices that stay paid."""
    paid_back = [(it.refund_id, it.customer_id) for it in events if it.from_credit_note or it.from_unapplied]
    _enqueue(target, Kind.REFUND, paid_back)
    _enqueue(target, Kind.REFUND_LOSS, [(it.refund_id, it.customer_id) for it in events if it.lines])
    customers = {it.refund_id: it.customer_id for it in events if it.from_wallet}
    if customers:
        draws = WalletDraw.objects.filter(entry__refund__in=list(customers)).order_by("id")
        rows = draws.values_list("id", "entry__refund_id")
        _enqueue(target, Kind.WALLET_REFUND, [(pk, customers[refund or 0]) for pk, refund in rows])


def _takes_documents(target: Target) -> bool:
    return target.takes_documents


def _takes_payments(target: Target) -> bool:
    return target.takes_payments


_DOCUMENTS: dict[type[Event], tuple[Callable[[Target, Any], None], Callable[[Target], bool]]] = {
    InvoiceFinalized: (_send_invoices, _takes_documents),
    InvoiceVoided: (_send_voids, _takes_documents),
    CreditNoteIssued: (_send_credit_notes, _takes_documents),
    CreditNoteVoided: (_send_credit_note_voids, _takes_documents),
    PaymentReceived: (_send_payments, _takes_payments),
    PaymentCaptured: (_send_payments, _takes_payments),
    WalletToppedUp: (_send_top_ups, _takes_payments),
    PaymentAllocated: (_send_allocations, _takes_payments),
    PaymentUnallocated: (_send_unallocations, _takes_payments),
    PaymentVoided: (_send_payment_voids, _takes_payments),
    RefundPaid: (_send_refunds, _takes_payments),
    InvoiceWrittenOff: (_send_write_offs, _takes_documents),
    WriteOffRecovered: (_send_recoveries, _takes_documents),
    WalletApplied: (_send_wallet_uses, _takes_documents),
    DisputeOpened: (_send_disputes, _takes_payments),
    DisputeWon: (_send_won_disputes, _takes_payments),
}


def _by_target(
    batch: Sequence[Any], found: Mapping[int, Target], wants: Callable[[Target], bool], *, day: str = "occurred_on"
) -> list[tuple[Target, list[Any]]]:
    sorted_out: dict[Target, list[Any]] = defaultdict(list)
    # A batch has few entities and days, and may have thousands of facts.
    known: dict[tuple[int, date], list[Any] | None] = {}
    for each in batch:
        key = each.business_entity_id, getattr(each, day)
        if key not in known:
            target = found.get(each.business_entity_id)
            known[key] = sorted_out[target] if target and wants(target) and target.takes_day(key[1]) else None
        if (chosen := known[key]) is not None:
            chosen.append(each)
    return list(sorted_out.items())


def _enqueue(target: Target, kind: Kind, subjects: Sequence[outbox.Subject]) -> None:
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
