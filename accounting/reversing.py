"""Reversals that persons ask for, and those that the clock brings: the mirror image of a posted entry, on another day."""

from collections.abc import Sequence
from datetime import date

from django.db import transaction

from accounting.by_hand import AlreadyReversed
from accounting.events import EntryReversed
from accounting.models import AccountingPeriod, JournalEntry, PeriodStatus
from accounting.periods import hold_month
from billing.events import head_of
from billing.periods import day_words
from billing.publishing import publish


class ReversalRefused(ValueError):
    """An entry cannot be reversed like this; the text says why."""


_LONGEST = 185  # leaves room for the note of a late posting


@transaction.atomic
def reverse_entry(*, entry_id: int, on: date, reason: str) -> None:
    """Post the mirror image of an entry, by rule or by hand. Raises ReversalRefused, AlreadyReversed.

    The document behind an entry stays what it is: a wrong invoice is voided or credited, which reverses by itself.
    """
    # The row of the original is what two people who reverse at once wait for.
    entry = (
        JournalEntry.objects.select_for_update(of=("self",), no_key=True)
        .select_related("event")
        .filter(pk=entry_id)
        .first()
    )
    if entry is None:
        raise ReversalRefused("There is no such journal entry.")
    if entry.reverses_id:
        raise ReversalRefused(f"{entry} is a reversal itself. Write what should stand as a new entry.")
    if JournalEntry.objects.filter(reverses=entry).exists():
        raise AlreadyReversed(f"{entry} is reversed already.")
    if not reason.strip():
        raise ReversalRefused("Say why the entry is reversed; an auditor will ask.")
    if on < entry.date:
        raise ReversalRefused(f"{entry} is dated {day_words(entry.date)}; reverse it on that day or later.")
    hold_month(entry.business_entity_id, on)
    closed = AccountingPeriod.objects.filter(business_entity=entry.business_entity_id, status=PeriodStatus.CLOSED)
    last = closed.order_by("-start").first()
    if last and on < last.end:
        raise ReversalRefused(f"{on:%B %Y} is closed. Reverse the entry on {day_words(last.end)} or later.")
    publish_reversals([(entry, on)], reason=reason.strip())


def publish_reversals(entries: Sequence[tuple[JournalEntry, date]], *, reason: str) -> None:
    """Publish that entries are reversed, each on its day; posting follows. In the caller's transaction."""
    publish(
        [
            EntryReversed(
                **head_of(entry, on=on, key=f"{entry.event_id}:{entry.part}"),
                reversed_event_id=entry.event_id,
                reversed_part=entry.part,
                description=f"{entry.description[: _LONGEST - 12]}: reversal",
                reason=reason,
            )
            for entry, on in entries
        ]
    )
