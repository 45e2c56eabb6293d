"""Journals as text: what the books hold, written as a bookkeeper would write it, and compared as text."""

from textwrap import dedent

from accounting.models import JournalEntry
from billing.models import BusinessEvent
from billing.money import format_amount


def journal(*, kinds: set[str] | None = None, in_base: bool = False) -> str:
    """Write all entries (of these kinds of events) in the order of the books: date, event, debits, credits.

    `in_base`: in the base currency of the books, whatever currency the entries are in.
    """
    written = []
    entries = (
        JournalEntry.objects.select_related("event", "business_entity")
        .prefetch_related("lines__account")
        .order_by("date", "id")
    )
    for entry in entries:
        if kinds and entry.event.kind not in kinds:
            continue
        written.append(f"{entry.date}  {entry.description}")
        for line in sorted(entry.lines.all(), key=lambda line: (line.debit + line.base_debit == 0, line.position)):
            is_debit = line.debit + line.base_debit > 0
            debit, credit = (line.base_debit, line.base_credit) if in_base else (line.debit, line.credit)
            currency = entry.business_entity.base_currency if in_base else line.currency
            amount = format_amount(debit if is_debit else credit, currency)
            written.append(f"    {'Dr' if is_debit else 'Cr'} {line.account.name:<32}{amount:>12}")
    return "\n".join(written)


def text(expected: str) -> str:
    """Give an expected journal without the indentation of the test that holds it."""
    return dedent(expected).strip("\n")


def event_kinds() -> list[str]:
    return list(BusinessEvent.objects.order_by("id").values_list("kind", flat=True))
