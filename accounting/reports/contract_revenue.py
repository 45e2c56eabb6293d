"""One contract month by month: what was and will be billed, what was and will be revenue. Before the fact and after it.

Usage to come is not known; a minimum is what it comes to at least. What waits for a report of somebody (a delivery, a
milestone) has no month yet. What is still to come of closed months is posted in the first open one, so it stands there.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Max, Q, Sum

from accounting import schedules
from accounting.earning import Earning
from accounting.models import (
    AS_POSTED,
    AccountingPeriod,
    Category,
    JournalEntry,
    ObligationItem,
    PerformanceObligation,
    PeriodStatus,
    RecognitionSchedule,
)
from accounting.schedules import Schedule
from accounting.spreading import monthly_parts
from billing.charging import billed_on, charge, service_periods
from billing.models import (
    REPORTED_METHODS,
    Contract,
    ContractStatus,
    CreditNoteLine,
    CreditUse,
    InvoiceLine,
    InvoiceStatus,
    RecognitionMethod,
)
from billing.periods import add_months, first_of_month
from billing.services.terms import Item, read_items

ZERO = Decimal(0)
_AHEAD_MONTHS = 12
_KINDS = ("revenue_recognized", "usage_trued_up", "credits_consumed", "credits_expired")
ByMonth = dict[date, Decimal]


@dataclass(slots=True)
class Stream:
    """One obligation, or one contract item that earns period by period."""

    name: str
    method: str
    obligation_id: int | None
    price: Decimal = ZERO
    posted: ByMonth = field(default_factory=lambda: defaultdict(Decimal))
    planned: ByMonth = field(default_factory=lambda: defaultdict(Decimal))
    without_month: Decimal = ZERO


@dataclass(slots=True)
class ContractMonths:
    """A contract's figures by the first day of each month, net of tax, in its currency."""

    currency: str
    streams: list[Stream]
    billed: ByMonth
    to_bill: ByMonth

    @property
    def months(self) -> list[date]:
        found = {*self.billed, *self.to_bill}
        for stream in self.streams:
            found |= {*stream.posted, *stream.planned}
        if not found:
            return []
        month, last, months = min(found), max(found), []
        while month <= last:
            months.append(month)
            month = add_months(month, 1)
        return months

    def recognized(self, month: date) -> Decimal:
        return sum((stream.posted.get(month, ZERO) for stream in self.streams), ZERO)

    def to_recognize(self, month: date) -> Decimal:
        return sum((stream.planned.get(month, ZERO) for stream in self.streams), ZERO)

    @property
    def without_month(self) -> Decimal:
        return sum((stream.without_month for stream in self.streams), ZERO)


def contract_months(contract: Contract) -> ContractMonths:
    """Put a contract's billing and revenue together, from what is on record and what its terms say is to come."""
    items = read_items("i.contract_id = %s", [contract.pk])
    held = schedules.read_where("s.contract_id = %s AND NOT s.is_void", [contract.pk])
    streams = _streams(contract, held, items)
    billed, to_bill = _billed(contract)
    horizon = _horizon(contract, items)
    if contract.status != ContractStatus.ENDED:
        for item in items:
            _add_to_bill(item, horizon, to_bill)
    return ContractMonths(contract.currency, streams, billed, to_bill)


def _horizon(contract: Contract, items: Sequence[Item]) -> date:
    if contract.end:
        return contract.end
    known = max((item.billed_until for item in items), default=contract.start)
    return add_months(known, _AHEAD_MONTHS)


