"""Write what is left of a schedule anew: after a modification, a credit, or by hand. What is posted is never touched.

A revision takes the parts that are not posted yet, divides them at the first open day, and writes new parts from there:

    prospective, straight line   what is left, spread over the days that are left
    front load, back load        the parts as they were, the difference put into the first or the last (ASC 606 practice)
    cumulative catch-up          as if it had been so from the start; what that makes of the past falls to the first part
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from django.utils import timezone

from accounting.books import Books
from accounting.earning import Earning, write_plans
from accounting.models import PeriodStatus, ScheduleRevision
from accounting.schedules import Schedule
from accounting.spreading import BY_ACT, Part, cut, load, monthly_parts
from billing.errors import BillingError
from billing.models import Adjustment, RecognitionMethod, Treatment
from billing.money import format_money
from billing.periods import DateRange, day_words, first_of_next_month
from billing.tenancy import current_tenant_id

ZERO = Decimal(0)


class RevisionRefused(BillingError):
    """A schedule cannot be written anew like that; the text says why."""


@dataclass(slots=True)
class _Revision:
    schedule: Schedule
    effective_on: date
    reason: str
    before: dict[str, Any]
    parts: list[Part] | None


class Revisions:
    """The revisions of a batch of schedules, which the caller holds and saves; `save` writes their parts and the record."""

    def __init__(self, books: Books, batch: Iterable[Schedule]) -> None:
        self.credit_adjustment = books.credit_adjustment
        self._books = books
        self._earning = Earning(batch)
        self._made: dict[int, _Revision] = {}

    def change_price(
        self,
        schedule: Schedule,
        difference: Decimal,
        *,
        on: date,
        reason: str,
        agreed_on: date | None = None,
        end: date | None = None,
        treatment: str = Treatment.PROSPECTIVE,
        adjustment: str | None = None,
    ) -> None:
        """Change an obligation's price by a difference, and its end, from a day on. Raises RevisionRefused.

        A catch-up is an adjustment at the date of the modification (ASC 606-10-25-13(b)): what was earned until it was agreed
        stays. So it is where nothing of the service is left by then.
        """
        revision = self._begin(schedule, on, reason)
        adjustment = adjustment or self.credit_adjustment
        left = self._left(revision)
        schedule.amount += difference
        if schedule.method in BY_ACT:
            # What is reported done stays done: its share of the new price counts from the day of the change.
            schedule.spread_from = max(schedule.spread_from, on, schedule.recognized_until or on)
            schedule.service_end = max(end or schedule.service_end, schedule.service_start + timedelta(days=1))
            return
        start = self._first_open_day(schedule, on)
        if agreed_on and (treatment == Treatment.CATCH_UP or start >= (end or schedule.service_end)):
            start = max(start, agreed_on)
        before, after = cut(left, start, currency=schedule.currency)
        kept = sum((share for _, share in before), ZERO)
        rest = schedule.amount - schedule.recognized - kept
        new_end = max(end or schedule.service_end, start + timedelta(days=1))
        span = DateRange(start, new_end)
        if treatment == Treatment.CATCH_UP:
            fresh = _caught_up(schedule, span, rest)
        elif adjustment == Adjustment.STRAIGHT_LINE or schedule.method == RecognitionMethod.POINT_IN_TIME:
            fresh = monthly_parts(amount=rest, service=span, method=schedule.method, currency=schedule.currency)
        else:
            months = _onto_months(after, span)
            fresh = load(months, rest - sum((share for _, share in months), ZERO), adjustment)
        schedule.service_end = new_end
        revision.parts = [*before, *fresh]

    def earned_before(self, schedule: Schedule, day: date) -> Decimal:
        """Give what a schedule has earned before a day, or before the first day after it that can still change."""
        if schedule.method in BY_ACT:
            steps = self._earning.steps(schedule, day - timedelta(days=1))
            return steps[-1].cumulative if steps else schedule.recognized
        before, _ = cut(self._earning.left(schedule), self._first_open_day(schedule, day), currency=schedule.currency)
        return schedule.recognized + sum((share for _, share in before), ZERO)

    def write_by_hand(self, schedule: Schedule, parts: list[Part], *, on: date, reason: str) -> None:
        """Replace what is left of a schedule. Raises RevisionRefused when the parts do not add up or lie in the past."""
        revision = self._begin(schedule, on, reason)
        total = sum((share for _, share in parts), ZERO)
        left = schedule.amount - schedule.recognized
        if total != left:
            raise RevisionRefused(
                f"The parts add up to {format_money(total, schedule.currency)}, but "
                f"{format_money(left, schedule.currency)} is left to recognize."
            )
        for (one, _), (following, _) in pairwise(parts):
            if following.start < one.end:
                raise RevisionRefused(
                    f"The parts from {day_words(one.start)} and from {day_words(following.start)} overlap."
                )
        first = self._first_open_day(schedule, schedule.service_start)
        if parts and parts[0][0].start < first:
            raise RevisionRefused(
                f"What lies before {day_words(first)} is recognized or closed; begin on that day or later."
            )
        revision.parts = parts

    def save(self, made_by: Any = None) -> None:
        """Write the new parts and the record of what changed. The schedules themselves are the caller's to save."""
        made = list(self._made.values())
        if not made:
            return
        write_plans((each.schedule, each.parts) for each in made if each.parts is not None)
        now, tenant_id = timezone.now(), current_tenant_id()
        ScheduleRevision.objects.bulk_create(
            ScheduleRevision(
                tenant_id=tenant_id,
                schedule_id=each.schedule.id,
                effective_on=each.effective_on,
                reason=each.reason[:300],
                before=each.before,
                after=_shown(each.schedule, each.parts or []),
                made_by=made_by,
                made_at=now,
            )
            for each in made
        )

    def _begin(self, schedule: Schedule, on: date, reason: str) -> _Revision:
        known = self._made.get(schedule.id)
        if known is None:
            parts = self._earning.left(schedule)
            known = self._made[schedule.id] = _Revision(schedule, on, reason, _shown(schedule, parts), None)
        elif reason not in known.reason:
            known.reason = f"{known.reason}; {reason}"
        return known

    def _left(self, revision: _Revision) -> list[Part]:
        if revision.parts is not None:
            return revision.parts
        return self._earning.left(revision.schedule)

    def _first_open_day(self, schedule: Schedule, on: date) -> date:
        """Give the first day, from one on, that is neither recognized nor in a closed period nor before the service."""
        closed = [
            start
            for (entity, start), status in self._books.period_status.items()
            if entity == schedule.business_entity_id and status == PeriodStatus.CLOSED
        ]
        first_open = first_of_next_month(max(closed)) if closed else on
        return max(on, schedule.service_start, schedule.recognized_until or on, first_open)


