"""Rounding and allocation of money: the one place where an amount loses digits.

Amounts are `Decimal` with a three-letter currency. The minor unit comes from Unicode CLDR through Babel, which
follows ISO 4217 for the currencies that companies bill in (JPY 0, USD 2, KWD 3).
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

from babel.numbers import get_currency_precision

ZERO = Decimal(0)


@cache
def minor_digits(currency: str) -> int:
    """Give the number of decimals of the currency's minor unit."""
    return get_currency_precision(currency)


@cache
def minor_unit(currency: str) -> Decimal:
    """Give the smallest amount that can be paid in the currency, such as 0.01 USD."""
    return Decimal(1).scaleb(-minor_digits(currency))


def round_money(amount: Decimal, currency: str) -> Decimal:
    """Round half up (away from zero) to the currency's minor unit, as invoices are rounded."""
    return amount.quantize(minor_unit(currency), rounding=ROUND_HALF_UP)


def split_with_remainder_last(total: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Split a total in proportion to the weights; each part is rounded half up, the last takes the remainder.

    This is the usual treatment of a revenue schedule: equal months show equal amounts and the odd cent comes at the
    end. A part is never pushed past what is left, so no part changes sign. The parts add up to the total exactly.
    """
    whole = sum(weights, ZERO)
    if not weights or whole <= 0:
        raise ValueError("A total can only be split by weights that add up to more than zero.")
    parts: list[Decimal] = []
    left = total
    for weight in weights[:-1]:
        part = round_money(total * weight / whole, currency)
        part = min(part, left) if total >= 0 else max(part, left)
        parts.append(part)
        left -= part
    return [*parts, left]


def allocate(total: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Split a total in proportion to the weights by largest remainder: no part is off by a whole minor unit.

    For spreading one amount over lines that exist side by side (a credit over the lines of an invoice). The parts add
    up to the total exactly; where remainders tie the earlier line gets the cent.
    """
    whole = sum(weights, ZERO)
    if not weights or whole <= 0:
        raise ValueError("A total can only be allocated by weights that add up to more than zero.")
    unit = minor_unit(currency)
    exact = [total * weight / whole for weight in weights]
    parts = [(share // unit) * unit for share in exact]
    missing = int((total - sum(parts, ZERO)) / unit)
    step = unit if missing >= 0 else -unit
    by_remainder = sorted(
        range(len(parts)), key=lambda i: (exact[i] - parts[i]) * (1 if missing >= 0 else -1), reverse=True
    )
    for i in by_remainder[: abs(missing)]:
        parts[i] += step
    return parts


def format_money(amount: Decimal, currency: str) -> str:
    """Write an amount for people: grouped thousands, the currency's decimals, the ISO code (never an ambiguous $)."""
    return f"{format_amount(amount, currency)} {currency}"


def format_amount(amount: Decimal, currency: str) -> str:
    """Write an amount without its currency, for columns whose heading names it."""
    return f"{round_money(amount, currency):,f}"


def format_unit_price(amount: Decimal, currency: str) -> str:
    """Write a price per unit with all its digits, and at least the currency's, without its currency."""
    return max(format_amount(amount, currency), f"{amount.normalize():,f}", key=len)


def amount_text(amount: Decimal, currency: str) -> str:
    """Write an amount for programs: plain digits with the currency's decimals, such as 1234.50."""
    return f"{round_money(amount, currency):f}"
