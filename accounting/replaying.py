"""Replay: does the ledger follow from its events? The journal of a whole company is made again and compared line for line.

Made again: measures, schedules' billing, drafts by the rules as they were, accounts by the defaults as they were, dates by the
periods as they were, late postings, reversals. Manual entries come from the events of their approval. Facts that are taken:
how much a recognition run, a netting or a revaluation found (it is in the event), and which prices were grossed up.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from accounting.models import JournalEntry
from accounting.replay.compare import LineDifference, differences, find_differences, state_differences
from accounting.replay.order import Wanted
from accounting.replay.run import Progress, replayed
from billing.models import BusinessEvent

_MOST = 100


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a replay found: how much happened again, how many differences there are, and the first of them in words."""

    events: int
    entries: int
    different: int
    differences: list[str]

    @property
    def agrees(self) -> bool:
        return not self.different


def replay_ledger(*, on_progress: Progress | None = None, most: int = _MOST) -> ReplayReport:
    """Replay the tenant in scope. Nothing is written; memory does not grow with the ledger.

    Raises what posting raises where the events cannot be posted again.
    """
    with replayed(Wanted(), on_progress=on_progress, most=most) as outcome:
        entries = JournalEntry.objects.count()
        count = find_differences(outcome.schema)
        found = list(differences(most))
        state_count, state_words = state_differences(outcome.schema, most)
    named = _event_names({each.event_id for each in found})
    words = [f"{event.kind} {event.key}: {what}" for event, what in outcome.wrong]
    words += [_in_words(each, named) for each in found]
    words += state_words
    return ReplayReport(outcome.events, entries, count + outcome.wrong_count + state_count, words[:most])


def _event_names(ids: set[int]) -> dict[int, str]:
    found = BusinessEvent.objects.filter(pk__in=ids).values_list("pk", "kind", "key")
    return {pk: f"{kind} {key}" for pk, kind, key in found}


def _in_words(difference: LineDifference, named: dict[int, str]) -> str:
    event = named.get(difference.event_id, f"event {difference.event_id}, which is not stored")
    place = f"{event}, entry {difference.part + 1}, line {difference.position}"
    if difference.again is None:
        return f"{place}: is in the ledger ({_line(difference.posted)}), but does not follow from the events"
    if difference.posted is None:
        return f"{place}: follows from the events ({_line(difference.again)}), but is not in the ledger"
    parts = [
        f"{name} is {difference.posted[name]}, by the events {difference.again[name]}" for name in difference.fields()
    ]
    return f"{place}: {'; '.join(parts)}"


def _line(line: dict[str, Any] | None) -> str:
    assert line is not None
    side = "debit" if Decimal(line["base_debit"]) else "credit"
    return f"{line['date']}, account {line['account_id']}, {side} {line[side]} {line['currency']}"
