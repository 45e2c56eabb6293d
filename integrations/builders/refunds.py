"""Money paid back as refunds: of a credit note, or of what a payment left on account, also by way of a wallet or dispute.

In a foreign currency it goes at the rate at which our account of payments has it, that of its own day; what that makes
different from the payment or credit note is an exchange gain or loss on both sides.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from accounting.models import Account
from billing.models import Dispute, Refund, WalletDraw
from billing.money import format_money
from billing.payment_events import DisputeOpened, RefundPaid
from integrations.builders.mapped import Built, Mapped, external_ids
from integrations.builders.rates import Rates, events_of
from integrations.connectors.base import DeliveryError, MissingMapping, Rejected
from integrations.documents import Kind, RefundDocument, reference_of
from integrations.models import Connection, MappingKind, OutboxItem

_RECEIVABLE = "accounts_receivable.customers"
Rows = Mapping[int, Mapping[str, Any]]


def refunds(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build refunds of credit notes and of unapplied payments, in a constant number of queries."""
    rows = {
        row.pk: {
            "business_entity_id": row.business_entity_id,
            "date": row.refunded_on,
            "customer_id": row.customer_id,
            "currency": row.currency,
            # Of a payment the rest had settled invoices; that part is no refund of money on account (see `builders.money`).
            "amount": row.amount.amount if row.credit_note_id else row.from_unapplied.amount,
            "note": f"{row.reason} {row.reference}".strip(),
            "credit_note": row.credit_note_id,
            "payment": row.payment_id,
            "recorded": row.pk,
        }
        for row in Refund.objects.filter(id__in=[item.subject_id for item in items])
    }
    return _build(connection, items, rows, Kind.REFUND)


def wallet_refunds(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build refunds of what a wallet had kept; the subject is a draw of the wallet, of one payment or credit note."""
    draws = WalletDraw.objects.filter(id__in=[item.subject_id for item in items])
    rows = {
        draw.pk: {
            "business_entity_id": draw.entry.wallet.business_entity_id,
            "date": draw.entry.on,
            "customer_id": draw.entry.wallet.customer_id,
            "currency": draw.currency,
            "amount": draw.amount.amount,
            "note": f"Out of the wallet {draw.entry.reason}".strip(),
            "credit_note": draw.source.credit_note_id,
            "payment": draw.source.payment_id,
            "recorded": draw.entry.refund_id,
        }
        for draw in draws.select_related("entry__wallet", "source")
    }
    return _build(connection, items, rows, Kind.WALLET_REFUND)


def dispute_refunds(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build what a dispute took of a payment's money on account; the subject is the dispute."""
    rows = {
        row.pk: {
            "business_entity_id": row.business_entity_id,
            "date": row.opened_on,
            "customer_id": row.customer_id,
            "currency": row.currency,
            "amount": row.from_unapplied.amount,
            "note": f"Disputed: {row.reason} {row.reference}".strip(),
            "credit_note": None,
            "payment": row.payment_id,
            "recorded": row.pk,
        }
        for row in Dispute.objects.filter(id__in=[item.subject_id for item in items])
    }
    return _build(connection, items, rows, Kind.DISPUTE_REFUND, event=DisputeOpened.kind)


def dispute_returns(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Say what a person has to undo: no vendor takes a refund back by itself in the same way, and the money is there again."""
    rows = Dispute.objects.in_bulk([item.subject_id for item in items])
    held = external_ids(connection, Kind.DISPUTE_REFUND, rows)
    built: dict[int, Built] = {}
    for item in items:
        row = rows[item.subject_id]
        reference = reference_of(connection.reference_prefix, Kind.DISPUTE_REFUND, item.subject_id)
        there = f"{reference}, id {held[row.pk][0]} there" if row.pk in held else reference
        built[item.pk] = Rejected(
            "by_hand",
            f"{row} was won on {row.resolved_on}. {format_money(row.from_unapplied.amount, row.currency)} came back "
            f"that had been on the customer's account; the ERP still has that part as a refund ({there}). Void or delete that "
            "refund there, so that the payment holds the money again. Then skip this item, with that as the reason.",
        )
    return built


def _build(
    connection: Connection, items: Sequence[OutboxItem], rows: Rows, kind: Kind, *, event: str = RefundPaid.kind
) -> dict[int, Built]:
    notes = external_ids(
        connection, Kind.CREDIT_NOTE, [row["credit_note"] for row in rows.values() if row["credit_note"]]
    )
    paid = external_ids(connection, Kind.PAYMENT, [row["payment"] for row in rows.values() if row["payment"]])
    receivables = dict(Account.objects.filter(role=_RECEIVABLE).values_list("business_entity_id", "id"))
    mapped = Mapped(
        connection,
        {
            MappingKind.CUSTOMER: {row["customer_id"] for row in rows.values()},
            MappingKind.ACCOUNT: set(receivables.values()),
            MappingKind.SUBSIDIARY: None,
            MappingKind.DEPOSIT_ACCOUNT: None,
        },
    )
    event_of = events_of(event, {row["recorded"] for row in rows.values()})
    heads = [(event_of[row["recorded"]], row["business_entity_id"], row["currency"]) for row in rows.values()]
    rates = Rates("entry__event_id", heads, side="credit")
    built: dict[int, Built] = {}
    for item in items:
        row = rows[item.subject_id]
        try:
            built[item.pk] = RefundDocument(
                reference=reference_of(connection.reference_prefix, kind, item.subject_id),
                date=row["date"],
                customer=mapped.need(MappingKind.CUSTOMER, row["customer_id"]),
                currency=row["currency"],
                amount=row["amount"],
                note=row["note"],
                account=mapped.need(MappingKind.DEPOSIT_ACCOUNT),
                credit_note=_held(notes, row["credit_note"], Kind.CREDIT_NOTE, "credit note"),
                payment=_held(paid, row["payment"], Kind.PAYMENT, "payment"),
                receivable=mapped.get(MappingKind.ACCOUNT, receivables.get(row["business_entity_id"])) or "",
                rate=rates.of(event_of[row["recorded"]]),
                subsidiary=mapped.subsidiary(row["business_entity_id"]),
            )
        except DeliveryError as error:
            built[item.pk] = error
    return built


def _held(held: dict[int, tuple[str, str]], wanted: int | None, kind: Kind, words: str) -> str:
    if wanted is None:
        return ""
    if wanted not in held:
        raise MissingMapping(
            kind.value,
            wanted,
            f"The ERP does not have the {words} that is paid back. Send it first, then send this again.",
        )
    return held[wanted][0]
