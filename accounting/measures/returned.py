"""Disputes and refunds: what goes back without a credit note was earned, or still deferred, or tax.

The unearned part leaves the recognition schedules as with a credit note. How each line was split is kept, so that a dispute
that is won puts back exactly what it took.
"""

from collections.abc import Sequence
from decimal import Decimal

from accounting import commitments, splits
from accounting.books import Books
from accounting.engine import Dimensions, MeasuredEvent, Unit
from accounting.facts import crossing
from accounting.measures.billed import HeldLines, Returned, UndoneLines, held_commitments, undo_lines, undone_units
from accounting.splits import Undone
from billing.payment_events import DisputeLost, DisputeOpened, DisputeWon, RefundPaid, ReturnedLine


def measure_disputed(events: Sequence[DisputeOpened], books: Books) -> list[MeasuredEvent]:
    undone = undo_lines(events, books)
    splits.keep([(event, undone[event.key]) for event in events])
    return [
        _measured(event, undone[event.key], {"from_unapplied": event.from_unapplied, "fee": event.fee})
        for event in events
    ]


def measure_won(events: Sequence[DisputeWon], books: Books) -> list[MeasuredEvent]:
    """What the dispute took is put back as it was taken."""
    taken = splits.read(DisputeOpened.kind, [event.key for event in events])
    held = HeldLines((line for event in events for line in event.lines), books)
    committed = held_commitments(events, books)
    back: UndoneLines = {}
    for event in events:
        back[event.key] = {}
        for line in event.lines:
            kept = taken[event.key][line.line_id]
            commitment = committed.get(line.contract_item_id or 0)
            put = held.put_back(line, kept.split.unearned, kept, commitment)
            back[event.key][line.line_id] = Undone(kept.split, put)
    held.save()
    commitments.save(committed)
    return [
        _measured(event, back[event.key], {"from_unapplied": event.from_unapplied, "fee": event.fee_returned})
        for event in events
    ]


def measure_lost(events: Sequence[DisputeLost], books: Books) -> list[MeasuredEvent]:
    """Nothing changes: what was posted when it was opened stands."""
    return [
        MeasuredEvent(
            event, (about := Dimensions(customer_id=event.customer_id, payment_id=event.payment_id)), [Unit({}, about)]
        )
        for event in events
    ]


def measure_refunded(events: Sequence[RefundPaid], books: Books) -> list[MeasuredEvent]:
    undone = undo_lines(events, books)
    return [
        _measured(
            event,
            undone[event.key],
            {
                "from_credit_note": event.from_credit_note,
                "from_wallet": event.from_wallet,
                "from_unapplied": event.from_unapplied,
            },
        )
        for event in events
    ]


def _measured(event: Returned, undone: dict[int, Undone], whole: dict[str, Decimal]) -> MeasuredEvent:
    end = "by_gateway" if event.by_gateway else "in_cash"
    document = Dimensions(
        customer_id=event.customer_id,
        payment_id=event.payment_id,
        credit_note_id=event.credit_note_id if isinstance(event, RefundPaid) else None,
        refund_id=event.refund_id if isinstance(event, RefundPaid) else None,
    )
    units: list[Unit] = []
    for line in event.lines:
        of_line = undone[line.line_id]
        atoms = {crossing("earned", end): of_line.split.earned, crossing("tax", end): of_line.split.tax}
        about = _about(line, document)
        units += undone_units(line, about, of_line, unearned=crossing("unearned", end), **atoms)
    rest = {crossing(name, end): amount for name, amount in whole.items() if amount}
    if rest or not units:
        units.append(Unit(rest, document))
    return MeasuredEvent(event, document, units)


def _about(line: ReturnedLine, document: Dimensions) -> Dimensions:
    return document._replace(
        contract_id=line.contract_id,
        contract_item_id=line.contract_item_id,
        product_id=line.product_id,
        product_family_id=line.product_family_id,
        invoice_id=line.invoice_id,
        tax_rate_id=line.tax_rate_id,
    )