def _caught_up(schedule: Schedule, span: DateRange, rest: Decimal) -> list[Part]:
    whole = monthly_parts(
        amount=schedule.amount,
        service=DateRange(schedule.service_start, span.end),
        method=schedule.method,
        currency=schedule.currency,
    )
    _, fresh = cut(whole, span.start, currency=schedule.currency)
    if not fresh:
        return [(span, rest)]
    catch_up = rest - sum((share for _, share in fresh), ZERO)
    return [(fresh[0][0], fresh[0][1] + catch_up), *fresh[1:]]


def _onto_months(parts: Iterable[Part], span: DateRange) -> list[Part]:
    """Put parts onto the months of a span: those that begin in a month, and what lies after the span into its last."""
    months = list(span.by_calendar_month())
    amounts = [ZERO] * len(months)
    for part, share in parts:
        place = next((i for i, month in enumerate(months) if part.start < month.end), len(months) - 1)
        amounts[place] += share
    return list(zip(months, amounts, strict=True))


def _shown(schedule: Schedule, parts: Iterable[Part]) -> dict[str, Any]:
    return {
        "price": f"{schedule.amount:f}",
        "recognized": f"{schedule.recognized:f}",
        "end": schedule.service_end.isoformat(),
        "left": [[part.start.isoformat(), part.end.isoformat(), f"{share:f}"] for part, share in parts],
    }
