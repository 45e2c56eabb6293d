"""What a modification changes of each item's price: term by term, where the contract has renewed since its day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from billing.events import ModifiedLine
from billing.models import Contract, PriceAllocation
from billing.services.modification_billing import Unused
from billing.services.promises import is_obligation, promise, renewals, standalone_value, still_to_bill
from billing.services.terms import Item

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class _Term:
    """A contract's term; without a start: all of them, without an end: the current one, whose end may move."""

    start: date | None = None
    end: date | None = None


_WHOLE = (_Term(),)


def modified_lines(
    contract: Contract,
    before: Mapping[int, Item],
    after: Mapping[int, Item],
    *,
    replaced_by: Mapping[int, int],
    given_back: Sequence[Unused],
    since: date,
) -> list[ModifiedLine]:
    """Say of each item what is still to be billed now, and what was before with what is given back.

    An obligation has a line for each term from the one that holds the day `since` on, any other item has one.
    """
    terms = _terms_since(contract, since)
    lines = []
    for item in after.values():
        old = before.get(item.id)
        back = [each for each in given_back if each.item_id == item.id]
        for term in terms if is_obligation(contract, item) else _WHOLE:
            now, was = _within(item, term), _within(old, term) if old else None
            if term.start is None or _has_days(now) or (was and _has_days(was)):
                lines.append(_line(contract, now, was, term, replaced_by.get(item.id), back, since))
    return lines


def _line(
    contract: Contract,
    now: Item,
    was: Item | None,
    term: _Term,
    replaces: int | None,
    given_back: Sequence[Unused],
    day: date,
) -> ModifiedLine:
    # Only what is not billed yet can still change; what is billed too far is given back.
    unbilled_since = was.billed_until if was else now.terms.start
    was_committed = sum((_in_term(each, term, contract.currency) for each in given_back), ZERO)
    if was:
        was_committed += still_to_bill(contract, was.terms, since=unbilled_since)
    by_standalone = contract.price_allocation == PriceAllocation.STANDALONE
    promised = promise(now, allocation=contract.price_allocation)
    return ModifiedLine(
        **(promised | {"committed": still_to_bill(contract, now.terms, since=unbilled_since)}),
        was_committed=was_committed,
        replaces=replaces,
        standalone_left=standalone_value(now, since=max(day, now.terms.start)) if by_standalone else None,
        term_start=term.start,
        term_end=term.end,
    )


def _in_term(unused: Unused, term: _Term, currency: str) -> Decimal:
    return unused.net if term.start is None else unused.between(term.start, term.end, currency)


def _terms_since(contract: Contract, day: date) -> Sequence[_Term]:
    """Give the terms from the one that holds the day on, where the contract has renewed since then."""
    begun = renewals(contract)
    later = [start for start in begun if start > day]
    if not later:
        return _WHOLE
    first = max((start for start in begun if start <= day), default=contract.start)
    starts = [first, *later]
    return [_Term(start, end) for start, end in zip(starts, [*later, None], strict=True)]


def _within(item: Item, term: _Term) -> Item:
    """Cut an item to the days of a term; where it has none there, it ends on the day it starts."""
    if term.start is None:
        return item
    start = max(item.terms.start, term.start)
    ends = [end for end in (item.terms.end, term.end) if end]
    return replace(item, terms=replace(item.terms, start=start, end=max(start, min(ends)) if ends else None))


def _has_days(item: Item) -> bool:
    return item.terms.end is None or item.terms.end > item.terms.start
