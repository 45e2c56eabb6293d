"""Invoice written off, write-off recovered.

What was earned is lost, what was not leaves deferred revenue, tax is given back by the state or lost as the policy says. What
comes in later takes the same parts back, in proportion to what is left of them.
"""

from collections.abc import Sequence
from decimal import Decimal

from accounting import commitments, splits
from accounting.books import Books
from accounting.engine import Dimensions, MeasuredEvent, Unit
from accounting.measures.billed import HeldLines, held_commitments, line_dimensions
from accounting.splits import Split
from billing.money import allocate
from billing.payment_events import InvoiceWrittenOff, WriteOffRecovered

ZERO = Decimal(0)


def measure(events: Sequence[InvoiceWrittenOff], books: Books) -> list[MeasuredEvent]:
    held = HeldLines((line for event in events for line in event.lines), books)
    committed = held_commitments(events, books)
    lost: dict[str, dict[int, Split]] = {}
    for event in events:
        lost[event.key] = {}
        for line in event.lines:
            commitment = committed.get(line.contract_item_id or 0)
            unearned = held.take_unearned(line, line.net, commitment)
            kept = ZERO if books.bad_debt_tax_relief else line.tax
            lost[event.key][line.line_id] = Split(unearned, line.net - unearned + kept, line.tax - kept)
    held.save()
    commitments.save(committed)
    splits.keep([(event, lost[event.key]) for event in events])
    return [_measured(event, lost[event.key]) for event in events]


def measure_recovered(events: Sequence[WriteOffRecovered], books: Books) -> list[MeasuredEvent]:
    held = HeldLines((line for event in events for line in event.lines), books)
    committed = held_commitments(events, books)
    measured = []
    for event in events:
        back = _share(event)
        for line in event.lines:
            commitment = committed.get(line.contract_item_id or 0)
            held.take_unearned(line, -back[line.line_id].unearned, commitment)
        splits.keep([(event, back)])
        measured.append(_measured(event, back))
    held.save()
    commitments.save(committed)
    return measured


def _share(event: WriteOffRecovered) -> dict[int, Split]:
    """Give the parts of the write-off that come back: of what is left of each, in proportion, to the cent."""
    key = str(event.write_off_id)
    left = dict(splits.read(InvoiceWrittenOff.kind, [key])[key])
    earlier = splits.read(WriteOffRecovered.kind, [f"{key}:{number}" for number in range(1, event.number)])
    for recovered in earlier.values():
        for line_id, taken in recovered.items():
            left[line_id] = Split(*(have - gone for have, gone in zip(left[line_id], taken, strict=True)))
    flat = [amount for split in left.values() for amount in split]
    parts = iter(allocate(event.amount, flat, event.currency))
    return {line_id: Split(next(parts), next(parts), next(parts)) for line_id in left}


def _measured(event: InvoiceWrittenOff | WriteOffRecovered, parts: dict[int, Split]) -> MeasuredEvent:
    units = [
        Unit(
            {"unearned": part.unearned, "lost": part.earned, "tax": part.tax},
            line_dimensions(event, line),
            line.pricing_model,
            line.recognition_method,
        )
        for line in event.lines
        for part in [parts[line.line_id]]
    ]
    document = Dimensions(customer_id=event.customer_id, contract_id=event.contract_id, invoice_id=event.invoice_id)
    return MeasuredEvent(event, document, units)
