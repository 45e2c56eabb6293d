"""What accounting shows on the home page: open periods, how far revenue is recognized, unmatched events, entries to approve."""

from django.db import connection
from django.http import HttpRequest

from accounting.models import JournalEntry, ManualEntry, ManualEntryStatus, RecognitionSchedule, UnmatchedEvent
from billing.admin.hooks import Card, add_cards
from billing.admin.shown import day, list_url
from billing.tenancy import current_tenant_id


def _accounting_cards(request: HttpRequest) -> list[Card]:
    return [_periods(), _recognized(), _unmatched(), *_to_approve()]


def _periods() -> Card:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.id, p.start, (SELECT count(*) FROM accounting_journalentry e WHERE "
            "e.business_entity_id = p.business_entity_id AND e.date >= p.start AND e.date < p.end) "
            "FROM accounting_accountingperiod p WHERE p.tenant_id = %s AND p.status = 'open' ORDER BY p.start DESC LIMIT 4",
            [current_tenant_id()],
        )
        rows = cursor.fetchall()
    if not rows:
        return Card("Entries of the open periods", "None", "The first entry opens its month.", list_url(JournalEntry))
    return Card(
        "Entries of the open periods",
        f"{sum(row[2] for row in rows):,}",
        "\n".join(f"{start:%B %Y}: {count:,}" for _, start, count in rows),
        list_url(JournalEntry, f"period={rows[0][0]}"),
    )


def _recognized() -> Card:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(recognized_until), count(*) FILTER (WHERE recognized <> amount AND service_end <= current_date) "
            "FROM accounting_recognitionschedule WHERE tenant_id = %s AND NOT is_void",
            [current_tenant_id()],
        )
        until, behind = cursor.fetchone()
    through = day(until.fromordinal(until.toordinal() - 1)) if until else "Nothing yet"
    detail = (
        f"Service periods that are over and not fully earned: {behind:,}."
        if behind
        else "No finished service period is left."
    )
    return Card(
        "Revenue recognized through",
        through,
        detail,
        list_url(RecognitionSchedule, "o=-1"),
        "attention" if behind else "good",
    )


def _unmatched() -> Card:
    count = UnmatchedEvent.objects.filter(posted_at=None).count()
    return Card(
        "Unmatched events",
        f"{count:,}" if count else "None",
        "No rule spoke of them; nothing is posted for them." if count else "A rule spoke of every business event.",
        list_url(UnmatchedEvent),
        "bad" if count else "good",
    )


def _to_approve() -> list[Card]:
    """Show the entries by hand that wait for a second person, where any do."""
    count = ManualEntry.objects.filter(status=ManualEntryStatus.SUBMITTED).count()
    if not count:
        return []
    waiting = list_url(ManualEntry, f"status__exact={ManualEntryStatus.SUBMITTED}")
    return [Card("Manual entries to approve", f"{count:,}", "A second person posts them.", waiting, "attention")]


add_cards(20, _accounting_cards)
