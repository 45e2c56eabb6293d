"""What a pricing model is: a name, the shape of its numbers, and a formula."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

LARGEST = 10**13  # a hundredth of what an amount column holds, in any currency's major unit
MOST_DECIMALS = 10


class InvalidPricing(ValueError):
    """The numbers given for a price do not fit its pricing model; the text says what to mend."""


class PricingModel(Protocol):
    """One way to turn a quantity into an amount.

    `parameters` is JSON with amounts as decimal strings. `clean` answers it normalised or raises `InvalidPricing`;
    `amount` takes cleaned parameters and gives the unrounded amount in the price's currency.
    """

    code: str
    label: str
    metered: bool

    def clean(self, parameters: Mapping[str, Any]) -> dict[str, Any]: ...

    def amount(self, parameters: Mapping[str, Any], quantity: Decimal) -> Decimal: ...


@dataclass(frozen=True, slots=True)
class Tier:
    """Units up to and including `up_to` (None: no end) at `unit_amount` each."""

    up_to: Decimal | None
    unit_amount: Decimal


def decimal_parameter(parameters: Mapping[str, Any], name: str) -> Decimal:
    """Read one amount of a price: a decimal string that is zero or more. Raises InvalidPricing."""
    if name not in parameters:
        raise InvalidPricing(f"The price lacks “{name}”.")
    return clean_decimal(parameters[name], what=f"“{name}”")


def clean_decimal(value: Any, *, what: str) -> Decimal:
    """Read a decimal string that is finite and zero or more. Raises InvalidPricing."""
    if isinstance(value, float | bool):
        raise InvalidPricing(f'{what} must be written as text such as "49.50", so that no digit is lost.')
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise InvalidPricing(f"{what} is “{value}”, which is not a number.") from None
    if not number.is_finite():
        raise InvalidPricing(f"{what} is “{value}”, which is not a number.")
    if number < 0:
        raise InvalidPricing(f"{what} is {number}, but a price must not be negative.")
    if number >= LARGEST or number != round(number, MOST_DECIMALS):
        raise InvalidPricing(f"{what} must be below {LARGEST:,} with at most {MOST_DECIMALS} decimals.")
    return number


def only(parameters: Mapping[str, Any], *names: str) -> None:
    """Refuse parameters that the model does not know. Raises InvalidPricing."""
    unknown = sorted(set(parameters) - set(names))
    if unknown:
        raise InvalidPricing(f"The price has “{unknown[0]}”, which this pricing model does not know.")
