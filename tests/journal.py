"""Journals as text: what the books hold, written as a bookkeeper would write it, and compared as text."""

from collections import defaultdict
from decimal import Decimal
from textwrap import dedent

from accounting.models import AS_POSTED, JournalEntry
from billing.models import BusinessEvent
from billing.money import format_amount


def journal(*, kinds: set[str] | None = None, in_base: bool = False, by_day: bool = False) -> str:
    """Write all entries (of these kinds of events) in the order of the books: date, event, debits, credits.

    `in_base`: in the base currency of the books, whatever currency the entries are in. `by_day`: entries of one day and
    description added up to one, as a monthly run is shown in short.
    """
    written = []
    entries = (
        JournalEntry.objects.select_related("event", "business_entity")
        .prefetch_related("lines__account")
        .order_by("date", *AS_POSTED)
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
    return "\n".join(_added_up(written) if by_day else written)


def _added_up(written: list[str]) -> list[str]:
    days: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    heading = ""
    for line in written:
        if line[0] != " ":
            heading = line
        else:
            days[heading][line[:39]] += Decimal(line[39:].replace(",", ""))
    return [
        each
        for heading, sums in days.items()
        for each in (heading, *(f"{side}{sum_:>12,}" for side, sum_ in sums.items()))
    ]


def text(expected: str) -> str:
    """Give an expected journal without the indentation of the test that holds it."""
    return dedent(expected).strip("\n")


def event_kinds() -> list[str]:
    return list(BusinessEvent.objects.order_by("id").values_list("kind", flat=True))
