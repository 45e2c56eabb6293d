"""Prepaid credits used or expired: their part of the price leaves what the invoice deferred."""

from collections.abc import Sequence
from decimal import Decimal

from accounting import commitments, schedules
from accounting.books import Books
from accounting.earning import earn
from accounting.engine import Dimensions, MeasuredEvent, Unit
from accounting.schedules import Key
from billing.payment_events import ConsumedLine, CreditsConsumed, CreditsExpired

ZERO = Decimal(0)


def measure(events: Sequence[CreditsConsumed | CreditsExpired], books: Books) -> list[MeasuredEvent]:
    known = schedules.lock({_key(line) for event in events for line in event.lines})
    items = {line.contract_item_id or 0 for event in events for line in event.lines}
    held = commitments.lock(items) if books.grosses_up else {}
    measured = []
    for event in events:
        document = Dimensions(customer_id=event.customer_id, contract_id=event.contract_id, invoice_id=event.invoice_id)
        units = []
        for line in event.lines:
            schedule = known[_key(line)]
            # A refund or write-off may have taken part of the price away before: no more is earned than is left of it.
            earned = min(line.amount, max(schedule.amount - schedule.recognized, ZERO))
            from_deferred = earn(schedule, earned, held)
            schedule.postings += 1
            about = document._replace(
                contract_item_id=line.contract_item_id,
                product_id=line.product_id,
                product_family_id=line.product_family_id,
            )
            atoms = {"from_deferred": from_deferred, "from_unbilled": earned - from_deferred}
            units.append(Unit(atoms, about, line.pricing_model, line.recognition_method))
        measured.append(MeasuredEvent(event, document, units))
    schedules.save(list(known.values()))
    commitments.save(held)
    return measured


def _key(line: ConsumedLine) -> Key:
    if line.contract_item_id is not None and line.period_start is not None:
        return line.contract_item_id, line.period_start
    return line.line_id
