"""Our documents that the ERP holds as another kind than ours: write-offs among its credit notes, disputes among its expenses."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cached_property, partial
from typing import Any, Literal, NamedTuple

from billing.models import (
    BusinessEvent,
    Payment,
    WalletEntry,
    WriteOff,
)
from billing.payment_events import DisputeOpened, RefundPaid
from integrations.builders.money import MOVED, event_of, side_of
from integrations.builders.rates import Rates, events_of
from integrations.builders.settled import Bill, held_bills
from integrations.builders.withheld import settled_there
from integrations.connectors import base
from integrations.connectors.base import Connector, ErpDocument
from integrations.documents import Kind, reference_of
from integrations.models import Connection
from integrations.reconciliation.findings import CHANGED, TWICE, Findings, subject_of
from integrations.reconciliation.rated import Rated
from integrations.reconciliation.readers import READERS, Ours, Rows, Span
from integrations.reconciliation.sums import Amount
from integrations.reconciliation.switched import Switch


class _RatedBy(NamedTuple):
    """Where our books have the rate of a kind: lines of the dimension, or those of the event about the document."""

    dimension: str = ""
    event: str = ""
    side: Literal["debit", "credit"] = "debit"


class Further:
    """Those of one of the ERP's kinds; `take` them out of what it holds, then say what is missing there."""

    def __init__(
        self, connection: Connection, findings: Findings, sent_as: Kind, span: Span, rated: Rated, *, may_move: bool
    ) -> None:
        self._connection, self._findings, self._may_move = connection, findings, may_move
        self._rated = rated
        spec = base.get(connection.erp)
        self._tells_credits, self._tells_links = spec.tells_credits, spec.tells_links
        self._ours: dict[Kind, Rows] = {}
        switch = Switch(connection)
        for kind, read in READERS[sent_as].items():
            if not _is_sent(connection, kind):
                continue
            rows = read(span)
            wanted = switch.concerned(kind, partial(_recorded, kind, rows), rows)
            self._ours[kind] = {pk: row for pk, row in rows.items() if pk in wanted}
        self._rates = {kind: _rates(kind, rows) for kind, rows in self._ours.items()}
        self._withheld = {pk for kind in _TAXES for pk in self._ours.get(kind, {})}
        self._seen: set[tuple[Kind, int]] = set()

    def all(self) -> Iterator[tuple[Kind, Ours, Amount]]:
        """Give all of ours, each with what it comes to."""
        for kind, rows in self._ours.items():
            for row in rows.values():
                yield kind, row, self._rated.ours(row, self._rates[kind](row))

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
        """Compare what is settled by debt given up, bonus used or tax withheld, where the ERP tells it."""
        if kind not in _SETTLED_BY or not (self._tells_links if kind is Kind.WITHHELD else self._tells_credits):
            return
        if kind in _TAXES and not ours.total:
            return  # What is void settles nothing, and not all say so.
        mine = self._settled(kind, subject, ours)
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

    def _settled(self, kind: Kind, subject: int, ours: Ours) -> dict[str, Decimal]:
        if kind in _TAXES:
            return self._settled_by_tax.get(subject, {})
        held = self._held.get(Bill(Kind.INVOICE, ours.rated_by))
        return {held: ours.total} if held else {}

    @cached_property
    def _settled_by_tax(self) -> dict[int, dict[str, Decimal]]:
        return settled_there(self._connection, self._withheld)

    @cached_property
    def _held(self) -> dict[Bill, str]:
        settled = [
            {Bill(Kind.INVOICE, row.rated_by): row.total}
            for kind in _SETTLED_BY
            if kind not in _TAXES
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


def _is_sent(connection: Connection, kind: Kind) -> bool:
    """Tell whether tax withheld is a document of its own there; of the other kinds the caller has decided."""
    if kind is Kind.WITHHELD:
        return not base.get(connection.erp).withholds
    return kind is not Kind.WITHHELD_LOSS or connection.send_payments


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
    if kind in _TAXES:  # They are parts of payments.
        paid = Payment.objects.filter(pk__in={row.rated_by for row in rows.values()})
        moments = dict(paid.values_list("pk", "created_at"))
        return {pk: moments[row.rated_by] for pk, row in rows.items()}
    event = _RATED[kind].event
    if not event:  # The subject is an event itself.
        return dict(BusinessEvent.objects.filter(pk__in=rows).values_list("pk", "recorded_at"))
    keys = {str(row.rated_by) for row in rows.values()}
    found = dict(BusinessEvent.objects.filter(kind=event, key__in=keys).values_list("key", "recorded_at"))
    return {pk: found[str(row.rated_by)] for pk, row in rows.items()}


_RATED: Mapping[Kind, _RatedBy] = {
    # These settle an invoice, at its rate.
    Kind.WRITE_OFF: _RatedBy("invoice_id"),
    Kind.WALLET_BONUS: _RatedBy("invoice_id"),
    Kind.WITHHELD: _RatedBy("payment_id"),
    Kind.WITHHELD_LOSS: _RatedBy("payment_id"),
    Kind.RECOVERY: _RatedBy("entry__event_id"),
    # What left the account of payments stands on its credit side.
    Kind.REFUND: _RatedBy(event=RefundPaid.kind, side="credit"),
    Kind.WALLET_REFUND: _RatedBy(event=RefundPaid.kind, side="credit"),
    Kind.DISPUTE_REFUND: _RatedBy(event=DisputeOpened.kind, side="credit"),
    **{kind: _RatedBy(event=event_of(kind), side=side_of(kind)) for kind in MOVED},
}
_CREATED: Mapping[Kind, type[Any]] = {Kind.WRITE_OFF: WriteOff, Kind.WALLET_BONUS: WalletEntry}
_TAXES = (Kind.WITHHELD, Kind.WITHHELD_LOSS)
_SETTLED_BY = {Kind.WRITE_OFF: Kind.WRITE_OFF_ALLOCATION, Kind.WALLET_BONUS: Kind.WALLET_BONUS_USE}
_SETTLED_BY |= {Kind.WITHHELD: Kind.WITHHELD, Kind.WITHHELD_LOSS: Kind.WITHHELD_LOSS_USE}
_CHANGED_BY = {
    Kind.DISPUTE_REFUND: Kind.DISPUTE_RETURN,
    Kind.WITHHELD: Kind.WITHHELD_VOID,
    Kind.WITHHELD_LOSS: Kind.WITHHELD_LOSS_VOID,
}
