"""The documents that would be sent, exactly as they would be, without sending or keeping anything."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection as database
from django.db import transaction

from integrations import builders
from integrations.backfill import facts_of
from integrations.connectors.base import DeliveryError
from integrations.documents import STAGES, Document, Kind, as_sent, reference_of
from integrations.mapping import connector_of
from integrations.models import Connection, ExternalReference, Mapping, MappingKind, MappingStatus, OutboxItem
from integrations.serving import entity_ids

EACH = 5  # Documents of a kind that are shown.
_NEWEST = "SELECT f.subject, f.subject_group FROM ({facts}) AS f WHERE %(kind)s::text IS NOT NULL ORDER BY 1 DESC LIMIT %(most)s"
_COUNT = "SELECT count(*) FROM ({facts}) AS f"
_REFERRED_TO = (Kind.INVOICE, Kind.CREDIT_NOTE, Kind.PAYMENT, Kind.WRITE_OFF, Kind.WALLET_BONUS, Kind.RECOVERY)


@dataclass(frozen=True, slots=True)
class Tried:
    """One document, and the body it makes; or in words why there is none."""

    kind: Kind
    subject_id: int
    reference: str
    body: str = ""
    trouble: str = ""
    document: Document | None = None


class _Undo(Exception):
    """Ends the transaction of a dry run."""


def try_out(connection: Connection, *, since: date) -> tuple[dict[Kind, int], list[Tried]]:
    """Give how many documents of each kind are dated from a day on, and the newest of each kind as they would be sent.

    Ids that the ERP has yet to give stand in <>: its customer, product or invoice is created before.
    """
    counts: dict[Kind, int] = {}
    tried: list[Tried] = []
    try:
        with transaction.atomic():
            chosen = {
                kind: _newest(connection, kind, facts, since, counts) for kind, facts in facts_of(connection).items()
            }
            _stand_ins(connection, chosen)
            for kind in sorted(chosen, key=lambda kind: STAGES[kind]):
                tried += _try(connection, kind, chosen[kind])
            raise _Undo
    except _Undo:
        return {kind: count for kind, count in counts.items() if count}, tried


def _newest(
    connection: Connection, kind: Kind, facts: str, since: date, counts: dict[Kind, int]
) -> list[tuple[int, int | None]]:
    values: dict[str, Any] = {
        "entities": entity_ids(connection), "since": since, "connection": connection.pk, "kind": kind.value, "most": EACH
    }  # fmt: skip
    with database.cursor() as cursor:
        cursor.execute(_COUNT.format(facts=facts), values)
        counts[kind] = cursor.fetchone()[0]
        cursor.execute(_NEWEST.format(facts=facts), values)
        return list(cursor.fetchall())


def _stand_ins(connection: Connection, chosen: dict[Kind, list[tuple[int, int | None]]]) -> None:
    """Let what is sent before have a place there; undone with the transaction."""
    from_outside = {MappingKind.CUSTOMER: "customer", MappingKind.PRODUCT: "product"}
    for sort, words in from_outside.items():
        mapped = set(
            Mapping.objects.filter(connection=connection, kind=sort, status=MappingStatus.CONFIRMED).values_list(
                "internal_id", flat=True
            )
        )
        Mapping.objects.filter(connection=connection, kind=sort, status=MappingStatus.SUGGESTED).delete()
        wanted = _needed(sort, chosen) - mapped
        Mapping.objects.bulk_create(
            Mapping(
                tenant_id=connection.tenant_id,
                connection=connection,
                kind=sort,
                internal_id=pk,
                external_id=f"<new {words} {pk}>",
                status=MappingStatus.CONFIRMED,
            )
            for pk in sorted(wanted)
        )
    for kind in _REFERRED_TO:
        held = set(
            ExternalReference.objects.filter(connection=connection, kind=kind.value).values_list(
                "subject_id", flat=True
            )
        )
        ExternalReference.objects.bulk_create(
            ExternalReference(
                tenant_id=connection.tenant_id,
                connection=connection,
                kind=kind.value,
                subject_id=pk,
                reference=reference_of(connection.reference_prefix, kind, pk),
                external_id=f"<{kind.value.replace('_', ' ')} {pk}>",
            )
            for pk in sorted(_referred_to(kind, chosen) - held)
        )


def _ids(query: str, ids: Iterable[int]) -> set[int]:
    with database.cursor() as cursor:
        cursor.execute(query, [list(ids)])
        return {row[0] for row in cursor.fetchall() if row[0] is not None}


def _subjects(kind: Kind, chosen: dict[Kind, list[tuple[int, int | None]]]) -> list[int]:
    return [subject for subject, _ in chosen.get(kind, ())]


def _needed(kind: MappingKind, chosen: dict[Kind, list[tuple[int, int | None]]]) -> set[int]:
    """Give the customers or products that the chosen documents name."""
    if kind is MappingKind.CUSTOMER:
        return {group for some in chosen.values() for _, group in some if group is not None}
    lines = "SELECT DISTINCT product_id FROM billing_{0} WHERE {1} = ANY(%s)"
    sold = _ids(lines.format("invoiceline", "invoice_id"), _subjects(Kind.INVOICE, chosen))
    return sold | _ids(lines.format("creditnoteline", "credit_note_id"), _subjects(Kind.CREDIT_NOTE, chosen))


_APPLIED = (
    "SELECT DISTINCT e.{0} FROM billing_walletdraw d JOIN billing_walletentry e ON e.id = d.{1} WHERE d.id = ANY(%s)"
)


def _referred_to(kind: Kind, chosen: dict[Kind, list[tuple[int, int | None]]]) -> set[int]:
    """Give the documents that chosen ones refer to: what they settle, void or pay back."""
    draws = [*_subjects(Kind.WALLET_PAYMENT, chosen), *_subjects(Kind.WALLET_CREDIT, chosen)]
    refunded = [*draws, *_subjects(Kind.WALLET_REFUND, chosen)]
    if kind is Kind.INVOICE:
        used = "SELECT invoice_id FROM billing_walletentry WHERE id = ANY(%s)"
        return (
            _settled_by(chosen)
            | _ids(_APPLIED.format("invoice_id", "entry_id"), draws)
            | _ids(used, [*_subjects(Kind.WALLET_BONUS, chosen), *_subjects(Kind.WALLET_BONUS_USE, chosen)])
        )
    if kind is Kind.WRITE_OFF:
        return set(_subjects(Kind.WRITE_OFF_ALLOCATION, chosen))
    if kind is Kind.WALLET_BONUS:
        return set(_subjects(Kind.WALLET_BONUS_USE, chosen))
    if kind is Kind.RECOVERY:
        paid = (
            "SELECT v.id FROM billing_businessevent v WHERE v.kind = 'write_off_recovered' "
            "AND (v.payload->>'invoice_id')::bigint IN "
            "(SELECT invoice_id FROM billing_paymentallocation WHERE payment_id = ANY(%s))"
        )
        return _ids(paid, _subjects(Kind.PAYMENT, chosen))
    column = "credit_note_id" if kind is Kind.CREDIT_NOTE else "payment_id"
    found = _ids(f"SELECT DISTINCT {column} FROM billing_refund WHERE id = ANY(%s)", _subjects(Kind.REFUND, chosen))
    found |= _ids(_APPLIED.format(column, "source_id"), refunded)
    if kind is Kind.CREDIT_NOTE:
        return found | set(_subjects(Kind.CREDIT_ALLOCATION, chosen))
    disputed = "SELECT payment_id FROM billing_dispute WHERE id = ANY(%s)"
    return found | _ids(disputed, _subjects(Kind.DISPUTE_REFUND, chosen))


def _settled_by(chosen: dict[Kind, list[tuple[int, int | None]]]) -> set[int]:
    """Give the invoices that chosen payments, credit notes and write-offs settle, or that are void."""
    notes = {*_subjects(Kind.CREDIT_NOTE, chosen), *_subjects(Kind.CREDIT_ALLOCATION, chosen)}
    paid = "SELECT DISTINCT invoice_id FROM billing_paymentallocation WHERE payment_id = ANY(%s)"
    noted = "SELECT DISTINCT invoice_id FROM billing_creditnote WHERE id = ANY(%s)"
    given_up = "SELECT DISTINCT invoice_id FROM billing_writeoff WHERE id = ANY(%s)"
    voided = set(_subjects(Kind.INVOICE_VOID, chosen)) | _ids(given_up, _subjects(Kind.WRITE_OFF, chosen))
    return voided | _ids(paid, _subjects(Kind.PAYMENT, chosen)) | _ids(noted, notes)


def _try(connection: Connection, kind: Kind, subjects: Sequence[tuple[int, int | None]]) -> list[Tried]:
    items = [
        OutboxItem(pk=-number, connection=connection, kind=kind.value, subject_id=subject, group_key=group)
        for number, (subject, group) in enumerate(subjects, 1)
    ]
    built = builders.build(connection=connection, kind=kind, items=items) if items else {}
    connector = connector_of(connection)
    tried = []
    for item in items:
        document: Document | DeliveryError = built[item.pk]
        reference = reference_of(connection.reference_prefix, kind, item.subject_id)
        try:
            if isinstance(document, DeliveryError):
                raise document
            body = connector.encode(as_sent(kind), document)
        except DeliveryError as error:
            tried.append(Tried(kind, item.subject_id, reference, trouble=error.words))
        else:
            tried.append(Tried(kind, item.subject_id, reference, body=body, document=document))
    return tried
