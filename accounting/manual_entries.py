"""Manual entries: drafted, submitted, approved by a second person and posted; repeated and reversed by the clock."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count, takewhile
from typing import Any

from django.db import transaction

from accounting.currency.rates import MissingRate, Pair, rates_for
from accounting.events import ManualEntryApproved, ManualLine
from accounting.models import (
    Account,
    AccountingPeriod,
    JournalEntry,
    ManualEntry,
    ManualEntryLine,
    ManualEntryStatus,
    PeriodStatus,
)
from accounting.periods import hold_month
from accounting.reversing import publish_reversals
from billing.events import head_of
from billing.models import BusinessEntity
from billing.money import format_money, round_money
from billing.periods import add_months, day_words, first_of_month, first_of_next_month
from billing.publishing import publish

ZERO = Decimal(0)
# Kept by documents and schedules: an entry by hand would make them disagree with their sub-ledger.
CONTROL_ROLES = frozenset(
    {
        "accounts_receivable.customers",
        "contra_accounts_receivable.customers",
        "accounts_receivable.payment_gateways",
        "contra_accounts_receivable.payment_gateways",
        "unapplied_payments",
        "customer_wallet",
        "deferred_revenue",
        "unbilled_revenue",
    }
)
_MOST_LINES = 1000


class ManualEntryError(ValueError):
    """A manual entry cannot be taken; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLine:
    """One side of an entry to write: debit or credit, in the currency of the entry."""

    account: Account
    debit: Decimal = ZERO
    credit: Decimal = ZERO
    customer_id: int | None = None
    contract_id: int | None = None
    product_id: int | None = None


@transaction.atomic
def save_draft(*, entry: ManualEntry, lines: Sequence[NewLine], by: Any) -> ManualEntry:
    """Write a new draft, or write an existing one anew. Raises ManualEntryError for what could never be posted.

    An entry without a currency is in the base currency of its books; one in another is posted at the rate of its day.
    """
    if entry.pk:
        stored = ManualEntry.objects.select_for_update(no_key=True).get(pk=entry.pk)
        if stored.status != ManualEntryStatus.DRAFT:
            raise ManualEntryError(f"{entry} is {stored.get_status_display().lower()} and can no longer be edited.")
        entry.authors = stored.authors
    entry.currency = entry.currency or entry.business_entity.base_currency
    entry.authors = sorted({*(entry.authors or []), by.pk})
    entry.created_by_id = entry.created_by_id or by.pk
    entry.status = ManualEntryStatus.DRAFT
    _check_head(entry)
    _check_lines(entry, lines)
    entry.save()
    entry.lines.all().delete()
    ManualEntryLine.objects.bulk_create(
        ManualEntryLine(
            tenant_id=entry.tenant_id,
            entry=entry,
            position=position,
            account=line.account,
            debit=line.debit,
            credit=line.credit,
            customer_id=line.customer_id,
            contract_id=line.contract_id,
            product_id=line.product_id,
        )
        for position, line in enumerate(lines, start=1)
    )
    return entry


@transaction.atomic
def delete_draft(*, entry_id: int) -> None:
    """Remove a draft. Raises ManualEntryError once it is submitted."""
    entry = _lock(entry_id, ManualEntryStatus.DRAFT, "deleted")
    entry.attachments.all().delete()
    entry.delete()


@transaction.atomic
def submit(*, entry_id: int, by: Any, at: datetime) -> ManualEntry:
    """Ask a second person to approve a draft; from now on it stands still."""
    entry = _lock(entry_id, ManualEntryStatus.DRAFT, "submitted")
    _check_open(entry)
    entry.status, entry.submitted_by, entry.submitted_at = ManualEntryStatus.SUBMITTED, by, at
    entry.returned_reason = ""
    entry.save(update_fields=["status", "submitted_by", "submitted_at", "returned_reason"])
    return entry


@transaction.atomic
def send_back(*, entry_id: int, reason: str) -> ManualEntry:
    """Give a submitted entry back to be edited. Raises ManualEntryError without a reason."""
    entry = _lock(entry_id, ManualEntryStatus.SUBMITTED, "sent back")
    if not reason.strip():
        raise ManualEntryError("Say what is to be changed.")
    entry.status, entry.submitted_by, entry.submitted_at = ManualEntryStatus.DRAFT, None, None
    entry.returned_reason = reason.strip()
    entry.save(update_fields=["status", "submitted_by", "submitted_at", "returned_reason"])
    return entry


def is_own(entry: ManualEntry, by: Any) -> bool:
    """Say whether a person wrote, changed or submitted an entry, so that somebody else must approve it."""
    return by.pk in entry.authors or by.pk == entry.submitted_by_id


