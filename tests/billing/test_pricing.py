"""Pricing models at and around their boundaries; the rows are the reference product's own (PM1, PM2, PM7)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import pricing

D = Decimal
TIERS = {
    "tiers": [
        {"up_to": "500", "unit_amount": "2.00"},
        {"up_to": "2000", "unit_amount": "1.50"},
        {"up_to": None, "unit_amount": "1.00"},
    ]
}


@pytest.mark.parametrize(
    ("model", "parameters", "quantity", "amount"),
    [
        ("flat_fee", {"amount": "500"}, "1500", "500.00"),  # PM1
        ("flat_fee", {"amount": "500"}, "0", "500.00"),
        ("per_unit", {"unit_amount": "2.00"}, "0", "0"),  # PM2
        ("per_unit", {"unit_amount": "2.00"}, "500", "1000"),
        ("per_unit", {"unit_amount": "2.00"}, "1500", "3000"),
        ("per_unit", {"unit_amount": "2.00"}, "5000", "10000"),
        ("per_unit", {"unit_amount": "0.0001"}, "12345", "1.2345"),
        ("tiered", TIERS, "0", "0"),  # PM7
        ("tiered", TIERS, "1", "2"),
        ("tiered", TIERS, "500", "1000"),
        ("tiered", TIERS, "500.5", "1000.75"),
        ("tiered", TIERS, "501", "1001.50"),
        ("tiered", TIERS, "1500", "2500"),
        ("tiered", TIERS, "2000", "3250"),
        ("tiered", TIERS, "2001", "3251"),
    ],
)
def test_what_a_quantity_costs(model, parameters, quantity, amount):
    cleaned = pricing.validate(model, parameters)
    assert pricing.rate(model, cleaned, D(quantity)) == D(amount)
    assert pricing.validate(model, cleaned) == cleaned


def _tiers(*tiers: tuple[object, object]) -> dict[str, object]:
    return {"tiers": [{"up_to": up_to, "unit_amount": unit_amount} for up_to, unit_amount in tiers]}


@pytest.mark.parametrize(
    ("model", "parameters", "reason"),
    [
        ("volume", {"amount": "1"}, "no pricing model “volume”"),
        ("flat_fee", {}, "lacks “amount”"),
        ("flat_fee", {"amount": "1", "currency": "USD"}, "“currency”, which this pricing model does not know"),
        ("flat_fee", {"amount": "-1"}, "must not be negative"),
        ("flat_fee", {"amount": "ten"}, "“ten”, which is not a number"),
        ("flat_fee", {"amount": "NaN"}, "not a number"),
        ("flat_fee", {"amount": "Infinity"}, "not a number"),
        ("flat_fee", {"amount": 1.5}, "written as text"),
        ("flat_fee", {"amount": True}, "written as text"),
        ("flat_fee", {"amount": "1e13"}, "must be below"),
        ("per_unit", {"unit_amount": "0.00000000001"}, "at most 10 decimals"),
        ("tiered", {}, "at least one tier"),
        ("tiered", {"tiers": []}, "at least one tier"),
        ("tiered", {"tiers": [{"up_to": None}]}, "Tier 1 must have"),
        ("tiered", _tiers(("500", "1")), "only the last, has no upper bound"),
        ("tiered", _tiers((None, "1"), (None, "2")), "only the last, has no upper bound"),
        ("tiered", _tiers(("500", "1"), ("500", "2"), (None, "3")), "Tier 2 ends at 500, but must end above 500"),
        ("tiered", _tiers(("0", "1"), (None, "3")), "must end above 0"),
        ("tiered", _tiers(("5", "-1"), (None, "3")), "unit amount of tier 1 is -1"),
    ],
)
def test_a_price_that_does_not_fit_its_model_is_refused_with_what_to_mend(model, parameters, reason):
    with pytest.raises(pricing.InvalidPricing, match=reason):
        pricing.validate(model, parameters)


@given(first=st.decimals(0, 5000, places=3), second=st.decimals(0, 5000, places=3))
def test_more_units_never_cost_less(first, second):
    fewer, more = sorted([first, second])
    assert pricing.rate("tiered", TIERS, fewer) <= pricing.rate("tiered", TIERS, more)
