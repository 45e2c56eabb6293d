"""Our documents that the ERP holds as another kind than ours: write-offs among its credit notes, disputes among its expenses."""

from collections.abc import Callable, Iterable, Mapping, Sequence
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
from integrations.builders.withheld import settled_there
from integrations.connectors import base
from integrations.connectors.base import Connector, ErpDocument
from integrations.documents import Kind, reference_of
from integrations.models import Connection
from integrations.reconciliation.findings import CHANGED, TWICE, Findings, subject_of
from integrations.reconciliation.switched import Switch


class Ours(NamedTuple):
    """One of them, as the ERP should show it."""

    customer_id: int
    currency: str
    total: Decimal
    date: date
    entity_id: int = 0  # Told where the account depends on it.


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


class Further:
    """Those of one of the ERP's kinds; `take` them out of what it holds, then say what is missing there."""

    def __init__(
        self, connection: Connection, findings: Findings, sent_as: Kind, span: Span, *, may_move: bool
    ) -> None:
        self._connection, self._findings, self._may_move = connection, findings, may_move
        self._ours: dict[Kind, Rows] = {}
        switch = Switch(connection)
        for kind, read in _READERS[sent_as].items():
            if not _is_sent(connection, kind):
                continue
            rows = read(span)
            self._ours[kind] = {pk: rows[pk] for pk in switch.queued(kind, rows)}
        settles = base.get(connection.erp).tells_links and self._ours.get(Kind.WITHHELD)
        self._settled = settled_there(connection, settles) if settles else {}
        self._seen: dict[tuple[Kind, int], Decimal | None] = {}

    @property
    def all(self) -> Iterable[tuple[Kind, Ours, Decimal | None]]:
        """Give all of ours, each with the rate that the ERP has it at: of these no rate is compared."""
        return (
            (kind, row, self._seen.get((kind, subject)))
            for kind, rows in self._ours.items()
            for subject, row in rows.items()
        )

    def take(self, document: ErpDocument) -> bool:
        """Tell whether a document of the ERP is one of them, and note where it differs."""
        for kind, rows in self._ours.items():
            subject = subject_of(self._connection, kind, document)
            if subject is not None and subject in rows:
                self._compare(kind, subject, rows[subject], document)
                return True
        return False

    def _compare(self, kind: Kind, subject: int, ours: Ours, document: ErpDocument) -> None:
        self._findings.compared += 1
        name, found = self._name(kind, subject), document.external_id
        if (kind, subject) in self._seen:
            self._findings.add(kind.value, name, TWICE, theirs=document.total, external_id=found)
            return
        self._seen[kind, subject] = document.rate
        if ours.total != document.total:
            cause, detail = self._findings.waiting(_CHANGED_BY.get(kind), subject) or (CHANGED, "The total differs.")
            self._findings.add(
                kind.value, name, cause, ours=ours.total, theirs=document.total, external_id=found, detail=detail
            )
        elif kind is Kind.WITHHELD and self._settled and ours.total and dict(document.linked) != self._settled[subject]:
            self._findings.add(
                kind.value, name, CHANGED, ours=self._settled[subject], theirs=dict(document.linked), external_id=found,
                detail="What it settles differs.",
            )  # fmt: skip
        day = ours.date.isoformat()
        if document.date[:10] != day and not (self._may_move and document.date[:10] > day):
            self._findings.add(
                kind.value, name, CHANGED, ours=day, theirs=document.date, external_id=found, detail="The date differs."
            )

    def say_missing(self, connector: Connector) -> None:
        """Note those that the ERP does not hold."""
        for kind, rows in self._ours.items():
            missing = [
                (subject, self._name(kind, subject), row.total)
                for subject, row in rows.items()
                if (kind, subject) not in self._seen and row.total
            ]
            self._findings.compared += len(missing)
            if missing:
                self._findings.missing(kind, missing, connector=connector)
            there = {subject: self._name(kind, subject) for subject in rows if (kind, subject) in self._seen}
            if there:  # Such as a refund that is there but not tied to what it pays back yet.
                self._findings.unfinished(kind, there)

    def _name(self, kind: Kind, subject: int) -> str:
        return reference_of(self._connection.reference_prefix, kind, subject)


