"""Entries added up by day or month: collected as they are posted, closed when the period is over."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from django.db import transaction

from accounting.models import JournalEntry
from billing.bulk import insert_rows
from billing.periods import end_of_month, first_of_month
from integrations import outbox
from integrations.documents import Kind
from integrations.models import Connection, JournalSummary, SummarizedEntry
from integrations.policy import Policy, Target, Unit

_COLUMNS = ("tenant_id", "connection_id", "entry_id", "unit")


class Span(NamedTuple):
    """What a sum adds up: the entries of an entity in a currency, from one day to another, both included."""

    business_entity_id: int
    currency: str
    unit: str
    start: date
    end: date


def collect(target: Target, unit: Unit, entry_ids: Sequence[int]) -> None:
    """Note fresh entries that go out in a sum. The same one twice raises IntegrityError, like the fact itself."""
    rows = [(target.tenant_id, target.connection_id, entry_id, unit.value) for entry_id in entry_ids]
    insert_rows(SummarizedEntry, _COLUMNS, rows)


@transaction.atomic
def close_summaries(connection: Connection, *, before: date) -> int:
    """Add up every period that ended before a day and put the sums into the outbox; give how many. Latecomers to a period
    that was closed already make a sum of their own."""
    # One worker at a time, and nothing that is being collected at this moment is missed: it is only seen when committed.
    Connection.objects.select_for_update(no_key=True).only("id").get(pk=connection.pk)
    waiting = dict(SummarizedEntry.objects.filter(connection=connection, summary=None).values_list("entry_id", "unit"))
    groups: dict[Span, list[int]] = defaultdict(list)
    rows = JournalEntry.objects.filter(id__in=waiting).order_by("id")
    for pk, entity_id, currency, day in rows.values_list("id", "business_entity_id", "currency", "date"):
        start, end = _period(Unit(waiting[pk]), day)
        if end < before:
            groups[Span(entity_id, currency, waiting[pk], start, end)].append(pk)
    made = []
    for span, ids in sorted(groups.items()):
        summary = make(connection, span, entry_count=len(ids))
        SummarizedEntry.objects.filter(connection=connection, entry_id__in=ids).update(summary=summary)
        made.append(summary.pk)
    send(connection, made)
    return len(made)


def make(connection: Connection, span: Span, *, entry_count: int) -> JournalSummary:
    """Make a sum; its entries are put to it by the caller."""
    return JournalSummary.objects.create(connection=connection, entry_count=entry_count, **span._asdict())


def send(connection: Connection, summary_ids: Sequence[int]) -> None:
    """Put sums into the outbox; where the policy wants approval, they wait for it."""
    outbox.enqueue(
        tenant_id=connection.tenant_id,
        connection_id=connection.pk,
        kind=Kind.JOURNAL_SUMMARY,
        subjects=[(pk, None) for pk in summary_ids],
        approval=Policy.of(connection.options).approval,
    )


def _period(unit: Unit, day: date) -> tuple[date, date]:
    return (first_of_month(day), end_of_month(day)) if unit is Unit.MONTH else (day, day)
