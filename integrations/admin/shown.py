"""How the ERP's things look: moments, modes, and links to what an item is about."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.utils.html import format_html

from accounting.models import JournalEntry
from billing.admin.shown import NONE, link, list_url, to
from billing.models import (
    BusinessEvent,
    CreditNote,
    Customer,
    Dispute,
    Invoice,
    Payment,
    PaymentAllocation,
    Product,
    Refund,
    WalletDraw,
    WalletEntry,
    WriteOff,
)
from billing.money import format_money
from billing.periods import day_words
from billing.publishing import event_kinds
from integrations.connectors import base
from integrations.documents import Kind
from integrations.models import Connection, ExternalReference, JournalSummary, OutboxItem, SyncMode

_LETTERS = re.compile(r"(?:\\u(?:00[89a-f]|0[1-9a-f][0-9a-f]|[1-9a-f][0-9a-f]{2})[0-9a-f])+")
MODELS: dict[str, type[Any]] = {
    Kind.CUSTOMER: Customer,
    Kind.PRODUCT: Product,
    Kind.JOURNAL_ENTRY: JournalEntry,
    Kind.JOURNAL_SUMMARY: JournalSummary,
    Kind.INVOICE: Invoice,
    Kind.INVOICE_VOID: Invoice,
    Kind.CREDIT_NOTE: CreditNote,
    Kind.CREDIT_ALLOCATION: CreditNote,
    Kind.CREDIT_NOTE_VOID: CreditNote,
    Kind.PAYMENT: Payment,
    Kind.PAYMENT_VOID: Payment,
    Kind.REFUND: Refund,
    Kind.WRITE_OFF: WriteOff,
    Kind.WRITE_OFF_ALLOCATION: WriteOff,
    Kind.WALLET_BONUS: WalletEntry,
    Kind.WALLET_BONUS_USE: WalletEntry,
    Kind.WALLET_PAYMENT: WalletDraw,
    Kind.WALLET_CREDIT: WalletDraw,
    Kind.WALLET_REFUND: WalletDraw,
    Kind.RECOVERY: BusinessEvent,
    Kind.REFUND_LOSS: Refund,
    Kind.DISPUTE: Dispute,
    Kind.DISPUTE_FEE: Dispute,
    Kind.DISPUTE_REFUND: Dispute,
    Kind.DISPUTE_WON: Dispute,
    Kind.DISPUTE_FEE_WON: Dispute,
    Kind.DISPUTE_RETURN: Dispute,
    Kind.PAYMENT_UPDATE: PaymentAllocation,
    Kind.WITHHELD: PaymentAllocation,
    Kind.WITHHELD_VOID: PaymentAllocation,
    Kind.WITHHELD_LOSS: PaymentAllocation,
    Kind.WITHHELD_LOSS_USE: PaymentAllocation,
    Kind.WITHHELD_LOSS_VOID: PaymentAllocation,
}


def erp_name(code: str) -> str:
    """Give an ERP's name as people know it."""
    return dict(base.choices()).get(code, code)


def sends(connection: Connection) -> str:
    """Say in a few words what a connection sends."""
    if connection.sync_mode == SyncMode.JOURNAL_ENTRIES:
        return "Journal entries"
    return "Invoices, credit notes and payments" if connection.send_payments else "Invoices and credit notes"


def outbox_url(*, connection: int | None = None, kind: str = "", state: str = "", q: str = "") -> str:
    """Give the address of the outbox, narrowed down as its own filters and search do it."""
    given = {"connection": connection, "kind__exact": kind, "state__exact": state, "q": q}
    return list_url(OutboxItem, urlencode({name: value for name, value in given.items() if value}))


def their_document(reference: ExternalReference | None, *, with_ours: bool = True) -> object:
    """Show where a document is in the ERP, linked to it where the vendor has a page."""
    if reference is None:
        return NONE
    text = f"{reference.external_id} (our reference {reference.reference})" if with_ours else reference.external_id
    if not reference.url.startswith(("https://", "http://")):
        return text
    return format_html('<a class="cf-link" href="{}" rel="noreferrer" target="_blank">{}</a>', reference.url, text)


class Subjects:
    """What items are about, by kind and id: one query for each model among them."""

    def __init__(self, pairs: Iterable[tuple[str, int]]) -> None:
        wanted: dict[type[Any], set[int]] = defaultdict(set)
        for kind, subject_id in pairs:
            wanted[MODELS[kind]].add(subject_id)
        self._found = {model: self._read(model, ids) for model, ids in wanted.items()}

    def _read(self, model: type[Any], ids: set[int]) -> dict[int, Any]:
        rows = model.objects.all()
        if model is PaymentAllocation:
            rows = rows.select_related("payment", "invoice")
        if model is WalletEntry:
            rows = rows.select_related("wallet__customer")
        if model is WalletDraw:
            rows = rows.select_related("entry__wallet__customer", "source")
        return rows.in_bulk(ids)

    def show(self, kind: str, subject_id: int) -> object:
        """Link to the page of what an item is about; what is gone is shown as its number."""
        found = self._found.get(MODELS[kind], {}).get(subject_id)
        if isinstance(found, PaymentAllocation):
            return link(found.payment, f"{found.payment} to {found.invoice}")
        if isinstance(found, WalletEntry):
            return link(found.wallet, f"{found.wallet}: {found}")
        if isinstance(found, WalletDraw):
            money = format_money(found.amount.amount, found.currency)
            return link(found.entry.wallet, f"{found.entry.wallet}: {found.entry}, {money}")
        if isinstance(found, BusinessEvent):
            return link(found, f"{event_kinds()[found.kind].label} {day_words(found.occurred_on)}")
        return link(found) if found is not None else f"{subject_id}"


def count_link(count: int, url: str) -> object:
    """Show a count that leads to what it counts; zero leads nowhere."""
    return to(url, f"{count:,}") if count else "0"


def indented(text: str) -> str:
    """Break a body in JSON into lines for people to read, with letters for their codes. Other texts are left as they are."""
    if not text.startswith(("{", "[")):
        return text
    text = _LETTERS.sub(lambda found: json.loads(f'"{found[0]}"'), text)
    shown: list[str] = []
    depth, quoted, escaped = 0, False, False
    for character in text:
        if not quoted and character in "}]":
            depth -= 1
            shown.append("\n" + "  " * depth)
        shown.append(character)
        if quoted:
            quoted, escaped = character != '"' or escaped, character == "\\" and not escaped
        elif character == '"':
            quoted = True
        elif character in "{[,":
            depth += character != ","
            shown.append("\n" + "  " * depth)
        elif character == ":":
            shown.append(" ")
    return "".join(shown)
