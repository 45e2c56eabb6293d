"""Half-open date ranges and calendar arithmetic: `[start, end)`, so that ranges meet without overlap."""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

ALWAYS = date(1970, 1, 1)
"""The first day of what has held from the beginning; people read "always"."""


@dataclass(frozen=True, slots=True, order=True)
class DateRange:
    """The days from `start` up to but not including `end`."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"A date range must end after it starts; got {self.start} to {self.end}.")

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def last_day(self) -> date:
        return self.end - timedelta(days=1)

    def by_calendar_month(self) -> "Iterator[DateRange]":
        """Cut the range at the first of each month."""
        start = self.start
        while start < self.end:
            cut = min(first_of_next_month(start), self.end)
            yield DateRange(start, cut)
            start = cut


def day_words(day: date) -> str:
    """Write a day so that nobody takes its month for its day: 28 November 2026."""
    return f"{day.day} {day:%B %Y}"


def first_of_month(day: date) -> date:
    return day.replace(day=1)


def first_of_next_month(day: date) -> date:
    return add_months(day.replace(day=1), 1)


def end_of_month(day: date) -> date:
    return first_of_next_month(day) - timedelta(days=1)


def add_months(day: date, months: int, *, anchor_day: int | None = None) -> date:
    """Move by whole months, keeping the anchor's day of month where the month has it.

    With the anchor day a series does not drift: 31 January, 28 February, 31 March.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    wanted = anchor_day or day.day
    if wanted > 28:
        wanted = min(wanted, calendar.monthrange(year, month + 1)[1])
    return date(year, month + 1, wanted)


def billing_period(anchor: date, interval_months: int, day: date) -> DateRange:
    """Give the billing period that holds the day, in the series of equal intervals counted from the anchor."""
    months = (day.year - anchor.year) * 12 + day.month - anchor.month
    index = months // interval_months
    start = add_months(anchor, index * interval_months)
    if start > day:
        index -= 1
        start = add_months(anchor, index * interval_months)
    end = add_months(anchor, (index + 1) * interval_months)
    if end <= day:
        start, end = end, add_months(anchor, (index + 2) * interval_months)
    return DateRange(start, end)


class Measure(StrEnum):
    """What the parts of a billing period are measured by."""

    DAYS = "days"
    MONTHS = "months"  # calendar months, a partial one by its days of that month
    EQUAL_MONTHS = "equal_months"  # calendar months, a partial first or last one counts as a whole one


def share_of(part: DateRange, whole: DateRange, measure: str) -> Decimal:
    """Give a part's share of the whole that it lies in, for proration; the shares of all parts add up to one.

    Nine months of 2026 are 9/12 by months, 275/365 by days.
    """
    if measure == Measure.DAYS:
        return share_of_days(part, whole)
    covered = total = Fraction(0)
    for month in whole.by_calendar_month():
        weight = Fraction(1) if measure == Measure.EQUAL_MONTHS else Fraction(month.days, end_of_month(month.start).day)
        total += weight
        days = (min(part.end, month.end) - max(part.start, month.start)).days
        covered += weight * max(days, 0) / month.days
    share = covered / total
    return Decimal(share.numerator) / Decimal(share.denominator)


def share_of_days(part: DateRange, whole: DateRange) -> Decimal:
    """Give the part's days as a share of the whole's days, for proration."""
    return Decimal(part.days) / Decimal(whole.days)
