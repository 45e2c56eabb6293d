"""What an item costs for a service period, and when it is billed."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.charging import ItemTerms, charge, committed_value, next_billing, service_periods
from billing.periods import DateRange, Measure, share_of

D = Decimal
MONTHLY = ItemTerms(
    anchor=date(2026, 1, 1),
    start=date(2026, 1, 1),
    end=date(2027, 1, 1),
    interval_months=1,
    in_advance=True,
    is_metered=False,
    is_free=False,
    pricing_model="flat_fee",
    pricing={"amount": "310.00"},
    quantity=D(1),
    currency="USD",
)


def _charges(terms: ItemTerms, count: int = 20) -> list[tuple[str, str, str]]:
    return [
        (f"{period.start}", f"{(made := charge(terms, period)).billed_on}", f"{made.net:.2f}")
        for period in islice(service_periods(terms, since=terms.start), count)
    ]


def test_a_whole_period_costs_the_whole_price_whatever_its_days():
    assert {net for _, _, net in _charges(MONTHLY)} == {"310.00"}
    assert len(_charges(MONTHLY)) == 12


def test_part_of_a_period_costs_its_days():
    """The item starts on 17 January and ends on 15 February in the contract's calendar months."""
    terms = replace(MONTHLY, start=date(2026, 1, 17), end=date(2026, 2, 15))
    assert _charges(terms) == [
        ("2026-01-17", "2026-01-17", "150.00"),  # 15 of 31 days
        ("2026-02-01", "2026-02-01", "155.00"),  # 14 of 28 days
    ]


def test_in_arrears_a_period_is_billed_on_the_day_after_its_last():
    terms = replace(MONTHLY, in_advance=False, end=date(2026, 2, 15))
    assert _charges(terms) == [("2026-01-01", "2026-02-01", "310.00"), ("2026-02-01", "2026-02-15", "155.00")]


@pytest.mark.parametrize(("months", "starts"), [(3, ["01-31", "04-30", "07-31", "10-31"]), (12, ["01-31"])])
def test_quarters_and_years_run_from_the_contracts_start(months, starts):
    terms = replace(
        MONTHLY, anchor=date(2026, 1, 31), start=date(2026, 1, 31), end=date(2027, 1, 31), interval_months=months
    )
    assert [start for start, _, _ in _charges(terms)] == [f"2026-{start}" for start in starts]


def test_a_stub_at_the_end_of_a_quarterly_contract():
    """Five months by quarters at 910.00: a quarter, then 61 of the 91 days of the next."""
    terms = replace(MONTHLY, interval_months=3, end=date(2026, 6, 1), pricing={"amount": "910.00"})
    assert _charges(terms) == [
        ("2026-01-01", "2026-01-01", "910.00"),
        ("2026-04-01", "2026-04-01", "610.00"),  # 61 of 91 days
    ]
    assert committed_value(terms) == D("1520.00")


def test_a_trial_costs_nothing_and_commits_nothing():
    terms = replace(MONTHLY, is_free=True)
    assert {net for _, _, net in _charges(terms)} == {"0.00"}
    assert committed_value(terms) == 0


def test_usage_is_priced_whole_and_commits_nothing():
    terms = replace(
        MONTHLY,
        is_metered=True,
        in_advance=False,
        pricing_model="per_unit",
        pricing={"unit_amount": "0.015"},
        end=date(2026, 1, 20),
    )
    period = DateRange(date(2026, 1, 1), date(2026, 1, 20))
    made = charge(terms, period, usage=D(101))
    assert (made.quantity, made.unit_amount, made.net) == (D(101), D("0.015"), D("1.52"))  # 1.515, half up
    assert charge(terms, period).net == 0
    assert committed_value(terms) == 0


def test_units_are_printed_for_whole_periods_and_one_amount_for_parts():
    terms = replace(MONTHLY, pricing_model="per_unit", pricing={"unit_amount": "10.00"}, quantity=D(31))
    whole, part = DateRange(date(2026, 1, 1), date(2026, 2, 1)), DateRange(date(2026, 1, 1), date(2026, 1, 11))
    assert (charge(terms, whole).quantity, charge(terms, whole).unit_amount) == (31, 10)
    assert (charge(terms, part).quantity, charge(terms, part).unit_amount, charge(terms, part).net) == (1, 100, 100)


