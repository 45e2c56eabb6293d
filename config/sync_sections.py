"""What the pages of billing and accounting say about the ERP: the state of each connection, and where a document is there."""

from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from accounting.models import JournalEntry
from billing.admin.hooks import Card, add_cards, add_section
from billing.admin.shown import NONE, status
from billing.admin.tables import Table, columns
from billing.models import CreditNote, Customer, Invoice, Payment, Product
from billing.tenancy import current_tenant_id
from integrations.documents import Kind
from integrations.models import Connection, ExternalReference, OutboxItem, OutboxState

_KINDS: dict[type, tuple[Kind, ...]] = {
    JournalEntry: (Kind.JOURNAL_ENTRY,),
    Invoice: (Kind.INVOICE, Kind.INVOICE_VOID),
    CreditNote: (Kind.CREDIT_NOTE,),
    Payment: (Kind.PAYMENT, Kind.PAYMENT_UPDATE),
    Customer: (Kind.CUSTOMER,),
    Product: (Kind.PRODUCT,),
}


def _cards(request: HttpRequest) -> list[Card]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.id, c.name, c.status, count(i.id) FILTER (WHERE i.state IN ('pending', 'in_flight')), "
            "count(i.id) FILTER (WHERE i.state = 'parked'), max(i.delivered_at) FROM integrations_connection c "
            "LEFT JOIN integrations_outboxitem i ON i.connection_id = c.id WHERE c.tenant_id = %s "
            "GROUP BY c.id ORDER BY c.name, c.id",
            [current_tenant_id()],
        )
        rows = cursor.fetchall()
    if not rows:
        return [
            Card(
                "ERP", "Not connected", "Connect an ERP to send it journal entries or invoices.", _address("connection")
            )
        ]
    return [_card(*row) for row in rows]


def _card(pk: int, name: str, state: str, waiting: int, parked: int, delivered: Any) -> Card:
    last = f"last delivered {delivered:%Y-%m-%d %H:%M} UTC" if delivered else "nothing delivered yet"
    if parked:
        return Card(
            name, f"{parked:,} parked", f"A person has to decide. {waiting:,} waiting, {last}.", _parked(pk), "bad"
        )
    if state == "reconnect_needed":
        return Card(name, "Sign in again", f"{waiting:,} waiting, {last}.", _address("connection"), "bad")
    words = f"{waiting:,} waiting" if waiting else "Up to date"
    return Card(name, words, last.capitalize() + ".", _address("connection"), "calm" if waiting else "good")


def _parked(connection_id: int) -> str:
    return f"{_address('outboxitem')}?connection__id__exact={connection_id}&state__exact={OutboxState.PARKED}"


def _address(model: str) -> str:
    try:
        return reverse(f"admin:integrations_{model}_changelist")
    except NoReverseMatch:
        return reverse("admin:index")


def _in_the_erp(request: HttpRequest, subject: Any) -> list[Table]:
    kinds = [kind.value for kind in _KINDS[type(subject)]]
    items = list(OutboxItem.objects.filter(kind__in=kinds, subject_id=subject.pk).order_by("connection_id", "id"))
    references = {
        (each.connection_id, each.kind): each
        for each in ExternalReference.objects.filter(kind__in=kinds, subject_id=subject.pk)
    }
    if not items and not references:
        return []
    names = dict(Connection.objects.values_list("pk", "name"))
    rows: list[tuple[object, ...]] = [
        (
            names.get(item.connection_id, NONE),
            item.get_kind_display(),
            status(item, "state"),
            f"{item.delivered_at:%Y-%m-%d %H:%M} UTC" if item.delivered_at else item.reason or NONE,
            _their_document(references.pop((item.connection_id, item.kind), None)),
        )
        for item in items
    ]
    rows += [
        (names.get(each.connection_id, NONE), each.get_kind_display(), NONE, NONE, _their_document(each))
        for each in references.values()
    ]
    return [
        Table("In the ERP", columns("Connection", "Sent as", "State", "When, or why not", "Their document"), rows, "")
    ]


def _their_document(reference: ExternalReference | None) -> object:
    if reference is None:
        return NONE
    text = f"{reference.external_id} (our reference {reference.reference})"
    if not reference.url.startswith(("https://", "http://")):
        return text
    return format_html('<a class="cf-link" href="{}" rel="noreferrer" target="_blank">{}</a>', reference.url, text)


def connect() -> None:
    """Register with the pages."""
    add_cards(30, _cards)
    for model in _KINDS:
        add_section(model, _in_the_erp)
