"""Foreign balances revalued, and back: the run has worked out the gains and losses; they are told apart by balance."""

from collections.abc import Sequence

from accounting.books import Books
from accounting.engine import Dimensions, MeasuredEvent, Unit
from accounting.events import ForeignBalancesRevalued, RevaluationReversed, RevaluedBalance
from accounting.facts import crossing, revalued_as


def measure(events: Sequence[ForeignBalancesRevalued], books: Books) -> list[MeasuredEvent]:
    return [MeasuredEvent(event, Dimensions(), [_unit(line) for line in event.lines]) for event in events]


def _unit(line: RevaluedBalance) -> Unit:
    balance = revalued_as(line.role)
    about = Dimensions(
        customer_id=line.customer_id,
        contract_id=line.contract_id,
        contract_item_id=line.contract_item_id,
        product_id=line.product_id,
        product_family_id=line.product_family_id,
        invoice_id=line.invoice_id,
    )
    return Unit({crossing(balance, "gain"): line.gain, crossing(balance, "loss"): -line.loss}, about)


def measure_reversed(events: Sequence[RevaluationReversed], books: Books) -> list[MeasuredEvent]:
    """Nothing of its own: its rule mirrors the entry of the revaluation."""
    return [MeasuredEvent(event, Dimensions(), []) for event in events]
