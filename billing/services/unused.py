"""What a modification finds billed for days that fall away, and the contract's terms that it is shared out over."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from billing.models import Contract
from billing.money import round_money
from billing.periods import DateRange
from billing.services.promises import renewals
from billing.services.terms import Item


@dataclass(frozen=True, slots=True)
class Term:
    """A contract's term; without a start: all of them, without an end: the current one, whose end may move."""

    start: date | None = None
    end: date | None = None


WHOLE = (Term(),)


@dataclass(frozen=True, slots=True)
class Unused:
    """The part of a billed line that falls away; positive, net of tax."""

    item_id: int
    line_id: int
    invoice_id: int
    period: DateRange
    net: Decimal

    def within(self, term: Term, currency: str) -> Decimal:
        """Give a term's share by days, in the currency's minor unit."""
        if term.start is None:
            return self.net
        # Each term's is what has fallen away by its end less what had by its start: the parts add up.
        return self._until(term.end or self.period.end, currency) - self._until(term.start, currency)

    def _until(self, day: date, currency: str) -> Decimal:
        days = max((min(day, self.period.end) - self.period.start).days, 0)
        return round_money(self.net * days / self.period.days, currency)


def terms_since(contract: Contract, day: date) -> Sequence[Term]:
    """Give the terms from the one that holds the day on, where the contract has renewed since then."""
    begun = renewals(contract)
    later = [start for start in begun if start > day]
    if not later:
        return WHOLE
    first = max((start for start in begun if start <= day), default=contract.start)
    starts = [first, *later]
    return [Term(start, end) for start, end in zip(starts, [*later, None], strict=True)]


def within(item: Item, term: Term) -> Item:
    """Cut an item to the days of a term; where it has none there, it ends on the day it starts."""
    if term.start is None:
        return item
    start = max(item.terms.start, term.start)
    ends = [end for end in (item.terms.end, term.end) if end]
    return replace(item, terms=replace(item.terms, start=start, end=max(start, min(ends)) if ends else None))


def has_days(item: Item) -> bool:
    """Tell whether an item covers any day."""
    return item.terms.end is None or item.terms.end > item.terms.start
