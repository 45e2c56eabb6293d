"""Our documents that the ERP holds as another kind than ours: write-offs among its credit notes, disputes among its expenses."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property, partial
from typing import Any, Literal, NamedTuple

from django.db.models import F, Q, QuerySet

from billing.models import (
    BusinessEvent,
    Dispute,
    DisputeStatus,
    Refund,
    WalletDraw,
    WalletEntry,
    WalletEntryKind,
    WriteOff,
)
from billing.payment_events import DisputeOpened, RefundPaid, WriteOffRecovered
from integrations.builders.money import MOVED, amounts_of, event_of, side_of
from integrations.builders.rates import Rates, events_of
from integrations.builders.settled import Bill, held_bills
from integrations.connectors import base
from integrations.connectors.base import Connector, ErpDocument
from integrations.documents import Kind, reference_of
from integrations.models import Connection
from integrations.reconciliation.findings import CHANGED, TWICE, Findings, subject_of
from integrations.reconciliation.rated import Rated
from integrations.reconciliation.sums import Amount
from integrations.reconciliation.switched import Switch


class Ours(NamedTuple):
    """One of them, as the ERP should show it."""

    customer_id: int
    entity_id: int
    currency: str
    total: Decimal
    date: date
    rated_by: int  # Which document our rate is read of (see `_RATED`); of a credit note the invoice it settles.


class _RatedBy(NamedTuple):
    """Where our books have the rate of a kind: lines of the dimension, or those of the event about the document."""

    dimension: str = ""
    event: str = ""
    side: Literal["debit", "credit"] = "debit"


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
        self, connection: Connection, findings: Findings, sent_as: Kind, span: Span, rated: Rated, *, may_move: bool
    ) -> None:
        self._connection, self._findings, self._may_move = connection, findings, may_move
        self._rated = rated
        self._tells_credits = base.get(connection.erp).tells_credits
        self._ours: dict[Kind, Rows] = {}
        switch = Switch(connection)
        for kind, read in _READERS[sent_as].items():
            rows = read(span)
            wanted = switch.concerned(kind, partial(_recorded, kind, rows), rows)
            self._ours[kind] = {pk: row for pk, row in rows.items() if pk in wanted}
        self._rates = {kind: _rates(kind, rows) for kind, rows in self._ours.items()}
        self._seen: set[tuple[Kind, int]] = set()

    def all(self) -> Iterator[tuple[Ours, Amount]]:
        """Give all of ours, each with what it comes to."""
        for kind, rows in self._ours.items():
            for row in rows.values():
                yield row, self._rated.ours(row, self._rates[kind](row))

    def take(self, document: ErpDocument) -> Amount | None:
        """Give what a document of the ERP comes to that is one of them, and note where it differs; None for any other."""
        for kind, rows in self._ours.items():
            subject = subject_of(self._connection, kind, document)
            if subject is not None and subject in rows:
                self._compare(kind, subject, rows[subject], document)
                return self._rated.theirs(document, rows[subject], self._rates[kind](rows[subject]))
        return None

    def _compare(self, kind: Kind, subject: int, ours: Ours, document: ErpDocument) -> None:
        self._findings.compared += 1
        name, found = self._name(kind, subject), document.external_id
        if (kind, subject) in self._seen:
            self._findings.add(kind.value, name, TWICE, theirs=document.total, external_id=found)
            return
        self._seen.add((kind, subject))
        self._compare_settled(kind, subject, ours, document)
        if ours.total != document.total:
            cause, detail = self._findings.waiting(_CHANGED_BY.get(kind), subject) or (CHANGED, "The total differs.")
            self._findings.add(
                kind.value, name, cause, ours=ours.total, theirs=document.total, external_id=found, detail=detail
            )
        day = ours.date.isoformat()
        if document.date[:10] != day and not (self._may_move and document.date[:10] > day):
            self._findings.add(
                kind.value, name, CHANGED, ours=day, theirs=document.date, external_id=found, detail="The date differs."
            )
        self._rated.compare(kind.value, name, ours, document, self._rates[kind](ours))

    def _compare_settled(self, kind: Kind, subject: int, ours: Ours, document: ErpDocument) -> None:
        """Compare what a credit note settles that stands for debt given up or bonus used, where the ERP tells it."""
        if kind not in _SETTLED_BY or not self._tells_credits:
            return
        held = self._held.get(Bill(Kind.INVOICE, ours.rated_by))
        mine = {held: ours.total} if held else {}
        theirs: dict[str, Decimal] = defaultdict(Decimal)
        for invoice, amount in document.linked:
            theirs[invoice] += amount
        if mine != theirs:
            cause, reason = self._findings.waiting(_SETTLED_BY[kind], subject) or (CHANGED, "What it settles differs.")
            self._findings.add(
                kind.value,
                self._name(kind, subject),
                cause,
                ours=mine,
                theirs=dict(theirs),
                external_id=document.external_id,
                detail=reason,
            )

    @cached_property
    def _held(self) -> dict[Bill, str]:
        settled = [
            {Bill(Kind.INVOICE, row.rated_by): row.total}
            for kind in _SETTLED_BY
            for row in self._ours.get(kind, {}).values()
        ]
        return held_bills(self._connection, settled)

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


def _rates(kind: Kind, rows: Rows) -> Callable[[Ours], Decimal]:
    """Read at which rates a kind's documents stand in our books, as the builders send them."""
    by = _RATED[kind]
    ids = {row.rated_by: row.rated_by for row in rows.values()}
    if by.event:
        ids = events_of(by.event, ids)
    heads = [(ids[row.rated_by], row.entity_id, row.currency) for row in rows.values()]
    rates = Rates(by.dimension or "entry__event_id", heads, side=by.side)
    return lambda row: rates.of(ids[row.rated_by])


