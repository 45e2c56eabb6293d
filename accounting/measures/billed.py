"""What the measures of billed lines share: invoices, voids and credit notes speak of the same lines."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from accounting import commitments, schedules
from accounting.books import Books
from accounting.commitments import Commitment
from accounting.engine import Dimensions, Unit
from accounting.pools import Pool, Pools, Share, pools_of
from accounting.schedules import Key, Schedule
from accounting.splits import Kept, Split, Taken, Undone
from billing.events import (
    BilledLine,
    ContractEnded,
    ContractModified,
    CreditedLine,
    CreditNoteIssued,
    CreditNoteVoided,
    InvoiceFinalized,
    InvoiceVoided,
    Line,
)
from billing.money import allocate
from billing.payment_events import DisputeOpened, DisputeWon, InvoiceWrittenOff, RefundPaid, WriteOffRecovered

Billed = InvoiceFinalized | InvoiceVoided | CreditNoteIssued | CreditNoteVoided | InvoiceWrittenOff | WriteOffRecovered
Returned = DisputeOpened | DisputeWon | RefundPaid
UndoneLines = dict[str, dict[int, Undone]]  # By the key of the event and the id of the invoice line.


def held_commitments(events: Iterable[Billed | Returned], books: Books) -> dict[int, Commitment]:
    """Hold the commitments of the events' contract items; there are none where the tenant does not gross up."""
    if not books.grosses_up:
        return {}
    return commitments.lock({line.contract_item_id or 0 for event in events for line in event.lines})


def about_item(customer_id: int, line: Line) -> Dimensions:
    """Say what a line about a contract item, not yet billed, is about."""
    return Dimensions(customer_id, line.contract_id, line.contract_item_id, line.product_id, line.product_family_id)


def about_obligation(customer_id: int, schedule: Schedule) -> Dimensions:
    """Say what a change of an obligation is about."""
    return Dimensions(
        customer_id,
        schedule.contract_id,
        schedule.contract_item_id,
        schedule.product_id,
        schedule.product_family_id,
        obligation_id=schedule.obligation_id,
    )


def line_dimensions(event: Billed, line: BilledLine, *, credit_note_id: int | None = None) -> Dimensions:
    """Say what a billed line is about."""
    return Dimensions(
        customer_id=event.customer_id,
        contract_id=line.contract_id,
        contract_item_id=line.contract_item_id,
        product_id=line.product_id,
        product_family_id=line.product_family_id,
        invoice_id=event.invoice_id,
        credit_note_id=credit_note_id,
        tax_rate_id=line.tax_rate_id,
    )


def schedule_key(line: BilledLine) -> Key:
    """Find which schedule a billed line belongs to."""
    if line.contract_item_id is not None and line.period_start is not None:
        return line.contract_item_id, line.period_start
    return line.line_id


def hold_taken_back(lines: Iterable[BilledLine], known: dict[Key, Schedule]) -> None:
    """Add the schedules of lines that take something back. Such a line names the day from which it does; its schedule is the
    one of the service period that holds the day."""
    missing = [
        (line.contract_item_id, line.period_start)
        for line in lines
        if line.net < 0
        and line.contract_item_id is not None
        and line.period_start is not None
        and schedule_key(line) not in known
    ]
    if missing:
        by_id = {schedule.id: schedule for schedule in known.values()}
        for key, schedule in schedules.lock_covering(missing).items():
            known[key] = by_id.setdefault(schedule.id, schedule)


def cut_short(schedule: Schedule, day: date | None) -> None:
    """Let a service period end before a day; one that would have no day left stays as long as it was."""
    if day is not None and schedule.service_start < day < schedule.service_end:
        schedule.service_end = day


