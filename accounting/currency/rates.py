"""Which rate holds for a day, and what an amount is worth by it.

A central bank compares every currency with its own, so the rate between two others is the one through the bank's (from
GBP to USD with the rates of the ECB: dollars for a euro, divided by pounds for a euro). On a day without rates (week-ends,
bank holidays) the last earlier ones hold, for `MOST_DAYS_BACK` at most.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from accounting.models import Quotation
from billing.bulk import read_rows
from billing.money import round_money
from billing.periods import day_words
from billing.tenancy import current_tenant_id

# Longer than any bank holidays in a row; a rate older than that was forgotten, not valid.
MOST_DAYS_BACK = 7
ONE = Decimal(1)

# Of corrected rates the last holds.
_RATES = """
SELECT DISTINCT ON (date, bank_currency, currency) date, bank_currency, currency, quotation, rate
FROM accounting_exchangerate WHERE tenant_id = %s AND date BETWEEN %s AND %s
AND (currency = ANY(%s) OR bank_currency = ANY(%s))
ORDER BY date, bank_currency, currency, number DESC
"""


class MissingRate(ValueError):
    """No rate is known for a day; the text says which, and how to get it in."""


class Pair(NamedTuple):
    """An amount's currency, the currency it is wanted in, and the day."""

    currency: str
    base: str
    day: date


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of a currency is worth: `numerator` / `denominator` units of `base`, as of the bank's `day`.

    Kept as a fraction, so that an amount is rounded once, by `convert`.
    """

    base: str
    numerator: Decimal
    denominator: Decimal
    day: date

    def convert(self, amount: Decimal) -> Decimal:
        """Give an amount in base currency, rounded half up to its minor unit."""
        return round_money(amount * self.numerator / self.denominator, self.base)

    @property
    def value(self) -> Decimal:
        """The rate to ten decimals, for people and for an ERP."""
        return (self.numerator / self.denominator).quantize(Decimal("0.0000000001")).normalize()


@dataclass(slots=True)
class Rates:
    """The banks' rates of some days: units of a currency for one unit of the bank's, as a fraction."""

    _days: dict[date, dict[str, dict[str, tuple[Decimal, Decimal]]]]
    _found: dict[Pair, Rate] = field(default_factory=dict)

    def of(self, pair: Pair) -> Rate:
        """Give the rate that holds on a day. Raises MissingRate."""
        found = self._found.get(pair)
        if found is None:
            found = self._found[pair] = self._search(pair)
        return found

    def _search(self, pair: Pair) -> Rate:
        for back in range(MOST_DAYS_BACK + 1):
            day = pair.day - timedelta(days=back)
            banks = self._days.get(day, {})
            # The bank of the base currency itself first, then in a fixed order: the same answer every time.
            for bank in sorted(banks, key=lambda bank: (bank != pair.base, bank != pair.currency, bank)):
                rates = banks[bank]
                if pair.currency in rates and pair.base in rates:
                    (of_base, for_base), (of_own, for_own) = rates[pair.base], rates[pair.currency]
                    return Rate(pair.base, of_base * for_own, for_base * of_own, day)
        raise MissingRate(
            f"There is no exchange rate from {pair.currency} to {pair.base} for {day_words(pair.day)}, nor for the "
            f"{MOST_DAYS_BACK} days before. Import the central bank's rates (Accounting, Exchange rates, Import; or "
            "manage.py import_rates), then do this again."
        )


def rates_for(pairs: Iterable[Pair]) -> Rates:
    """Read the rates that these conversions may need: one query, whatever their number."""
    pairs = set(pairs)
    days: dict[date, dict[str, dict[str, tuple[Decimal, Decimal]]]] = defaultdict(lambda: defaultdict(dict))
    if not pairs:
        return Rates(days)
    wanted = sorted({pair.currency for pair in pairs} | {pair.base for pair in pairs})
    first = min(pair.day for pair in pairs) - timedelta(days=MOST_DAYS_BACK)
    last = max(pair.day for pair in pairs)
    rows = read_rows(_RATES, [current_tenant_id(), first, last, wanted, wanted], table="accounting_exchangerate")
    for day, bank, currency, quotation, rate in rows:
        per_unit = (rate, ONE) if quotation == Quotation.FOREIGN_PER_BANK else (ONE, rate)
        days[day][bank][currency] = per_unit
        days[day][bank][bank] = (ONE, ONE)
    return Rates({day: dict(banks) for day, banks in days.items()})
