"""The recognition run: what contracts have earned by a date becomes revenue."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

from django.db import connection, transaction
from django.db.models import Max

from accounting import commitments, schedules
from accounting.books import books, holding
from accounting.commitments import Commitment
from accounting.earning import Earning, Step, earn
from accounting.events import RevenueRecognized, UsageTruedUp
from accounting.models import UNFINISHED, JournalEntry, RecognitionSchedule, RevenueDate
from accounting.schedules import Schedule
from accounting.spreading import OVER_TIME
from billing.bulk import stock_ids, writing_behind
from billing.charging import ItemTerms, charge, service_periods
from billing.models import BusinessEvent, ContractStatus, InvoiceLine
from billing.periods import DateRange, end_of_month
from billing.publishing import publish
from billing.refusals import again_if_lost, part_by_part
from billing.services.contracts import renew_contracts
from billing.services.held_wallets import expire_wallets
from billing.services.prepaid import expire_credits
from billing.services.terms import Item, read_items
from billing.tenancy import current_tenant_id

_CHUNK, _SLICE = 5000, 500
_EARNED = ("recognized", "released", "recognized_until", "postings")
ZERO = Decimal(0)
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class RecognitionRun:
    """What a run posted: the number of entries, and the revenue by currency; beside it, how many prepaid balances expired."""

    entries: int = 0
    expired: int = 0
    total: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def add(self, part: "RecognitionRun") -> None:
        """Add what a part of the run has posted."""
        self.entries += part.entries
        for currency, total in part.total.items():
            self.total[currency] += total


def recognize_revenue(*, through: date, on_progress: Progress | None = None) -> RecognitionRun:
    """Post the revenue earned up to and including a date, billed or not; run again it posts the difference only.

    One event per service period and month. What is earned over time is dated the month's last day, or the last day of service
    in it, as the policy says, but never after `through`; what is earned at once, its own day. Works in transactions of
    5,000 schedules; one that loses a race is done again.
    """
    run = RecognitionRun()
    renew_contracts(through=through)
    run.expired = expire_credits(through=through) + expire_wallets(through=through)
    open_schedules(through=through)
    total, done, after = _count(through) if on_progress else 0, 0, 0
    while True:
        part, count, after = again_if_lost(partial(_recognize_some, through, after))
        if not count:
            return run
        run.add(part)
        done += count
        if on_progress:
            on_progress(min(done, total), total)


def _count(through: date) -> int:
    return RecognitionSchedule.objects.filter(UNFINISHED, service_start__lte=through).count()


@transaction.atomic
def _recognize_some(through: date, after: int) -> tuple[RecognitionRun, int, int]:
    """Answer what was posted, of how many schedules, and the last one's id."""
    run = RecognitionRun()
    chunk = schedules.lock_unfinished(through=through, after_id=after, limit=_CHUNK)
    if not chunk:
        return run, 0, after
    _recognize(chunk, through, run)
    return run, len(chunk), chunk[-1].id


def _recognize(chunk: Sequence[Schedule], through: date, run: RecognitionRun) -> None:
    current = books()
    held: dict[int, Commitment] = {}
    if current.grosses_up:
        held = commitments.lock(s.contract_item_id for s in chunk if s.is_committed and s.contract_item_id)
    earning, at_month_end = Earning(chunk), current.revenue_date == RevenueDate.MONTH_END
    invoices = _invoices_of(chunk)
    stock_ids(BusinessEvent, len(chunk))
    stock_ids(JournalEntry, len(chunk))
    # The server is at work on a slice while the next one is put together.
    with holding(current), writing_behind():
        for start in range(0, len(chunk), _SLICE):
            events: list[RevenueRecognized] = []
            changed = []
            for schedule in chunk[start : start + _SLICE]:
                invoice_id = invoices.get(schedule.invoice_line_id)
                fresh = list(_earn(schedule, through, earning, held, at_month_end=at_month_end, invoice_id=invoice_id))
                if fresh:
                    changed.append(schedule)
                    events += fresh
            publish(events)
            schedules.save(changed, columns=_EARNED)
            run.entries += len(events)
            for event in events:
                run.total[event.currency] += event.from_deferred + event.from_unbilled
    commitments.save(held)


def _invoices_of(chunk: Sequence[Schedule]) -> dict[int | None, int]:
    """Give the invoices of what stands on an invoice only, by line. A query where there is any."""
    lines = [schedule.invoice_line_id for schedule in chunk if schedule.invoice_line_id is not None]
    return dict(InvoiceLine.objects.filter(pk__in=lines).values_list("id", "invoice_id")) if lines else {}


