"""Notice what happened in the ERP: told by its webhooks, or asked for by the clock.

Our documents that were deleted, voided or changed there are written down for a person; the reconciliation says what it
comes to. Payments that were recorded there are taken over into billing, where the tenant wants that.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from billing.errors import BillingError
from billing.models import CreditNote, Invoice, Payment, PaymentAllocation
from billing.money import format_unit_price
from billing.services.payments import receive_payment
from integrations.adopting import document_total
from integrations.connectors import base
from integrations.connectors.base import Change, Connector, ErpDocument, RowKind, TellsPaymentsOf
from integrations.documents import Kind, as_sent
from integrations.mapping import connector_of, refresh_lists
from integrations.models import Connection, ExternalReference, Mapping, MappingKind, NoticedChange, SyncMode
from integrations.policy import Policy
from integrations.reconciliation.findings import ERP_MADE, foreign_cause
from integrations.sweeping import deleted

_OVERLAP = timedelta(minutes=5)  # Clocks differ, and a change may become visible after its own time.
_FIRST = timedelta(days=1)
# Which of our kinds a notice may be about: QuickBooks tells of refunds and of other money that left alike.
_AS_TOLD = {Kind.REFUND: (Kind.REFUND, Kind.MONEY_OUT)}
_VOIDED_HERE: dict[Kind, tuple[Any, str]] = {  # Whose void undoes it, and the field that says so.
    Kind.INVOICE: (Invoice, "voided_on"),
    Kind.CREDIT_NOTE: (CreditNote, "voided_on"),
    Kind.PAYMENT: (Payment, "voided_on"),
    Kind.WITHHELD: (PaymentAllocation, "payment__voided_on"),
    Kind.WITHHELD_LOSS: (PaymentAllocation, "payment__voided_on"),
}
_ROWS = {kind.value for kind in RowKind}


def poll(connection: Connection) -> int:
    """Ask what changed since the last time; give how much concerned us. Raises DeliveryError."""
    now = timezone.now()
    connector = connector_of(connection)
    since = (connection.polled_at - _OVERLAP) if connection.polled_at else now - _FIRST
    noticed = take(connection, connector.changes(since=since), connector)
    noticed += sum(_look(connection, connector, kind, number) for kind, number in deleted(connection, connector))
    refresh_lists(connection, connector)
    Connection.objects.filter(pk=connection.pk).update(polled_at=now)
    return noticed


def take(connection: Connection, changes: Iterable[Change], connector: Connector | None = None) -> int:
    """Look at changes, asking for a document only where the change does not tell it; give how many concerned us."""
    connector = connector or connector_of(connection)
    readable = {kind.value for kind in base.get(connection.erp).reads}
    noticed, lists_changed = 0, False
    for change in {(each.kind, each.external_id): each for each in changes}.values():
        lists_changed = lists_changed or change.kind in _ROWS
        if change.kind in readable:
            noticed += _look(connection, connector, Kind(change.kind), change.external_id, change.document)
    if lists_changed:
        refresh_lists(connection, connector)
    return noticed


def _look(
    connection: Connection, connector: Connector, kind: Kind, external_id: str, told: ErpDocument | None = None
) -> int:
    kinds = [each.value for each in Kind if as_sent(each) in _AS_TOLD.get(kind, (kind,))]
    ours = ExternalReference.objects.filter(connection=connection, kind__in=kinds, external_id=external_id).first()
    wants_payments = kind is Kind.PAYMENT and _takes_over(connection)
    if ours is None and not wants_payments and not (kind is Kind.PAYMENT and connection.send_payments):
        return 0
    found = told or connector.document(kind, external_id)
    if ours is None:
        is_theirs = found is not None and foreign_cause(connection, found) == ERP_MADE
        words = (_pull if wants_payments else _paid_there)(connection, found) if is_theirs and found else ""
    else:
        words = _difference(Kind(ours.kind), ours, found)
        if not words:  # It is as we want it, perhaps again.
            NoticedChange.objects.filter(connection=connection, kind=kind.value, external_id=external_id).delete()
    beyond = _paid_beyond(connection, connector, ours, found)
    if not words:
        return beyond
    NoticedChange.objects.update_or_create(
        connection=connection,
        kind=kind.value,
        external_id=external_id,
        defaults={
            "tenant_id": connection.tenant_id,
            "subject_id": ours.subject_id if ours else None,
            "words": words[:300],
            "at": timezone.now(),
        },
    )
    return 1 + beyond


def _takes_over(connection: Connection) -> bool:
    """Tell whether payments made there are recorded here.

    Where payments are sent, or are in the entries that are sent, one taken over would come back to the ERP a second time.
    """
    is_open = connection.sync_mode == SyncMode.DOCUMENTS and not connection.send_payments
    return is_open and Policy.of(connection.options).pull_payments


def _paid_beyond(
    connection: Connection, connector: Connector, ours: ExternalReference | None, found: ErpDocument | None
) -> int:
    """Look at the payments of an invoice of which less is open there than here, where changes tell of no payments."""
    concerns_us = connection.send_payments or _takes_over(connection)
    if not concerns_us or ours is None or ours.kind != Kind.INVOICE or not isinstance(connector, TellsPaymentsOf):
        return 0
    if found is None or found.balance is None or found.status != "posted":
        return 0
    total, settled = Invoice.objects.filter(pk=ours.subject_id).values_list("total", "settled").get()
    if found.balance >= Decimal(total) - Decimal(settled):  # type: ignore[arg-type]  # values_list() gives Decimals.
        return 0
    payments = connector.payments_of(found.external_id)
    return sum(_look(connection, connector, Kind.PAYMENT, payment) for payment in payments)


def _difference(kind: Kind, ours: ExternalReference, found: ErpDocument | None) -> str:
    """Say what is wrong with our document there; an empty text when nothing is."""
    is_void = False
    if kind in _VOIDED_HERE:
        model, voided_on = _VOIDED_HERE[kind]
        is_void = model.objects.filter(pk=ours.subject_id, **{f"{voided_on}__isnull": False}).exists()
    if found is None:  # Some vendors delete what is void.
        return "" if is_void else "It was deleted in the ERP."
    if found.status == "void":
        return "" if is_void else "It was voided in the ERP, but not here."
    total = Decimal(0) if is_void else document_total(kind, ours.subject_id)
    if total is not None and total != found.total:
        return f"Its total was changed in the ERP from {_digits(total, found)} to {_digits(found.total, found)}."
    if kind is Kind.JOURNAL_ENTRY and ours.sync_token and found.sync_token not in ("", ours.sync_token):
        return "It was changed in the ERP."
    return ""


def _digits(amount: Decimal, found: ErpDocument) -> str:
    """Write an amount with the decimals of its currency, and all those that it has: vendors tell 5.0, 5 and 5.00."""
    return format_unit_price(amount, found.currency)


def _paid_there(connection: Connection, found: ErpDocument) -> str:
    """Say that a payment made there settles invoices of ours, where payments go the other way; nothing is recorded."""
    ids = [external_id for external_id, _ in found.linked]
    sent = ExternalReference.objects.filter(connection=connection, kind=Kind.INVOICE.value, external_id__in=ids)
    paid = Invoice.objects.filter(pk__in=list(sent.values_list("subject_id", flat=True))).order_by("number")
    if found.status == "void" or not found.total or not paid:
        return ""
    numbers = ", ".join(str(each.number) for each in paid[:5])
    return (
        f"A payment of {_digits(found.total, found)} was recorded in the ERP for {numbers}. Record it here and void it there: "
        "here it would be sent a second time."
    )


def _pull(connection: Connection, found: ErpDocument) -> str:
    """Record a payment of the ERP in billing, once; give in words what was done, or why it was not."""
    reference = f"{connection.erp} {connection.realm_id} {found.external_id}"[:100]
    if found.status == "void" or not found.total or Payment.objects.filter(reference=reference).exists():
        return ""
    invoices = dict(
        ExternalReference.objects.filter(
            connection=connection, kind=Kind.INVOICE.value, external_id__in=[each for each, _ in found.linked]
        ).values_list("external_id", "subject_id")
    )
    allocations: dict[int, Decimal] = {}
    for external_id, amount in found.linked:
        if external_id in invoices:
            allocations[invoices[external_id]] = allocations.get(invoices[external_id], Decimal(0)) + amount
    customer = _customer(connection, found, allocations)
    if customer is None:
        return ""  # Nobody of ours: the ERP has customers of its own.
    currency = found.currency or str(connection.company.get("home_currency", ""))
    try:
        receive_payment(
            customer_id=customer,
            received_on=date.fromisoformat(found.date[:10]),
            amount=found.total,
            currency=currency,
            allocations=allocations,
            reference=reference,
        )
    except BillingError as error:
        return f"A payment of {_digits(found.total, found)} {currency} in the ERP could not be taken over: {error}"
    return f"A payment of {_digits(found.total, found)} {currency} was taken over from the ERP."


def _customer(connection: Connection, found: ErpDocument, allocations: dict[int, Decimal]) -> int | None:
    if allocations:
        return Invoice.objects.filter(pk__in=allocations).values_list("customer_id", flat=True).first()
    mapped = Mapping.objects.filter(
        connection=connection, kind=MappingKind.CUSTOMER, external_id=found.customer, internal_id__isnull=False
    )
    return mapped.values_list("internal_id", flat=True).first()
