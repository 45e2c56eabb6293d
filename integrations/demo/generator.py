"""Invent customers and what they agreed to: the same seed gives the same ones, and nobody real is among them. Pure."""

import random
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from billing.periods import add_months

_FIRST = (
    "Amber", "Basalt", "Birch", "Cedar", "Cobalt", "Copper", "Coral", "Flint", "Granite", "Hazel", "Indigo", "Juniper",
    "Lantern", "Linden", "Marble", "Meadow", "Opal", "Pebble", "Quartz", "Russet", "Saffron", "Slate", "Thistle", "Willow",
)  # fmt: skip
_SECOND = (
    "Bakery", "Bicycles", "Bookshop", "Ceramics", "Clinic", "Dairy", "Ferries", "Foundry", "Gardens", "Glassworks",
    "Hotels", "Instruments", "Joinery", "Kitchens", "Logistics", "Mills", "Optics", "Orchards", "Printing", "Textiles",
)  # fmt: skip
_STREETS = ("Canal Street", "Harbor Road", "Mill Lane", "Orchard Way", "Station Street", "Tannery Row")


class Habit(StrEnum):
    """How a customer pays."""

    PROMPT = "prompt"
    LATE = "late"
    PARTIAL = "partial"
    OVERPAYS = "overpays"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class ItemPlan:
    """An offer taken, so many times; `taxed` or not."""

    offer: str
    quantity: Decimal = Decimal(1)
    taxed: bool = True


@dataclass(frozen=True, slots=True)
class CustomerPlan:
    """A customer, its one contract and its habit. `term_months` None: open-ended."""

    external_id: str
    name: str
    email: str
    address: str
    habit: Habit
    start: date
    term_months: int | None
    renews: bool
    trial_months: int
    payment_terms_days: int
    items: tuple[ItemPlan, ...]


# The shapes of contracts, in turn: (offers, term in months, renews, trial months).
_SHAPES: tuple[tuple[tuple[str, ...], int | None, bool, int], ...] = (
    (("team", "seats"), 12, False, 0),
    (("business", "seats-volume", "onboarding"), 12, False, 0),
    (("starter",), 1, True, 0),
    (("team", "storage"), None, False, 0),
    (("business-quarterly", "support"), 12, True, 0),
    (("team-yearly",), 12, False, 0),
    (("starter", "messages"), None, False, 0),
    (("team",), 12, False, 1),
    (("business", "storage", "messages", "support"), 24, False, 0),
    (("starter", "seats"), 2, True, 0),
)
_HABITS = (
    Habit.PROMPT, Habit.PROMPT, Habit.OVERPAYS, Habit.LATE, Habit.PROMPT, Habit.PROMPT, Habit.NEVER, Habit.PROMPT,
    Habit.PARTIAL, Habit.PROMPT, Habit.LATE,
)  # fmt: skip
_ARCHIVE_MONTH = 2  # The demo's third month.


def generate(*, seed: str, customers: int, first_month: date) -> list[CustomerPlan]:
    """Invent customers whose contracts start in the first three months, a third of them in mid-month.

    The last one takes the product that the demo leaves without a counterpart in the ERP.
    """
    chance = random.Random(seed)  # noqa: S311 - a demo is to be the same every time
    pairs = [(first, second) for first in _FIRST for second in _SECOND]
    names = chance.sample(pairs, customers)
    return [
        _customer(chance, place, " ".join(name), first_month, is_last=place == customers - 1)
        for place, name in enumerate(names)
    ]


def _customer(chance: random.Random, place: int, name: str, first_month: date, *, is_last: bool) -> CustomerPlan:
    offers, term, renews, trial = _SHAPES[place % len(_SHAPES)]
    month = chance.choice((0, 0, 0, 1, 2)) if place >= len(_SHAPES) else 0  # Each shape has a contract from the start.
    day = chance.randint(5, 25) if place % 3 == 2 else 1
    if is_last:
        offers, term, renews, trial, month, day = ("archive",), 12, False, 0, _ARCHIVE_MONTH, 1
    return CustomerPlan(
        external_id=f"C-{place + 1:04d}",
        name=f"{name} Ltd",
        email=f"accounts@{name.lower().replace(' ', '-')}.example",
        address=f"{chance.randint(1, 180)} {chance.choice(_STREETS)}",
        habit=Habit.PROMPT if is_last else _HABITS[place % len(_HABITS)],
        start=add_months(first_month, month) + timedelta(days=day - 1),
        term_months=term,
        renews=renews,
        trial_months=trial,
        payment_terms_days=chance.choice((14, 30, 30)),
        items=tuple(ItemPlan(offer, _quantity(chance, offer), taxed=place % 4 != 3) for offer in offers),
    )


def _quantity(chance: random.Random, offer: str) -> Decimal:
    if offer == "seats":
        return Decimal(chance.randint(2, 18))
    if offer == "seats-volume":
        return Decimal(chance.randint(15, 160))
    return Decimal(1)


def units_used(*, seed: str, offer: str, item: str, day: date) -> Decimal:
    """Invent one day's usage of a metered item: gigabytes with decimals, messages in whole numbers."""
    chance = random.Random(f"{seed}:{item}:{day}")  # noqa: S311 - as above
    if offer == "storage":
        return Decimal(chance.randint(500, 90_000)) / 100
    return Decimal(chance.randint(40, 4_000))
