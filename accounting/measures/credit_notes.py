"""Credit note issued: the unearned part leaves what is deferred, the earned part is an allowance.

What is left of the price is spread anew over the days not yet recognized. Where the credit goes, to the open invoice, the
wallet or a refund, is told apart last (`crossing.py`).
"""

from collections.abc import Sequence
from decimal import Decimal

from accounting import commitments, schedules
from accounting.books import Books
from accounting.engine import Dimensions, MeasuredEvent, Unit
from accounting.measures.billed import held_commitments, line_dimensions
from accounting.measures.crossing import by_destination
from accounting.schedules import Key, Schedule
from billing.events import CreditedLine, CreditNoteIssued

ZERO = Decimal(0)


def measure(events: Sequence[CreditNoteIssued], books: Books) -> list[MeasuredEvent]:
    known = schedules.lock({_key(line) for event in events for line in event.lines})
    committed = held_commitments(events, books)
    measured = []
    for event in events:
        units = []
        for line in event.lines:
            schedule = known[_key(line)]
            unearned = _take_unearned(schedule, line.net)
            if schedule.is_committed:
                commitment = committed[line.contract_item_id or 0]
                commitment.committed -= unearned
                commitment.billed -= unearned
            units.append(
                Unit(
                    {"unearned": unearned, "earned": line.net - unearned, "tax": line.tax},
                    line_dimensions(event, line, credit_note_id=event.credit_note_id),
                    line.pricing_model,
                    line.recognition_method,
                )
            )
        document = Dimensions(
            customer_id=event.customer_id,
            contract_id=event.contract_id,
            invoice_id=event.invoice_id,
            credit_note_id=event.credit_note_id,
        )
        measured.append(MeasuredEvent(event, document, by_destination(units, event)))
    schedules.save(list(known.values()))
    commitments.save(committed)
    return measured


def _key(line: CreditedLine) -> Key:
    if line.contract_item_id is not None and line.period_start is not None:
        return line.contract_item_id, line.period_start
    return line.invoice_line_id


def _take_unearned(schedule: Schedule, credited: Decimal) -> Decimal:
    # What was grossed up is deferred until recognized, whether billed or not.
    deferred = schedule.amount - schedule.recognized if schedule.is_committed else schedule.deferred
    unearned = min(credited, deferred)
    schedule.billed -= unearned
    schedule.amount -= unearned
    if schedule.recognized_until and schedule.recognized_until < schedule.service_end:
        schedule.spread_from = schedule.recognized_until
        schedule.spread_base = schedule.recognized
    return unearned
