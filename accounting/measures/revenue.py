"""Revenue recognized: the recognition run has split it already, while it held the schedule."""

from collections.abc import Sequence

from accounting.books import Books
from accounting.engine import Dimensions, MeasuredEvent, Unit
from accounting.events import RevenueRecognized


def measure(events: Sequence[RevenueRecognized], books: Books) -> list[MeasuredEvent]:
    measured = []
    for event in events:
        dimensions = Dimensions(
            event.customer_id,
            event.contract_id,
            event.contract_item_id,
            event.product_id,
            event.product_family_id,
        )
        unit = Unit(
            {"from_deferred": event.from_deferred, "from_unbilled": event.from_unbilled},
            dimensions,
            event.pricing_model,
            event.recognition_method,
        )
        measured.append(MeasuredEvent(event, dimensions, [unit]))
    return measured
