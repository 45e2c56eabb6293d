"""Credit note issued: the unearned part leaves what is deferred, the earned part is an allowance.

What is left of the price is spread anew over the days not yet recognized. Each part is told apart by where it goes as well:
it settles the invoice, or is kept in the wallet, or is owed back.
"""

from collections.abc import Sequence
from decimal import Decimal

from accounting import commitments, schedules
from accounting.books import Books
from accounting.engine import Dimensions, MeasuredEvent, Unit
from accounting.facts import crossing
from accounting.measures.billed import held_commitments, line_dimensions, take_unearned
from accounting.schedules import Key
from billing.events import CreditedLine, CreditNoteIssued

ZERO = Decimal(0)


def measure(events: Sequence[CreditNoteIssued], books: Books) -> list[MeasuredEvent]:
    known = schedules.lock({_key(line) for event in events for line in event.lines})
    committed = held_commitments(events, books)
    measured = []
    for event in events:
        units = []
        ends = {
            "settled": event.total - event.to_wallet - event.to_refund,
            "to_wallet": event.to_wallet,
            "to_refund": event.to_refund,
        }
        for line in event.lines:
            schedule = known[_key(line)]
            unearned = take_unearned(schedule, line.net, committed.get(line.contract_item_id or 0))
            units.append(
                Unit(
                    _crossed({"unearned": unearned, "earned": line.net - unearned, "tax": line.tax}, ends),
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
        measured.append(MeasuredEvent(event, document, units))
    schedules.save(list(known.values()))
    commitments.save(committed)
    return measured


def _key(line: CreditedLine) -> Key:
    if line.contract_item_id is not None and line.period_start is not None:
        return line.contract_item_id, line.period_start
    return line.invoice_line_id


def _crossed(parts: dict[str, Decimal], left: dict[str, Decimal]) -> dict[str, Decimal]:
    # One destination is filled after the other; which part goes where does not matter to any account.
    atoms: dict[str, Decimal] = {}
    for source, amount in parts.items():
        for end in left:
            share = min(amount - sum(atoms.get(crossing(source, each), ZERO) for each in left), left[end])
            if share:
                atoms[crossing(source, end)] = share
                left[end] -= share
    return atoms
