"""What schedules have earned by a date: by formula, by written parts, by reported progress, by usage, when invoiced.

The recognition run posts what comes out of here; the pages show it before the fact.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from accounting.commitments import Commitment
from accounting.events import RevenueRecognized
from accounting.models import ProgressReport, SchedulePart
from accounting.schedules import Schedule
from accounting.spreading import OVER_TIME, Part, earned_through, monthly_parts
from billing.bulk import insert_rows, reserve_ids
from billing.models import REPORTED_METHODS, BusinessEvent, RecognitionMethod
from billing.money import round_money
from billing.periods import DateRange
from billing.tenancy import current_tenant_id

ZERO = Decimal(0)
_HUNDRED = Decimal(100)


class Step(NamedTuple):
    """By the end of `day` this much of the price is earned in all; `is_true_up`: by topping usage up to the minimum."""

    day: date
    cumulative: Decimal
    is_true_up: bool = False


def earn(schedule: Schedule, delta: Decimal, held: Mapping[int, Commitment]) -> Decimal:
    """Add to what a schedule has earned. Answers how much of it was deferred; what was grossed up is, billed or not.

    Revenue that is taken back of what is grossed up and not billed (any more) is promised no longer.
    """
    released = min(delta, schedule.deferred) if delta > 0 else -max(-delta - schedule.unbilled, ZERO)
    deferred = released
    if schedule.is_committed:
        commitment = held[schedule.contract_item_id or 0]
        commitment.recognized += delta
        withdrawn = min(max(-delta, ZERO), schedule.unbilled)
        commitment.committed -= withdrawn
        deferred = delta + withdrawn
    schedule.recognized += delta
    schedule.released += released
    return deferred


class Earning:
    """What a batch of schedules earns. Reads their written parts and progress reports, and what they have earned beyond their
    end, if any has such, in a query each."""

    def __init__(self, batch: Iterable[Schedule]) -> None:
        planned, reported = [], []
        beyond: list[Schedule] = []
        for schedule in batch:
            until = schedule.recognized_until
            if until is not None and until > _end_of_what_is_left(schedule) and not schedule.is_planned:
                beyond.append(schedule)
            if schedule.is_planned:
                planned.append(schedule.id)
            if schedule.method in REPORTED_METHODS:
                reported.append(schedule.id)
        self.plans = read_plans(planned)
        self._beyond = _earned_beyond(beyond)
        self.reports: dict[int, dict[date, Decimal]] = defaultdict(dict)
        if reported:
            rows = ProgressReport.objects.filter(schedule__in=reported).order_by("reached_on", "id")
            for schedule_id, day, percent in rows.values_list("schedule_id", "reached_on", "percent"):
                self.reports[schedule_id][day] = percent

    def parts(self, schedule: Schedule) -> list[Part]:
        """Give the parts that follow `spread_base`: written ones, else those of the formula."""
        if schedule.is_planned:
            return _whole(self.plans.get(schedule.id, []), schedule)
        return monthly_parts(
            amount=schedule.amount - schedule.spread_base,
            service=_left(schedule.spread_from, schedule.service_end),
            method=schedule.method,
            currency=schedule.currency,
        )

    def steps(self, schedule: Schedule, through: date) -> Sequence[Step]:
        """Give what is earned up to and including a date, step by step."""
        if schedule.is_metered:
            return _by_usage(schedule, through)
        if not schedule.is_planned:
            if schedule.method == RecognitionMethod.ON_INVOICE:
                earned = schedule.billed and schedule.spread_from <= through
                return [Step(schedule.spread_from, min(schedule.billed, schedule.amount))] if earned else ()
            if schedule.method in REPORTED_METHODS:
                return self._by_reports(schedule, through)
        steps, cumulative = [], schedule.spread_base
        parts = self.parts(schedule)
        for day, share in earned_through(parts, method=schedule.method, currency=schedule.currency, through=through):
            cumulative += share
            steps.append(Step(day, cumulative))
        return steps

    def _by_reports(self, schedule: Schedule, through: date) -> list[Step]:
        return [
            # A change of price after the work was done counts from the day of the change.
            Step(max(day, schedule.spread_from), round_money(schedule.amount * percent / _HUNDRED, schedule.currency))
            for day, percent in sorted(self.reports[schedule.id].items())
            if day <= through
        ]

    def taken_back(self, schedule: Schedule, delta: Decimal) -> list[tuple[date | None, Decimal]]:
        """Divide revenue that is taken back (negative): from where it was earned beyond the schedule's end, the last first, and
        the rest without a day. In the order of the days.
        """
        parts: list[tuple[date | None, Decimal]] = []
        for day, amount in sorted(self._beyond[schedule.id].items(), reverse=True) if self._beyond else ():
            part = max(delta, -amount)
            if part < 0:
                parts.append((day, part))
                delta -= part
        return [*([(None, delta)] if delta else []), *reversed(parts)]

    def left(self, schedule: Schedule) -> list[Part]:
        """Give the parts that are not posted yet; together they are the price less what is recognized."""
        parts: list[Part] = []
        cumulative, posted = schedule.spread_base, schedule.recognized
        for part, share in self.parts(schedule):
            cumulative += share
            until = schedule.recognized_until
            if until is not None and part.end <= until:
                continue
            start = part.start if until is None else max(part.start, until)
            parts.append((DateRange(start, part.end), cumulative - posted))
            posted = cumulative
        return parts


@lru_cache(maxsize=2000)
def _left(spread_from: date, service_end: date) -> DateRange:
    # What ended before the day from which it was spread anew is settled on its last day.
    return DateRange(min(spread_from, service_end - timedelta(days=1)), service_end)


def _whole(plan: list[Part], schedule: Schedule) -> list[Part]:
    # What was billed beyond the price since the parts were written falls into the last of them.
    rest = schedule.amount - schedule.spread_base - sum((share for _, share in plan), ZERO)
    if not rest:
        return plan
    last, share = (
        plan[-1] if plan else (DateRange(schedule.service_end - timedelta(days=1), schedule.service_end), ZERO)
    )
    return [*plan[:-1], (last, share + rest)]


def _by_usage(schedule: Schedule, through: date) -> list[Step]:
    # Usage is rated up to the date, and earned as it is used: there is nothing to spread.
    last = schedule.service_end - timedelta(days=1)
    steps = [Step(min(through, last), schedule.amount - schedule.true_up)]
    if schedule.true_up:
        steps.append(Step(min(through, last), schedule.amount, is_true_up=True))
    return steps


def _end_of_what_is_left(schedule: Schedule) -> date:
    # A period that falls away as a whole keeps its days, but nothing is left of its price.
    falls_away = not schedule.amount and schedule.recognized > 0 and schedule.method in OVER_TIME
    return schedule.service_start if falls_away and not schedule.is_metered else schedule.service_end


def _earned_beyond(batch: Sequence[Schedule]) -> dict[int, dict[date, Decimal]]:
    """Give what was earned, by day of its entry, for days after schedules' ends: their service was cut short since."""
    found: dict[int, dict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    ends = {schedule.id: _end_of_what_is_left(schedule) for schedule in batch}
    keys = [f"{schedule.id}:{number}" for schedule in batch for number in range(1, schedule.postings + 1)]
    if not keys:
        return found
    events = BusinessEvent.objects.filter(kind=RevenueRecognized.kind, key__in=keys).order_by("id")
    for key, day, told in events.values_list("key", "occurred_on", "payload"):
        schedule_id = int(key.partition(":")[0])
        if day >= ends[schedule_id]:
            found[schedule_id][day] += Decimal(told["from_deferred"]) + Decimal(told["from_unbilled"])
    return found


def read_plans(schedule_ids: Sequence[int]) -> dict[int, list[Part]]:
    """Read the written parts of schedules, in the order of their days."""
    plans: dict[int, list[Part]] = defaultdict(list)
    if schedule_ids:
        for row in SchedulePart.objects.filter(schedule__in=schedule_ids).order_by("schedule_id", "start"):
            plans[row.schedule_id].append((DateRange(row.start, row.end), row.amount.amount))
    return plans


def write_plans(plans: Iterable[tuple[Schedule, Sequence[Part]]]) -> None:
    """Replace the written parts of schedules. What is posted is their base: the parts are what is left of the price."""
    plans = list(plans)
    tenant_id = current_tenant_id()
    rows = []
    for schedule, parts in plans:
        schedule.is_planned = True
        schedule.spread_base = schedule.amount - sum((share for _, share in parts), ZERO)
        rows += [(tenant_id, schedule.id, part.start, part.end, schedule.currency, share) for part, share in parts]
    SchedulePart.objects.filter(schedule__in=[schedule.id for schedule, _ in plans]).delete()
    insert_rows(
        SchedulePart,
        ("id", "tenant_id", "schedule_id", "start", "end", "currency", "amount"),
        [(pk, *row) for pk, row in zip(reserve_ids(SchedulePart, len(rows)), rows, strict=True)],
    )
