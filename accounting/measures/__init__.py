"""From events to measured units: what the rules need to know that only the books can tell.

One function per kind of event: a batch in, a list of `MeasuredEvent` out. They keep the recognition schedules and
commitments in step, in the same transaction.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from accounting.books import Books, books, books_and_schedules
from accounting.engine import MeasuredEvent
from accounting.measures import (
    contracts,
    credit_notes,
    invoices,
    modifications,
    payments,
    prepaid,
    returned,
    revaluation,
    revenue,
    voids,
    wallets,
    write_offs,
)
from accounting.models import JournalEntry, RecognitionSchedule
from accounting.schedules import Key, Schedule
from billing.bulk import stock_ids
from billing.events import Event

Measure = Callable[[Sequence[Any], Books], list[MeasuredEvent]]
HoldingMeasure = Callable[[Sequence[Any], Books, dict[Key, Schedule]], list[MeasuredEvent]]

MEASURES: dict[str, Measure] = {
    "contract_started": contracts.measure,
    "contract_renewed": contracts.measure,
    "contract_modified": modifications.measure,
    "contract_ended": contracts.measure_ended,
    "usage_recorded": contracts.measure_usage,
    "invoice_voided": voids.measure,
    "credit_note_issued": credit_notes.measure,
    "credit_note_voided": credit_notes.measure_voided,
    "payment_received": payments.measure_received,
    "payment_captured": payments.measure_received,
    "payment_allocated": payments.measure_allocated,
    "payment_unallocated": payments.measure_unallocated,
    "payment_voided": payments.measure_voided,
    "payout_received": payments.measure_payout,
    "dispute_opened": returned.measure_disputed,
    "dispute_won": returned.measure_won,
    "dispute_lost": returned.measure_lost,
    "refund_paid": returned.measure_refunded,
    "credits_consumed": prepaid.measure,
    "credits_expired": prepaid.measure,
    "invoice_written_off": write_offs.measure,
    "write_off_recovered": write_offs.measure_recovered,
    "wallet_topped_up": wallets.measure_topped_up,
    "wallet_bonus_granted": wallets.measure_bonus,
    "wallet_bonus_withdrawn": wallets.measure_bonus,
    "wallet_applied": wallets.measure_applied,
    "wallet_expired": wallets.measure_expired,
    "revenue_recognized": revenue.measure,
    "usage_trued_up": revenue.measure,
    "contract_balances_netted": revenue.measure_netted,
    "contract_netting_reversed": revenue.measure_netting_reversed,
    "foreign_balances_revalued": revaluation.measure,
    "foreign_revaluation_reversed": revaluation.measure_reversed,
}

# Kinds that leave schedules, commitments and obligations as they are, and do not look at them.
WITHOUT_STATE = frozenset(
    {
        "usage_recorded",
        "payment_received",
        "payment_captured",
        "payment_allocated",
        "payment_unallocated",
        "payment_voided",
        "payout_received",
        "dispute_lost",
        "wallet_topped_up",
        "wallet_bonus_granted",
        "wallet_bonus_withdrawn",
        "wallet_applied",
        "wallet_expired",
    }
)

# Kinds whose schedules are held together with the books, in one round trip: which ones, and the measure that takes them.
HOLDING: dict[str, tuple[Callable[[Sequence[Any]], set[Key]], HoldingMeasure]] = {
    "invoice_finalized": (invoices.schedule_keys, invoices.measure),
}


def measured_kinds() -> Collection[str]:
    """Give the kinds of events that the books take in."""
    return MEASURES.keys() | HOLDING.keys()


class Known(NamedTuple):
    """What a batch is measured by: the books, and the schedules of `HOLDING` kinds, held."""

    books: Books
    schedules: dict[Key, Schedule]


def read_known(events: Sequence[Event], ahead: Sequence[tuple[Any, ...]] | None = None) -> Known:
    """Read what a batch of events of one kind is measured by, and take ids for what will be written.

    `ahead`: the answer to `books.books_and_schedules_of`, where it was asked ahead.
    """
    kind = events[0].kind
    stock_ids(JournalEntry, len(events))
    if kind not in HOLDING:
        return Known(books(), {})
    keys = HOLDING[kind][0](events)
    known = Known(*books_and_schedules(keys, ahead))
    stock_ids(RecognitionSchedule, len(keys) - len(known.schedules))
    return known


def measure(events: Sequence[Event], known: Known) -> list[MeasuredEvent]:
    """Measure a batch of events of one kind."""
    kind = events[0].kind
    if kind in HOLDING:
        return HOLDING[kind][1](events, known.books, known.schedules)
    return MEASURES[kind](events, known.books)
