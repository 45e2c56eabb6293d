"""Half-open ranges and billing periods: they meet without a gap or an overlap, and do not drift."""

import itertools
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.periods import DateRange, add_months, billing_period, end_of_month, share_of_days

DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))
INTERVALS = st.sampled_from([1, 3, 12])


@pytest.mark.parametrize(
    ("day", "months", "anchor_day", "moved"),
    [
        (date(2026, 1, 31), 1, None, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, None, date(2028, 2, 29)),
        (date(2026, 2, 28), 1, 31, date(2026, 3, 31)),
        (date(2026, 3, 31), -1, None, date(2026, 2, 28)),
        (date(2028, 2, 29), 12, None, date(2029, 2, 28)),
        (date(2029, 2, 28), 36, 29, date(2032, 2, 29)),
        (date(2026, 12, 15), 1, None, date(2027, 1, 15)),
    ],
)
def test_months_are_added_keeping_the_day_where_the_month_has_it(day, months, anchor_day, moved):
    assert add_months(day, months, anchor_day=anchor_day) == moved


@pytest.mark.parametrize(
    ("anchor", "months", "day", "start", "end"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 27), date(2026, 1, 31), date(2026, 2, 28)),
        (date(2026, 1, 31), 1, date(2026, 2, 28), date(2026, 2, 28), date(2026, 3, 31)),
        (date(2026, 1, 31), 1, date(2026, 3, 30), date(2026, 2, 28), date(2026, 3, 31)),
        (date(2026, 1, 15), 3, date(2026, 4, 14), date(2026, 1, 15), date(2026, 4, 15)),
        (date(2026, 1, 15), 3, date(2026, 4, 15), date(2026, 4, 15), date(2026, 7, 15)),
        (date(2028, 2, 29), 12, date(2029, 2, 27), date(2028, 2, 29), date(2029, 2, 28)),
        (date(2028, 2, 29), 12, date(2032, 2, 29), date(2032, 2, 29), date(2033, 2, 28)),
        (date(2026, 3, 10), 1, date(2026, 1, 9), date(2025, 12, 10), date(2026, 1, 10)),
    ],
)
def test_a_day_lies_in_its_billing_period(anchor, months, day, start, end):
    assert billing_period(anchor, months, day) == DateRange(start, end)


@given(anchor=DAYS, months=INTERVALS, day=DAYS)
def test_periods_meet(anchor, months, day):
    period = billing_period(anchor, months, day)
    assert period.start <= day < period.end
    assert billing_period(anchor, months, period.end).start == period.end
    assert billing_period(anchor, months, period.start - timedelta(days=1)).end == period.start
    assert billing_period(anchor, months, period.last_day) == period


@given(start=DAYS, days=st.integers(1, 800))
def test_calendar_months_cover_a_range_exactly(start, days):
    whole = DateRange(start, start + timedelta(days=days))
    months = list(whole.by_calendar_month())
    assert (months[0].start, months[-1].end) == (whole.start, whole.end)
    assert all(before.end == after.start for before, after in itertools.pairwise(months))
    assert all(month.last_day <= end_of_month(month.start) for month in months)
    assert sum(month.days for month in months) == whole.days == days


def test_a_part_is_a_share_of_the_whole_by_its_days():
    january = DateRange(date(2026, 1, 1), date(2026, 2, 1))
    assert share_of_days(DateRange(date(2026, 1, 17), date(2026, 2, 1)), january) == Decimal(15) / Decimal(31)


@pytest.mark.parametrize("end", [date(2026, 1, 1), date(2025, 12, 31)])
def test_a_range_without_days_is_refused(end):
    with pytest.raises(ValueError, match="must end after it starts"):
        DateRange(date(2026, 1, 1), end)
