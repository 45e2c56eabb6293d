"""What a reconciliation found, with what each cause means and how it is mended."""

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html_join

from accounting.models import JournalEntry
from billing.admin.shown import NONE, change_url, day, link, to
from billing.models import CreditNote, Invoice, PaymentAllocation, WalletDraw, WalletEntry
from integrations.admin.connection_verbs import mapping_url
from integrations.admin.shown import MODELS, outbox_url, their_document
from integrations.connectors import base
from integrations.documents import Kind, as_sent
from integrations.kinds import BY_LETTERS
from integrations.models import (
    Connection,
    ErpRecord,
    ExternalReference,
    OutboxItem,
    OutboxState,
    Reconciliation,
    RecordKind,
)
from integrations.reconciliation import files, findings

_AMOUNT = re.compile(r"-?\d+\.\d{2,}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_ENTRY = re.compile(r"JE-0*(\d{1,18})")
_VOIDABLE = (
    Kind.INVOICE,
    Kind.CREDIT_NOTE,
)  # What is void there keeps its number, so no other can have it.
# Cause → what it means and what to do.
_MEANS = {
    findings.NOT_SENT: "It is in the outbox and has not gone out yet. Send waiting items, then compare again.",
    findings.PARKED: "A person has to decide. Mend the reason, then send it again.",
    findings.SKIPPED: "It was decided not to send it. Send it again if that was wrong.",
    findings.NEVER_QUEUED: "It is older than the connection, or happened while that was switched off. Back-fill it.",
    findings.GONE: "It was delivered, and the ERP does not show it by this date any more. Restore it or its date there.",
    findings.DELETED: "It was delivered and deleted there. Send it anew, or void it here.",
    findings.DATED_LATER: "Its date was changed in the ERP. Set it right there, or send it anew once it is deleted there.",
    findings.VOIDED: "It was voided there, but not here. Void or credit an invoice here too; what has no number is sent anew.",
    findings.APPROVAL: "It waits in the outbox until a person approves it.",
    findings.WAITS_FOR_SUM: "It goes out with the sum of its day or month, when that is over.",
    findings.ROUNDING: "Both sides rounded differently. Set it right there, or let the cents stay, with a reason at sign-off.",
    findings.RATE: "The ERP used another exchange rate. Set it right there with ours, or enter ours there.",
    findings.ERP_MADE: "It was entered in the ERP directly. Void or delete it there. Where it stands for one of ours that was "
    "not sent, skip that item, and adopt this one by its id.",
    findings.TWICE: "The ERP holds it more than once. Delete the surplus one there.",
    findings.UNKNOWN: "It carries our reference, but there is no such document here. Delete it there, or ask the operator.",
    findings.CHANGED: "It was changed in the ERP after it was delivered. Set it right there as it is here, or correct our books.",
    findings.BEYOND: "The ERP has an entry on receivables that no document explains. Reverse it there, or enter it here too.",
    findings.OTHER: "Another installation of Counterfoil writes into the same company. Decide which one may.",
    findings.OTHER_MODE: "It was sent before the mode was changed. Revenue counts twice: delete it there.",
    files.WAITS_FOR_FILE: "It is ready, but in no import files yet. Make import files, and import them into the ERP.",
    files.NOT_IMPORTED: "Its import files were made. Import them into the ERP, then mark them as imported.",
    files.NO_EXPORT: "Its files were imported. Upload the ERP's export from after that, then compare again.",
    files.NOT_IN_EXPORT: "Its files were imported, but the ERP's export does not list it. See whether the ERP refused it there, "
    "or whether the export was cut short.",
    "balances differ": "What the documents' differences come to. Without any, an amount came from elsewhere in the ERP.",
}

# Cause → what is done about it with the connection.
_BY_VERB = {
    findings.NOT_SENT: ("send_now", "Send waiting items"),
    findings.NEVER_QUEUED: ("backfill", "Back-fill"),
    files.WAITS_FOR_FILE: ("make_files", "Make import files"),
    files.NO_EXPORT: ("upload_report", "Upload the ERP's export"),
    files.NOT_IN_EXPORT: ("upload_report", "Upload the ERP's export"),
}


def meaning(cause: str) -> str:
    """Say what a cause means and what to do about it."""
    return _MEANS.get(cause, "Compare the two by hand.")


class Ours:
    """Our documents that differences name: one query for each kind of document among them."""

    def __init__(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        self._connection = connection
        names = [str(row.get("document", "")) for row in rows]
        self._found: dict[tuple[str, str], Any] = {
            (Kind.JOURNAL_ENTRY.value, name): JournalEntry(pk=int(match[1]))
            for name in names
            if (match := _ENTRY.fullmatch(name))
        }
        for kind, model in ((Kind.INVOICE, Invoice), (Kind.CREDIT_NOTE, CreditNote)):
            numbers = {str(row["document"]) for row in rows if row.get("kind") == kind.value}
            for each in model.objects.filter(number__in=numbers) if numbers else ():
                self._found[kind.value, each.number] = each
        self._find_by_reference(names)
        references = ExternalReference.objects.filter(
            connection=connection,
            kind__in={kind for kind, _ in self._found},
            subject_id__in={each.pk for each in self._found.values()},
        )
        self._references = {(each.kind, each.subject_id): each for each in references}
        items = OutboxItem.objects.filter(
            connection=connection,
            kind__in={kind for kind, _ in self._found},
            subject_id__in={each.pk for each in self._found.values()},
        )
        self._items = {(each.kind, each.subject_id): each for each in items}
        self._has_documents = any(row["kind"] != "account" for row in rows)

    def _find_by_reference(self, names: Sequence[str]) -> None:
        """Find what has no number of its own and is named by our reference: payments, refunds, disputes, write-offs."""
        referred = re.compile(rf"{re.escape(self._connection.reference_prefix)}-([A-Z]{{1,2}})(\d{{1,18}})")
        wanted: dict[Kind, dict[int, str]] = defaultdict(dict)
        for name in names:
            if (match := referred.fullmatch(name)) and (kind := BY_LETTERS.get(match[1])):
                wanted[kind][int(match[2])] = name
        for kind, by_id in wanted.items():
            for pk, each in MODELS[kind].objects.in_bulk(by_id).items():
                self._found[kind.value, by_id[pk]] = each

    def link(self, row: dict[str, Any]) -> object:
        """Link to our document."""
        found = self._found.get((row["kind"], row["document"]))
        if isinstance(found, WalletDraw | WalletEntry):
            wallet = found.entry.wallet if isinstance(found, WalletDraw) else found.wallet
            return link(wallet, row["document"])
        if isinstance(found, PaymentAllocation):
            return link(found.payment, row["document"])
        return link(found, row["document"]) if found is not None else row["document"]

    def theirs(self, row: dict[str, Any]) -> object:
        """Give the ERP's id, linked to its page where that is known."""
        found = self._found.get((row["kind"], row["document"]))
        reference = self._references.get((row["kind"], found.pk)) if found is not None else None
        if reference is not None and row.get("erp_id") in (None, "", reference.external_id):
            return their_document(reference, with_ours=False)
        return row.get("erp_id") or NONE

    def mend(self, row: dict[str, Any]) -> object:
        """Link to where the difference is mended, or say in words where that is not here."""
        cause, connection = row["cause"], self._connection
        if cause in _BY_VERB:
            verb, words = _BY_VERB[cause]
            return to(reverse(f"admin:integrations_connection_{verb}", args=[connection.pk]), words)
        if cause == files.NOT_IMPORTED:
            return to(change_url(Connection, connection.pk), "Look at the files")
        if cause == findings.WAITS_FOR_SUM:
            return link(connection, "Sent when the period is over")
        if row["kind"] == "account":
            if "(not mapped)" in row["document"]:
                return to(mapping_url(connection), "Map the account")
            return "follows from the others" if self._has_documents else "in the ERP"
        if row["kind"] == "customer":
            return "in the ERP: look at the customer's ledger"
        if cause in (findings.ERP_MADE, findings.TWICE, findings.UNKNOWN, findings.OTHER, findings.OTHER_MODE):
            return "in the ERP: delete or void it"
        return self._item_link(row, cause)

    def _item_link(self, row: dict[str, Any], cause: str) -> object:
        """Link to what can be done about a document that we sent, or were to send."""
        found = self._found.get((row["kind"], row["document"]))
        item = self._items.get((row["kind"], found.pk)) if found is not None else None
        if item is None:
            url = outbox_url(connection=self._connection.pk, q=row["document"])
            return to(url, "Look at the item")
        sent_as = as_sent(Kind(item.kind))
        if item.state == OutboxState.DELIVERED:
            if cause == findings.VOIDED and sent_as in _VOIDABLE:
                return link(found, "Void it here")
            if cause in (findings.DELETED, findings.GONE, findings.VOIDED):
                return to(verb_url(item, "send_anew"), "Send anew")
            if sent_as in base.get(self._connection.erp).corrects:
                return to(verb_url(item, "correct"), "Set it right there")
            return link(item, "Delete it there, then send anew")
        return link(item, "Look at the item")


def verb_url(item: OutboxItem, verb: str) -> str:
    """Give the page that asks before something is done with an item."""
    return reverse(f"admin:integrations_outboxitem_{verb}", args=[item.pk])


class Theirs:
    """Names of the ERP's accounts and customers, for the ids that differences show."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._names: dict[tuple[str, str], str] = {}

    def read(self, rows: Sequence[dict[str, Any]]) -> "Theirs":
        """Read the names that some rows need, in one query."""
        shown = [value for row in rows for value in (row.get("ours"), row.get("theirs"), row.get("erp_id"))]
        ids = {
            each for value in shown for each in (value if isinstance(value, dict) else [value]) if isinstance(each, str)
        }
        records = ErpRecord.objects.filter(
            connection=self._connection, kind__in=(RecordKind.ACCOUNT, RecordKind.CUSTOMER), external_id__in=ids
        )
        self._names = {(each.kind, each.external_id): str(each) for each in records}
        return self

    def account(self, external_id: str) -> str:
        """Give an account's name, else its id."""
        return self._names.get((RecordKind.ACCOUNT, external_id), external_id)

    def show(self, row: dict[str, Any], side: str) -> object:
        """Show one side of a difference: an amount, a date, a name, or amounts by account or document."""
        value = row.get(side)
        if isinstance(value, dict):
            is_journal = row["kind"] == Kind.JOURNAL_ENTRY.value
            parts = [(self.account(key) if is_journal else f"document {key}", each) for key, each in value.items()]
            lines = ((name, in_groups(amount)) for name, amount in parts)
            return (
                format_html_join("", '<div class="cf-part">{} <span class="cf-amount">{}</span></div>', lines)
                or "nothing"
            )
        if row.get("detail") == "The customer differs.":
            return self._names.get((RecordKind.CUSTOMER, str(value)), value) or "not mapped"
        if _DAY.fullmatch(str(value or "")):
            return day(date.fromisoformat(str(value)))
        return NONE if value in (None, "") else in_groups(value)


def in_groups(value: Any) -> str:
    """Show an amount with its thousands apart; anything else as it is."""
    text = str(value)
    return f"{Decimal(text):,f}" if _AMOUNT.fullmatch(text) else text


def sentence(words: str) -> str:
    """Begin with a capital, and leave names such as ERP alone."""
    return words[:1].upper() + words[1:]


def causes_url(reconciliation: Reconciliation, cause: str) -> str:
    """Give the address of a reconciliation's page with one cause's differences only."""
    return f"{change_url(Reconciliation, reconciliation.pk)}?{urlencode({'cause': cause})}"
