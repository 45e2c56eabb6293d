"""Decisions of a person about a document that the ERP has, or has no more, against what we know."""

import re
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from billing.models import CreditNote, Invoice, Payment, WriteOff
from integrations.builders import money, withheld
from integrations.claims import Claim
from integrations.connectors import base
from integrations.connectors.base import Call, Corrects, DeliveryError, Parcel
from integrations.documents import Kind, as_sent, reference_of
from integrations.mapping import connector_of
from integrations.models import ExportedDocument, ExternalReference, OutboxItem, OutboxState
from integrations.outcomes import log_calls
from integrations.preview import body_of
from integrations.reconciliation.files import NO_EXPORT, NOT_IMPORTED, WAITS_FOR_FILE, Carried
from integrations.tokens import is_fed_by_files
from integrations.wiring import open_connector

_ID = re.compile(r"[\w.-]{1,100}")  # It becomes part of an address.
_TOTALS: dict[Kind, Any] = {Kind.INVOICE: Invoice, Kind.CREDIT_NOTE: CreditNote}
_VOIDABLE: dict[Kind, Any] = {**_TOTALS, Kind.PAYMENT: Payment}
# Why a document may yet come to an ERP that is fed by files.
_ON_ITS_WAY = {
    WAITS_FOR_FILE: "It waits for the next import files already.",
    NOT_IMPORTED: "Its import files are not marked as imported. Import them into the ERP first.",
    NO_EXPORT: "No export of the ERP was uploaded since its files were imported. Upload one: it tells whether it is there.",
}


class CannotDecide(ValueError):
    """What was decided does not fit what the ERP says; nothing was changed."""


def adopt(item: OutboxItem, *, external_id: str) -> str:
    """Take a document found in the ERP for ours: nothing is sent. Gives its number there.

    Raises CannotDecide where the ERP has none of that id, another total, or one that is another document's of ours;
    DeliveryError when it cannot be asked.
    """
    if item.state not in (OutboxState.PARKED, OutboxState.SKIPPED):
        raise CannotDecide("Only an item that is parked or skipped can be settled this way.")
    kind = as_sent(Kind(item.kind))
    if kind not in base.get(item.connection.erp).reads:
        raise CannotDecide("This kind of document cannot be looked up in the ERP. Skip it with the reason instead.")
    given = external_id.strip()
    if not is_fed_by_files(item.connection) and not _ID.fullmatch(given):
        raise CannotDecide(
            f"“{given}” is no id of a document. Take it from the ERP's address bar or the difference's row."
        )
    found = connector_of(item.connection).document(kind, given)
    if found is None:
        raise CannotDecide(f"The ERP has no such document with the id {given}.")
    ours = document_total(Kind(item.kind), item.subject_id)
    if ours is not None and ours != found.total:
        raise CannotDecide(f"That document is of {found.total:f}, ours of {ours:f}. Correct one of the two first.")
    taken = ExternalReference.objects.filter(connection=item.connection, kind=item.kind, external_id=found.external_id)
    if taken.exclude(subject_id=item.subject_id).exists():
        raise CannotDecide("That document stands for another one of ours already.")
    with transaction.atomic():
        ExternalReference.objects.update_or_create(
            connection=item.connection,
            kind=item.kind,
            subject_id=item.subject_id,
            defaults={
                "tenant_id": item.tenant_id,
                "reference": reference_of(item.connection.reference_prefix, item.kind, item.subject_id),
                "external_id": found.external_id,
                "sync_token": found.sync_token,
            },
        )
        _settle(item, state=OutboxState.DELIVERED, reason="Taken over as found in the ERP.", delivered_at=Now())
    return found.number or found.external_id


