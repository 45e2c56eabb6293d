"""What open foreign balances are carried at: read and held for a batch, moved by its lines, written back.

Two queries for any number of lines, and none where nothing foreign is posted.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from accounting.models import CarryingAmount
from billing.bulk import insert_rows, reserve_ids
from billing.money import round_money
from billing.tenancy import current_tenant_id

ZERO = Decimal(0)
_COLUMNS = ("id", "tenant_id", "business_entity_id", "role", "currency", "subject", "layer", "amount", "base")
_HELD = """
SELECT c.business_entity_id, c.role, c.currency, c.subject, c.layer, c.amount, c.base
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) AS v(entity, role, currency, subject)
JOIN accounting_carryingamount c ON c.business_entity_id = v.entity AND c.role = v.role AND c.currency = v.currency
    AND c.subject = v.subject AND c.tenant_id = %s
WHERE c.amount <> 0 OR c.base <> 0 ORDER BY c.id FOR UPDATE OF c
"""
# Others may have added to the same balance meanwhile: what is written is what this batch moved.
_MOVE = (
    "ON CONFLICT (tenant_id, business_entity_id, role, currency, subject, layer) DO UPDATE SET "
    "amount = accounting_carryingamount.amount + excluded.amount, base = accounting_carryingamount.base + excluded.base"
)


class Subject(NamedTuple):
    """What is settled as one."""

    business_entity_id: int
    role: str
    currency: str
    name: str


@dataclass(slots=True)
class Layer:
    """An open amount and its base amount, debits positive; `moved_` is what this batch did."""

    amount: Decimal = ZERO
    base: Decimal = ZERO
    moved_amount: Decimal = ZERO
    moved_base: Decimal = ZERO

    def move(self, amount: Decimal, base: Decimal) -> None:
        self.amount += amount
        self.base += base
        self.moved_amount += amount
        self.moved_base += base


class Carrying:
    """The open foreign balances that a batch may touch, held until the transaction ends."""

    def __init__(self, subjects: Iterable[Subject]) -> None:
        self._layers: dict[Subject, dict[int, Layer]] = defaultdict(dict)
        wanted = sorted(set(subjects))
        if not wanted:
            return
        with connection.cursor() as cursor:
            cursor.execute(_HELD, [*map(list, zip(*wanted, strict=True)), current_tenant_id()])
            for entity, role, currency, name, layer, amount, base in cursor.fetchall():
                self._layers[Subject(entity, role, currency, name)][layer] = Layer(amount, base)

    def add(self, subject: Subject, layer: int, amount: Decimal, base: Decimal) -> None:
        """Put an amount to a balance, or take it out, with its base amount as it is."""
        self._layers[subject].setdefault(layer, Layer()).move(amount, base)

    def relieve(self, subject: Subject, layer: int, amount: Decimal, *, base_currency: str) -> tuple[Decimal, Decimal]:
        """Take as much of `amount` as stands open on the other side: its own layer first, then the oldest.

        Answers how much that was and the base amount that left with it, both with the sign of `amount`: in proportion, and
        all of the base with the last of the amount.
        """
        layers = self._layers.get(subject)
        if not layers:
            return ZERO, ZERO
        taken_amount = taken_base = ZERO
        for each in sorted(layers, key=lambda each: (each != layer, each)):
            held, left = layers[each], amount - taken_amount
            if not left:
                break
            if not held.amount or (held.amount > 0) == (left > 0):
                continue
            part = -held.amount if abs(left) >= abs(held.amount) else left
            base = -held.base if part == -held.amount else round_money(held.base * part / held.amount, base_currency)
            held.move(part, base)
            taken_amount += part
            taken_base += base
        return taken_amount, taken_base

    def shift(self, subject: Subject, layer: int, base: Decimal) -> bool:
        """Take a rounding difference into what is left of a balance; False where nothing is left that could bear it."""
        for each in sorted(self._layers[subject], key=lambda each: (each != layer, each)):
            held = self._layers[subject][each]
            if held.amount and held.base and (held.base + base > 0) == (held.base > 0):
                held.move(ZERO, base)
                return True
        return False

    def save(self) -> None:
        """Write what the batch moved, in one statement."""
        moved = [
            (subject, layer, held)
            for subject, layers in self._layers.items()
            for layer, held in layers.items()
            if held.moved_amount or held.moved_base
        ]
        tenant_id = current_tenant_id()
        insert_rows(
            CarryingAmount,
            _COLUMNS,
            [
                (row_id, tenant_id, *subject, layer, held.moved_amount, held.moved_base)
                for row_id, (subject, layer, held) in zip(reserve_ids(CarryingAmount, len(moved)), moved, strict=True)
            ],
            on_conflict=_MOVE,
        )
