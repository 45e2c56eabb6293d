"""Journal entries against the ERP's: each entry or sum of entries, and the movement of every account we feed.

Amounts are compared in the currency that was sent; accounts also in the base currency, where rates and rounding show. Where
one ERP holds the books of several companies, each has a base currency of its own.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.db.models import Exists, F, OuterRef, QuerySet, Sum

from accounting.models import Account, JournalEntry, JournalLine, entry_number
from billing.models import BusinessEntity
from billing.money import minor_unit, round_money
from integrations.connectors import base
from integrations.connectors.base import Connector, ErpDocument
from integrations.documents import Kind, reference_of
from integrations.models import Connection, JournalSummary, Mapping, MappingKind, MappingStatus, SummarizedEntry
from integrations.policy import Policy, WhenLocked
from integrations.reconciliation.findings import (
    CHANGED,
    RATE,
    ROUNDING,
    TWICE,
    VOIDED,
    WAITS_FOR_SUM,
    Findings,
    chunks,
    foreign_cause,
    recognized,
    subject_of,
)
from integrations.reconciliation.switched import Switch
from integrations.serving import entity_ids

Amounts = dict[str, Decimal]
_EFFECT_ON_RECEIVABLES = {Kind.INVOICE: 1, Kind.CREDIT_NOTE: -1, Kind.PAYMENT: -1, Kind.REFUND: 1}
_WORDS = {"invoice": "Invoice", "credit_note": "Credit note", "payment": "Payment", "refund": "Refund"}
_ALIKE = Decimal("0.000001")


@dataclass
class _Ours:
    """One journal as the ERP should show it: amounts by its accounts, as sent and in the base currency `home`."""

    name: str
    date: date
    currency: str
    home: str
    lines: int = 0
    amounts: Amounts = field(default_factory=lambda: defaultdict(Decimal))
    base: Amounts = field(default_factory=lambda: defaultdict(Decimal))

    @property
    def rate(self) -> Decimal:
        amount = sum((abs(each) for each in self.amounts.values()), Decimal(0))
        return sum((abs(each) for each in self.base.values()), Decimal(0)) / amount if amount else Decimal(1)


def compare(
    connection: Connection, connector: Connector, through: date, findings: Findings, since: date | None
) -> None:
    """Compare all entries dated up to `through`, from `since` on; see `reconciliation.reconcile`."""
    _Comparison(connection, through, findings, since).run(connector)


class _Comparison:
    def __init__(self, connection: Connection, through: date, findings: Findings, since: date | None) -> None:
        self._connection, self._findings = connection, findings
        self._through, self._since = through, since
        rows = Mapping.objects.filter(
            connection=connection, kind=MappingKind.ACCOUNT, status=MappingStatus.CONFIRMED
        ).values_list("internal_id", "external_id", "external_name")
        self._theirs_of = {ours: theirs for ours, theirs, _ in rows if ours is not None}
        self._names = {theirs: name for _, theirs, name in rows}
        self._entities = entity_ids(connection)
        entities = BusinessEntity.objects.filter(pk__in=self._entities).order_by("id")
        bases = dict(entities.values_list("id", "base_currency"))
        self._home = str(connection.company.get("home_currency") or next(iter(bases.values())))
        self._homes = {pk: each if len(set(bases.values())) > 1 else self._home for pk, each in bases.items()}
        # By account, currency and base currency of the books.
        self._sums: dict[tuple[str, str, str], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        self._seen: set[tuple[Kind, int]] = set()
        self._void: dict[tuple[Kind, int], ErpDocument] = {}
        self._switch = Switch(connection)
        self._may_move = Policy.of(connection.options).when_locked is WhenLocked.FIRST_OPEN

    def run(self, connector: Connector) -> None:
        """Read their side page by page, then look for what it lacks, then compare the accounts."""
        for page in chunks(self._held(Kind.JOURNAL_ENTRY, connector)):
            self._compare_page(page)
        # Where our receivables are a clearing account, the ERP's own sales documents do not touch what we feed.
        effects = _EFFECT_ON_RECEIVABLES if base.get(self._connection.erp).receivable_types else {}
        for kind in set(effects) & set(self._findings.reads):
            for document in self._held(kind, connector):
                self._made_there(document, _EFFECT_ON_RECEIVABLES[kind])
        self._look_for_missing(connector)
        self._compare_accounts()

    def _held(self, kind: Kind, connector: Connector) -> Iterator[ErpDocument]:
        documents = connector.documents(kind, through=self._through, since=self._since)
        return recognized(self._connection, kind, documents)

    def _entries(self) -> QuerySet[JournalEntry]:
        entries = JournalEntry.objects.filter(date__lte=self._through)
        if self._since:
            entries = entries.filter(date__gte=self._since)
        entries = entries.filter(business_entity_id__in=self._entities)
        collected = SummarizedEntry.objects.filter(connection=self._connection, entry_id=OuterRef("pk"))
        return self._switch.since(Kind.JOURNAL_ENTRY, entries, recorded="posted_at", or_in=Exists(collected))

    def _compare_page(self, page: Sequence[ErpDocument]) -> None:
        named = [(self._subject(document), document) for document in page]
        entries = self._read([subject[1] for subject, _ in named if subject and subject[0] is Kind.JOURNAL_ENTRY])
        sums = self._read_sums([subject[1] for subject, _ in named if subject and subject[0] is Kind.JOURNAL_SUMMARY])
        for subject, document in named:
            ours = (entries if subject[0] is Kind.JOURNAL_ENTRY else sums).get(subject[1]) if subject else None
            theirs = self._their_amounts(document, document.home or (ours.home if ours else self._home))
            if subject is None or ours is None:
                self._foreign(document, theirs)
                continue
            if document.status == "void":
                self._void[subject] = document  # Unless it was sent anew since.
                continue
            self._findings.compared += 1
            if subject in self._seen:
                self._add(ours, TWICE, document, theirs=theirs)
                continue
            self._seen.add(subject)
            self._compare(ours, document, theirs)

    def _subject(self, document: ErpDocument) -> tuple[Kind, int] | None:
        for kind in (Kind.JOURNAL_ENTRY, Kind.JOURNAL_SUMMARY):
            subject = subject_of(self._connection, kind, document)
            if subject is not None:
                return kind, subject
        return None

    def _compare(self, ours: _Ours, document: ErpDocument, theirs: Amounts) -> None:
        """Compare one journal: amounts as sent, then what they come to in the base currency, then the date."""
        home = ours.home
        sent_in_base = ours.currency != home and (document.currency or home) == home
        mine = _without_zero(ours.base if sent_in_base else ours.amounts)
        if not sent_in_base and ours.currency != home:
            for account, amount in mine.items():
                self._sums[account, ours.currency, home]["ours"] += amount
        if mine != theirs:
            self._add(ours, self._amount_cause(mine, theirs, ours), document, ours_=mine, theirs=theirs)
        elif not sent_in_base and ours.currency != home:
            in_base = _their_base(document, home)
            if in_base is not None and in_base != _without_zero(ours.base):
                far = document.rate is not None and abs(document.rate / ours.rate - 1) > _ALIKE
                self._add(ours, RATE if far else ROUNDING, document, ours_=_without_zero(ours.base), theirs=in_base)
        if document.date != ours.date.isoformat() and not (self._may_move and document.date > ours.date.isoformat()):
            self._add(
                ours, CHANGED, document, ours_=ours.date.isoformat(), theirs=document.date, detail="The date differs."
            )

    def _amount_cause(self, mine: Amounts, theirs: Amounts, ours: _Ours) -> str:
        most = minor_unit(ours.currency) * max(ours.lines, 1)
        accounts = set(mine) | set(theirs)
        zero = Decimal(0)
        close = all(abs(mine.get(each, zero) - theirs.get(each, zero)) <= most for each in accounts)
        return ROUNDING if close and set(mine) == set(theirs) and ours.currency != ours.home else CHANGED

    def _add(
        self, ours: _Ours, cause: str, document: ErpDocument, *, ours_: object = None, theirs: object, detail: str = ""
    ) -> None:
        self._findings.add(
            "journal_entry",
            ours.name,
            cause,
            ours=ours_,
            theirs=theirs,
            external_id=document.external_id,
            detail=detail,
        )

    def _read(self, ids: Sequence[int]) -> dict[int, _Ours]:
        rows = self._entries().filter(id__in=ids).values_list("id", "date", "currency", "business_entity_id")
        found = {pk: _Ours(entry_number(pk), day, currency, self._homes[entity]) for pk, day, currency, entity in rows}
        self._fill({pk: pk for pk in found}, found)
        return found

    def _read_sums(self, ids: Sequence[int]) -> dict[int, _Ours]:
        prefix = self._connection.reference_prefix
        found = {
            each.pk: _Ours(
                reference_of(prefix, Kind.JOURNAL_SUMMARY, each.pk),
                each.end,
                each.currency,
                self._homes.get(each.business_entity_id, self._home),
            )
            for each in JournalSummary.objects.filter(connection=self._connection, id__in=ids)
        }
        rows = SummarizedEntry.objects.filter(connection=self._connection, summary__in=found)
        self._fill(dict(rows.values_list("entry_id", "summary_id")), found)
        return found

    def _fill(self, journal_of: dict[int, int], found: dict[int, _Ours]) -> None:
        """Add the lines of entries to the journals they are in."""
        rows = (
            JournalLine.objects.filter(entry_id__in=list(journal_of))
            .order_by()
            .values_list("entry_id", "account_id")
            .annotate(amount=Sum(F("debit") - F("credit")), base=Sum(F("base_debit") - F("base_credit")))
        )
        for entry_id, account_id, amount, in_base in rows:
            ours, account = found[journal_of[entry_id]], self._theirs_of.get(account_id, f"unmapped {account_id}")
            ours.amounts[account] += amount
            ours.base[account] += in_base
            ours.lines += 1

    def _their_amounts(self, document: ErpDocument, home: str) -> Amounts:
        amounts: Amounts = defaultdict(Decimal)
        currency = document.currency or home
        in_base = _their_base(document, home)
        for posting in document.postings:
            amounts[posting.account] += posting.amount
            if currency != home:
                self._sums[posting.account, currency, home]["theirs"] += posting.amount
        for account, amount in (in_base or {}).items():
            self._sums[account, home, home]["theirs"] += amount
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
        if not document.total or self._switch.sent_before(document):
            return
        cause = foreign_cause(self._connection, document)
        name = f"{_WORDS[document.kind]} {document.number or document.external_id}"
        self._findings.compared += 1
        self._findings.add(document.kind, name, cause, theirs=document.total, external_id=document.external_id)
        role = "accounts_receivable.customers"
        mapped = Account.objects.filter(role=role, id__in=list(self._theirs_of)).values_list("id", flat=True).first()
        if mapped:
            home = document.home or self._home
            self._sums[self._theirs_of[mapped], document.currency or home, home]["theirs"] += sign * document.total

    def _look_for_missing(self, connector: Connector) -> None:
        waiting = dict(
            SummarizedEntry.objects.filter(connection=self._connection).values_list("entry_id", "summary_id")
        )
        for ids in chunks(self._entries().order_by("id").values_list("id", flat=True).iterator(chunk_size=5000)):
            missing = [pk for pk in ids if pk not in waiting and (Kind.JOURNAL_ENTRY, pk) not in self._seen]
            self._missing(Kind.JOURNAL_ENTRY, missing, connector)
            for pk in ids:
                if pk in waiting and waiting[pk] is None:
                    self._findings.compared += 1
                    self._findings.add("journal_entry", entry_number(pk), WAITS_FOR_SUM)
        sums = JournalSummary.objects.filter(connection=self._connection, end__lte=self._through)
        if self._since:
            sums = sums.filter(end__gte=self._since)
        every = sums.values_list("id", flat=True)
        self._missing(
            Kind.JOURNAL_SUMMARY, [pk for pk in every if (Kind.JOURNAL_SUMMARY, pk) not in self._seen], connector
        )

    def _missing(self, kind: Kind, ids: Sequence[int], connector: Connector) -> None:
        if not ids:
            return
        self._findings.compared += len(ids)
        found = self._read(ids) if kind is Kind.JOURNAL_ENTRY else self._read_sums(ids)
        rows = []
        for pk, ours in found.items():
            amount = sum((each for each in ours.amounts.values() if each > 0), Decimal(0))
            if (kind, pk) in self._void:
                self._add(ours, VOIDED, self._void[kind, pk], ours_=amount, theirs=Decimal(0))
            else:
                rows.append((pk, ours.name, amount))
        self._findings.missing(kind, rows, connector=connector)

    def _compare_accounts(self) -> None:
        lines = JournalLine.objects.filter(entry_id__in=self._entries().values("id"))
        rows = list(
            lines.order_by()
            .values_list("account_id", "currency", "business_entity_id")
            .annotate(amount=Sum(F("debit") - F("credit")), base=Sum(F("base_debit") - F("base_credit")))
        )
        unmapped = Account.objects.in_bulk({row[0] for row in rows if row[0] not in self._theirs_of})
        for account_id, currency, entity, amount, in_base in rows:
            external = self._theirs_of.get(account_id)
            if external is None:
                account = unmapped[account_id]
                self._findings.account(
                    name=f"{account} (not mapped)", external_id="", currency=currency, ours=amount, theirs=Decimal(0)
                )
                continue
            # What was sent in a foreign currency is added where it is compared; the rest was sent in base currency.
            home = self._homes[entity]
            self._sums[external, home, home]["ours"] += in_base
        for external, currency, home in sorted(key for key in self._sums if key[0] in self._names):
            sums = self._sums[external, currency, home]
            name = self._names[external]
            self._findings.account(
                name=name if home == self._home else f"{name} (books in {home})",
                external_id=external,
                currency=currency,
                ours=sums["ours"],
                theirs=sums["theirs"],
            )


def _without_zero(amounts: Amounts) -> Amounts:
    return {account: amount for account, amount in sorted(amounts.items()) if amount}


def _their_base(document: ErpDocument, home: str) -> Amounts | None:
    """Give their amounts in the base currency; None where the ERP tells neither them nor the rate."""
    amounts: Amounts = defaultdict(Decimal)
    for posting in document.postings:
        if posting.base is not None:
            amounts[posting.account] += posting.base
        elif (document.currency or home) == home:
            amounts[posting.account] += posting.amount
        elif document.rate:
            amounts[posting.account] += round_money(posting.amount * document.rate, home)
        else:
            return None
    return _without_zero(amounts)
