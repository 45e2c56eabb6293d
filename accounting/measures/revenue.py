"""Revenue recognized: the recognition run has split it already, while it held the schedule. Contract balances netted."""

from collections.abc import Sequence

from accounting.books import Books
from accounting.engine import Dimensions, MeasuredEvent, Unit
from accounting.events import ContractBalancesNetted, ContractNettingReversed, RevenueRecognized


def measure(events: Sequence[RevenueRecognized], books: Books) -> list[MeasuredEvent]:
    measured = []
    for event in events:
        dimensions = Dimensions(
            event.customer_id,
            event.contract_id,
            event.contract_item_id,
            event.product_id,
            event.product_family_id,
            invoice_id=event.invoice_id,
            obligation_id=event.obligation_id,
        )
        unit = Unit(
            {"from_deferred": event.from_deferred, "from_unbilled": event.from_unbilled},
            dimensions,
            event.pricing_model,
            event.recognition_method,
        )
        measured.append(MeasuredEvent(event, dimensions, [unit]))
    return measured


def measure_netted(events: Sequence[ContractBalancesNetted], books: Books) -> list[MeasuredEvent]:
    measured = []
    for event in events:
        about = Dimensions(customer_id=event.customer_id, contract_id=event.contract_id)
        measured.append(MeasuredEvent(event, about, [Unit({"netted": event.netted}, about)]))
    return measured


def measure_netting_reversed(events: Sequence[ContractNettingReversed], books: Books) -> list[MeasuredEvent]:
    """Nothing of its own: its rule mirrors the entry of the netting."""
    return [MeasuredEvent(event, Dimensions(event.customer_id, event.contract_id), []) for event in events]
