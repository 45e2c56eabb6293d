"""The only door into the journal: drafts in, posted entries out, in the caller's transaction.

Balance, append-only and closed periods are enforced by the database (migration `0003_journal`); what is checked here is
checked for the sake of a better message.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounting.books import Books
from accounting.currency.conversion import in_base
from accounting.engine import Draft
from accounting.models import EntryKind, JournalEntry, JournalLine, entry_number
from accounting.periods import PostingDates
from billing.bulk import insert_rows, reserve_ids
from billing.events import Event
from billing.tenancy import current_tenant_id

_ENTRY_COLUMNS = (
    "id", "tenant_id", "business_entity_id", "date", "currency", "kind", "description", "event_id", "part",
    "rule_version_id", "reverses_id", "line_count", "posted_at",
)  # fmt: skip
_LINE_COLUMNS = (
    "tenant_id", "business_entity_id", "entry_id", "position", "date", "account_id", "currency",
    "debit", "credit", "base_debit", "base_credit", "role", "resolved_by",
    "customer_id", "contract_id", "contract_item_id", "product_id", "invoice_id", "credit_note_id", "payment_id",
    "tax_rate_id", "refund_id", "obligation_id",
)  # fmt: skip
# So many entries at a time go off while the next are put together.
_SLICE = 500
_STANDARD, _REVERSAL, _MANUAL = EntryKind.STANDARD.value, EntryKind.REVERSAL.value, EntryKind.MANUAL.value


class UnbalancedDraft(ValueError):
    """A draft's debits and credits differ; nothing of the batch was posted."""


@dataclass(frozen=True, slots=True)
class PostedEntry:
    """What others need to know of a fresh entry."""

    id: int
    business_entity_id: int
    date: date
    currency: str
    event_kind: str

    @property
    def number(self) -> str:
        return entry_number(self.id)


def post(drafts: Sequence[Draft], books: Books, *, parts: dict[int, int] | None = None) -> list[PostedEntry]:
    """Post balanced drafts: entries and lines, set-wise.

    An event dated in a closed period goes to the first day of the first open one. Raises UnbalancedDraft,
    MissingRate, RoleWithoutAccount; then nothing is posted. The same event and part again raises IntegrityError;
    `parts` is the last part of events that have entries already.
    """
    if not drafts:
        return []
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("Entries are posted inside the transaction of their event.")
    tenant_id = current_tenant_id()
    drafts = in_base(drafts, books)
    dates = PostingDates.for_events([draft.event for draft in drafts], books.period_status)
    now = timezone.now()  # Read while the months are held: by it a replay tells what came before a month was reopened.
    hierarchy = books.hierarchy.for_batch(line.dimensions for draft in drafts for line in draft.lines)
    entry_ids = reserve_ids(JournalEntry, len(drafts))
    entries, lines, posted = [], [], []
    parts = {} if parts is None else parts
    for draft, entry_id in zip(drafts, entry_ids, strict=True):
        event = draft.event
        _check(draft)
        entity_id, currency = event.business_entity_id, event.currency
        day = dates.of(event)
        assert event.event_id is not None
        part = parts[event.event_id] = parts.get(event.event_id, -1) + 1
        kind = _kind(draft)
        description = described(draft.description, event, day)
        entries.append(
            (
                entry_id,
                tenant_id,
                entity_id,
                day,
                currency,
                kind,
                description,
                event.event_id,
                part,
                draft.rule_version_id,
                draft.reverses_id,
                len(draft.lines),
                now,
            )
        )
        for position, line in enumerate(draft.lines, start=1):
            account_id, resolved_by = line.account_id, line.resolved_by
            if account_id is None:
                account_id, resolved_by = hierarchy.resolve(
                    role=line.role, business_entity_id=entity_id, currency=currency, dimensions=line.dimensions
                )
            about = line.dimensions
            base_debit, base_credit = line.base_debit, line.base_credit
            lines.append(
                (
                    tenant_id,
                    entity_id,
                    entry_id,
                    position,
                    day,
                    account_id,
                    currency,
                    line.debit,
                    line.credit,
                    line.debit if base_debit is None else base_debit,
                    line.credit if base_credit is None else base_credit,
                    line.role,
                    resolved_by,
                    about.customer_id,
                    about.contract_id,
                    about.contract_item_id,
                    about.product_id,
                    about.invoice_id,
                    about.credit_note_id,
                    about.payment_id,
                    about.tax_rate_id,
                    about.refund_id,
                    about.obligation_id,
                )
            )
        posted.append(PostedEntry(entry_id, entity_id, day, currency, event.kind))
        if len(entries) == _SLICE:
            _write(entries, lines)
            entries, lines = [], []
    _write(entries, lines)
    return posted


def described(description: str, event: Event, day: date) -> str:
    """Give an entry's description; one that is late says so."""
    if day == event.occurred_on:
        return description
    return f"{description} (of {event.occurred_on}, whose period is closed)"


def _write(entries: list[tuple[Any, ...]], lines: list[tuple[Any, ...]]) -> None:
    insert_rows(JournalEntry, _ENTRY_COLUMNS, entries)
    insert_rows(JournalLine, _LINE_COLUMNS, lines)


def _kind(draft: Draft) -> str:
    if draft.reverses_id is not None:
        return _REVERSAL
    return _MANUAL if draft.rule_version_id is None else _STANDARD


def _check(draft: Draft) -> None:
    difference = Decimal(0)
    for line in draft.lines:
        difference += line.debit - line.credit
    if difference:
        raise UnbalancedDraft(f"“{draft.description}” is out of balance by {abs(difference)} {draft.event.currency}.")
