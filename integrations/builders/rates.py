"""At which rate a document went into the base currency, as our own entries have it."""

from collections.abc import Iterable
from decimal import Decimal

from django.db.models import F, Sum

from accounting.models import JournalLine
from billing.models import BusinessEntity

_DIGITS = Decimal("0.0000000001")
_ONE = Decimal(1)


class Rates:
    """Base units per unit of a document's currency; read only where a document is in a foreign currency."""

    def __init__(self, dimension: str, heads: Iterable[tuple[int, int, str]]) -> None:
        """`dimension` is the line's field that names the document; `heads` are (id, entity id, currency)."""
        home = dict(BusinessEntity.objects.values_list("id", "base_currency"))
        foreign = [pk for pk, entity_id, currency in heads if currency != home[entity_id]]
        self._rates: dict[int, Decimal] = {}
        if not foreign:
            return
        rows = (
            JournalLine.objects.filter(**{f"{dimension}__in": foreign}, debit__gt=0)
            .exclude(currency=F("entry__business_entity__base_currency"))
            .order_by("entry_id")
            .values_list(dimension, "entry_id")
            .annotate(base=Sum("base_debit"), amount=Sum("debit"))
        )
        for document_id, _, base, amount in rows:  # The first entry about it is the one that recorded it.
            self._rates.setdefault(document_id, (base / amount).quantize(_DIGITS).normalize())

    def of(self, document_id: int) -> Decimal:
        """Give the rate of one document; 1 in the base currency."""
        return self._rates.get(document_id, _ONE)
