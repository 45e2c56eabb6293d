"""Which of the ERP's tracking dimensions a line carries: what the mapping says of its product, customer and entity."""

from collections.abc import Iterable

from billing.models import Product
from integrations.documents import DimensionDocument
from integrations.models import Connection, DimensionMapping, DimensionOf


class Dimensions:
    """The connection's dimension mapping, read in at most two queries; usually there is none."""

    def __init__(self, connection: Connection, *, products: Iterable[int]) -> None:
        self._found: dict[tuple[str, int], list[DimensionMapping]] = {}
        for row in DimensionMapping.objects.filter(connection=connection):
            self._found.setdefault((row.ours, row.internal_id), []).append(row)
        families = any(ours == DimensionOf.PRODUCT_FAMILY for ours, _ in self._found)
        self._families: dict[int, int | None] = (
            dict(Product.objects.filter(id__in=set(products)).values_list("id", "family_id")) if families else {}
        )

    def of(
        self, *, product_id: int | None, customer_id: int | None, entity_id: int | None
    ) -> tuple[DimensionDocument, ...]:
        """Give a line's dimensions: for each of the ERP's, what the most specific of ours says."""
        if not self._found:
            return ()
        steps = (
            (DimensionOf.PRODUCT, product_id),
            (DimensionOf.PRODUCT_FAMILY, self._families.get(product_id or 0)),
            (DimensionOf.CUSTOMER, customer_id),
            (DimensionOf.BUSINESS_ENTITY, entity_id),
        )
        chosen: dict[tuple[str, str], DimensionDocument] = {}
        for ours, internal_id in steps:
            for row in self._found.get((ours.value, internal_id or 0), ()):
                document = DimensionDocument(row.kind, row.external_id, row.external_name, row.group)
                chosen.setdefault((row.kind, row.group), document)
        return tuple(chosen[key] for key in sorted(chosen))
