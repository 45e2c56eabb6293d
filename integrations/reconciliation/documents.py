"""Invoices, credit notes and payments against the ERP's: each document, and what receivables come to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import QuerySet

from billing.models import BusinessEntity, CreditNote, Invoice, InvoiceStatus, Payment
from integrations.builders.rates import Rates
from integrations.builders.settled import Bill, Settled, by_credit_notes, by_payments, held_bills
from integrations.connectors import base
from integrations.connectors.base import Connector, ErpDocument
from integrations.documents import Kind, reference_of
from integrations.models import Connection, ErpRecord, MappingKind
from integrations.models import Mapping as MappingRow
from integrations.policy import Policy, WhenLocked
from integrations.reconciliation import ledger
from integrations.reconciliation.changes import Changes
from integrations.reconciliation.findings import (
    OTHER_MODE,
    TWICE,
    VOIDED,
    Findings,
    chunks,
    foreign_cause,
    recognized,
    subject_of,
)
from integrations.reconciliation.further import Further, Span
from integrations.reconciliation.rated import Rated
from integrations.reconciliation.sums import Amount, Effect, Sums
from integrations.reconciliation.switched import Switch
from integrations.serving import entity_ids

_ZERO = Decimal(0)
_DIMENSIONS = {Kind.INVOICE: "invoice_id", Kind.CREDIT_NOTE: "credit_note_id", Kind.PAYMENT: "payment_id"}


@dataclass(frozen=True)
class _Ours:
    """One of our documents as the ERP should show it."""

    name: str
    date: str
    customer_id: int
    entity_id: int
    currency: str
    total: Decimal
    tax: Decimal
    linked: dict[str, Decimal] | None = None


@dataclass(frozen=True)
class _Sort:
    """How a kind of document is read on both sides, and what it does to receivables."""

    kind: Kind
    effect: Effect
    words: str


_INVOICES = _Sort(Kind.INVOICE, Effect(1, 0), "Invoice")
_CREDITS = _Sort(Kind.CREDIT_NOTE, Effect(-1, 0), "Credit note")
_PAYMENTS = _Sort(Kind.PAYMENT, Effect(-1, 1), "Payment")
_MOVED = (
    _Sort(Kind.REFUND, Effect(1, -1), "Refund"),
    _Sort(Kind.MONEY_OUT, Effect(0, -1), "Money out"),
    _Sort(Kind.MONEY_IN, Effect(0, 1), "Money in"),
)


def compare(
    connection: Connection, connector: Connector, through: date, findings: Findings, since: date | None
) -> None:
    """Compare the documents this connection sends; see `reconciliation.reconcile`."""
    comparison = _Comparison(connection, through, findings, since)
    for sort in (_INVOICES, _CREDITS, *([_PAYMENTS] if connection.send_payments else [])):
        comparison.run(sort, connector)
    for sort in _MOVED if connection.send_payments else ():
        if sort.kind in findings.reads:
            comparison.run_moved(sort, connector)
    comparison.stray_journals(connector)
    comparison.tell_sums()
    if connection.send_payments:
        comparison.tell_ledger(connector)


class _Comparison:
    def __init__(self, connection: Connection, through: date, findings: Findings, since: date | None) -> None:
        self._connection = connection
        self._through, self._since = through, since
        self._findings = findings
        self._spec = base.get(connection.erp)
        self._entities = entity_ids(connection)
        own = BusinessEntity.objects.filter(pk__in=self._entities).order_by("id")
        self._bases = dict(own.values_list("id", "base_currency"))
        self._home = str(connection.company.get("home_currency") or next(iter(self._bases.values())))
        self._span = Span(self._entities, since, through)
        self._rated = Rated(findings, bases=self._bases, home=self._home)
        self._may_move = Policy.of(connection.options).when_locked is WhenLocked.FIRST_OPEN
        self._switch = Switch(connection)
        self._cause_of = Changes(connection, findings).cause_of
        self._sums = Sums()

    def run(self, sort: _Sort, connector: Connector) -> None:
        """Compare one kind in both directions."""
        seen: set[int] = set()
        void: dict[int, ErpDocument] = {}
        further = self._further(sort)
        for page in chunks(self._held(sort.kind, connector)):
            subjects = [subject_of(self._connection, sort.kind, document) for document in page]
            ours = self._ours(sort, [subject for subject in subjects if subject is not None])
            rates = self._rates(sort, ours)
            customers = self._customers(each.customer_id for each in ours.values())
            for document, subject in zip(page, subjects, strict=True):
                known = ours.get(subject) if subject is not None else None
                taken = further.take(document) if subject is None else None
                amount = taken or self._rated.theirs(document, known, rates.of(subject or 0))
                self._count_theirs(sort, document, amount)
                if taken:
                    continue
                if subject is None or subject not in ours:
                    self._foreign(sort, document)
                    continue
                if document.status == "void" and ours[subject].total:
                    void[subject] = document  # Unless it was sent anew since.
                    continue
                self._findings.compared += 1
                if subject in seen:
                    if document.status != "void":
                        self._twice(sort, ours[subject], document)
                    continue
                seen.add(subject)
                self._compare(sort, ours[subject], document, customers)
                self._rated.compare(sort.kind.value, ours[subject].name, ours[subject], document, rates.of(subject))
        for ids in chunks(self._candidates(sort).order_by("id").values_list("id", flat=True).iterator(chunk_size=5000)):
            self._our_side(sort, ids, seen, void, connector)
        self._our_further(sort, further, connector)

    def _twice(self, sort: _Sort, ours: _Ours, document: ErpDocument) -> None:
        self._findings.add(sort.kind.value, ours.name, TWICE, theirs=document.total, external_id=document.external_id)

    def run_moved(self, sort: _Sort, connector: Connector) -> None:
        """Compare money paid back and money that moved beside all invoices; the ERP's own of the latter is no concern of ours."""
        further = self._further(sort)
        for document in self._held(sort.kind, connector):
            taken = further.take(document)
            if taken or sort.kind is Kind.REFUND:
                self._count_theirs(sort, document, taken or self._rated.theirs(document))
            if not taken and (sort.kind is Kind.REFUND or document.reference.startswith(self._prefix)):
                self._foreign(sort, document)
        self._our_further(sort, further, connector)

    def _held(self, kind: Kind, connector: Connector) -> Iterator[ErpDocument]:
        documents = connector.documents(kind, through=self._through, since=self._since)
        return recognized(self._connection, kind, documents)

    def _further(self, sort: _Sort) -> Further:
        return Further(self._connection, self._findings, sort.kind, self._span, self._rated, may_move=self._may_move)

    def _our_further(self, sort: _Sort, further: Further, connector: Connector) -> None:
        every = list(further.all())
        customers = self._customers(row.customer_id for row, _ in every)
        for row, amount in every:
            self._count_ours(sort, row.customer_id, amount, customers)
        further.say_missing(connector)

    def _our_side(
        self, sort: _Sort, ids: Sequence[int], seen: set[int], void: Mapping[int, ErpDocument], connector: Connector
    ) -> None:
        missing = []
        every = self._ours(sort, ids)
        customers, rates = self._customers(each.customer_id for each in every.values()), self._rates(sort, every)
        for subject, ours in every.items():
            self._count_ours(sort, ours.customer_id, self._rated.ours(ours, rates.of(subject)), customers)
            is_gone = sort is not _INVOICES and not ours.total  # What is void here need not be there any more.
            if subject in void and subject not in seen:
                self._findings.compared += 1
                self._findings.add(
                    sort.kind.value,
                    ours.name,
                    VOIDED,
                    ours=ours.total,
                    theirs=void[subject].total,
                    external_id=void[subject].external_id,
                )
            elif subject not in seen and not is_gone:
                missing.append((subject, ours.name, ours.total))
        if sort is _CREDITS and not self._spec.tells_credits:
            self._findings.unfinished(
                Kind.CREDIT_ALLOCATION, {pk: ours.name for pk, ours in every.items() if pk in seen and ours.total}
            )
        self._findings.compared += len(missing)
        if missing:
            self._findings.missing(sort.kind, missing, connector=connector)

    def _candidates(self, sort: _Sort) -> QuerySet[Any]:
        if sort is _INVOICES:
            rows: QuerySet[Any] = Invoice.objects.exclude(status=InvoiceStatus.DRAFT).filter(
                issued_on__lte=self._through
            )
        elif sort is _CREDITS:
            rows = CreditNote.objects.filter(issued_on__lte=self._through)
        else:
            rows = Payment.objects.filter(received_on__lte=self._through)
        if self._since:
            day = "received_on" if sort is _PAYMENTS else "issued_on"
            rows = rows.filter(**{f"{day}__gte": self._since})
        rows = rows.filter(business_entity_id__in=self._entities)
        return self._switch.since(sort.kind, rows, recorded="created_at")

    def _ours(self, sort: _Sort, ids: Sequence[int]) -> dict[int, _Ours]:
        rows = self._candidates(sort).filter(id__in=ids)
        if sort is _PAYMENTS:
            void = self._void_there(sort, ids)
            linked = self._named(by_payments(ids)) if self._spec.tells_links else {}
            return {
                pk: _Ours(
                    self._name(pk),
                    day.isoformat(),
                    customer,
                    entity,
                    currency,
                    _ZERO if pk in void else amount,
                    _ZERO,
                    linked.get(pk, {}) if self._spec.tells_links else None,
                )
                for pk, day, customer, entity, currency, amount in rows.values_list(
                    "id", "received_on", "customer_id", "business_entity_id", "currency", "amount"
                )
            }
        fields = ("id", "number", "issued_on", "customer_id", "business_entity_id", "currency", "total", "tax")
        void = self._void_there(sort, ids)
        credited = self._credited(ids) if sort is _CREDITS and self._spec.tells_credits else {}
        return {
            pk: _Ours(
                number,
                day.isoformat(),
                customer,
                entity,
                currency,
                total=_ZERO if pk in void else total,
                tax=_ZERO if pk in void else tax,
                linked=None if pk in void else credited.get(pk),
            )
            for pk, number, day, customer, entity, currency, total, tax in rows.values_list(*fields)
        }

    def _name(self, payment_id: int) -> str:
        return reference_of(self._connection.reference_prefix, Kind.PAYMENT, payment_id)

    def _void_there(self, sort: _Sort, ids: Sequence[int]) -> set[int]:
        """What is void should show nothing in the ERP, which keeps no history of it, as of whatever date."""
        models: dict[Kind, type[Any]] = {Kind.INVOICE: Invoice, Kind.CREDIT_NOTE: CreditNote, Kind.PAYMENT: Payment}
        void = models[sort.kind].objects.filter(id__in=ids, voided_on__isnull=False)
        return set(void.values_list("id", flat=True))

    @property
    def _prefix(self) -> str:
        return f"{self._connection.reference_prefix}-"

    def _credited(self, note_ids: Sequence[int]) -> dict[int, dict[str, Decimal]]:
        """Give what credit notes settle, of what the ERP has; one of an invoice from before it went live stays open there."""
        settled: dict[int, dict[Bill, Decimal]] = {pk: dict(some) for pk, some in by_credit_notes(note_ids).items()}
        for note in CreditNote.objects.filter(id__in=note_ids):
            bills, bill = settled.setdefault(note.pk, {}), Bill(Kind.INVOICE, note.invoice_id)
            bills[bill] = bills.get(bill, _ZERO) + note.settled.amount
        held = held_bills(self._connection, settled.values())
        return self._named({pk: {bill: some[bill] for bill in some if bill in held} for pk, some in settled.items()})

    def _named(self, settled: Settled) -> dict[int, dict[str, Decimal]]:
        """Give what is settled by the ERP's ids."""
        held = held_bills(self._connection, settled.values())
        return {
            subject: {
                held.get(bill, f"unsent {bill.kind} {bill.subject_id}"): amount
                for bill, amount in some.items()
                if amount
            }
            for subject, some in settled.items()
        }

    def _customers(self, ids: Iterable[int]) -> dict[int, str]:
        rows = MappingRow.objects.filter(
            connection=self._connection, kind=MappingKind.CUSTOMER, internal_id__in=set(ids)
        )
        return {ours: theirs for ours, theirs in rows.values_list("internal_id", "external_id") if ours is not None}

    def _compare(self, sort: _Sort, ours: _Ours, theirs: ErpDocument, customers: dict[int, str]) -> None:
        pairs: list[tuple[str, Any, Any]] = [
            ("total", ours.total, theirs.total),
            ("tax", ours.tax, ours.tax if theirs.tax is None else theirs.tax),
            ("date", ours.date, theirs.date),
            ("customer", customers.get(ours.customer_id, ""), theirs.customer),
            ("number", ours.name, theirs.number),
        ]
        if ours.linked is not None:
            linked: dict[str, Decimal] = defaultdict(Decimal)
            for invoice, amount in theirs.linked:
                linked[invoice] += amount
            pairs.append(("what it settles", ours.linked, dict(linked)))
        if not theirs.is_marked:
            pairs = [each for each in pairs if each[0] != "number"]  # It was entered there by hand, and adopted.
        if self._may_move and theirs.date[:10] > ours.date:
            pairs = [each for each in pairs if each[0] != "date"]  # The policy moved it out of locked books.
        for what, mine, other in pairs:
            if mine != other:
                self._findings.add(
                    sort.kind.value,
                    ours.name,
                    self._cause_of(sort.kind, theirs, by=abs(ours.total - theirs.total)),
                    ours=mine,
                    theirs=other,
                    external_id=theirs.external_id,
                    detail=f"The {what} differs." if what != "what it settles" else "What it settles differs.",
                )

    def _rates(self, sort: _Sort, ours: Mapping[int, _Ours]) -> Rates:
        """Read at which rates foreign documents stand in our books; nothing is read where all are in base currency."""
        return Rates(_DIMENSIONS[sort.kind], [(pk, each.entity_id, each.currency) for pk, each in ours.items()])

    def _foreign(self, sort: _Sort, document: ErpDocument) -> None:
        if not document.total:
            return
        self._findings.compared += 1
        name = f"{sort.words} {document.number or document.external_id}"
        cause = foreign_cause(self._connection, document)
        self._findings.add(sort.kind.value, name, cause, theirs=document.total, external_id=document.external_id)

    def stray_journals(self, connector: Connector) -> None:
        """Journals of ours have no business beside documents: both would count revenue twice."""
        for document in self._held(Kind.JOURNAL_ENTRY, connector):
            if document.reference.startswith(self._prefix) and not self._switch.sent_before(document):
                self._findings.compared += 1
                self._findings.add("journal_entry", document.number, OTHER_MODE, external_id=document.external_id)

    @cached_property
    def _deposit(self) -> str:
        row = MappingRow.objects.filter(connection=self._connection, kind=MappingKind.DEPOSIT_ACCOUNT).first()
        return row.external_id if row else ""

    def _count_theirs(self, sort: _Sort, theirs: ErpDocument, amount: Amount) -> None:
        self._sums.add("theirs", sort.effect, amount, customer=theirs.customer, account=theirs.account)

    def _count_ours(self, sort: _Sort, customer_id: int, amount: Amount, customers: Mapping[int, str]) -> None:
        owner = customers.get(customer_id, f"ours {customer_id}")
        self._sums.add("ours", sort.effect, amount, customer=owner, account=self._deposit)

    def tell_sums(self) -> None:
        """Note what the documents come to."""
        self._sums.tell(self._findings, names=self._customer_names)

    @cached_property
    def _customer_names(self) -> dict[str, str]:
        """Names by the ERP's ids: as its list has them, else as the customers were sent."""
        sent = MappingRow.objects.filter(connection=self._connection, kind=MappingKind.CUSTOMER)
        listed = ErpRecord.objects.filter(connection=self._connection, kind="customer")
        return dict(sent.values_list("external_id", "external_name")) | dict(listed.values_list("external_id", "name"))

    def tell_ledger(self, connector: Connector) -> None:
        """Note what customers owe by the ERP's own ledger, where all of our books are in one base currency."""
        if set(self._bases.values()) == {self._home}:
            ledger.compare(
                self._connection,
                connector,
                self._findings,
                entities=self._entities,
                currency=self._home,
                since=self._since,
                through=self._through,
                names=self._customer_names,
                explained=self._sums.differing,
                foreign=self._sums.foreign,
            )
