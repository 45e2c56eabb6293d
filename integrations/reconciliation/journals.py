"""Journal entries against the ERP's: amounts per account of each entry, and the movement of every account."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.db.models import F, QuerySet, Sum

from accounting.models import Account, JournalEntry, JournalLine, entry_number
from integrations.connectors import base
from integrations.connectors.base import Connector, ErpDocument
from integrations.documents import Kind
from integrations.models import Connection, Mapping, MappingKind, MappingStatus
from integrations.reconciliation.findings import CHANGED, TWICE, Findings, chunks, foreign_cause, subject_of

Amounts = dict[str, Decimal]
_EFFECT_ON_RECEIVABLES = {Kind.INVOICE: 1, Kind.CREDIT_NOTE: -1, Kind.PAYMENT: -1}
_WORDS = {Kind.INVOICE.value: "Invoice", Kind.CREDIT_NOTE.value: "Credit note", Kind.PAYMENT.value: "Payment"}


def compare(connection: Connection, connector: Connector, through: date, findings: Findings) -> None:
    """Compare all entries dated up to `through`; see `reconciliation.reconcile`."""
    _Comparison(connection, through, findings).run(connector)


class _Comparison:
    def __init__(self, connection: Connection, through: date, findings: Findings) -> None:
        self._connection = connection
        self._through = through
        self._findings = findings
        rows = Mapping.objects.filter(
            connection=connection, kind=MappingKind.ACCOUNT, status=MappingStatus.CONFIRMED
        ).values_list("internal_id", "external_id", "external_name")
        self._theirs_of = {ours: theirs for ours, theirs, _ in rows if ours is not None}
        self._names = {theirs: name for _, theirs, name in rows}
        self._home = str(connection.company.get("home_currency", ""))
        self._their_sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self._seen: set[int] = set()

    def run(self, connector: Connector) -> None:
        """Read their side page by page, then look for what it lacks, then compare the accounts."""
        for page in chunks(connector.documents(Kind.JOURNAL_ENTRY, through=self._through)):
            self._compare_page(page)
        # Where our receivables are a clearing account, the ERP's own sales documents do not touch what we feed.
        effects = _EFFECT_ON_RECEIVABLES if base.get(self._connection.erp).receivable_types else {}
        for kind, sign in effects.items():
            for document in connector.documents(kind, through=self._through):
                self._made_there(document, sign)
        self._look_for_missing()
        self._compare_accounts()

    def _entries(self) -> QuerySet[JournalEntry]:
        entries = JournalEntry.objects.filter(date__lte=self._through)
        entity = self._connection.business_entity_id
        return entries.filter(business_entity_id=entity) if entity else entries

    def _compare_page(self, page: Sequence[ErpDocument]) -> None:
        subjects = [subject_of(self._connection, Kind.JOURNAL_ENTRY, document) for document in page]
        ids = [subject for subject in subjects if subject is not None]
        dates = dict(self._entries().filter(id__in=ids).values_list("id", "date"))
        ours = self._our_amounts(ids)
        for document, subject in zip(page, subjects, strict=True):
            theirs = self._their_amounts(document)
            if subject is None or subject not in dates:
                self._foreign(document, theirs)
                continue
            self._findings.compared += 1
            name = entry_number(subject)
            if subject in self._seen:
                self._findings.add("journal_entry", name, TWICE, theirs=theirs, external_id=document.external_id)
                continue
            self._seen.add(subject)
            if ours[subject] != theirs:
                self._findings.add(
                    "journal_entry", name, CHANGED, ours=ours[subject], theirs=theirs, external_id=document.external_id
                )
            if document.date != dates[subject].isoformat():
                self._findings.add(
                    "journal_entry",
                    name,
                    CHANGED,
                    ours=dates[subject].isoformat(),
                    theirs=document.date,
                    external_id=document.external_id,
                    detail="The date differs.",
                )

    def _our_amounts(self, entry_ids: Sequence[int]) -> dict[int, Amounts]:
        rows = (
            JournalLine.objects.filter(entry_id__in=entry_ids)
            .order_by()
            .values_list("entry_id", "account_id")
            .annotate(amount=Sum(F("debit") - F("credit")))
        )
        amounts: dict[int, Amounts] = defaultdict(lambda: defaultdict(Decimal))
        for entry_id, account_id, amount in rows:
            amounts[entry_id][self._theirs_of.get(account_id, f"unmapped {account_id}")] += amount
        return defaultdict(dict, {entry_id: _without_zero(each) for entry_id, each in amounts.items()})

    def _their_amounts(self, document: ErpDocument) -> Amounts:
        amounts: Amounts = defaultdict(Decimal)
        for posting in document.postings:
            amounts[posting.account] += posting.amount
            self._their_sums[posting.account, document.currency or self._home] += posting.amount
        return _without_zero(amounts)

    def _foreign(self, document: ErpDocument, amounts: Amounts) -> None:
        """A journal that is not ours matters where it touches an account that we feed."""
        touched = {account: amount for account, amount in amounts.items() if account in self._names}
        if touched:
            self._findings.compared += 1
            cause = foreign_cause(self._connection, document)
            name = document.number or f"Journal {document.external_id}"
            self._findings.add("journal_entry", name, cause, theirs=touched, external_id=document.external_id)

    def _made_there(self, document: ErpDocument, sign: int) -> None:
        """Sales documents move receivables past our journals."""
        if not document.total:
            return
        cause = foreign_cause(self._connection, document)
        name = f"{_WORDS[document.kind]} {document.number or document.external_id}"
        self._findings.compared += 1
        self._findings.add(document.kind, name, cause, theirs=document.total, external_id=document.external_id)
        role = "accounts_receivable.customers"
        receivable = (
            Account.objects.filter(role=role, id__in=list(self._theirs_of)).values_list("id", flat=True).first()
        )
        if receivable:
            key = self._theirs_of[receivable], document.currency or self._home
            self._their_sums[key] += sign * document.total

    def _look_for_missing(self) -> None:
        for ids in chunks(self._entries().order_by("id").values_list("id", flat=True).iterator(chunk_size=5000)):
            missing = [entry_id for entry_id in ids if entry_id not in self._seen]
            if missing:
                self._findings.compared += len(missing)
                totals = dict(
                    JournalLine.objects.filter(entry_id__in=missing)
                    .order_by()
                    .values_list("entry_id")
                    .annotate(total=Sum("debit"))
                )
                self._findings.missing(
                    Kind.JOURNAL_ENTRY, [(each, entry_number(each), totals.get(each)) for each in missing]
                )

    def _compare_accounts(self) -> None:
        lines = JournalLine.objects.filter(date__lte=self._through)
        if self._connection.business_entity_id:
            lines = lines.filter(business_entity_id=self._connection.business_entity_id)
        rows = lines.order_by().values_list("account_id", "currency").annotate(amount=Sum(F("debit") - F("credit")))
        ours: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for account_id, currency, amount in rows:
            external = self._theirs_of.get(account_id)
            if external:
                ours[external, currency] += amount
            else:
                account = Account.objects.get(pk=account_id)
                self._findings.account(
                    name=f"{account} (not mapped)", external_id="", currency=currency, ours=amount, theirs=Decimal(0)
                )
        for external, currency in sorted(set(ours) | {key for key in self._their_sums if key[0] in self._names}):
            self._findings.account(
                name=self._names[external],
                external_id=external,
                currency=currency,
                ours=ours[external, currency],
                theirs=self._their_sums[external, currency],
            )


def _without_zero(amounts: Amounts) -> Amounts:
    return {account: amount for account, amount in sorted(amounts.items()) if amount}