def _streams(contract: Contract, held: Sequence[Schedule], items: Sequence[Item]) -> list[Stream]:
    names = dict(PerformanceObligation.objects.filter(contract=contract).values_list("pk", "name"))
    labels = {item.id: item.name for item in items}
    streams: dict[tuple[str, int], Stream] = {}
    earning, posted, first = Earning(held), posted_revenue(held), _first_open_month(contract)
    last_end: dict[int, date] = {}
    for schedule in held:
        key = (
            ("obligation", schedule.obligation_id or 0)
            if schedule.obligation_id
            else ("item", schedule.contract_item_id or 0)
        )
        stream = streams.get(key)
        if stream is None:
            name = names[key[1]] if schedule.obligation_id else labels.get(key[1], "Other charges")
            stream = streams[key] = Stream(name, schedule.method, schedule.obligation_id)
        if not schedule.obligation_id:
            last_end[key[1]] = max(schedule.service_end, last_end.get(key[1], schedule.service_end))
        _add_schedule(stream, schedule, earning, posted, first)
    obliged = set(ObligationItem.objects.filter(obligation__contract=contract).values_list("contract_item", flat=True))
    horizon = _horizon(contract, items)
    for item in items:
        if item.id in obliged or contract.status == ContractStatus.ENDED:
            continue
        stream = streams.get(("item", item.id)) or Stream(labels[item.id], item.recognition_method, None)
        since = last_end.get(item.id, item.terms.start)
        _add_periods_to_come(stream, item, since=since, horizon=horizon, first=first)
        if stream.planned or stream.posted or stream.without_month:
            streams[("item", item.id)] = stream
    return list(streams.values())


def _first_open_month(contract: Contract) -> date:
    """Give the first month that something can still be posted into: what is due before it is posted there."""
    closed = AccountingPeriod.objects.filter(business_entity=contract.business_entity_id, status=PeriodStatus.CLOSED)
    return closed.aggregate(end=Max("end"))["end"] or date.min


def _add_schedule(
    stream: Stream, schedule: Schedule, earning: Earning, posted: dict[int, list[tuple[date, Decimal]]], first: date
) -> None:
    stream.price += schedule.amount
    known = ZERO
    months = posted.get(schedule.id, [])
    for day, amount in months:
        stream.posted[first_of_month(day)] += amount
        known += amount
    if schedule.recognized != known and months:
        # A void took revenue back.
        stream.posted[first_of_month(months[-1][0])] += schedule.recognized - known
    for due, amount in parts_to_come(schedule, earning):
        if due is None:
            stream.without_month += amount
        elif amount:
            stream.planned[max(first_of_month(due), first)] += amount


def parts_to_come(schedule: Schedule, earning: Earning) -> list[tuple[date | None, Decimal]]:
    """Give what of a schedule is not posted yet: the day each part is earned, None where nobody can know."""
    left = schedule.amount - schedule.recognized
    if not left:
        return []
    if schedule.method in REPORTED_METHODS and not schedule.is_planned:
        return _by_reports(schedule, earning)
    if schedule.is_metered or schedule.method == RecognitionMethod.AS_CONSUMED:  # What is not used expires on that day.
        return [(schedule.service_end - timedelta(days=1), left)]
    found: list[tuple[date | None, Decimal]] = [(part.last_day, share) for part, share in earning.left(schedule)]
    rest = left - sum((share for _, share in found), ZERO)
    if rest:  # Its last day is recognized already; the next run posts a change since as of that day.
        found.append((schedule.service_end - timedelta(days=1), rest))
    return found


def _by_reports(schedule: Schedule, earning: Earning) -> list[tuple[date | None, Decimal]]:
    """Give what was reported and is not posted yet by the day of each report, then what waits for further ones."""
    found: list[tuple[date | None, Decimal]] = []
    earned, steps = schedule.recognized, earning.steps(schedule, date.max)
    for step in steps:
        # As the run does it: a day before what is posted gets nothing more, unless it is the last that was reported.
        if schedule.recognized_until is not None and step.day < min(schedule.recognized_until, steps[-1].day):
            continue
        if step.cumulative != earned:
            found.append((step.day, step.cumulative - earned))
        earned = step.cumulative
    return [*found, (None, schedule.amount - earned)] if earned != schedule.amount else found


