"""Rules × events → entry drafts. Pure: no database, no clock, the same answer for ever.

An event is measured in units (one for each of its lines, one for the event itself where it has amounts of its own).
For each unit the first rule that matches says what is debited and credited; the units of one event that follow the same
rule make one draft. A unit's debits equal its credits, so every draft balances.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from accounting.facts import FACTS
from billing.events import Event

ZERO = Decimal(0)


class InvalidRule(ValueError):
    """A rule cannot be used; the text tells an accountant what to mend."""


class Dimensions(NamedTuple):
    """What a line is about; None where a document-wide line spans several."""

    customer_id: int | None = None
    contract_id: int | None = None
    contract_item_id: int | None = None
    product_id: int | None = None
    product_family_id: int | None = None
    invoice_id: int | None = None
    credit_note_id: int | None = None
    payment_id: int | None = None
    tax_rate_id: int | None = None
    refund_id: int | None = None
    obligation_id: int | None = None


@dataclass(slots=True)
class Unit:
    """One measured part of an event: its atoms, its dimensions, and the words that conditions test."""

    atoms: dict[str, Decimal]
    dimensions: Dimensions
    pricing_model: str | None = None
    recognition_method: str | None = None


@dataclass(slots=True)
class MeasuredEvent:
    """An event with its units and the dimensions of its document-wide lines."""

    event: Event
    document: Dimensions
    units: Sequence[Unit]


class DraftLine(NamedTuple):
    """One side of a draft; the account is still a role, unless a reversal names it.

    The base amounts are None until `accounting.currency.conversion` gives them to a draft in a foreign currency.
    """

    role: str
    debit: Decimal
    credit: Decimal
    dimensions: Dimensions
    account_id: int | None = None
    resolved_by: str | None = None
    base_debit: Decimal | None = None
    base_credit: Decimal | None = None


@dataclass(slots=True)
class Draft:
    """A balanced entry not yet posted. No rule version: persons wrote and approved it."""

    event: Event
    rule_version_id: int | None
    description: str
    lines: list[DraftLine]
    reverses_id: int | None = None


class RuleLine(NamedTuple):
    is_debit: bool
    role: str
    atoms: tuple[str, ...]
    per_document: bool


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """One version of a rule, ready to be asked."""

    version_id: int
    code: str
    priority: int
    effective_from: date
    description: str
    lines: tuple[RuleLine, ...]
    conditions: tuple[Callable[[Event, Unit], bool], ...] = ()
    tested: frozenset[str] = frozenset()
    reverses: str = ""
    left_out: frozenset[str] = frozenset()
    is_net: bool = False

    def matches(self, event: Event, unit: Unit) -> bool:
        for condition in self.conditions:  # noqa: SIM110 - asked for every line of every event; `all` costs twice as much
            if not condition(event, unit):
                return False
        return True


@dataclass(slots=True)
class RuleBook:
    """The versions in force, per kind of event, most important first."""

    rules: dict[str, list[CompiledRule]]
    _on: dict[tuple[str, date], list[CompiledRule]] = field(default_factory=dict)
    _tested: dict[tuple[str, date], frozenset[str]] = field(default_factory=dict)

    def in_force(self, kind: str, day: date) -> list[CompiledRule]:
        """Give the newest version of each rule that holds on the day, in the order they are asked."""
        found = self._on.get((kind, day))
        if found is None:
            newest: dict[str, CompiledRule] = {}
            for rule in self.rules.get(kind, ()):
                if rule.effective_from <= day:
                    best = newest.get(rule.code)
                    if best is None or (rule.effective_from, rule.version_id) > (
                        best.effective_from,
                        best.version_id,
                    ):
                        newest[rule.code] = rule
            found = sorted(newest.values(), key=lambda rule: (rule.priority, rule.code))
            self._on[(kind, day)] = found
        return found

    def tested(self, kind: str, day: date) -> frozenset[str]:
        """Give the fields that conditions of the rules in force look at."""
        found = self._tested.get((kind, day))
        if found is None:
            found = frozenset().union(*(rule.tested for rule in self.in_force(kind, day)))
            self._tested[(kind, day)] = found
        return found


def draft_entries(measured: Iterable[MeasuredEvent], rules: RuleBook) -> tuple[list[Draft], list[Event]]:
    """Apply the rules. Answers the drafts, and the events of which some unit found no rule (nothing is drafted of those).

    A rule without lines drafts nothing, on purpose. So does a unit whose amounts are all zero.
    """
    drafts: list[Draft] = []
    unmatched: list[Event] = []
    for item in measured:
        event = item.event
        in_force = rules.in_force(event.kind, event.occurred_on)
        chosen = choose(event, item.units, in_force)
        if chosen is None:
            unmatched.append(event)
            continue
        for rule, units in chosen:
            lines = _lines(rule, item.document, units)
            if lines:
                drafts.append(Draft(event, rule.version_id, rule.description, lines))
    return drafts, unmatched


def choose(
    event: Event, units: Sequence[Unit], in_force: list[CompiledRule]
) -> list[tuple[CompiledRule, Sequence[Unit]]] | None:
    """Give the rules that speak of these units of an event, each with its units; None where one finds none."""
    if not in_force:
        return None
    if not in_force[0].conditions:
        return [(in_force[0], units)]
    by_rule: dict[int, list[Unit]] = defaultdict(list)
    for unit in units:
        for place, rule in enumerate(in_force):
            if rule.matches(event, unit):
                by_rule[place].append(unit)
                break
        else:
            return None
    return [(in_force[place], matched) for place, matched in sorted(by_rule.items())]


def _lines(rule: CompiledRule, document: Dimensions, units: Sequence[Unit]) -> list[DraftLine]:
    lines: list[DraftLine] = []
    for is_debit, role, atoms, per_document in rule.lines:
        whole = ZERO
        for unit in units:
            of_unit = unit.atoms
            amount = of_unit.get(atoms[0], ZERO)
            for name in atoms[1:]:
                if (more := of_unit.get(name)) is not None:
                    amount += more
            if per_document:
                whole += amount
            elif amount:
                lines.append(_line(is_debit, role, amount, unit.dimensions))
        if whole:
            lines.append(_line(is_debit, role, whole, document))
    return _net(lines) if rule.is_net else lines


def _net(lines: Sequence[DraftLine]) -> list[DraftLine]:
    """Make one line of those of one role that are about the same; none where they come to nothing."""
    sums: dict[tuple[str, Dimensions], Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[line.role, line.dimensions] += line.debit - line.credit
    return [_line(True, role, amount, about) for (role, about), amount in sums.items() if amount]


def _line(is_debit: bool, role: str, amount: Decimal, dimensions: Dimensions) -> DraftLine:
    # A negative amount (a credit on an invoice) stands on the other side, so that both columns stay positive.
    if amount < 0:
        is_debit, amount = not is_debit, -amount
    return DraftLine(role, amount, ZERO, dimensions) if is_debit else DraftLine(role, ZERO, amount, dimensions)


def compile_rule(
    *,
    version_id: int,
    code: str,
    priority: int,
    effective_from: date,
    event_kind: str,
    description: str,
    conditions: Sequence[dict[str, Any]],
    lines: Sequence[dict[str, Any]],
    reverses: str = "",
) -> CompiledRule:
    """Check a rule's data and make it ready. Raises InvalidRule, also when it could not balance for some event."""
    facts = FACTS.get(event_kind)
    if facts is None:
        raise InvalidRule(f"There is no business event “{event_kind}”.")
    compiled: list[RuleLine] = []
    balance: dict[str, int] = defaultdict(int)
    for place, line in enumerate(lines, start=1):
        if set(line) != {"side", "role", "amount", "per"}:
            raise InvalidRule(f"Line {place} must have a side, a role, an amount and “per”.")
        if line["side"] not in ("debit", "credit") or line["per"] not in ("document", "line"):
            raise InvalidRule(f"Line {place}: the side is debit or credit, and it is per document or per line.")
        atoms = facts.amounts.get(line["amount"])
        if atoms is None:
            known = ", ".join(facts.amounts) or "none"
            raise InvalidRule(f"Line {place}: this event has no amount “{line['amount']}”; it has {known}.")
        for atom in atoms:
            balance[atom] += 1 if line["side"] == "debit" else -1
        compiled.append(RuleLine(line["side"] == "debit", line["role"], atoms, line["per"] == "document"))
    left_out = frozenset(
        atom for atom in facts.optional if balance[atom] and not any(line.atoms == (atom,) for line in compiled)
    )
    if left_out:
        compiled = [
            line._replace(atoms=tuple(atom for atom in line.atoms if atom not in left_out)) for line in compiled
        ]
    unbalanced = sorted(atom for atom, surplus in balance.items() if surplus and atom not in left_out)
    if unbalanced:
        side = "debited" if balance[unbalanced[0]] > 0 else "credited"
        raise InvalidRule(
            f"The rule does not balance: “{unbalanced[0].replace('_', ' ')}” is {side} without a line on the other side. "
            "Debit and credit amounts that add up to the same."
        )
    return CompiledRule(
        version_id=version_id,
        code=code,
        priority=priority,
        effective_from=effective_from,
        description=description,
        lines=tuple(compiled),
        conditions=tuple(_condition(event_kind, condition) for condition in conditions),
        tested=frozenset(str(condition.get("field")) for condition in conditions),
        reverses=reverses,
        left_out=left_out,
        is_net=facts.is_net,
    )


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "is": lambda value, wanted: value == wanted,
    "is_not": lambda value, wanted: value != wanted,
    "in": lambda value, wanted: value in wanted,
    "not_in": lambda value, wanted: value not in wanted,
}


def _condition(event_kind: str, data: dict[str, Any]) -> Callable[[Event, Unit], bool]:
    facts = FACTS[event_kind]
    name, wanted = data.get("field"), data.get("value")
    test = _OPERATORS.get(str(data.get("operator")))
    if test is None:
        raise InvalidRule(f"A condition's operator is one of {', '.join(_OPERATORS)}.")
    if data["operator"] in ("in", "not_in") and not isinstance(wanted, list):
        raise InvalidRule(f"The condition on “{name}” needs a list of values.")
    if name in facts.header_fields:
        return lambda event, unit: test(getattr(event, name, None), wanted)
    if name in ("pricing_model", "recognition_method") and name in facts.line_fields:
        return lambda event, unit: test(getattr(unit, name), wanted)
    if name in facts.line_fields:
        return lambda event, unit: test(getattr(unit.dimensions, name), wanted)
    raise InvalidRule(f"A condition of this event cannot test “{name}”.")
