"""Credit note issued: the unearned part leaves what is deferred, the earned part is an allowance.

What is left of the price is spread anew over the days not yet recognized. Where the credit goes, to the open invoice, the
wallet or a refund, is told apart last (`crossing.py`).
"""

from collections.abc import Sequence
from decimal import Decimal

from accounting import commitments, schedules, splits
from accounting.books import Books
from accounting.commitments import Commitment
from accounting.engine import Dimensions, MeasuredEvent, Unit
from accounting.measures.billed import held_commitments, line_dimensions, put_back_to, schedule_dimensions, undone_of
from accounting.measures.crossing import by_destination
from accounting.pools import Pool, Pools, pools_of
from accounting.revisions import Revisions
from accounting.schedules import Key, Schedule
from accounting.splits import Taken, Undone
from billing.events import CreditedLine, CreditNoteIssued, CreditNoteVoided, Event
from billing.models import Adjustment

ZERO = Decimal(0)


def measure(events: Sequence[CreditNoteIssued], books: Books) -> list[MeasuredEvent]:
    pools = pools_of((line.contract_item_id for event in events for line in event.lines), books)
    known = schedules.lock({_key(line) for event in events for line in event.lines})
    committed = held_commitments(events, books)
    measured = []
    kept: list[tuple[Event, dict[int, Undone]]] = []
    revisions = Revisions(books, [*known.values(), *pools.changed()])
    for event in events:
        units: list[Unit] = []
        splits_of: dict[int, Undone] = {}
        kept.append((event, splits_of))
        for line in event.lines:
            if over := pools.over(line.contract_item_id, line.period_start, line.period_end):
                taken, rest = _of_pools(event, line, over, pools, revisions)
                splits_of[line.invoice_line_id] = undone_of(line, taken)
                units += rest
                continue
            schedule = known[_key(line)]
            if event.modification_id:
                commitment = committed[line.contract_item_id or 0] if schedule.is_committed else None
                units.append(_given_back(event, line, schedule, commitment))
                continue
            unearned = min(line.net, schedule.unearned)
            _give_back(schedule, unearned, event, revisions)
            splits_of[line.invoice_line_id] = undone_of(line, [Taken(unearned)])
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
    revisions.save()
    schedules.save([*known.values(), *pools.changed()])
    commitments.save(committed)
    splits.keep(kept)
    return measured


def measure_voided(events: Sequence[CreditNoteVoided], books: Books) -> list[MeasuredEvent]:
    """Put back into the schedules what each credit note took out of them; the rule mirrors its entry."""
    pools = pools_of((line.contract_item_id for event in events for line in event.lines), books)
    known = schedules.lock({_key(line) for event in events for line in event.lines})
    committed = held_commitments(events, books)
    taken = splits.read(CreditNoteIssued.kind, [event.key for event in events])
    revisions = Revisions(books, [*known.values(), *pools.changed()])
    measured = []
    for event in events:
        for line in event.lines:
            split_of = taken[event.key][line.invoice_line_id]
            unearned = split_of.split.unearned
            if over := pools.over(line.contract_item_id, line.period_start, line.period_end):
                for schedule, part in put_back_to(over, unearned, split_of):
                    _give_back(schedule, -part, event, revisions)
                continue
            schedule = known[_key(line)]
            _give_back(schedule, -unearned, event, revisions)
            if schedule.is_committed:
                commitment = committed[line.contract_item_id or 0]
                commitment.committed += unearned
                commitment.billed += unearned
        about = Dimensions(
            customer_id=event.customer_id, contract_id=event.contract_id, invoice_id=event.invoice_id,
            credit_note_id=event.credit_note_id,
        )  # fmt: skip
        measured.append(MeasuredEvent(event, about, [Unit({}, about)]))
    revisions.save()
    schedules.save([*known.values(), *pools.changed()])
    commitments.save(committed)
    return measured


def _key(line: CreditedLine) -> Key:
    if line.contract_item_id is not None and line.period_start is not None:
        return line.contract_item_id, line.period_start
    return line.invoice_line_id


def _given_back(event: CreditNoteIssued, line: CreditedLine, schedule: Schedule, commitment: Commitment | None) -> Unit:
    # A modification took the days away: revenue that was recognized for them is unbilled until the next run takes it back.
    deferred = schedule.deferred
    if commitment is None:
        schedule.billed -= line.net
        unearned = deferred - schedule.deferred
    else:
        unearned = commitments.take_back(commitment, schedule, line.net)
    schedule.amount -= line.net
    return Unit(
        {"unearned": unearned, "unbilled_again": line.net - unearned, "tax": line.tax},
        line_dimensions(event, line, credit_note_id=event.credit_note_id),
        line.pricing_model,
        line.recognition_method,
    )


def _of_pools(
    event: CreditNoteIssued, line: CreditedLine, over: list[Pool], pools: Pools, revisions: Revisions
) -> tuple[list[Taken], list[Unit]]:
    if event.modification_id:
        return _of_modified_pools(event, line, pools)
    # A credit lowers the transaction price: what is deferred of its obligations is given back in proportion.
    units: list[Unit] = []
    taken: list[Taken] = []
    left = line.net
    for pool in reversed(over):
        for schedule, part in pool.unearned(left):
            if part:
                _give_back(schedule, part, event, revisions)
                left -= part
                taken.append(Taken(part, schedule))
                about = schedule_dimensions(event, schedule, credit_note_id=event.credit_note_id)
                units.append(Unit({"unearned": part}, about, schedule.pricing_model, schedule.method))
    about = line_dimensions(event, line, credit_note_id=event.credit_note_id)
    rest = Unit({"earned": left, "tax": line.tax}, about, line.pricing_model, line.recognition_method)
    return taken, [*units, rest]


def _of_modified_pools(event: CreditNoteIssued, line: CreditedLine, pools: Pools) -> tuple[list[Taken], list[Unit]]:
    # The modification has lowered the price already; what is left to do is to take back what was billed.
    units = []
    taken = []
    for pool, net in pools.take_back(-line.net, line.contract_item_id, line.period_start, line.period_end):
        for share in pool.bill(net):
            about = schedule_dimensions(event, share.schedule, credit_note_id=event.credit_note_id)
            atoms = {"unearned": -share.deferred, "unbilled_again": -share.from_unbilled}
            units.append(Unit(atoms, about, share.schedule.pricing_model, share.schedule.method))
            taken.append(Taken(-share.deferred, share.schedule))
    about = line_dimensions(event, line, credit_note_id=event.credit_note_id)
    return taken, [*units, Unit({"tax": line.tax}, about, line.pricing_model, line.recognition_method)]


def _give_back(
    schedule: Schedule, unearned: Decimal, event: CreditNoteIssued | CreditNoteVoided, revisions: Revisions
) -> None:
    if not unearned:
        return
    schedule.billed -= unearned
    if schedule.is_planned or revisions.credit_adjustment != Adjustment.STRAIGHT_LINE:
        reason = f"Credit note {event.credit_note_number}{' voided' if unearned < 0 else ''}"
        revisions.change_price(schedule, -unearned, on=event.occurred_on, reason=reason)
        return
    schedule.amount -= unearned
    schedule.spread_anew()