def _is_sent(connection: Connection, kind: Kind) -> bool:
    """Tell whether tax withheld is a document of its own there; of the other kinds the caller has decided."""
    if kind is Kind.WITHHELD:
        return not base.get(connection.erp).withholds
    return kind is not Kind.WITHHELD_LOSS or connection.send_payments


def _write_offs(span: Span) -> Rows:
    rows = span.of(WriteOff.objects.all(), "written_off_on")
    return {row.pk: Ours(row.customer_id, row.currency, row.amount.amount, row.written_off_on) for row in rows}


def _recoveries(span: Span) -> Rows:
    rows = span.of(BusinessEvent.objects.filter(kind=WriteOffRecovered.kind), "occurred_on")
    return {
        row.pk: Ours(
            row.payload["customer_id"], row.payload["currency"], Decimal(row.payload["amount"]), row.occurred_on
        )
        for row in rows
    }


def _bonus(span: Span) -> Rows:
    used = WalletEntry.objects.filter(kind=WalletEntryKind.APPLIED, bonus__lt=0).select_related("wallet")
    rows = span.of(used, "on", "wallet__business_entity_id")
    return {row.pk: Ours(row.wallet.customer_id, row.currency, -row.bonus.amount, row.on) for row in rows}


def _refunds(span: Span) -> Rows:
    kept = Refund.objects.filter(Q(credit_note__isnull=False) | Q(from_unapplied__gt=0))
    return {
        row.pk: Ours(
            row.customer_id,
            row.currency,
            row.amount.amount if row.credit_note_id else row.from_unapplied.amount,
            row.refunded_on,
        )
        for row in span.of(kept, "refunded_on")
    }


def _wallet_refunds(span: Span) -> Rows:
    paid = WalletDraw.objects.filter(entry__kind=WalletEntryKind.REFUNDED).select_related("entry__wallet")
    rows = span.of(paid, "entry__on", "entry__wallet__business_entity_id")
    return {row.pk: Ours(row.entry.wallet.customer_id, row.currency, row.amount.amount, row.entry.on) for row in rows}


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
                paid[payment_of[pk]].currency,
                Decimal(0) if paid[payment_of[pk]].voided_on else amount,
                paid[payment_of[pk]].received_on,
                paid[payment_of[pk]].business_entity_id,
            )
            for pk, amount in amounts_withheld(payment_of).items()
        }

    return read


def _dispute_refunds(span: Span) -> Rows:
    """Of a dispute that was won nothing should be left: the refund is undone, and ERPs keep no history of what is void."""
    rows = span.of(Dispute.objects.filter(from_unapplied__gt=0), "opened_on")
    return {
        row.pk: Ours(
            row.customer_id,
            row.currency,
            Decimal(0) if row.status == DisputeStatus.WON else row.from_unapplied.amount,
            row.opened_on,
        )
        for row in rows
    }


def _moved(kind: Kind, day: str, rows: Callable[[], QuerySet[Any]]) -> Callable[[Span], Rows]:
    def read(span: Span) -> Rows:
        found = list(span.of(rows(), day))
        amounts = amounts_of(kind, found)
        return {row.pk: Ours(row.customer_id, row.currency, amounts[row.pk][1], amounts[row.pk][0]) for row in found}

    return read


def _settled() -> QuerySet[Dispute]:
    return Dispute.objects.filter(amount__gt=F("from_unapplied"))


_CHANGED_BY = {
    Kind.DISPUTE_REFUND: Kind.DISPUTE_RETURN,
    Kind.WITHHELD: Kind.WITHHELD_VOID,
    Kind.WITHHELD_LOSS: Kind.WITHHELD_LOSS_VOID,
}
_READERS: Mapping[Kind, Mapping[Kind, Callable[[Span], Rows]]] = {
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
