"""Invoice voided: what had been released to revenue out of what the invoice deferred. What it took to revenue at once goes back
with its mirrored entry.

Revenue that was earned before the invoice was made goes back to unbilled revenue with the invoice's mirrored entry: to be
billed anew, or, where its period will not be billed again, out of revenue. What was grossed up and will not be billed again is
committed no longer.
"""

from collections.abc import Sequence
from decimal import Decimal

from django.db.models import F, Sum

from accounting import commitments, schedules
from accounting.books import Books
from accounting.commitments import Commitment
from accounting.engine import Dimensions, MeasuredEvent, Unit
from accounting.measures.billed import divide, held_commitments, line_dimensions, schedule_dimensions, schedule_key
from accounting.models import JournalLine
from accounting.pools import Pool, pools_of
from accounting.revisions import Revisions
from accounting.schedules import Schedule
from billing.events import BilledLine, InvoiceVoided
from billing.models import RecognitionMethod, Treatment

ZERO = Decimal(0)


def measure(events: Sequence[InvoiceVoided], books: Books) -> list[MeasuredEvent]:
    pools = pools_of((line.contract_item_id for event in events for line in event.lines), books)
    known = schedules.lock({schedule_key(line) for event in events for line in event.lines})
    committed = held_commitments(events, books)
    revisions = Revisions(books, pools.changed())
    measured = []
    for event in events:
        lines, _, nets = divide(event.lines, pools, sign=-1)
        units = _take_back(event, nets, revisions) if nets else []
        for line in lines:
            schedule = known[schedule_key(line)]
            atoms = _undo(event, line, schedule, committed.get(line.contract_item_id or 0))
            units.append(Unit(atoms, line_dimensions(event, line), line.pricing_model, line.recognition_method))
        document = Dimensions(customer_id=event.customer_id, contract_id=event.contract_id, invoice_id=event.invoice_id)
        measured.append(MeasuredEvent(event, document, units))
    revisions.save()
    schedules.save([*known.values(), *pools.changed()])
    commitments.save(committed)
    return measured


def _undo(
    event: InvoiceVoided, line: BilledLine, schedule: Schedule, commitment: Commitment | None
) -> dict[str, Decimal]:
    if not schedule.is_committed:
        commitment = None
    released, straight = schedule.released, schedule.straight
    if commitment is not None:
        commitment.billed -= line.net
        if event.bill_again is None:
            released = ZERO  # As it was done when such events were stored.
        commitment.recognized -= released
    schedule.billed -= line.net
    schedule.recognized -= released + straight
    schedule.released -= released
    schedule.straight -= straight
    accrued = ZERO
    if commitment is None and event.bill_again is False and not schedule.billed:
        accrued, schedule.recognized = schedule.recognized, ZERO
    # Nothing of it is earned any more: it comes back to life when the period is billed again.
    schedule.is_void = schedule.recognized == 0 and (commitment is None or event.bill_again is not None)
    if not schedule.is_void:
        return {"released": released, "accrued": accrued}
    schedule.spread_from, schedule.spread_base = schedule.service_start, ZERO
    schedule.recognized_until, schedule.is_planned = None, False
    withdrawn = ZERO
    if commitment is not None and not event.bill_again:
        withdrawn = min(line.net, commitment.committed - max(commitment.billed, commitment.recognized))
        commitment.committed -= withdrawn
        schedule.amount -= withdrawn
    return {"released": released, "accrued": accrued, "withdrawn": withdrawn}


def _take_back(event: InvoiceVoided, nets: Sequence[tuple[Pool, Decimal]], revisions: Revisions) -> list[Unit]:
    """What obligations have earned is unbilled again, as far as the invoice had deferred it.

    What is earned when invoiced was earned by this invoice, and is taken back with it. What will not be billed again lowers the
    transaction price; what had been earned of it is taken back by the next recognition run (ASC 606-10-32-43).
    """
    held = {schedule.obligation_id: schedule for pool, _ in nets for schedule in pool.schedules}
    deferred = {pk: schedule.deferred for pk, schedule in held.items()}
    for pool, net in nets:
        pool.bill(net)
    released = {pk: _no_longer_earned(schedule) for pk, schedule in held.items()}
    if event.bill_again is False:
        for pool, net in nets:
            _lower_price(pool, net, event, revisions)
    mirrored = JournalLine.objects.filter(
        entry__event__kind="invoice_finalized",
        entry__event__key=event.key,
        role="deferred_revenue",
        contract_item_id__in={schedule.contract_item_id for schedule in held.values()},
    ).order_by()
    net_of = dict(
        mirrored.values("obligation_id").annotate(net=Sum(F("credit") - F("debit"))).values_list("obligation_id", "net")
    )
    again = {
        pk: schedule.deferred - deferred[pk] + net_of.pop(pk, ZERO) - released[pk] for pk, schedule in held.items()
    }
    if net_of:
        # Lines of before they named their obligation tell of all of them together.
        about = Dimensions(customer_id=event.customer_id, contract_id=event.contract_id, invoice_id=event.invoice_id)
        whole = {"unbilled_again": [*again.values(), *net_of.values()], "released": released.values()}
        return [Unit({atom: sum(parts, ZERO) for atom, parts in whole.items()}, about)]
    return [
        Unit(
            {"unbilled_again": again[pk], "released": released[pk]},
            schedule_dimensions(event, schedule),
            schedule.pricing_model,
            schedule.method,
        )
        for pk, schedule in held.items()
    ]


def _lower_price(pool: Pool, net: Decimal, event: InvoiceVoided, revisions: Revisions) -> None:
    before = [schedule.amount for schedule in pool.schedules]
    pool.change_price(max(net, -pool.price))
    for schedule, amount in zip(pool.schedules, before, strict=True):
        difference, schedule.amount = schedule.amount - amount, amount
        if difference:
            revisions.change_price(
                schedule,
                difference,
                on=event.occurred_on,
                reason=f"Invoice {event.invoice_number} voided",
                agreed_on=event.occurred_on,
                treatment=Treatment.CATCH_UP,
            )


def _no_longer_earned(schedule: Schedule) -> Decimal:
    if schedule.method != RecognitionMethod.ON_INVOICE or schedule.is_planned:
        return ZERO
    released = schedule.unbilled
    schedule.recognized -= released
    schedule.released -= released
    return released