@transaction.atomic
def approve(*, entry_id: int, by: Any, at: datetime) -> ManualEntry:
    """Approve a submitted entry and post it.

    Raises ManualEntryError when the approver wrote, changed or submitted it, when its month is closed by now, when an account
    has been deactivated, or when there is no exchange rate for its day.
    """
    entry = _lock(entry_id, ManualEntryStatus.SUBMITTED, "approved")
    if is_own(entry, by):
        raise ManualEntryError("You wrote or submitted this entry. Somebody else must approve it.")
    hold_month(entry.business_entity_id, entry.date)
    _check_open(entry)
    lines = list(entry.lines.select_related("account").order_by("position"))
    _check_accounts(entry, [line.account for line in lines])
    _check_rates(entry, [entry.date])
    entry.status, entry.approved_by, entry.approved_at = ManualEntryStatus.POSTED, by, at
    entry.save(update_fields=["status", "approved_by", "approved_at"])
    publish([_approved(entry, lines)])
    return entry


@transaction.atomic
def stop_repeating(*, entry_id: int, after: date) -> ManualEntry:
    """Let a posted entry not be repeated beyond a day."""
    entry = _lock(entry_id, ManualEntryStatus.POSTED, "stopped")
    if not entry.repeat:
        raise ManualEntryError(f"{entry} is not repeated.")
    entry.repeat_until = max(after, entry.date)
    entry.save(update_fields=["repeat_until"])
    return entry


@dataclass(slots=True)
class ScheduledRun:
    """What the clock posted, and why it left a series alone."""

    repeated: int = 0
    reversed: int = 0
    refused: list[str] = field(default_factory=list)


@transaction.atomic
def post_scheduled(*, business_entity_id: int, through: date) -> ScheduledRun:
    """Post the repetitions and reversals that are due up to and including a day. Run again it posts the difference only.

    What is due in a closed month is posted on the first open day and says so. A series with an account that can no longer
    be posted to is left alone, with the reason.
    """
    run = ScheduledRun()
    # One at a time per entity: what a second process would post is there when it gets its turn.
    BusinessEntity.objects.select_for_update(of=("self",), no_key=True).get(pk=business_entity_id)
    posted = ManualEntry.objects.filter(business_entity=business_entity_id, status=ManualEntryStatus.POSTED)
    for original in posted.filter(repeat__gt=0, series=None).order_by("pk"):
        try:
            run.repeated += _repeat(original, through)
        except ManualEntryError as error:
            run.refused.append(f"{original}: {error}")
    due = _due_reversals(business_entity_id, through)
    publish_reversals(due, reason="Reversed by itself, as approved")
    run.reversed = len(due)
    return run


def due_count(*, business_entity_id: int, through: date) -> int:
    """Count the repetitions and reversals that `post_scheduled` would post."""
    posted = ManualEntry.objects.filter(business_entity=business_entity_id, status=ManualEntryStatus.POSTED)
    repeating = posted.filter(repeat__gt=0, series=None)
    repetitions = sum(len(_missing_dates(original, through)) for original in repeating)
    return repetitions + len(_due_reversals(business_entity_id, through))


def _lock(entry_id: int, wanted: ManualEntryStatus, verb: str) -> ManualEntry:
    found = ManualEntry.objects.select_for_update(of=("self",), no_key=True).select_related("business_entity")
    entry = found.filter(pk=entry_id).first()
    if entry is None:
        raise ManualEntryError("There is no such manual entry.")
    if entry.status != wanted:
        raise ManualEntryError(f"{entry} is {entry.get_status_display().lower()}; it cannot be {verb}.")
    return entry


def _check_head(entry: ManualEntry) -> None:
    if entry.reverse_on and entry.reverse_on <= entry.date:
        raise ManualEntryError("It is reversed on a later day than it is dated.")
    if entry.repeat_until and not entry.repeat:
        raise ManualEntryError("Say how often it is posted, or leave “last time by” empty.")
    if entry.repeat_until and entry.repeat_until < entry.date:
        raise ManualEntryError("The last time cannot lie before the first.")
    _check_open(entry)


def _check_open(entry: ManualEntry) -> None:
    closed = AccountingPeriod.objects.filter(business_entity=entry.business_entity_id, status=PeriodStatus.CLOSED)
    last = closed.order_by("-start").first()
    if last and entry.date < last.end:
        raise ManualEntryError(
            f"{first_of_month(entry.date):%B %Y} is closed. Date the entry from {day_words(last.end)} on."
        )


def _check_lines(entry: ManualEntry, lines: Sequence[NewLine]) -> None:
    if not 2 <= len(lines) <= _MOST_LINES:
        raise ManualEntryError(f"An entry has two lines or more, up to {_MOST_LINES:,}.")
    for position, line in enumerate(lines, start=1):
        if min(line.debit, line.credit) < 0 or bool(line.debit) == bool(line.credit):
            raise ManualEntryError(f"Line {position}: write an amount above zero as debit or as credit, not both.")
        for amount in (line.debit, line.credit):
            if amount != round_money(amount, entry.currency):
                raise ManualEntryError(f"Line {position}: {amount} has more decimals than {entry.currency} has.")
    _check_accounts(entry, [line.account for line in lines])
    difference = sum((line.debit - line.credit for line in lines), ZERO)
    if difference:
        side = "debits" if difference > 0 else "credits"
        raise ManualEntryError(
            f"The {side} are {format_money(abs(difference), entry.currency)} more. Both must be equal."
        )


