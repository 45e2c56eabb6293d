"""Contract started, renewed or ended early, usage recorded."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from accounting import commitments, obligations
from accounting.books import Books
from accounting.engine import Dimensions, MeasuredEvent, Unit
from accounting.measures.billed import about_item, moved_units
from accounting.measures.endings import shorten_obligations
from accounting.measures.unbilled import end_unbilled
from billing.events import ContractEnded, ContractRenewed, ContractStarted, UsageRecorded

ZERO = Decimal(0)


def measure(events: Sequence[ContractStarted | ContractRenewed], books: Books) -> list[MeasuredEvent]:
    """One unit per contract item with its committed value; remembered where the tenant grosses up.

    What is earned as an obligation gets its obligation and schedule here, and is never grossed up: its contract asset or
    liability is the difference between what is earned and what is billed.
    """
    promised = [promise for event in events for promise in obligations.promises(event)]
    obligations.add(promised)
    obliged = {line.contract_item_id for promise in promised for line in promise.lines}
    if books.grosses_up:
        by_currency: dict[str, dict[int, Decimal]] = defaultdict(dict)
        for event in events:
            for line in event.lines:
                assert line.contract_item_id is not None
                if line.contract_item_id not in obliged:
                    by_currency[event.currency][line.contract_item_id] = line.committed
        for currency, amounts in by_currency.items():
            commitments.commit(amounts, currency=currency)
    return [
        MeasuredEvent(
            event,
            Dimensions(customer_id=event.customer_id, contract_id=event.contract_id),
            [
                Unit(
                    {"committed": ZERO if line.contract_item_id in obliged else line.committed},
                    about_item(event.customer_id, line),
                    line.pricing_model,
                    line.recognition_method,
                )
                for line in event.lines
            ],
        )
        for event in events
    ]


def measure_ended(events: Sequence[ContractEnded], books: Books) -> list[MeasuredEvent]:
    """What was grossed up and will not be billed any more is taken back, as far as it is neither billed nor earned."""
    items = {line.contract_item_id or 0 for event in events for line in event.lines}
    held = commitments.lock(items) if books.grosses_up else {}
    moved = shorten_obligations(events, books)
    end_unbilled({line.contract_item_id or 0: event.occurred_on for event in events for line in event.lines})
    measured = []
    for event in events:
        units = []
        for line in event.lines:
            withdrawn = Decimal(0)
            commitment = held.get(line.contract_item_id or 0)
            if commitment is not None:
                open_yet = commitment.committed - max(commitment.billed, commitment.recognized)
                withdrawn = min(line.committed, open_yet)
                commitment.committed -= withdrawn
            about = about_item(event.customer_id, line)
            units.append(Unit({"withdrawn": withdrawn}, about, line.pricing_model, line.recognition_method))
        document = Dimensions(customer_id=event.customer_id, contract_id=event.contract_id)
        units += moved_units(event, moved[event.key])
        measured.append(MeasuredEvent(event, document, units))
    commitments.save(held)
    return measured


def measure_usage(events: Sequence[UsageRecorded], books: Books) -> list[MeasuredEvent]:
    """Usage has no amount yet."""
    measured = []
    for event in events:
        dimensions = Dimensions(event.customer_id, event.contract_id, event.contract_item_id, event.product_id)
        measured.append(MeasuredEvent(event, dimensions, [Unit({}, dimensions)]))
    return measured
