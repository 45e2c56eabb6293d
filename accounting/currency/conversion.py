"""From drafts in a foreign currency to drafts with base amounts that balance in both.

What is added to a balance goes in at the rate of the event's day. What leaves one leaves it at what it is carried at
(`roles.py`); what that makes different is the realized exchange gain or loss. Revenue takes the base amount of what it is
released from. An entry that mirrors another has that one's base amounts. Whatever the roundings, an entry balances: amounts
side by side share their total's base amount, and a difference that remains goes where it explains itself best.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from accounting.books import Books
from accounting.currency.carrying import ZERO, Carrying, Subject
from accounting.currency.originals import UNDOING, Originals
from accounting.currency.rates import Pair, Rate, rates_for
from accounting.currency.roles import (
    CARRIED,
    CASH,
    DEFERRED,
    GAIN,
    LOSS,
    ROUNDING,
    UNBILLED,
    is_carried,
    layer_of,
    subject_of,
)
from accounting.defaults import Hierarchy
from accounting.engine import Dimensions, Draft, DraftLine
from accounting.models import Level
from billing.events import Event
from billing.money import allocate, round_money

# Their income is what they release, at its base amount; no exchange difference arises.
_RELEASES = frozenset(("revenue_recognized", "usage_trued_up", "credits_consumed", "credits_expired", "invoice_voided"))
# What they move from one obligation to another stays at the rates it was billed at.
_MOVES = frozenset(("contract_modified", "contract_ended"))
# Their amounts are base amounts.
_IN_BASE = frozenset(("foreign_balances_revalued",))
# Shown for a day and mirrored the next: nothing is settled by it.
_PASSING = frozenset(("contract_balances_netted", "contract_netting_reversed"))


def in_base(drafts: Sequence[Draft], books: Books) -> Sequence[Draft]:
    """Give every draft whose currency is not its books' base currency its base amounts, with lines of exchange differences.

    A constant number of queries, none where nothing is foreign. Raises MissingRate; then nothing is posted.
    """
    home = books.base_currency
    foreign = [draft for draft in drafts if draft.event.currency != home[draft.event.business_entity_id]]
    if not foreign:
        return drafts
    originals = Originals(foreign)
    rates = rates_for(
        _pair(draft, home, originals.day_of(draft, line))
        for draft in foreign
        if draft.event.kind not in _IN_BASE and not _is_mirror(draft)
        for line in draft.lines
    )
    drafts = _with_bank_accounts(drafts, foreign, books)
    carrying = Carrying(_subjects(draft for draft in drafts if draft.event.currency != _base(draft, home)))
    converted: list[Draft] = []
    for draft in drafts:
        if draft.event.currency == _base(draft, home):
            converted.append(draft)
        elif _is_mirror(draft):
            _mirror(draft, carrying)
            converted.append(draft)
        elif draft.event.kind in _IN_BASE:
            converted.append(replace(draft, lines=[_only_base(line) for line in draft.lines]))
        else:
            line_rates = [
                originals.rate_of(draft, line, base=_base(draft, home))
                or rates.of(_pair(draft, home, originals.day_of(draft, line)))
                for line in draft.lines
            ]
            converted.append(replace(draft, lines=_Conversion(draft, line_rates, carrying).lines()))
    carrying.save()
    return converted


def _base(draft: Draft, home: dict[int, str]) -> str:
    return home[draft.event.business_entity_id]


def _with_bank_accounts(drafts: Sequence[Draft], foreign: Sequence[Draft], books: Books) -> Sequence[Draft]:
    """Look the account of cash lines up where the currency has one of its own: what is in it is carried."""
    lines = [
        line for draft in foreign if has_bank_account(draft.event, books) for line in draft.lines if line.role == CASH
    ]
    if not lines:
        return drafts
    hierarchy = books.hierarchy.for_batch(line.dimensions for line in lines)
    return [
        replace(draft, lines=[_looked_up(line, draft, hierarchy) for line in draft.lines])
        if not _is_mirror(draft) and has_bank_account(draft.event, books)
        else draft
        for draft in drafts
    ]


def has_bank_account(event: Event, books: Books) -> bool:
    """Tell whether the event's currency has a cash account of its own."""
    place = (event.business_entity_id, event.currency)
    return (CASH, Level.ENTITY_CURRENCY.value, place) in books.hierarchy.codes


def _looked_up(line: DraftLine, draft: Draft, hierarchy: Hierarchy) -> DraftLine:
    if line.role != CASH:
        return line
    event = draft.event
    account_id, resolved_by = hierarchy.resolve(
        role=CASH, business_entity_id=event.business_entity_id, currency=event.currency, dimensions=line.dimensions
    )
    return line._replace(account_id=account_id, resolved_by=resolved_by)