def send_anew(item: OutboxItem) -> None:
    """Send once more what was deleted or voided in the ERP, or what its import of files left out.

    Raises CannotDecide while the ERP still has it, or may get it yet out of files, and for what is void here; DeliveryError.
    """
    reference = ExternalReference.objects.filter(
        connection=item.connection, kind=item.kind, subject_id=item.subject_id
    ).first()
    kind = as_sent(Kind(item.kind))
    if item.state != OutboxState.DELIVERED or reference is None or kind not in base.get(item.connection.erp).reads:
        raise CannotDecide("Only a document that was delivered, and can be looked up in the ERP, can be sent anew.")
    _refuse_void(item)
    for cause in Carried(item.connection).causes(Kind(item.kind), [reference.reference]).values():
        raise CannotDecide(_ON_ITS_WAY[cause])
    found = connector_of(item.connection).document(kind, reference.external_id)
    if found is not None and found.status != "void":
        raise CannotDecide(f"The ERP still has it, with the id {reference.external_id}. Delete or correct it there.")
    with transaction.atomic():
        ExportedDocument.objects.filter(
            connection=item.connection, kind=kind.value, reference=reference.reference
        ).delete()  # So that it goes into the next files.
        reference.delete()
        _settle(item, state=OutboxState.PENDING, attempts=0, available_at=Now(), delivered_at=None, reason="")


def correct(item: OutboxItem) -> str:
    """Make what the ERP holds again what ours is, built as for sending; give its number or id there.

    Raises CannotDecide where nothing was delivered, where what changes it is still on its way (sending that mends it), for what
    is void here, or for a kind that the ERP does not let anybody change; DeliveryError when it refuses or cannot be asked.
    """
    connection, kind = item.connection, Kind(item.kind)
    reference = ExternalReference.objects.filter(
        connection=connection, kind=item.kind, subject_id=item.subject_id
    ).first()
    if item.state != OutboxState.DELIVERED or reference is None:
        raise CannotDecide("Only a document that was delivered can be set right. Send this one first.")
    _refuse_void(item)
    if as_sent(kind) not in base.get(connection.erp).corrects:
        raise CannotDecide(
            "The ERP lets nobody change a document of this kind. Delete or void it there, then send it anew from here."
        )
    calls: list[Call] = []
    connector = open_connector(connection, on_call=calls.append)
    assert isinstance(connector, Corrects)
    try:
        parcel = Parcel(reference.reference, 0, body_of(item, connector))
        outcome = connector.correct(as_sent(kind), reference.external_id, parcel)
    finally:
        log_calls(connection=connection, claim=Claim(kind, [item], 0), calls=calls)
    if isinstance(outcome, DeliveryError):
        raise outcome
    ExternalReference.objects.filter(pk=reference.pk).update(sync_token=outcome.sync_token)
    return outcome.name or outcome.external_id


def _refuse_void(item: OutboxItem) -> None:
    """Keep a document that is void here from being written there as it was before."""
    model = _VOIDABLE.get(Kind(item.kind))
    if model is not None and model.objects.filter(pk=item.subject_id, voided_on__isnull=False).exists():
        raise CannotDecide(
            "This document is void here, so it is not to be made again. Where the ERP still has it, void or delete it there."
        )


def _settle(item: OutboxItem, **columns: object) -> None:
    done = OutboxItem.objects.filter(pk=item.pk, state=item.state).update(
        request_id=None,
        request_body="",
        batch_position=None,
        outcome_unknown=False,
        ticket="",
        reason_code="",
        **columns,
    )
    if not done:
        raise CannotDecide("Something happened to this item in the meantime. Look at it again.")


def document_total(kind: Kind, subject_id: int) -> Decimal | None:
    """Give what one of our documents comes to; None for kinds that have no total."""
    rows: Any = None
    if kind in _TOTALS:
        rows = _TOTALS[kind].objects.filter(pk=subject_id).values_list("total", flat=True)
    elif kind is Kind.WRITE_OFF:
        rows = WriteOff.objects.filter(pk=subject_id).values_list("amount", flat=True)
    elif kind is Kind.PAYMENT:
        rows = Payment.objects.filter(pk=subject_id).values_list("amount", flat=True)
    elif kind in (Kind.WITHHELD, Kind.WITHHELD_LOSS):
        return withheld.amounts_of([subject_id]).get(subject_id)
    elif as_sent(kind) in (Kind.MONEY_OUT, Kind.MONEY_IN):
        return money.amount_of(kind, subject_id)
    return rows.first() if rows is not None else None
