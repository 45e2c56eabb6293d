"""What a contract item costs for a service period. Pure: contract terms in, rounded amounts out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from billing import pricing
from billing.money import round_money
from billing.periods import DateRange, Measure, add_months, billing_period, share_of

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class ItemTerms:
    """What charging needs to know of a contract item. `anchor` starts the contract's series of billing periods, `measure`
    says by what a part of one is prorated.
    """

    anchor: date
    start: date
    end: date | None
    interval_months: int
    in_advance: bool
    is_metered: bool
    is_free: bool
    pricing_model: str
    pricing: Mapping[str, Any]
    quantity: Decimal
    currency: str
    minimum: Decimal = Decimal(0)
    measure: str = Measure.DAYS


@dataclass(frozen=True, slots=True)
class Charge:
    """One service period's price: net of tax, rounded half up; `unit_amount` before rounding, `quantity` as printed."""

    period: DateRange
    billed_on: date
    quantity: Decimal
    unit_amount: Decimal
    net: Decimal


def service_periods(terms: ItemTerms, *, since: date, until: date | None = None) -> Iterator[DateRange]:
    """Give the item's service periods from a date on: billing periods cut to the item's own start and end.

    Open-ended items go on for ever, so pass `until` or stop asking.
    """
    day = max(since, terms.start)
    last = min(filter(None, (terms.end, until)), default=None)
    while last is None or day < last:
        whole = billing_period(terms.anchor, terms.interval_months, day)
        end = min(whole.end, terms.end) if terms.end else whole.end
        yield DateRange(day, end)
        day = end


def billed_on(terms: ItemTerms, period: DateRange) -> date:
    """Give the day a service period is billed: its first in advance, the day after its last in arrears."""
    return period.start if terms.in_advance else period.end


def charge(terms: ItemTerms, period: DateRange, *, usage: Decimal | None = None) -> Charge:
    """Price one service period.

    A fixed price is for the whole billing period; part of one is prorated by the item's measure, days unless told otherwise
    (actual days over the period's days).
    A metered item is priced by `usage`, the units of the period, without proration; its minimum is prorated.
    """
    whole = billing_period(terms.anchor, terms.interval_months, period.start)
    if terms.is_metered:
        quantity, share = usage or Decimal(0), ONE
    else:
        quantity, share = terms.quantity, ONE if period == whole else share_of(period, whole, terms.measure)
    full = Decimal(0) if terms.is_free else pricing.rate(terms.pricing_model, terms.pricing, quantity)
    net = round_money(full * share, terms.currency)
    if terms.minimum and not terms.is_free:
        least = round_money(terms.minimum * share_of(period, whole, terms.measure), terms.currency)
        if least > net:
            return Charge(period, billed_on(terms, period), ONE, least, least)
    if terms.pricing_model == "per_unit" and share == ONE:
        unit_amount = Decimal(terms.pricing["unit_amount"])
    else:
        quantity, unit_amount = ONE, net
    return Charge(period, billed_on(terms, period), quantity, unit_amount, net)


def committed_value(terms: ItemTerms, *, since: date | None = None) -> Decimal:
    """Add up the fixed charges of the term from a date (else the start) to the end; zero for usage and open ends.

    Whole billing periods cost the same, so they are counted instead of charged one by one: a part before the first, as
    many as fit, a part after the last.
    """
    if terms.is_metered or terms.is_free or terms.end is None:
        return Decimal(0)
    day, total = max(since or terms.start, terms.start), Decimal(0)
    if day >= terms.end:
        return total
    first = billing_period(terms.anchor, terms.interval_months, day)
    if first.start != day or first.end > terms.end:
        part = DateRange(day, min(first.end, terms.end))
        day, total = part.end, charge(terms, part).net
        if day >= terms.end:
            return total
        first = billing_period(terms.anchor, terms.interval_months, day)
    place = _months_between(terms.anchor, day) // terms.interval_months
    count = _months_between(day, terms.end) // terms.interval_months
    last = add_months(terms.anchor, (place + count) * terms.interval_months)
    if last > terms.end:
        count -= 1
        last = add_months(terms.anchor, (place + count) * terms.interval_months)
    if count:
        total += count * charge(terms, first).net
    if last < terms.end:
        total += charge(terms, DateRange(last, terms.end)).net
    return total


def _months_between(start: date, end: date) -> int:
    return (end.year - start.year) * 12 + end.month - start.month


def next_billing(terms: ItemTerms, billed_until: date) -> date | None:
    """Give the day of the next charge, or None when all is billed."""
    if terms.end is not None and billed_until >= terms.end:
        return None
    return billed_on(terms, next(service_periods(terms, since=billed_until)))
