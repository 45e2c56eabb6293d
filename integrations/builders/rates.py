"""At which rate a document went into the base currency, as our own entries have it."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal

from django.db.models import F, Sum

from accounting.models import JournalLine
from billing.models import BusinessEntity, BusinessEvent
from billing.money import round_money

_DIGITS = range(2, 11)
_ONE = Decimal(1)


def simplest_rate(amounts: Sequence[tuple[Decimal, Decimal]], *, base_currency: str) -> Decimal | None:
    """Find the rate of the fewest digits that gives every amount's base amount to the cent; None where none does.

    `amounts` are pairs of an amount and its base amount.
    """
    whole, in_base = (sum(each, Decimal(0)) for each in zip(*amounts, strict=True))
    for digits in _DIGITS:
        rate = (in_base / whole).quantize(_ONE.scaleb(-digits))
        if rate > 0 and all(round_money(amount * rate, base_currency) == base for amount, base in amounts):
            return rate.normalize()
    return None


def events_of(kind: str, keys: Iterable[int]) -> dict[int, int]:
    """Give the ids of a kind's events by the documents that are their keys; one query."""
    found = BusinessEvent.objects.filter(kind=kind, key__in=[str(key) for key in keys])
    return {int(key): pk for pk, key in found.values_list("id", "key")}


class Rates:
    """Base units per unit of a document's currency; read only where a document is in a foreign currency."""

    def __init__(
        self, dimension: str, heads: Iterable[tuple[int, int, str]], *, side: Literal["debit", "credit"] = "debit"
    ) -> None:
        """`dimension` is the line's field that names the document; `heads` are (id, entity id, currency).

        `side` is where the entry has what the document is about: what left an account stands there at the day's rate, what
        it is for at the rates at which it was carried.
        """
        home = dict(BusinessEntity.objects.values_list("id", "base_currency"))
        foreign = [pk for pk, entity_id, currency in heads if currency != home[entity_id]]
        self._rates: dict[int, Decimal] = {}
        if not foreign:
            return
        rows = (
            JournalLine.objects.filter(**{f"{dimension}__in": foreign, f"{side}__gt": 0})
            .exclude(currency=F("entry__business_entity__base_currency"))
            .order_by("entry__posted_at", "entry_id")  # Each process takes its ids ahead: alone they tell no order.
            .values_list(dimension, "entry_id", "business_entity_id")
            .annotate(base=Sum(f"base_{side}"), amount=Sum(side))
        )
        for document_id, _, entity_id, base, amount in rows:  # The first entry about it is the one that recorded it.
            if document_id not in self._rates:
                rate = simplest_rate([(amount, base)], base_currency=home[entity_id])
                self._rates[document_id] = rate or (base / amount).quantize(_ONE.scaleb(-_DIGITS[-1])).normalize()

    def of(self, document_id: int) -> Decimal:
        """Give the rate of one document; 1 in the base currency."""
        return self._rates.get(document_id, _ONE)