def _pair(draft: Draft, home: dict[int, str], day: date) -> Pair:
    event = draft.event
    return Pair(event.currency, home[event.business_entity_id], day)


def _is_mirror(draft: Draft) -> bool:
    return draft.reverses_id is not None


def _subjects(drafts: Iterable[Draft]) -> Iterator[Subject]:
    return (
        _subject(draft, line)
        for draft in drafts
        if draft.event.kind not in _IN_BASE | _PASSING
        for line in draft.lines
        if is_carried(line)
    )


def _subject(draft: Draft, line: DraftLine) -> Subject:
    event = draft.event
    return Subject(event.business_entity_id, line.role, event.currency, subject_of(line.role, line.dimensions))


def _mirror(draft: Draft, carrying: Carrying) -> None:
    if draft.event.kind in _PASSING:
        return
    for line in draft.lines:
        amount = line.debit - line.credit
        if is_carried(line) and amount:
            base = (line.base_debit or ZERO) - (line.base_credit or ZERO)
            carrying.add(_subject(draft, line), layer_of(line.role, line.dimensions), amount, base)


def _only_base(line: DraftLine) -> DraftLine:
    return line._replace(debit=ZERO, credit=ZERO, base_debit=line.debit, base_credit=line.credit)


@dataclass(slots=True)
class _Valued:
    """A line on its way. Amounts are signed, debits positive. `at_rate`: what its relieved part is worth on the day."""

    line: DraftLine
    amount: Decimal
    value: Decimal
    relieved: Decimal = ZERO
    relieved_base: Decimal = ZERO
    at_rate: Decimal = ZERO

    @property
    def difference(self) -> Decimal:
        return self.at_rate - self.relieved_base

    def fits(self, value: Decimal) -> bool:
        """Tell whether a value stands on the line's own side."""
        return value == 0 or (value > 0) == (self.amount > 0)


