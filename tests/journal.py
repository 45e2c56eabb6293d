"""Journals as text: what the books hold, written as a bookkeeper would write it, and compared as text."""

from textwrap import dedent

from accounting.models import JournalEntry
from billing.models import BusinessEvent
from billing.money import format_amount


def journal(*, kinds: set[str] | None = None) -> str:
    """Write all entries (of these kinds of events) in the order of the books: date, event, debits, credits."""
    written = []
    entries = JournalEntry.objects.select_related("event").prefetch_related("lines__account").order_by("date", "id")
    for entry in entries:
        if kinds and entry.event.kind not in kinds:
            continue
        written.append(f"{entry.date}  {entry.description}")
        for line in sorted(entry.lines.all(), key=lambda line: (line.debit == 0, line.position)):
            side, amount = ("Dr", line.debit) if line.debit else ("Cr", line.credit)
            written.append(f"    {side} {line.account.name:<32}{format_amount(amount, line.currency):>12}")
    return "\n".join(written)


def text(expected: str) -> str:
    """Give an expected journal without the indentation of the test that holds it."""
    return dedent(expected).strip("\n")


def event_kinds() -> list[str]:
    return list(BusinessEvent.objects.order_by("id").values_list("kind", flat=True))
