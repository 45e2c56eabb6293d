"""Invoices, credit notes and payments that the ERP holds and that are void now."""

from collections.abc import Sequence
from typing import Any

from billing.models import CreditNote, Invoice, Payment
from integrations.builders.mapped import Built, external_ids
from integrations.connectors.base import MissingMapping
from integrations.documents import Kind, VoidDocument, reference_of
from integrations.models import Connection, OutboxItem


def invoices(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build voids of invoices, in two queries."""
    return _voids(connection, items, Invoice, Kind.INVOICE, Kind.INVOICE_VOID)


def credit_notes(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build voids of credit notes, in two queries."""
    return _voids(connection, items, CreditNote, Kind.CREDIT_NOTE, Kind.CREDIT_NOTE_VOID)


def payments(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build voids of payments, in two queries."""
    return _voids(connection, items, Payment, Kind.PAYMENT, Kind.PAYMENT_VOID)


def _voids(
    connection: Connection, items: Sequence[OutboxItem], model: type[Any], kind: Kind, void: Kind
) -> dict[int, Built]:
    ids = [item.subject_id for item in items]
    held = external_ids(connection, kind, ids)
    rows = model.objects.filter(id__in=ids, voided_on__isnull=False).values_list("id", "voided_on", "void_reason")
    why = {pk: (day, words) for pk, day, words in rows}
    built: dict[int, Built] = {}
    for item in items:
        pk = item.subject_id
        if pk not in held or pk not in why:
            name = kind.value.replace("_", " ")
            words = f"The ERP never got this {name}, so there is nothing to void. Skip this item."
            built[item.pk] = MissingMapping(kind, pk, words)
            continue
        built[item.pk] = VoidDocument(
            reference=reference_of(connection.reference_prefix, void, pk),
            external_id=held[pk][0],
            sync_token=held[pk][1],
            date=why[pk][0],
            reason=why[pk][1],
        )
    return built
