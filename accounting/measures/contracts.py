"""Contract started, renewed or ended early, usage recorded."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from accounting import commitments, obligations, schedules
from accounting.books import Books
from accounting.engine import Dimensions, MeasuredEvent, Unit
from accounting.pools import pools_of
from accounting.revisions import Revisions
from billing.events import CommitmentLine, ContractEnded, ContractRenewed, ContractStarted, UsageRecorded
from billing.models import Adjustment

ZERO = Decimal(0)


def measure(events: Sequence[ContractStarted | ContractRenewed], books: Books) -> list[MeasuredEvent]:
    """One unit per contract item with its committed value; remembered where the tenant grosses up.

    What is earned as an obligation gets its obligation and schedule here, and is never grossed up: its contract asset or
    liability is the difference between what is earned and what is billed.
    """
    promised = [promise for event in events for promise in obligations.promises(event)]
    obligations.add(promised)
    obliged = {line.contract_item_id for promise in promised for line in promise.lines}
    plain = [event for event in events if books.grosses_up_event(event)]
    if plain:
        by_currency: dict[str, dict[int, Decimal]] = defaultdict(dict)
        for event in plain:
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
                    {"committed": _grossed_up(event, line, obliged, books)},
                    Dimensions(
                        event.customer_id,
                        line.contract_id,
                        line.contract_item_id,
                        line.product_id,
                        line.product_family_id,
                    ),
                    line.pricing_model,
                    line.recognition_method,
                )
                for line in event.lines
            ],
        )
        for event in events
    ]


def _grossed_up(
    event: ContractStarted | ContractRenewed, line: CommitmentLine, obliged: set[int | None], books: Books
) -> Decimal:
    is_foreign = event.currency != books.base_currency[event.business_entity_id]
    return ZERO if line.contract_item_id in obliged or (books.grosses_up and is_foreign) else line.committed


def measure_ended(events: Sequence[ContractEnded], books: Books) -> list[MeasuredEvent]:
    """What was grossed up and will not be billed any more is taken back, as far as it is neither billed nor earned."""
    items = {line.contract_item_id or 0 for event in events for line in event.lines}
    held = commitments.lock(items) if books.grosses_up else {}
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
            about = Dimensions(
                event.customer_id,
                line.contract_id,
                line.contract_item_id,
                line.product_id,
                line.product_family_id,
            )
            units.append(Unit({"withdrawn": withdrawn}, about, line.pricing_model, line.recognition_method))
        document = Dimensions(customer_id=event.customer_id, contract_id=event.contract_id)
        measured.append(MeasuredEvent(event, document, units))
    commitments.save(held)
    _shorten_obligations(events, books)
    return measured


def _shorten_obligations(events: Sequence[ContractEnded], books: Books) -> None:
    pools = pools_of((line.contract_item_id for event in events for line in event.lines), books)
    if pools is None:
        return
    revisions = Revisions(books, pools.changed())
    for event in events:
        withdrawn: dict[int, Decimal] = defaultdict(Decimal)
        shortened = {}
        for line in event.lines:
            schedule = pools.obligation_of(line.contract_item_id)
            if schedule is not None:
                shortened[schedule.id] = schedule
                withdrawn[schedule.id] += line.committed
        for pk, schedule in shortened.items():
            revisions.change_price(
                schedule,
                -withdrawn[pk],
                on=event.occurred_on,
                end=min(schedule.service_end, event.occurred_on),
                reason=f"Contract {event.contract_number} ended early",
                adjustment=Adjustment.STRAIGHT_LINE,
            )
    revisions.save()
    schedules.save(pools.changed())


def measure_usage(events: Sequence[UsageRecorded], books: Books) -> list[MeasuredEvent]:
    """Usage has no amount yet."""
    measured = []
    for event in events:
        dimensions = Dimensions(event.customer_id, event.contract_id, event.contract_item_id, event.product_id)
        measured.append(MeasuredEvent(event, dimensions, [Unit({}, dimensions)]))
    return measured