def _check_accounts(entry: ManualEntry, accounts: Sequence[Account]) -> None:
    for position, account in enumerate(accounts, start=1):
        if account.business_entity_id != entry.business_entity_id:
            raise ManualEntryError(f"Line {position}: {account} belongs to the books of another entity.")
        if account.is_group or not account.is_active:
            what = "groups others" if account.is_group else "is deactivated"
            raise ManualEntryError(f"Line {position}: {account} {what}; choose another.")
        if account.role in CONTROL_ROLES:
            raise ManualEntryError(
                f"Line {position}: {account} is kept by invoices, payments and revenue schedules, and must agree with them. "
                "Correct the document, or reverse the entry, instead."
            )


def _check_rates(entry: ManualEntry, days: Iterable[date]) -> None:
    base = entry.business_entity.base_currency
    if entry.currency == base:
        return
    pairs = [Pair(entry.currency, base, day) for day in days]
    rates = rates_for(pairs)
    try:
        for pair in pairs:
            rates.of(pair)
    except MissingRate as error:
        raise ManualEntryError(str(error)) from error


def _approved(entry: ManualEntry, lines: Sequence[ManualEntryLine]) -> ManualEntryApproved:
    return ManualEntryApproved(
        **head_of(entry, on=entry.date, key=entry.pk),
        manual_entry_id=entry.pk,
        description=entry.description,
        approved_by=str(entry.approved_by),
        lines=tuple(
            ManualLine(
                account_id=line.account_id,
                debit=line.debit,
                credit=line.credit,
                customer_id=line.customer_id,
                contract_id=line.contract_id,
                product_id=line.product_id,
            )
            for line in lines
        ),
    )


def next_repetition(original: ManualEntry) -> date | None:
    """Give the day of the next repetition that is not posted yet, due or to come; none where there is no further one."""
    return next(_unposted_dates(original), None) if original.repeat else None


def _unposted_dates(original: ManualEntry) -> Iterator[date]:
    known = set(original.occurrences.values_list("date", flat=True))
    # A month's last day stays a last day: 31 January, 28 February, 31 March.
    anchor = 31 if original.date + timedelta(days=1) == first_of_next_month(original.date) else original.date.day
    for months in count(original.repeat, original.repeat):
        day = add_months(original.date, months, anchor_day=anchor)
        if original.repeat_until and day > original.repeat_until:
            return
        if day not in known:
            yield day


def _missing_dates(original: ManualEntry, through: date) -> list[date]:
    return list(takewhile(lambda day: day <= through, _unposted_dates(original)))


def _repeat(original: ManualEntry, through: date) -> int:
    dates = _missing_dates(original, through)
    if not dates:
        return 0
    lines = list(original.lines.select_related("account").order_by("position"))
    _check_accounts(original, [line.account for line in lines])
    _check_rates(original, dates)
    events = []
    for day in dates:
        copy = ManualEntry.objects.create(
            business_entity_id=original.business_entity_id,
            date=day,
            currency=original.currency,
            description=original.description,
            note=original.note,
            status=ManualEntryStatus.POSTED,
            reverse_on=_moved(original, day),
            series=original,
            authors=original.authors,
            created_by_id=original.created_by_id,
            submitted_by_id=original.submitted_by_id,
            submitted_at=original.submitted_at,
            approved_by_id=original.approved_by_id,
            approved_at=original.approved_at,
        )
        for line in lines:
            line.pk, line.entry = None, copy
        ManualEntryLine.objects.bulk_create(lines)
        events.append(_approved(copy, lines))
    publish(events)
    return len(dates)


def _moved(original: ManualEntry, day: date) -> date | None:
    if original.reverse_on is None:
        return None
    if original.reverse_on == first_of_next_month(original.date):
        return first_of_next_month(day)
    return day + (original.reverse_on - original.date)


def _due_reversals(business_entity_id: int, through: date) -> list[tuple[JournalEntry, date]]:
    """Give the posted entries that should be reversed by a day and are not, with the day of each."""
    due = {
        str(pk): day
        for pk, day in ManualEntry.objects.filter(
            business_entity=business_entity_id, status=ManualEntryStatus.POSTED, reverse_on__lte=through
        ).values_list("pk", "reverse_on")
        if day
    }
    standing = JournalEntry.objects.filter(
        event__kind=ManualEntryApproved.kind, event__key__in=list(due), reverses=None, reversed_by=None
    ).select_related("event")
    return [(entry, due[entry.event.key]) for entry in standing.order_by("id")]
