"""Rounding and splitting: to the cent, whatever the numbers."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.money import allocate, amount_text, format_money, minor_unit, round_money, split_with_remainder_last

D = Decimal
CURRENCIES = st.sampled_from(["USD", "JPY", "KWD"])
WEIGHTS = st.lists(st.integers(0, 400).map(Decimal), min_size=1, max_size=30).filter(any)


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("0.005", "USD", "0.01"),
        ("-0.005", "USD", "-0.01"),
        ("2.675", "USD", "2.68"),
        ("0.0049999", "USD", "0.00"),
        ("100.5", "JPY", "101"),
        ("1.0005", "KWD", "1.001"),
    ],
)
def test_half_a_unit_is_rounded_away_from_zero(amount, currency, rounded):
    assert str(round_money(D(amount), currency)) == rounded


def test_amounts_are_written_for_people_and_for_programs():
    assert format_money(D("1234567.5"), "USD") == "1,234,567.50 USD"
    assert amount_text(D("1234567.5"), "USD") == "1234567.50"
    assert amount_text(D("1234567.5"), "JPY") == "1234568"


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        ("1000", [1, 1, 1], ["333.33", "333.33", "333.34"]),  # C2
        ("340", [1] * 12, ["28.33"] * 11 + ["28.37"]),  # C12
        ("400", [12, 30, 31, 30, 19], ["39.34", "98.36", "101.64", "98.36", "62.30"]),  # RR2
        ("-100", [1, 1, 1], ["-33.33", "-33.33", "-33.34"]),
        ("0.02", [1, 1, 1], ["0.01", "0.01", "0.00"]),
        ("0.00", [1, 2], ["0.00", "0.00"]),
    ],
)
def test_the_remainder_comes_last(total, weights, parts):
    split = split_with_remainder_last(D(total), [D(weight) for weight in weights], "USD")
    assert [f"{part:.2f}" for part in split] == parts


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        ("850", [600, 400], ["510.00", "340.00"]),  # C12
        ("100", [1, 1, 1], ["33.34", "33.33", "33.33"]),
        ("-100", [1, 1, 1], ["-33.34", "-33.33", "-33.33"]),
        ("0.01", [1, 2, 1], ["0.00", "0.01", "0.00"]),
    ],
)
def test_the_largest_remainder_gets_the_cent(total, weights, parts):
    split = allocate(D(total), [D(weight) for weight in weights], "USD")
    assert [f"{part:.2f}" for part in split] == parts


@given(units=st.integers(-(10**9), 10**9), weights=WEIGHTS, currency=CURRENCIES)
def test_a_split_adds_up_and_no_part_changes_sign(units, weights, currency):
    total = units * minor_unit(currency)
    for split in (split_with_remainder_last, allocate):
        parts = split(total, weights, currency)
        assert sum(parts) == total
        assert all(part == round_money(part, currency) for part in parts)
        assert all(part * total >= 0 for part in parts)


@given(units=st.integers(-(10**9), 10**9), weights=WEIGHTS, currency=CURRENCIES)
def test_an_allocated_part_is_off_by_less_than_a_minor_unit(units, weights, currency):
    total = units * minor_unit(currency)
    for part, weight in zip(allocate(total, weights, currency), weights, strict=True):
        assert abs(part - total * weight / sum(weights)) < minor_unit(currency)


@pytest.mark.parametrize("split", [split_with_remainder_last, allocate])
@pytest.mark.parametrize("weights", [[], [D(0), D(0)]])
def test_nothing_to_split_by_is_refused(split, weights):
    with pytest.raises(ValueError, match="more than zero"):
        split(D(1), weights, "USD")
