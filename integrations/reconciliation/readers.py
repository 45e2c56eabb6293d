"""How each kind of our further documents is read, as the ERP should show it: one function a kind, by what the ERP has it as."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import F, Q, QuerySet

from billing.models import (
    BusinessEvent,
    Dispute,
    DisputeStatus,
    Payment,
    PaymentAllocation,
    Refund,
    WalletDraw,
    WalletEntry,
    WalletEntryKind,
    WriteOff,
)
from billing.payment_events import WriteOffRecovered
from integrations.builders.money import amounts_of
from integrations.builders.withheld import amounts_of as amounts_withheld
from integrations.documents import Kind


class Ours(NamedTuple):
    """One of them, as the ERP should show it."""

    customer_id: int
    entity_id: int
    currency: str
    total: Decimal
    date: date
    rated_by: int  # Which document our rate is read of (see `_RATED`); of a credit note the invoice it settles.


Rows = dict[int, Ours]


class Span(NamedTuple):
    """Which of ours are looked at: of some business entities, of these days."""

    entities: Sequence[int]
    since: date | None
    through: date

    def of(self, rows: QuerySet[Any], day: str, entity: str = "business_entity_id") -> QuerySet[Any]:
        """Narrow rows down by the field of their day and that of their entity."""
        rows = rows.filter(**{f"{day}__lte": self.through})
        rows = rows.filter(**{f"{day}__gte": self.since}) if self.since else rows
        return rows.filter(**{f"{entity}__in": self.entities})


def _write_offs(span: Span) -> Rows:
    return {
        row.pk: Ours(
            row.customer_id,
            row.business_entity_id,
            row.currency,
            row.amount.amount,
            row.written_off_on,
            row.invoice_id,
        )
        for row in span.of(WriteOff.objects.all(), "written_off_on")
    }


def _recoveries(span: Span) -> Rows:
    rows = span.of(BusinessEvent.objects.filter(kind=WriteOffRecovered.kind), "occurred_on")
    return {
        row.pk: Ours(
            row.payload["customer_id"],
            row.business_entity_id,
            row.payload["currency"],
            Decimal(row.payload["amount"]),
            row.occurred_on,
            row.pk,
        )
        for row in rows
    }


def _bonus(span: Span) -> Rows:
    used = WalletEntry.objects.filter(kind=WalletEntryKind.APPLIED, bonus__lt=0).select_related("wallet")
    return {
        row.pk: Ours(
            row.wallet.customer_id,
            row.wallet.business_entity_id,
            row.currency,
            -row.bonus.amount,
            row.on,
            row.invoice_id or 0,
        )
        for row in span.of(used, "on", "wallet__business_entity_id")
    }


def _refunds(span: Span) -> Rows:
    kept = Refund.objects.filter(Q(credit_note__isnull=False) | Q(from_unapplied__gt=0))
    return {
        row.pk: Ours(
            row.customer_id,
            row.business_entity_id,
            row.currency,
            row.amount.amount if row.credit_note_id else row.from_unapplied.amount,
            row.refunded_on,
            row.pk,
        )
        for row in span.of(kept, "refunded_on")
    }


def _wallet_refunds(span: Span) -> Rows:
    paid = WalletDraw.objects.filter(entry__kind=WalletEntryKind.REFUNDED).select_related("entry__wallet")
    return {
        row.pk: Ours(
            row.entry.wallet.customer_id,
            row.entry.wallet.business_entity_id,
            row.currency,
            row.amount.amount,
            row.entry.on,
            row.entry.refund_id or 0,
        )
        for row in span.of(paid, "entry__on", "entry__wallet__business_entity_id")
    }


def _withheld(*, comes_back: bool) -> Callable[[Span], Rows]:
    """Read tax withheld of payments; of a void payment none should be left."""

    def read(span: Span) -> Rows:
        some = Payment.objects.filter(withheld__gt=0, withheld_is_recoverable=comes_back)
        paid = {row.pk: row for row in span.of(some, "received_on")}
        parts = PaymentAllocation.objects.filter(payment__in=list(paid), undoes=None)
        payment_of = dict(parts.values_list("id", "payment_id"))
        return {
            pk: Ours(
                paid[payment_of[pk]].customer_id,
                paid[payment_of[pk]].business_entity_id,
                paid[payment_of[pk]].currency,
                Decimal(0) if paid[payment_of[pk]].voided_on else amount,
                paid[payment_of[pk]].received_on,
                payment_of[pk],
            )
            for pk, amount in amounts_withheld(payment_of).items()
        }

    return read


def _dispute_refunds(span: Span) -> Rows:
    """Of a dispute that was won nothing should be left: the refund is undone, and ERPs keep no history of what is void."""
    return {
        row.pk: Ours(
            row.customer_id,
            row.business_entity_id,
            row.currency,
            Decimal(0) if row.status == DisputeStatus.WON else row.from_unapplied.amount,
            row.opened_on,
            row.pk,
        )
        for row in span.of(Dispute.objects.filter(from_unapplied__gt=0), "opened_on")
    }


def _moved(kind: Kind, day: str, rows: Callable[[], QuerySet[Any]]) -> Callable[[Span], Rows]:
    def read(span: Span) -> Rows:
        found = list(span.of(rows(), day))
        amounts = amounts_of(kind, found)
        return {
            row.pk: Ours(
                row.customer_id,
                row.business_entity_id,
                row.currency,
                amounts[row.pk][1],
                amounts[row.pk][0],
                row.pk,
            )
            for row in found
        }

    return read


def _settled() -> QuerySet[Dispute]:
    return Dispute.objects.filter(amount__gt=F("from_unapplied"))


READERS: Mapping[Kind, Mapping[Kind, Callable[[Span], Rows]]] = {
    Kind.INVOICE: {Kind.RECOVERY: _recoveries},
    Kind.CREDIT_NOTE: {
        Kind.WRITE_OFF: _write_offs,
        Kind.WALLET_BONUS: _bonus,
        Kind.WITHHELD_LOSS: _withheld(comes_back=False),
    },
    Kind.PAYMENT: {Kind.WITHHELD: _withheld(comes_back=True)},
    Kind.REFUND: {
        Kind.REFUND: _refunds,
        Kind.WALLET_REFUND: _wallet_refunds,
        Kind.DISPUTE_REFUND: _dispute_refunds,
    },
    Kind.MONEY_OUT: {
        Kind.DISPUTE: _moved(Kind.DISPUTE, "opened_on", _settled),
        Kind.DISPUTE_FEE: _moved(Kind.DISPUTE_FEE, "opened_on", lambda: Dispute.objects.filter(fee__gt=0)),
        Kind.REFUND_LOSS: _moved(
            Kind.REFUND_LOSS,
            "refunded_on",
            lambda: Refund.objects.filter(payment__isnull=False, amount__gt=F("from_unapplied")),
        ),
    },
    Kind.MONEY_IN: {
        Kind.DISPUTE_WON: _moved(Kind.DISPUTE_WON, "resolved_on", lambda: _settled().filter(status=DisputeStatus.WON)),
        Kind.DISPUTE_FEE_WON: _moved(
            Kind.DISPUTE_FEE_WON, "resolved_on", lambda: Dispute.objects.filter(fee_returned__gt=0)
        ),
    },
}