def _earn(
    schedule: Schedule,
    through: date,
    earning: Earning,
    held: dict[int, Commitment],
    *,
    at_month_end: bool,
    invoice_id: int | None,
) -> Iterable[RevenueRecognized]:
    if schedule.recognized_until is not None and through < schedule.recognized_until - timedelta(days=1):
        return  # A run to an earlier date takes nothing back.
    steps = earning.steps(schedule, through)
    latest = through if at_month_end and (schedule.is_metered or schedule.method in OVER_TIME) else None
    for step in steps:
        day = step.day
        # Months recognized before are passed over; what has changed since falls to the first month that has not.
        if schedule.recognized_until is not None and day < schedule.recognized_until and day < steps[-1].day:
            continue
        delta = step.cumulative - schedule.recognized
        if not delta:
            continue
        schedule.recognized_until = max(day + timedelta(days=1), schedule.recognized_until or day)
        dated = day if latest is None or day == latest else min(end_of_month(day), latest)
        for on, part in earning.taken_back(schedule, delta) if delta < 0 else ((None, delta),):
            deferred = earn(schedule, part, held)
            schedule.postings += 1
            yield _event(current_tenant_id(), schedule, step, on or dated, deferred, part - deferred, invoice_id)


def _event(
    tenant_id: int,
    schedule: Schedule,
    step: Step,
    dated: date,
    deferred: Decimal,
    unbilled: Decimal,
    invoice_id: int | None,
) -> RevenueRecognized:
    event_class = UsageTruedUp if step.is_true_up else RevenueRecognized
    return event_class(
        tenant_id=tenant_id,
        business_entity_id=schedule.business_entity_id,
        occurred_on=dated,
        currency=schedule.currency,
        key=f"{schedule.id}:{schedule.postings}",
        schedule_id=schedule.id,
        customer_id=schedule.customer_id,
        contract_id=schedule.contract_id,
        contract_item_id=schedule.contract_item_id,
        product_id=schedule.product_id,
        product_family_id=schedule.product_family_id,
        pricing_model=schedule.pricing_model,
        recognition_method=schedule.method,
        service_start=schedule.service_start,
        service_end=schedule.service_end,
        from_deferred=deferred,
        from_unbilled=unbilled,
        obligation_id=schedule.obligation_id,
        earned_through=None if dated == step.day else step.day,
        invoice_id=invoice_id,
    )


# What has been delivered but not billed: service periods that began by the date and have no schedule yet.

# OFFSET 0: most items have all their schedules, so contracts and phases are looked up for the others only.
_WITHOUT_SCHEDULE = f"""
FROM (
    SELECT i.id, i.contract_id, i.phase_id, least(i.end, %s::date) AS until, coalesce((
        SELECT s.service_end FROM accounting_recognitionschedule s
        WHERE s.contract_item_id = i.id AND s.obligation_id IS NULL ORDER BY s.service_start DESC LIMIT 1
    ), i.start) AS known_until
    FROM billing_contractitem i WHERE i.start <= %s AND i.id > %s OFFSET 0
) i JOIN billing_contract c ON c.id = i.contract_id JOIN billing_contractphase h ON h.id = i.phase_id
WHERE i.known_until < i.until AND i.known_until < least(i.until, h.end, c.end)
AND c.status <> '{ContractStatus.DRAFT}' AND h.kind = 'active'
AND NOT EXISTS (SELECT 1 FROM accounting_obligationitem o WHERE o.contract_item_id = i.id)
"""


def open_schedules(*, through: date) -> int:
    """Open a schedule for every service period that began by the date without one, and rate usage so far. Answers how many."""
    opened = part_by_part(partial(_open_some, through))
    again_if_lost(partial(_rate_usage, through))
    return opened


@transaction.atomic
def _open_some(through: date, after: int) -> tuple[int, int]:
    """Answer how many were opened, and the id of the last item that was looked at."""
    until = through + timedelta(days=1)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT i.id {_WITHOUT_SCHEDULE} ORDER BY i.id LIMIT {_CHUNK}", [until, through, after])
        wanted = [pk for (pk,) in cursor.fetchall()]
    if not wanted:
        return 0, after
    # Whoever was quicker with one of them has opened its schedules by now: these are read after the items are held.
    items = read_items("i.id = ANY(%s)", [wanted], lock=True)
    known = RecognitionSchedule.objects.filter(contract_item__in=[item.id for item in items], obligation_id=None)
    ends = dict(known.order_by().values_list("contract_item").annotate(Max("service_end")))
    fresh = [schedule for item in items for schedule in _missing(item, ends.get(item.id), through)]
    if books().grosses_up:
        room = commitments.Room(commitments.lock(item.id for item in items))
        for schedule in fresh:
            schedule.is_committed = room.take(schedule.contract_item_id or 0, schedule.amount)
    schedules.add(fresh)
    return len(fresh), wanted[-1]


