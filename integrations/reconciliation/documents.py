"""Invoices, credit notes and payments against the ERP's: each document, and what receivables come to."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import QuerySet

from billing.models import BusinessEntity, CreditNote, Invoice, InvoiceStatus, Payment
from billing.money import round_money
from integrations.builders.rates import Rates
from integrations.builders.settled import Bill, Settled, by_credit_notes, by_payments, held_bills
from integrations.connectors import base
from integrations.connectors.base import Connector, ErpDocument
from integrations.documents import Kind, reference_of
from integrations.models import Connection, ErpRecord, MappingKind
from integrations.models import Mapping as MappingRow
from integrations.policy import Policy, WhenLocked
from integrations.reconciliation.changes import Changes
from integrations.reconciliation.findings import (
    RATE,
    TWICE,
    VOIDED,
    Findings,
    chunks,
    foreign_cause,
    subject_of,
)
from integrations.reconciliation.further import Further, Span
from integrations.reconciliation.sums import Amount, Effect, Sums
from integrations.reconciliation.switched import Switch
from integrations.serving import entity_ids

_ZERO = Decimal(0)
_DIMENSIONS = {Kind.INVOICE: "invoice_id", Kind.CREDIT_NOTE: "credit_note_id", Kind.PAYMENT: "payment_id"}
_SAME_RATE = Decimal("0.00001")  # Vendors keep six digits of a rate.


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
        self._may_move = Policy.of(connection.options).when_locked is WhenLocked.FIRST_OPEN
        self._switch = Switch(connection)
        self._cause_of = Changes(connection, findings).cause_of
        self._sums = Sums()

    def run(self, sort: _Sort, connector: Connector) -> None:
        """Compare one kind in both directions."""
        seen: set[int] = set()
        further = self._further(sort)
        for page in chunks(connector.documents(sort.kind, through=self._through, since=self._since)):
            subjects = [subject_of(self._connection, sort.kind, document) for document in page]
            ours = self._ours(sort, [subject for subject in subjects if subject is not None])
            rates = self._rates(sort, ours)
            customers = self._customers(each.customer_id for each in ours.values())
            for document, subject in zip(page, subjects, strict=True):
                known = ours.get(subject) if subject is not None else None
                self._count_theirs(sort, document, known, rates.of(subject or 0))
                if subject is None and further.take(document):
                    continue
                if subject is None or subject not in ours:
                    self._foreign(sort, document)
                    continue
                self._findings.compared += 1
                if subject in seen:
                    name = ours[subject].name
                    self._findings.add(
                        sort.kind.value, name, TWICE, theirs=document.total, external_id=document.external_id
                    )
                    continue
                seen.add(subject)
                self._compare(sort, ours[subject], document, customers)
                self._compare_rate(sort, subject, ours[subject], document, rates)
        for ids in chunks(self._candidates(sort).order_by("id").values_list("id", flat=True).iterator(chunk_size=5000)):
            self._our_side(sort, ids, seen, connector)
        self._our_further(sort, further, connector)

    def run_moved(self, sort: _Sort, connector: Connector) -> None:
        """Compare money paid back and money that moved beside all invoices; the ERP's own of the latter is no concern of ours."""
        further = self._further(sort)
        for document in connector.documents(sort.kind, through=self._through, since=self._since):
            is_ours = further.take(document)
            if is_ours or sort.kind is Kind.REFUND:
                self._count_theirs(sort, document)
            if not is_ours and (sort.kind is Kind.REFUND or document.reference.startswith(self._prefix)):
                self._foreign(sort, document)
        self._our_further(sort, further, connector)

    def _further(self, sort: _Sort) -> Further:
        return Further(self._connection, self._findings, sort.kind, self._span, may_move=self._may_move)

    def _our_further(self, sort: _Sort, further: Further, connector: Connector) -> None:
        customers = self._customers(row.customer_id for row, _ in further.all)
        for row, rate in further.all:
            self._count_ours(sort, row.customer_id, Amount(row.total, row.currency, self._home, rate), customers)
        further.say_missing(connector)

    def _our_side(self, sort: _Sort, ids: Sequence[int], seen: set[int], connector: Connector) -> None:
        missing = []
        every = self._ours(sort, ids)
        customers, rates = self._customers(each.customer_id for each in every.values()), self._rates(sort, every)
        for subject, ours in every.items():
            amount = Amount(ours.total, ours.currency, self._bases[ours.entity_id], rates.of(subject))
            self._count_ours(sort, ours.customer_id, amount, customers)
            is_gone = sort is not _INVOICES and not ours.total  # What is void here need not be there any more.
            if subject not in seen and not is_gone:
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
        if theirs.status == "void" and ours.total:
            self._findings.add(
                sort.kind.value, ours.name, VOIDED, ours=ours.total, theirs=theirs.total, external_id=theirs.external_id
            )
            return
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

    def _compare_rate(self, sort: _Sort, subject: int, ours: _Ours, theirs: ErpDocument, rates: Rates) -> None:
        """Compare what a foreign document comes to in the base currency, where the ERP tells its rate."""
        rate = rates.of(subject)
        base = self._bases[ours.entity_id]
        if theirs.rate is None or not ours.total or ours.total != theirs.total or ours.currency == base:
            return
        if abs(theirs.rate / rate - 1) > _SAME_RATE:
            mine, other = (round_money(ours.total * each, base) for each in (rate, theirs.rate))
            self._findings.add(
                sort.kind.value,
                ours.name,
                RATE,
                ours=mine,
                theirs=other,
                external_id=theirs.external_id,
                detail=f"In {base}: our rate is {rate:f}, theirs {round(theirs.rate, 6).normalize():f}.",
            )

    def _foreign(self, sort: _Sort, document: ErpDocument) -> None:
        if not document.total:
            return
        self._findings.compared += 1
        name = f"{sort.words} {document.number or document.external_id}"
        cause = foreign_cause(self._connection, document)
        self._findings.add(sort.kind.value, name, cause, theirs=document.total, external_id=document.external_id)

    def stray_journals(self, connector: Connector) -> None:
        """Journals of ours have no business beside documents: both would count revenue twice."""
        for document in connector.documents(Kind.JOURNAL_ENTRY, through=self._through, since=self._since):
            if document.reference.startswith(self._prefix) and not self._switch.sent_before(document):
                self._findings.compared += 1
                self._findings.add(
                    "journal_entry", document.number, "sent in the other mode", external_id=document.external_id
                )

    @cached_property
    def _deposit(self) -> str:
        row = MappingRow.objects.filter(connection=self._connection, kind=MappingKind.DEPOSIT_ACCOUNT).first()
        return row.external_id if row else ""

    def _count_theirs(
        self, sort: _Sort, theirs: ErpDocument, ours: _Ours | None = None, our_rate: Decimal = Decimal(1)
    ) -> None:
        base, rate = self._home, theirs.rate
        if ours:
            base = self._bases[ours.entity_id]
            # Vendors keep fewer digits than we do, and not all tell the rate.
            is_ours = rate is None or abs(rate / our_rate - 1) <= _SAME_RATE
            rate = our_rate if is_ours and ours.total == theirs.total else rate
        amount = Amount(theirs.total, theirs.currency or self._home, base, rate)
        self._sums.add("theirs", sort.effect, amount, customer=theirs.customer, account=theirs.account)

    def _count_ours(self, sort: _Sort, customer_id: int, amount: Amount, customers: Mapping[int, str]) -> None:
        owner = customers.get(customer_id, f"ours {customer_id}")
        self._sums.add("ours", sort.effect, amount, customer=owner, account=self._deposit)

    def tell_sums(self) -> None:
        """Note what the documents come to."""
        records = ErpRecord.objects.filter(connection=self._connection, kind="customer")
        self._sums.tell(self._findings, names=dict(records.values_list("external_id", "name")))
