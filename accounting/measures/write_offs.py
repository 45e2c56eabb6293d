"""Invoice written off, write-off recovered.

What was earned is lost, what was not leaves deferred revenue, tax is given back by the state or lost as the policy says. What
comes in later takes the same parts back, in proportion to what is left of them.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from accounting import commitments, splits
from accounting.books import Books
from accounting.engine import Dimensions, MeasuredEvent, Unit
from accounting.measures.billed import HeldLines, held_commitments, line_dimensions, undo_lines, undone_units
from accounting.splits import Split, Undone
from billing.money import allocate
from billing.payment_events import InvoiceWrittenOff, WriteOffRecovered

ZERO = Decimal(0)


def measure(events: Sequence[InvoiceWrittenOff], books: Books) -> list[MeasuredEvent]:
    lost = undo_lines(events, books)
    if not books.bad_debt_tax_relief:
        lost = {key: {pk: _with_tax(line) for pk, line in lines.items()} for key, lines in lost.items()}
    splits.keep([(event, lost[event.key]) for event in events])
    return [_measured(event, lost[event.key]) for event in events]


def _with_tax(lost: Undone) -> Undone:
    split = lost.split
    return Undone(Split(split.unearned, split.earned + split.tax, ZERO), lost.taken)


def measure_recovered(events: Sequence[WriteOffRecovered], books: Books) -> list[MeasuredEvent]:
    held = HeldLines((line for event in events for line in event.lines), books)
    committed = held_commitments(events, books)
    measured = []
    for event in events:
        key = str(event.write_off_id)
        lost = splits.read(InvoiceWrittenOff.kind, [key])[key]
        shares = _share(event, {line_id: kept.split for line_id, kept in lost.items()})
        back: dict[int, Undone] = {}
        for line in event.lines:
            split, kept = shares[line.line_id], lost[line.line_id]
            put = held.put_back(line, split.unearned, kept, committed.get(line.contract_item_id or 0))
            back[line.line_id] = Undone(split, put)
        splits.keep([(event, back)])
        measured.append(_measured(event, back))
    held.save()
    commitments.save(committed)
    return measured


def _share(event: WriteOffRecovered, lost: Mapping[int, Split]) -> dict[int, Split]:
    """Give the parts of the write-off that come back: of what is left of each, in proportion, to the cent."""
    left = dict(lost)
    earlier = splits.read(
        WriteOffRecovered.kind, [f"{event.write_off_id}:{number}" for number in range(1, event.number)]
    )
    for recovered in earlier.values():
        for line_id, kept in recovered.items():
            left[line_id] = Split(*(have - gone for have, gone in zip(left[line_id], kept.split, strict=True)))
    flat = [amount for split in left.values() for amount in split]
    parts = iter(allocate(event.amount, flat, event.currency))
    return {line_id: Split(next(parts), next(parts), next(parts)) for line_id in left}


def _measured(event: InvoiceWrittenOff | WriteOffRecovered, parts: dict[int, Undone]) -> MeasuredEvent:
    units: list[Unit] = []
    for line in event.lines:
        part = parts[line.line_id]
        lost = {"lost": part.split.earned, "tax": part.split.tax}
        units += undone_units(line, line_dimensions(event, line), part, unearned="unearned", **lost)
    document = Dimensions(customer_id=event.customer_id, contract_id=event.contract_id, invoice_id=event.invoice_id)
    return MeasuredEvent(event, document, units)
