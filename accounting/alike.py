"""Many events of one unit that differ in names and amounts only, such as a month's revenue.

The rules are asked once for each shape of event, by its first one: same words, same signs of the amounts, so the same rule,
lines and accounts. The server writes entries and lines out (`accounting.posting_alike`). Pure, like the engine.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from accounting.engine import Dimensions, MeasuredEvent, RuleBook, Unit, choose
from billing.events import Event

ZERO = Decimal(0)
# Published in thousands, and each of one unit that is the whole event.
KINDS = frozenset({"revenue_recognized", "usage_trued_up", "contract_balances_netted"})
_NAMES = frozenset({"contract_id", "contract_item_id", "customer_id"})


class OutlineLine(NamedTuple):
    """A line with its amount open: the sum of these atoms, without its sign, on this side."""

    is_debit: bool
    role: str
    atoms: tuple[str, ...]


class Shape(NamedTuple):
    """The entry that events of one shape make, with its amounts open; and the first event that had the shape."""

    event: Event
    dimensions: Dimensions
    rule_version_id: int
    description: str
    lines: tuple[OutlineLine, ...]


class Alike(NamedTuple):
    """A batch of events told apart by shape. `shapes[places[i]]` is that of the event `measured[i]`."""

    measured: Sequence[MeasuredEvent]
    shapes: Sequence[Shape]
    places: Sequence[int]
    unmatched: Sequence[Event]


def set_apart(
    measured: list[MeasuredEvent], rules: RuleBook, base_currency: dict[int, str]
) -> tuple[list[MeasuredEvent], list[MeasuredEvent]]:
    """Divide a batch of one kind into events that can be booked by shape, and others: foreign ones, and reversals."""
    if not measured or measured[0].event.kind not in KINDS:
        return [], measured
    alike: list[MeasuredEvent] = []
    others: list[MeasuredEvent] = []
    reversing = {
        day
        for day in {item.event.occurred_on for item in measured}
        for rule in rules.in_force(measured[0].event.kind, day)[:1]
        if rule.reverses
    }
    for item in measured:
        event = item.event
        is_alike = event.currency == base_currency[event.business_entity_id] and event.occurred_on not in reversing
        (alike if is_alike else others).append(item)
    return alike, others


def tell_shapes(measured: Sequence[MeasuredEvent], rules: RuleBook, *, names_matter: bool) -> Alike:
    """Ask the rules once for each shape. `names_matter`: default accounts are set for single customers or contract items."""
    known: dict[tuple[Any, ...], int | None] = {}
    shapes: list[Shape] = []
    told: list[MeasuredEvent] = []
    places: list[int] = []
    unmatched: list[Event] = []
    for item in measured:
        event, unit = item.event, item.units[0]
        about = unit.dimensions
        signs = tuple([(amount > 0) - (amount < 0) for amount in unit.atoms.values()])
        # Everything that the rules and the hierarchy look at, as far as it decides which accounts are posted to.
        key: tuple[Any, ...] = (
            event.occurred_on,
            event.business_entity_id,
            event.currency,
            about.product_id,
            about.product_family_id,
            unit.pricing_model,
            unit.recognition_method,
            signs,
        )
        if -1 in signs:
            key += tuple(unit.atoms.values())  # of amounts on both sides of zero, the sum decides
        if names_matter or rules.tested(event.kind, event.occurred_on) & _NAMES:
            key += (about.contract_id, about.contract_item_id, about.customer_id)
        if key not in known:
            shape = _ask(event, unit, rules)
            known[key] = None if shape is None else len(shapes)
            if shape:
                shapes.append(shape)
        place = known[key]
        if place is None:
            unmatched.append(event)
        elif shapes[place].lines:
            told.append(item)
            places.append(place)
    return Alike(told, shapes, places, unmatched)


def _ask(event: Event, unit: Unit, rules: RuleBook) -> Shape | None:
    chosen = choose(event, [unit], rules.in_force(event.kind, event.occurred_on))
    if chosen is None:
        return None
    rule = chosen[0][0]
    lines = []
    for line in rule.lines:
        amount = sum((unit.atoms.get(name, ZERO) for name in line.atoms), ZERO)
        if amount:
            lines.append(OutlineLine(line.is_debit == (amount > 0), line.role, line.atoms))
    return Shape(event, unit.dimensions, rule.version_id, rule.description, tuple(lines))