def _recorded(kind: Kind, rows: Rows) -> Mapping[int, datetime]:
    """Tell when each was recorded: what it is of may be older, as a dispute is that was won later."""
    if kind in _CREATED:
        return dict(_CREATED[kind].objects.filter(pk__in=rows).values_list("pk", "created_at"))
    event = _RATED[kind].event
    if not event:  # The subject is an event itself.
        return dict(BusinessEvent.objects.filter(pk__in=rows).values_list("pk", "recorded_at"))
    keys = {str(row.rated_by) for row in rows.values()}
    found = dict(BusinessEvent.objects.filter(kind=event, key__in=keys).values_list("key", "recorded_at"))
    return {pk: found[str(row.rated_by)] for pk, row in rows.items()}


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


_RATED: Mapping[Kind, _RatedBy] = {
    # These settle an invoice, at its rate.
    Kind.WRITE_OFF: _RatedBy("invoice_id"),
    Kind.WALLET_BONUS: _RatedBy("invoice_id"),
    Kind.RECOVERY: _RatedBy("entry__event_id"),
    # What left the account of payments stands on its credit side.
    Kind.REFUND: _RatedBy(event=RefundPaid.kind, side="credit"),
    Kind.WALLET_REFUND: _RatedBy(event=RefundPaid.kind, side="credit"),
    Kind.DISPUTE_REFUND: _RatedBy(event=DisputeOpened.kind, side="credit"),
    **{kind: _RatedBy(event=event_of(kind), side=side_of(kind)) for kind in MOVED},
}
_CREATED: Mapping[Kind, type[Any]] = {Kind.WRITE_OFF: WriteOff, Kind.WALLET_BONUS: WalletEntry}
_SETTLED_BY = {Kind.WRITE_OFF: Kind.WRITE_OFF_ALLOCATION, Kind.WALLET_BONUS: Kind.WALLET_BONUS_USE}
_CHANGED_BY = {Kind.DISPUTE_REFUND: Kind.DISPUTE_RETURN}
_READERS: Mapping[Kind, Mapping[Kind, Callable[[Span], Rows]]] = {
    Kind.INVOICE: {Kind.RECOVERY: _recoveries},
    Kind.CREDIT_NOTE: {Kind.WRITE_OFF: _write_offs, Kind.WALLET_BONUS: _bonus},
    Kind.PAYMENT: {},
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
