"""How a service period's price becomes revenue, day by day. Pure.

By days: each calendar month gets the price times its days over all days, rounded half up; the last takes the remainder.
By months: each calendar month gets an equal part, a partial first or last month in proportion to its days.
Equal per period: each calendar month gets an equal part, a partial one too.
Example (reference product, RR2): 400.00 from 20 August to 19 December by days is 39.34, 98.36, 101.64, 98.36, 62.30;
equal per period (RR1) it is 80.00 five times.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache

from billing.models import REPORTED_METHODS, Adjustment, RecognitionMethod
from billing.money import round_money, split_with_remainder_last
from billing.periods import DateRange, end_of_month

ZERO = Decimal(0)
Part = tuple[DateRange, Decimal]
OVER_TIME = frozenset(
    (RecognitionMethod.STRAIGHT_LINE_DAYS, RecognitionMethod.STRAIGHT_LINE_MONTHS, RecognitionMethod.EQUAL_PER_PERIOD)
)
# Earned by something done, on a day that is not known before.
BY_ACT = frozenset((*REPORTED_METHODS, RecognitionMethod.ON_INVOICE))
AT_ONCE = BY_ACT | {RecognitionMethod.POINT_IN_TIME}


def monthly_parts(*, amount: Decimal, service: DateRange, method: str, currency: str) -> list[Part]:
    """Cut a price at the calendar months of its service period. The parts add up to the price exactly."""
    if method == RecognitionMethod.AS_CONSUMED:
        # Earned by being used or by expiring; what comes back after that (a dispute that is won) is earned at the end.
        return [(service, amount)]
    if method in AT_ONCE:
        return [(DateRange(service.start, service.start + timedelta(days=1)), amount)]
    months, weights = _months(service, method)
    if len(months) == 1:
        return [(months[0], amount)]
    return list(zip(months, split_with_remainder_last(amount, weights, currency), strict=True))


# Thousands of contracts have the same service periods.
@lru_cache(maxsize=2000)
def _months(service: DateRange, method: str) -> tuple[list[DateRange], list[Decimal]]:
    months = list(service.by_calendar_month())
    return months, _weights(months, method)


def _weights(months: Sequence[DateRange], method: str) -> list[Decimal]:
    if method == RecognitionMethod.STRAIGHT_LINE_DAYS:
        return [Decimal(month.days) for month in months]
    if method == RecognitionMethod.EQUAL_PER_PERIOD:
        return [Decimal(1)] * len(months)
    return [Decimal(month.days) / Decimal(end_of_month(month.start).day) for month in months]


def earned_through(parts: Iterable[Part], *, method: str, currency: str, through: date) -> list[tuple[date, Decimal]]:
    """Give what is earned up to and including a date, by part: the day each is complete (or the date), its amount.

    By days a month that is not over counts for its days so far; otherwise, and for credits, it counts when it is over.
    """
    earned: list[tuple[date, Decimal]] = []
    for part, share in parts:
        if part.last_day <= through:
            earned.append((part.last_day, share))
        elif part.start <= through and method == RecognitionMethod.STRAIGHT_LINE_DAYS:
            so_far = DateRange(part.start, through + timedelta(days=1))
            earned.append((through, round_money(share * so_far.days / part.days, currency)))
    return earned


def cut(parts: Sequence[Part], day: date, *, currency: str) -> tuple[list[Part], list[Part]]:
    """Divide parts into those before a day and those from it on; one that holds the day is divided by its days."""
    before: list[Part] = []
    after: list[Part] = []
    for part, share in parts:
        if part.end <= day:
            before.append((part, share))
        elif part.start >= day:
            after.append((part, share))
        else:
            first = DateRange(part.start, day)
            early = round_money(share * first.days / part.days, currency)
            before.append((first, early))
            after.append((DateRange(day, part.end), share - early))
    return before, after


def load(parts: Sequence[Part], difference: Decimal, how: str) -> list[Part]:
    """Put a difference into the first parts (front load) or the last ones (back load).

    A part is not pushed below zero: what it cannot take spills over to its neighbour, and what none can take stays with
    the last one asked. (The reference's own example would make one month of the life cycle -140.00.)
    """
    loaded = [share for _, share in parts]
    places = range(len(parts)) if how == Adjustment.FRONT_LOAD else range(len(parts) - 1, -1, -1)
    left = difference
    for place in places:
        taken = left if left >= 0 else max(left, -max(loaded[place], ZERO))
        loaded[place] += taken
        left -= taken
        if not left:
            break
    if left:
        loaded[places[-1]] += left
    return [(part, share) for (part, _), share in zip(parts, loaded, strict=True)]
