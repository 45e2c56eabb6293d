"""Events that no rule spoke of: kept as they were measured, and posted when a rule exists, by the only door.

Posting is dated as a late event is: on the day of the event, or on the first open day where its month is closed.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Max

from accounting import signals
from accounting.books import Books, books
from accounting.engine import Dimensions, MeasuredEvent, RuleBook, Unit, draft_entries
from accounting.measures import MEASURES, WITHOUT_STATE
from accounting.mirroring import draft_reversals
from accounting.models import JournalEntry, UnmatchedEvent
from accounting.posting import PostedEntry, post
from billing.events import Event
from billing.models import BusinessEvent
from billing.publishing import event_kinds, stored_event

_CHUNK = 500


@dataclass(slots=True)
class LatePosting:
    """What came of posting events that had waited: events taken off the list, entries posted, events still waiting."""

    events: int = 0
    entries: int = 0
    waiting: int = 0


def keep(measured: Sequence[MeasuredEvent], unmatched: Sequence[Event]) -> None:
    """List the events of a batch that no rule spoke of, as they were measured."""
    waiting = {id(event) for event in unmatched}
    UnmatchedEvent.objects.bulk_create(
        UnmatchedEvent(tenant_id=each.event.tenant_id, event_id=each.event.event_id or 0, measured=_written(each))
        for each in measured
        if id(each.event) in waiting
    )


def last_listed() -> int:
    """Give a mark of how far the list of unmatched events goes, for `waiting_since`."""
    return UnmatchedEvent.objects.aggregate(last=Max("pk"))["last"] or 0


def waiting_since(mark: int, *, kinds: Sequence[str]) -> int:
    """Count events of these kinds that were listed after the mark and wait."""
    return UnmatchedEvent.objects.filter(pk__gt=mark, event__kind__in=kinds, posted_at=None).count()


def post_unmatched(*, at: datetime, by: Any = None, ids: Sequence[int] | None = None) -> LatePosting:
    """Post waiting events by the rules of today; all, or those with these ids. Done again, it finds nothing to do.

    An event that still no rule speaks of goes on waiting. Works in transactions of some hundred events.
    """
    outcome, after = LatePosting(), 0
    while True:
        with transaction.atomic():
            waiting = UnmatchedEvent.objects.filter(posted_at=None, pk__gt=after).order_by("pk")
            if ids is not None:
                waiting = waiting.filter(pk__in=ids)
            rows = list(waiting.select_for_update(of=("self",), no_key=True).select_related("event")[:_CHUNK])
            if not rows:
                return outcome
            after = rows[-1].pk
            entries = post_rows(rows, at=at, by=by)
            done = [row for row in rows if row.posted_at]
            outcome.events += len(done)
            outcome.entries += len(entries)
            outcome.waiting += len(rows) - len(done)
            _announce([row.event.kind for row in done], entries)


def post_rows(
    rows: Sequence[UnmatchedEvent], *, at: datetime, by: Any = None, rules: RuleBook | None = None
) -> list[PostedEntry]:
    """Post these events, as far as a rule speaks of them, and take those off the list. `rules`: others than the books' own."""
    current = books()
    rules = rules or current.rules
    measured = [each for row in rows if (each := _read(row, current)) is not None]
    drafts, unmatched = draft_entries(measured, rules)
    waiting = {event.event_id for event in unmatched}
    matched = [each.event for each in measured if each.event.event_id not in waiting]
    # Where a rule mirrors entries, that was done when the event was booked, whatever its conditions say.
    entries = post([*draft_reversals(matched, rules), *drafts], current, parts=_last_parts(matched))
    undone = _undone_since(matched, current)
    entries += post(draft_reversals(undone, rules), current, parts=_last_parts(undone))
    found = {event.event_id for event in matched}
    for row in rows:
        if row.event_id in found:
            row.posted_at, row.posted_by = at, by
    UnmatchedEvent.objects.bulk_update([row for row in rows if row.posted_at], ["posted_at", "posted_by"])
    return entries


def _last_parts(events: Sequence[Event]) -> dict[int, int]:
    entries = JournalEntry.objects.filter(event__in=[event.event_id for event in events]).order_by()
    return dict(entries.values("event").annotate(last=Max("part")).values_list("event", "last"))


def _undone_since(events: Sequence[Event], current: Books) -> list[Event]:
    """Give the events that undid these while they waited (an invoice was voided): their mirrored entries were not there."""
    keys = {(event.kind, event.key) for event in events}
    mirroring = {
        (rule.reverses, kind) for kind, rules in current.rules.rules.items() for rule in rules if rule.reverses
    }
    kinds = {kind for reverses, kind in mirroring if any(each == reverses for each, _ in keys)}
    if not kinds:
        return []
    stored = BusinessEvent.objects.filter(kind__in=kinds, key__in={key for _, key in keys}).order_by("pk")
    return [stored_event(each) for each in stored]


def _announce(kinds: Sequence[str], entries: Sequence[PostedEntry]) -> None:
    # The documents of these events were told of when they were booked; only the entries are new.
    stamp = books().stamp
    for kind in sorted(set(kinds)):
        fresh = [entry for entry in entries if entry.event_kind == kind]
        signals.events_booked.send(sender=event_kinds()[kind], events=[], entries=fresh, stamp=stamp)


def _written(measured: MeasuredEvent) -> dict[str, Any]:
    return {
        "document": measured.document._asdict(),
        "units": [
            {**asdict(unit), "atoms": {name: str(amount) for name, amount in unit.atoms.items()},
             "dimensions": unit.dimensions._asdict()}
            for unit in measured.units
        ],
    }  # fmt: skip


def _read(row: UnmatchedEvent, current: Books) -> MeasuredEvent | None:
    event = stored_event(row.event)
    given = row.measured
    if given is None:
        # Listed before measures were kept. What depends on schedules cannot be measured again.
        return MEASURES[event.kind]([event], current)[0] if event.kind in WITHOUT_STATE else None
    units = [
        Unit(
            {name: Decimal(amount) for name, amount in unit["atoms"].items()},
            Dimensions(**unit["dimensions"]),
            unit["pricing_model"],
            unit["recognition_method"],
        )
        for unit in given["units"]
    ]
    return MeasuredEvent(event, Dimensions(**given["document"]), units)