class _Conversion:
    """One draft. Its lines are at one rate, that of the day, unless it undoes what was recorded at others."""

    def __init__(self, draft: Draft, rates: Sequence[Rate], carrying: Carrying) -> None:
        self._draft = draft
        self._rate = rates[0]
        self._carrying = carrying
        self._is_passing = draft.event.kind in _PASSING
        self._is_undoing = draft.event.kind in UNDOING
        self._valued = [self._value(line, rate) for line, rate in zip(draft.lines, rates, strict=True)]
        self._extra: list[DraftLine] = []

    def lines(self) -> list[DraftLine]:
        """Give the lines with their base amounts, and those of exchange differences."""
        if not any(each.relieved for each in self._valued):
            if not self._is_undoing:
                self._share_sides()
        elif self._draft.event.kind in _RELEASES:
            self._release()
        elif self._draft.event.kind in _MOVES:
            self._pass_on()
        for each in self._valued:
            if not each.fits(each.value):
                self._clear(each)
        self._balance()
        self._add()
        return [*map(_with_base, self._valued), *self._extra]

    def _value(self, line: DraftLine, rate: Rate) -> _Valued:
        amount = line.debit - line.credit
        valued = _Valued(line, amount, rate.convert(amount))
        if is_carried(line) and not self._is_passing:
            subject, layer = _subject(self._draft, line), layer_of(line.role, line.dimensions)
            valued.relieved, valued.relieved_base = self._carrying.relieve(
                subject, layer, amount, base_currency=self._rate.base
            )
            if valued.relieved:
                valued.at_rate = rate.convert(valued.relieved)
                valued.value = valued.relieved_base + rate.convert(amount - valued.relieved)
        return valued

    def _share_sides(self) -> None:
        """Nothing was carried: each side's lines share the base amount of their total, so that no cent is lost."""
        for side in (True, False):
            lines = [each for each in self._valued if (each.amount > 0) == side]
            if not lines:
                continue
            total = sum((each.amount for each in lines), ZERO)
            weights = [abs(each.amount) for each in lines]
            shares = allocate(abs(self._rate.convert(total)), weights, self._rate.base)
            for each, share in zip(lines, shares, strict=True):
                each.value = share if side else -share

    def _release(self) -> None:
        """Income takes the base amount of what it is released from."""
        income = [each for each in self._valued if not is_carried(each.line)]
        if not income:
            return
        released = -sum((each.value for each in self._valued if is_carried(each.line)), ZERO)
        whole = sum((each.amount for each in income), ZERO)
        if not whole:
            return
        left = released
        for each in income[:-1]:
            each.value = round_money(released * each.amount / whole, self._rate.base)
            left -= each.value
        income[-1].value = left

    def _pass_on(self) -> None:
        """What moves from one obligation to another within a role makes no exchange difference, whatever the day's rate."""
        for role in (DEFERRED, UNBILLED):
            lines = [each for each in self._valued if each.line.role == role]
            giving = [each for each in lines if each.relieved]
            sides = {each.relieved > 0 for each in giving}
            taking = [each for each in lines if not each.relieved and (each.amount < 0) in sides]
            given, taken = sum((each.relieved for each in giving), ZERO), sum((each.amount for each in taking), ZERO)
            if len(sides) != 1 or not taken:
                continue
            share = min(abs(taken / given), Decimal(1))
            for each in giving:
                passed = round_money(-each.difference * share, self._rate.base)
                each.at_rate += passed
                parts = allocate(abs(passed), [abs(one.amount) for one in taking], self._rate.base)
                for one, part in zip(taking, parts, strict=True):
                    one.value -= part if passed > 0 else -part

    def _clear(self, valued: _Valued) -> None:
        # A balance that stood on the wrong side by a rounding gives nothing along.
        if valued.relieved:
            subject, layer = _subject(self._draft, valued.line), layer_of(valued.line.role, valued.line.dimensions)
            self._carrying.add(subject, layer, ZERO, -valued.relieved_base)
            valued.relieved_base = ZERO
        valued.value = ZERO

    def _balance(self) -> None:
        missing = -sum((each.value for each in self._valued), ZERO)
        if not missing:
            return
        differing = [each for each in self._valued if each.difference]
        if self._is_undoing:
            about = self._valued[0].line.dimensions
            self._extra.append(_base_line(LOSS if missing > 0 else GAIN, missing, about))
        elif differing:
            self._realize(missing, differing)
        elif not self._absorb(missing):
            self._extra.append(_base_line(ROUNDING, missing, self._valued[0].line.dimensions))

    def _realize(self, missing: Decimal, differing: Sequence[_Valued]) -> None:
        """Post the exchange gains and losses, each with what it arose on; roundings go with the largest."""
        by_subject: dict[Dimensions, Decimal] = defaultdict(Decimal)
        for each in differing:
            about = each.line.dimensions
            kept = about if CARRIED[each.line.role].is_monetary else about._replace(
                contract_item_id=None, product_id=None, product_family_id=None, tax_rate_id=None
            )  # fmt: skip
            by_subject[kept] += each.difference
        largest = max(by_subject, key=lambda about: abs(by_subject[about]))
        by_subject[largest] += missing - sum(by_subject.values(), ZERO)
        self._extra += [
            _base_line(LOSS if amount > 0 else GAIN, amount, about) for about, amount in by_subject.items() if amount
        ]

    def _absorb(self, missing: Decimal) -> bool:
        """Let a rounding go with an amount that is not exact anyway: the largest income, or what stays open."""
        plain = [each for each in self._valued if not is_carried(each.line) and each.line.role != CASH]
        for each in sorted(plain, key=lambda each: -abs(each.value)):
            if each.value and each.fits(each.value + missing):
                each.value += missing
                return True
        for each in sorted(self._valued, key=lambda each: is_carried(each.line) and _is_monetary(each)):
            if each.relieved and each.relieved == each.amount and each.fits(each.value + missing):
                subject = _subject(self._draft, each.line)
                if self._carrying.shift(subject, layer_of(each.line.role, each.line.dimensions), missing):
                    each.value += missing
                    each.relieved_base += missing
                    return True
        return False

    def _add(self) -> None:
        """Put what was added to a balance to what it is carried at."""
        if self._is_passing:
            return
        for each in self._valued:
            if is_carried(each.line) and each.amount != each.relieved:
                subject, layer = _subject(self._draft, each.line), layer_of(each.line.role, each.line.dimensions)
                self._carrying.add(subject, layer, each.amount - each.relieved, each.value - each.relieved_base)


def _is_monetary(valued: _Valued) -> bool:
    return CARRIED[valued.line.role].is_monetary


def _with_base(valued: _Valued) -> DraftLine:
    value = valued.value
    if valued.amount > 0:
        return valued.line._replace(base_debit=value, base_credit=ZERO)
    return valued.line._replace(base_debit=ZERO, base_credit=-value)


def _base_line(role: str, amount: Decimal, about: Dimensions) -> DraftLine:
    return DraftLine(role, ZERO, ZERO, about, base_debit=max(amount, ZERO), base_credit=max(-amount, ZERO))