def divide(
    lines: Sequence[BilledLine], pools: Pools, *, sign: int = 1
) -> tuple[Sequence[BilledLine], list[BilledLine], list[tuple[Pool, Decimal]]]:
    """Tell lines whose service period earns its own price from those of obligations, and these lines' net by pool.

    `sign` -1: the lines are undone; an invoice that gives something back cannot be.
    """
    if not pools.pools:
        return lines, [], []
    plain: list[BilledLine] = []
    pooled: list[BilledLine] = []
    nets: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.net < 0:
            parts = pools.take_back(line.net, line.contract_item_id, line.period_start, line.period_end, before=nets)
        else:
            parts = pools.divide(line, sign=sign)
        if not parts:
            plain.append(line)
            continue
        pooled.append(line)
        for pool, net in parts:
            nets[pool.key] += net
    return plain, pooled, [(pools.pools[key], net) for key, net in nets.items()]


def pooled_units(
    event: InvoiceFinalized, lines: Sequence[BilledLine], nets: Sequence[tuple[Pool, Decimal]]
) -> list[Unit]:
    """One unit per obligation with its share of what is billed, one per line that is taxed."""
    units = [
        Unit(
            {"net_from_unbilled": share.from_unbilled, "net_deferred": share.deferred},
            schedule_dimensions(event, share.schedule),
            share.schedule.pricing_model,
            share.schedule.method,
        )
        for pool, net in nets
        for share in pool.bill(net, on=event.occurred_on)
    ]
    units += [
        Unit({"tax": line.tax}, line_dimensions(event, line), line.pricing_model, line.recognition_method)
        for line in lines
        if line.tax
    ]
    return units


def schedule_dimensions(event: Billed, schedule: Schedule, *, credit_note_id: int | None = None) -> Dimensions:
    """Say what an obligation's share of a billed amount is about."""
    return about_obligation(event.customer_id, schedule)._replace(
        invoice_id=event.invoice_id, credit_note_id=credit_note_id
    )


def moved_units(event: ContractModified | ContractEnded, shares: Sequence[Share]) -> list[Unit]:
    """One unit per obligation for what is billed of another now, or was before.

    `moved_deferred` and `moved_unbilled` add up to nothing over the event: they go from one obligation to another within an
    account. What makes one obligation unbilled and another deferred, `unbilled_again`, stands with the unbilled ones.
    """
    units = []
    left = sum((share.deferred for share in shares), Decimal(0))
    for share in shares:
        unbilled = -share.from_unbilled
        across = max(min(left, unbilled), Decimal(0)) if left > 0 else min(max(left, unbilled), Decimal(0))
        left -= across
        atoms = {
            "unbilled_again": across,
            "moved_unbilled": unbilled - across,
            "moved_deferred": share.deferred - across,
        }
        about = about_obligation(event.customer_id, share.schedule)
        units.append(Unit(atoms, about, share.schedule.pricing_model, share.schedule.method))
    return units


def take_unearned(schedule: Schedule, undone: Decimal, commitment: Commitment | None) -> Decimal:
    """Take out of a schedule what is undone of its price as far as it is not earned; answer how much that was.

    What is left is spread anew over the days not yet recognized. A negative amount is put back whole.
    """
    unearned = min(undone, schedule.unearned)
    schedule.billed -= unearned
    schedule.amount -= unearned
    if not schedule.is_planned:
        schedule.spread_anew()
    if schedule.is_committed and commitment is not None:
        commitment.committed -= unearned
        commitment.billed -= unearned
    return unearned


def undone_units(line: BilledLine, about: Dimensions, undone: Undone, *, unearned: str, **atoms: Decimal) -> list[Unit]:
    """One unit for a line with these atoms and what was unearned of it, by this name; of obligations one for each beside it."""
    units = [
        Unit(
            {unearned: part.unearned},
            about._replace(
                contract_id=schedule.contract_id,
                contract_item_id=schedule.contract_item_id,
                product_id=schedule.product_id,
                product_family_id=schedule.product_family_id,
                obligation_id=schedule.obligation_id,
                tax_rate_id=None,
            ),
            schedule.pricing_model,
            schedule.method,
        )
        for part in undone.taken
        if (schedule := part.obligation) is not None
    ]
    plain = undone.split.unearned - sum((each.atoms[unearned] for each in units), Decimal(0))
    return [*units, Unit({unearned: plain, **atoms}, about, line.pricing_model, line.recognition_method)]