def posted_revenue(held: Iterable[Schedule]) -> dict[int, list[tuple[date, Decimal]]]:
    """Give each schedule's postings: date and revenue, breakage included. Reads the index of event keys."""
    held = list(held)
    by_key = {f"{schedule.id}:{number}": schedule.id for schedule in held for number in range(1, schedule.postings + 1)}
    by_key |= _uses([schedule for schedule in held if schedule.method == RecognitionMethod.AS_CONSUMED])
    income = {"lines__account__category": Category.INCOME}  # Which role a rule credits is the accountant's choice.
    rows = (
        JournalEntry.objects.filter(event__kind__in=_KINDS, event__key__in=list(by_key), **income)
        .order_by("date", *AS_POSTED)
        .annotate(earned=Sum("lines__credit") - Sum("lines__debit"))
        .values_list("event__key", "date", "earned")
    )
    posted: dict[int, list[tuple[date, Decimal]]] = defaultdict(list)
    for schedule in held:
        if schedule.straight:  # With the invoice, on its day.
            posted[schedule.id].append((schedule.spread_from, schedule.straight))
    for key, day, earned in rows:
        posted[by_key[key]].append((day, earned))
    return posted


def _uses(held: Sequence[Schedule]) -> dict[str, int]:
    """Give the keys of what was used and expired of prepaid credits, with the schedule each belongs to."""
    if not held:
        return {}
    of_line = {schedule.invoice_line_id: schedule.id for schedule in held if schedule.invoice_line_id}
    of_period = {(schedule.contract_item_id, schedule.service_start): schedule.id for schedule in held}
    items = {schedule.contract_item_id for schedule in held if schedule.contract_item_id}
    names = ("pk", "invoice_line", "invoice_line__contract_item", "invoice_line__period_start")
    uses = CreditUse.objects.filter(Q(invoice_line__in=of_line) | Q(invoice_line__contract_item__in=items))
    found = (
        (pk, of_line.get(line) or of_period.get((item, start))) for pk, line, item, start in uses.values_list(*names)
    )
    return {str(pk): schedule for pk, schedule in found if schedule}


def _add_periods_to_come(stream: Stream, item: Item, *, since: date, horizon: date, first: date) -> None:
    for period in service_periods(item.terms, since=since, until=horizon):
        price = charge(item.terms, period).net
        stream.price += price
        if not price:
            continue
        if item.terms.is_metered:
            stream.planned[max(first_of_month(period.last_day), first)] += price
            continue
        parts = monthly_parts(
            amount=price, service=period, method=item.recognition_method, currency=item.terms.currency
        )
        for part, share in parts:
            stream.planned[max(first_of_month(part.last_day), first)] += share


def _billed(contract: Contract) -> tuple[ByMonth, ByMonth]:
    billed: ByMonth = defaultdict(Decimal)
    to_bill: ByMonth = defaultdict(Decimal)
    lines = InvoiceLine.objects.filter(invoice__contract=contract).exclude(invoice__status=InvoiceStatus.VOID)
    for status, day, net in (
        lines.order_by()
        .values("invoice__status", "invoice__issued_on")
        .annotate(net_sum=Sum("net"))
        .values_list("invoice__status", "invoice__issued_on", "net_sum")
    ):
        (to_bill if status == InvoiceStatus.DRAFT else billed)[first_of_month(day)] += net
    for day, net in (
        CreditNoteLine.objects.filter(invoice_line__invoice__contract=contract, credit_note__voided_on=None)
        .order_by()
        .values("credit_note__issued_on")
        .annotate(net_sum=Sum("net"))
        .values_list("credit_note__issued_on", "net_sum")
    ):
        billed[first_of_month(day)] -= net
    return billed, to_bill


def _add_to_bill(item: Item, horizon: date, to_bill: ByMonth) -> None:
    for period in service_periods(item.terms, since=item.billed_until, until=horizon):
        price = charge(item.terms, period).net
        if price:
            to_bill[first_of_month(billed_on(item.terms, period))] += price


def schedule_of(schedule: RecognitionSchedule) -> Schedule:
    """Read one schedule as plain values."""
    return schedules.read_where("s.id = %s", [schedule.pk])[0]
