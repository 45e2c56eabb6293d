"""What the pages of billing and accounting say about the ERP: the state of each connection, and where a document is there."""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from accounting.models import JournalEntry
from billing.admin.hooks import Card, add_cards, add_section
from billing.admin.shown import NONE, change_url, link, list_url, moment, status
from billing.admin.tables import Table, columns
from billing.models import (
    CreditNote,
    Customer,
    Dispute,
    Invoice,
    Payment,
    PaymentAllocation,
    Product,
    Refund,
    WriteOff,
)
from integrations.admin.figures import with_figures
from integrations.admin.shown import outbox_url, their_document
from integrations.documents import Kind
from integrations.models import Connection, ConnectionStatus, ExternalReference, OutboxItem, OutboxState

_KINDS: dict[type, tuple[Kind, ...]] = {
    JournalEntry: (Kind.JOURNAL_ENTRY,),
    Invoice: (Kind.INVOICE, Kind.INVOICE_VOID),
    CreditNote: (Kind.CREDIT_NOTE, Kind.CREDIT_ALLOCATION, Kind.CREDIT_NOTE_VOID),
    Payment: (Kind.PAYMENT, Kind.PAYMENT_VOID),
    Refund: (Kind.REFUND, Kind.REFUND_LOSS),
    Dispute: (
        Kind.DISPUTE,
        Kind.DISPUTE_FEE,
        Kind.DISPUTE_REFUND,
        Kind.DISPUTE_WON,
        Kind.DISPUTE_FEE_WON,
        Kind.DISPUTE_RETURN,
    ),
    WriteOff: (Kind.WRITE_OFF, Kind.WRITE_OFF_ALLOCATION),
    Customer: (Kind.CUSTOMER,),
    Product: (Kind.PRODUCT,),
}
_OF_ALLOCATIONS = (
    Kind.PAYMENT_UPDATE,
    Kind.WITHHELD,
    Kind.WITHHELD_VOID,
    Kind.WITHHELD_LOSS,
    Kind.WITHHELD_LOSS_USE,
    Kind.WITHHELD_LOSS_VOID,
)


def _cards(request: HttpRequest) -> list[Card]:
    connections = Connection.objects.exclude(status=ConnectionStatus.DISABLED).defer("credentials")
    found = [_card(each) for each in with_figures(connections, now=timezone.now())]
    words = "Connect an ERP to send it journal entries or invoices."
    return found or [Card("ERP sync", "Not connected", words, list_url(Connection))]


def _card(connection: Any) -> Card:
    waiting, parked = connection.waiting_count or 0, connection.parked_count or 0
    last = (
        f"Last delivered {moment(connection.last_delivered)}."
        if connection.last_delivered
        else "Nothing delivered yet."
    )
    counts = f"{waiting:,} waiting, {parked:,} parked."
    title, page = f"ERP sync: {connection.name}", change_url(Connection, connection.pk)
    if connection.status == ConnectionStatus.RECONNECT_NEEDED:
        return Card(title, "Sign in again", f"{counts}\n{last}", page, "bad")
    if parked:
        url = outbox_url(connection=connection.pk, state=OutboxState.PARKED.value)
        return Card(title, f"{parked:,} parked", f"A person has to decide. {waiting:,} waiting.\n{last}", url, "bad")
    if connection.option("setting_up", False):
        return Card(
            title, "Being set up", "Nothing is sent before you go live.\nGo on with the steps.", page, "attention"
        )
    if connection.status == ConnectionStatus.NEW:
        return Card(title, "Not connected yet", f"{counts}\nSign in to the ERP to send them.", page, "attention")
    if waiting:
        return Card(title, f"{waiting:,} waiting", f"None parked.\n{last}", page)
    return Card(title, "Up to date", f"None waiting, none parked.\n{last}", page, "good")


def _in_the_erp(request: HttpRequest, subject: Any) -> list[Table]:
    wanted = Q(kind__in=[kind.value for kind in _KINDS[type(subject)]], subject_id=subject.pk)
    if isinstance(subject, Payment):
        parts = list(PaymentAllocation.objects.filter(payment=subject).values_list("id", flat=True))
        wanted |= Q(kind__in=[kind.value for kind in _OF_ALLOCATIONS], subject_id__in=parts)
    names = dict(Connection.objects.values_list("pk", "name"))
    if not names:
        return []
    wanted &= Q(connection_id__in=list(names))  # Both tables find a subject by its connection.
    items = list(OutboxItem.objects.filter(wanted).order_by("connection_id", "id"))
    references = {
        (each.connection_id, each.kind, each.subject_id): each for each in ExternalReference.objects.filter(wanted)
    }
    if not items and not references:
        return []
    rows: list[tuple[object, ...]] = [
        (
            names.get(item.connection_id, NONE),
            link(item, item.get_kind_display()),
            status(item, "state"),
            moment(item.delivered_at) if item.delivered_at else item.reason or NONE,
            their_document(references.pop((item.connection_id, item.kind, item.subject_id), None)),
        )
        for item in items
    ]
    rows += [
        (names.get(each.connection_id, NONE), each.get_kind_display(), NONE, NONE, their_document(each))
        for each in references.values()
    ]
    shown = columns("Connection", "Sent as", "State", "When, or why not", "Their document")
    return [Table("Where it is in the ERP", shown, rows, "")]


add_cards(30, _cards)
for _model in _KINDS:
    add_section(_model, _in_the_erp)
