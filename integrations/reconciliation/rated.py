"""At which rate a document stands on both sides: what a foreign amount comes to in the base currency, and a rate that differs."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from billing.money import round_money
from integrations.connectors.base import ErpDocument
from integrations.reconciliation.findings import RATE, Findings
from integrations.reconciliation.sums import Amount

_SAME_RATE = Decimal("0.00001")  # Vendors keep six digits of a rate.


class Document(Protocol):
    """What is asked of one of our documents."""

    @property
    def entity_id(self) -> int: ...
    @property
    def currency(self) -> str: ...
    @property
    def total(self) -> Decimal: ...


class Rated:
    """Compares rates. `bases`: each business entity's base currency; `home`: the ERP's."""

    def __init__(self, findings: Findings, *, bases: Mapping[int, str], home: str) -> None:
        self._findings, self._bases, self._home = findings, bases, home

    def ours(self, document: Document, rate: Decimal) -> Amount:
        """Give what one of ours comes to, at our rate."""
        return Amount(document.total, document.currency, self._bases[document.entity_id], rate)

    def theirs(self, found: ErpDocument, document: Document | None = None, rate: Decimal = Decimal(1)) -> Amount:
        """Give what one of theirs comes to, at its rate; at ours where that is the same, or theirs is not told."""
        currency, told = found.currency or self._home, found.rate
        if document is None:
            return Amount(found.total, currency, self._home, told)
        # Vendors keep fewer digits than we do, and not all tell the rate.
        is_ours = document.total == found.total and (told is None or _is_same(told, rate))
        return Amount(found.total, currency, self._bases[document.entity_id], rate if is_ours else told)

    def compare(self, kind: str, name: str, document: Document, found: ErpDocument, rate: Decimal) -> None:
        """Note another rate, where the ERP tells its own: with what both make of the same amount."""
        base = self._bases[document.entity_id]
        same_amount = document.total and document.total == found.total
        if found.rate is None or not same_amount or document.currency == base or _is_same(found.rate, rate):
            return
        mine, other = (round_money(document.total * each, base) for each in (rate, found.rate))
        self._findings.add(
            kind,
            name,
            RATE,
            ours=mine,
            theirs=other,
            external_id=found.external_id,
            detail=f"In {base}: our rate is {rate:f}, theirs {round(found.rate, 6).normalize():f}.",
        )


def _is_same(theirs: Decimal, ours: Decimal) -> bool:
    return abs(theirs / ours - 1) <= _SAME_RATE