def undo_lines(events: Sequence[DisputeOpened | RefundPaid | InvoiceWrittenOff], books: Books) -> UndoneLines:
    """Take what is undone of the events' lines out of their schedules, and tell how each line was split."""
    held = HeldLines((line for event in events for line in event.lines), books)
    committed = held_commitments(events, books)
    undone = {
        event.key: {
            line.line_id: undone_of(line, held.take_unearned(line, line.net, committed.get(line.contract_item_id or 0)))
            for line in event.lines
        }
        for event in events
    }
    held.save()
    commitments.save(committed)
    return undone


def undone_of(line: BilledLine | CreditedLine, taken: Sequence[Taken]) -> Undone:
    """Split a line that is undone whole, by what was taken of it out of deferred revenue."""
    unearned = sum((each.unearned for each in taken), Decimal(0))
    return Undone(Split(unearned, line.net - unearned, line.tax), taken)


class HeldLines:
    """The schedules behind billed lines, held until the transaction ends; of obligations, all that share the price."""

    def __init__(self, lines: Iterable[BilledLine], books: Books) -> None:
        lines = list(lines)
        self._known = schedules.lock({schedule_key(line) for line in lines})
        self._pools = pools_of((line.contract_item_id for line in lines), books)

    def take_unearned(self, line: BilledLine, undone: Decimal, commitment: Commitment | None) -> list[Taken]:
        """Take out of a line's schedules what is undone of its price as far as it is not earned; answer what that was."""
        over = self._pools.over(line.contract_item_id, line.period_start, line.period_end)
        if not over:
            return [Taken(take_unearned(self._known[schedule_key(line)], undone, commitment))]
        if undone < 0:
            # A line that gave something back: what is undone of it is deferred again.
            schedule = _least_unbilled(over)
            return [Taken(take_unearned(schedule, undone, None), schedule)]
        taken: list[Taken] = []
        for pool in reversed(over):
            for schedule, part in pool.unearned(undone - sum((each.unearned for each in taken), Decimal(0))):
                if part:
                    taken.append(Taken(take_unearned(schedule, part, None), schedule))
        return taken

    def put_back(self, line: BilledLine, amount: Decimal, kept: Kept, commitment: Commitment | None) -> list[Taken]:
        """Defer again (part of) what a correction had taken from a line; answer where it went: where it was taken from."""
        over = self._pools.over(line.contract_item_id, line.period_start, line.period_end)
        if not over:
            return [Taken(-take_unearned(self._known[schedule_key(line)], -amount, commitment))]
        parts = put_back_to(over, amount, kept)
        return [Taken(-take_unearned(schedule, -part, None), schedule) for schedule, part in parts]

    def save(self) -> None:
        schedules.save([*self._known.values(), *self._pools.changed()])


def put_back_to(over: Sequence[Pool], amount: Decimal, kept: Kept) -> list[tuple[Schedule, Decimal]]:
    """Divide what is put back over the obligations that it was taken from, in proportion."""
    if not amount:
        return []
    lost = [
        (schedule, kept.obligations[schedule.obligation_id or 0])
        for pool in over
        for schedule in pool.schedules
        if kept.obligations.get(schedule.obligation_id or 0)
    ]
    if not lost:
        return [(_least_unbilled(over), amount)]  # Taken before it was remembered from where.
    parts = allocate(amount, [part for _, part in lost], lost[0][0].currency)
    return [(schedule, part) for (schedule, _), part in zip(lost, parts, strict=True) if part]


def _least_unbilled(over: Sequence[Pool]) -> Schedule:
    held = [schedule for pool in over for schedule in pool.schedules]
    return max(held, key=lambda schedule: schedule.billed - schedule.recognized)
