"""Invoice voided: what had been released to revenue out of what the invoice deferred.

Revenue that was earned before the invoice was made stays earned: it goes back to unbilled revenue with the invoice's
mirrored entry, to be billed anew.
"""

from collections.abc import Sequence
from decimal import Decimal

from accounting import commitments, schedules
from accounting.books import Books
from accounting.engine import Dimensions, MeasuredEvent, Unit
from accounting.measures.billed import held_commitments, line_dimensions
from accounting.measures.invoices import schedule_key
from billing.events import InvoiceVoided

ZERO = Decimal(0)


def measure(events: Sequence[InvoiceVoided], books: Books) -> list[MeasuredEvent]:
    known = schedules.lock({schedule_key(line) for event in events for line in event.lines})
    committed = held_commitments(events, books)
    measured = []
    for event in events:
        units = []
        for line in event.lines:
            schedule = known[schedule_key(line)]
            released = ZERO
            if schedule.is_committed:
                committed[line.contract_item_id or 0].billed -= line.net
            else:
                released = schedule.released
            schedule.billed -= line.net
            schedule.recognized -= released
            schedule.released -= released
            # Nothing of it is earned any more: it comes back to life when the period is billed again.
            schedule.is_void = not schedule.is_committed and schedule.recognized == 0
            if schedule.is_void:
                schedule.spread_from, schedule.spread_base = schedule.service_start, ZERO
                schedule.recognized_until = None
            units.append(
                Unit(
                    {"released": released},
                    line_dimensions(event, line),
                    line.pricing_model,
                    line.recognition_method,
                )
            )
        document = Dimensions(customer_id=event.customer_id, contract_id=event.contract_id, invoice_id=event.invoice_id)
        measured.append(MeasuredEvent(event, document, units))
    schedules.save(list(known.values()))
    commitments.save(committed)
    return measured