def test_what_a_term_commits_to():
    assert committed_value(MONTHLY) == D("3720.00")
    assert committed_value(MONTHLY, since=date(2026, 11, 1)) == D("620.00")
    assert committed_value(replace(MONTHLY, end=None)) == 0


def test_the_next_billing_day():
    assert next_billing(MONTHLY, date(2026, 3, 1)) == date(2026, 3, 1)
    assert next_billing(replace(MONTHLY, in_advance=False), date(2026, 3, 1)) == date(2026, 4, 1)
    assert next_billing(MONTHLY, date(2027, 1, 1)) is None
    assert next_billing(replace(MONTHLY, end=None), date(2030, 1, 1)) == date(2030, 1, 1)


@settings(max_examples=300, deadline=None)
@given(
    anchor=st.dates(date(2024, 1, 1), date(2025, 12, 31)),
    offset=st.integers(0, 400),
    days=st.integers(1, 900),
    since=st.integers(0, 700),
    interval=st.sampled_from([1, 3, 12]),
)
def test_the_committed_value_is_what_the_periods_add_up_to(anchor, offset, days, since, interval):
    start = anchor + timedelta(days=offset)
    terms = ItemTerms(
        anchor,
        start,
        start + timedelta(days=days),
        interval,
        True,
        False,
        False,
        "flat_fee",
        {"amount": "99.99"},
        Decimal(1),
        "USD",
    )
    from_day = start + timedelta(days=since)
    one_by_one = sum((charge(terms, period).net for period in service_periods(terms, since=from_day)), Decimal(0))
    assert committed_value(terms, since=from_day) == one_by_one


@pytest.mark.parametrize(
    ("measure", "start", "end", "net"),
    [
        # 1,200.00 a year. Nine months of twelve; 275 days of 365; half of April and eight months: 8.5 of 12.
        ("months", (2026, 4, 1), (2027, 1, 1), "900.00"),
        ("days", (2026, 4, 1), (2027, 1, 1), "904.11"),
        ("months", (2026, 4, 16), (2027, 1, 1), "850.00"),
        # February's 14 days are half of it; 11 of January's 31 days are 35.48.
        ("months", (2026, 2, 1), (2026, 2, 15), "50.00"),
        ("months", (2026, 1, 21), (2026, 2, 1), "35.48"),
        ("equal_months", (2026, 4, 1), (2027, 1, 1), "900.00"),
    ],
)
def test_part_of_a_period_is_priced_by_the_item_s_measure(measure, start, end, net):
    yearly = replace(MONTHLY, interval_months=12, pricing={"amount": "1200.00"}, measure=measure)
    assert charge(yearly, DateRange(date(*start), date(*end))).net == D(net)


def test_equal_months_count_a_partial_one_as_a_whole():
    """RR1: 400.00 from 20 August to 19 December is 80.00 in each of five months; from November on two are left."""
    whole = DateRange(date(2026, 8, 20), date(2026, 12, 20))
    assert 400 * share_of(DateRange(date(2026, 11, 1), whole.end), whole, "equal_months") == 160
    assert (
        400 * share_of(DateRange(date(2026, 11, 16), whole.end), whole, "equal_months") == 120
    )  # and half of November


@given(
    first=st.dates(date(2024, 1, 1), date(2027, 12, 31)),
    days=st.lists(st.integers(1, 90), min_size=1, max_size=6),
    measure=st.sampled_from(list(Measure)),
)
@settings(max_examples=100, deadline=None)
def test_the_shares_of_all_parts_add_up_to_one(first, days, measure):
    ends = [first + timedelta(days=sum(days[: place + 1])) for place in range(len(days))]
    whole = DateRange(first, ends[-1])
    parts = [DateRange(start, end) for start, end in zip([first, *ends], ends, strict=False)]
    shares = [share_of(part, whole, measure) for part in parts]
    assert abs(sum(shares) - 1) < D("1e-20") and all(0 < share <= 1 for share in shares)