def _missing(item: Item, known_until: date | None, through: date) -> Iterable[Schedule]:
    since = known_until or item.terms.start
    for period in service_periods(item.terms, since=since, until=through + timedelta(days=1)):
        yield Schedule(
            id=0,
            business_entity_id=item.business_entity_id,
            customer_id=item.customer_id,
            contract_id=item.contract_id,
            contract_item_id=item.id,
            invoice_line_id=None,
            product_id=item.product_id,
            product_family_id=item.product_family_id,
            pricing_model=item.terms.pricing_model,
            method=item.recognition_method,
            service_start=period.start,
            service_end=period.end,
            currency=item.terms.currency,
            spread_from=period.start,
            is_metered=item.terms.is_metered,
            amount=ZERO if item.terms.is_metered else charge(item.terms, period).net,
        )


def behind_schedule(*, business_entity_id: int, through: date) -> int:
    """Count the service periods that a run through the date would look at: not recognized that far, or without schedule."""
    until = through + timedelta(days=1)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM accounting_recognitionschedule s WHERE s.business_entity_id = %s AND NOT s.is_void "
            "AND s.service_start <= %s AND coalesce(s.recognized_until, s.service_start) < least(s.service_end, %s) "
            # Where all is recognized, written parts that add up to nothing may be left.
            "AND (s.recognized <> s.amount OR (s.is_planned AND EXISTS (SELECT 1 FROM accounting_schedulepart p "
            "WHERE p.schedule_id = s.id AND p.amount <> 0 AND p.start <= %s "
            "AND p.end > coalesce(s.recognized_until, s.service_start))))) + "
            f"(SELECT count(*) {_WITHOUT_SCHEDULE} AND c.business_entity_id = %s)",
            [business_entity_id, through, until, through, until, through, 0, business_entity_id],
        )
        return int(cursor.fetchone()[0])


@transaction.atomic
def _rate_usage(through: date) -> None:
    """Price the usage recorded so far in periods not yet billed: it is earned as it is used."""
    until = through + timedelta(days=1)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.id, s.contract_item_id, s.service_start, s.service_end, s.amount, s.true_up, "
            "(SELECT sum(u.quantity) FROM billing_usagerecord u WHERE u.contract_item_id = s.contract_item_id "
            "AND u.used_on >= s.service_start AND u.used_on < least(s.service_end, %s)) "
            "FROM accounting_recognitionschedule s WHERE s.is_metered AND s.billed = 0 AND NOT s.is_void "
            "AND s.service_start <= %s AND coalesce(s.recognized_until, %s) <= %s "
            # What was billed and credited whole looks like what has no usage yet. OFFSET 0: looked up for those only, each by its
            # index, not in a hash of all invoice lines.
            "AND (s.amount <> 0 OR NOT EXISTS (SELECT 1 FROM billing_invoiceline l JOIN billing_invoice v ON v.id = l.invoice_id "
            "WHERE l.contract_item_id = s.contract_item_id AND l.period_start = s.service_start "
            "AND v.status NOT IN ('draft', 'void') OFFSET 0)) ORDER BY s.id FOR UPDATE OF s",
            [until, through, until, until],
        )
        rows = cursor.fetchall()
    if not rows:
        return
    terms = {item.id: item.terms for item in read_items("i.id = ANY(%s)", [[row[1] for row in rows]])}
    rated = [
        (pk, _rated(terms[item], DateRange(start, end), max(used or ZERO, ZERO), until), (amount, true_up))
        for pk, item, start, end, amount, true_up, used in rows
    ]
    schedules.set_amounts({pk: fresh for pk, fresh, stored in rated if fresh != stored})


def _rated(terms: ItemTerms, period: DateRange, used: Decimal, until: date) -> tuple[Decimal, Decimal]:
    # What tops usage up to the minimum is known, and earned, when the period is over.
    by_usage = charge(replace(terms, minimum=ZERO), period, usage=used).net
    if not terms.minimum or until < period.end:
        return by_usage, ZERO
    net = charge(terms, period, usage=used).net
    return net, net - by_usage
