"""How a service period's price becomes revenue, day by day. Pure.

By days: each calendar month gets the price times its days over all days, rounded half up; the last takes the remainder.
By months: each calendar month gets an equal part, a partial first or last month in proportion to its days.
Example (reference product, RR2): 400.00 from 20 August to 19 December by days is 39.34, 98.36, 101.64, 98.36, 62.30.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from billing.models import RecognitionMethod
from billing.money import round_money, split_with_remainder_last
from billing.periods import DateRange, end_of_month


def monthly_parts(
    *, amount: Decimal, service: DateRange, method: str, currency: str
) -> list[tuple[DateRange, Decimal]]:
    """Cut a price at the calendar months of its service period. The parts add up to the price exactly."""
    if method == RecognitionMethod.AS_CONSUMED:
        # Earned by being used or by expiring; what comes back after that (a dispute that is won) is earned at the end.
        return [(service, amount)]
    if method == RecognitionMethod.POINT_IN_TIME:
        return [(DateRange(service.start, service.start + timedelta(days=1)), amount)]
    months = list(service.by_calendar_month())
    if len(months) == 1:
        return [(months[0], amount)]
    return list(zip(months, split_with_remainder_last(amount, _weights(months, method), currency), strict=True))


def _weights(months: Sequence[DateRange], method: str) -> list[Decimal]:
    if method == RecognitionMethod.STRAIGHT_LINE_DAYS:
        return [Decimal(month.days) for month in months]
    return [Decimal(month.days) / Decimal(end_of_month(month.start).day) for month in months]


def earned_by_month(
    *, amount: Decimal, service: DateRange, method: str, currency: str, through: date
) -> list[tuple[date, Decimal]]:
    """Give what is earned up to and including a date, by month: the day each part is complete (or the date), its amount.

    By days a month that is not over counts for its days so far; by months, and for credits, it counts when it is over.
    """
    earned: list[tuple[date, Decimal]] = []
    for part, share in monthly_parts(amount=amount, service=service, method=method, currency=currency):
        if part.last_day <= through:
            earned.append((part.last_day, share))
        elif part.start <= through and method == RecognitionMethod.STRAIGHT_LINE_DAYS:
            so_far = DateRange(part.start, through + timedelta(days=1))
            earned.append((through, round_money(share * so_far.days / part.days, currency)))
    return earned
