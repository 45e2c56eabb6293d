"""Wallet topped up, bonus granted or withdrawn, wallet applied, what it held expired."""

from collections.abc import Sequence

from accounting.books import Books
from accounting.engine import Dimensions, MeasuredEvent, Unit
from billing.payment_events import (
    WalletApplied,
    WalletBonusGranted,
    WalletBonusWithdrawn,
    WalletExpired,
    WalletToppedUp,
)


def measure_topped_up(events: Sequence[WalletToppedUp], books: Books) -> list[MeasuredEvent]:
    """One unit, told apart by where the money was."""
    measured = []
    for event in events:
        dimensions = Dimensions(customer_id=event.customer_id, payment_id=event.payment_id)
        source = "by_gateway" if event.by_gateway else "in_cash"
        atoms = {source: event.amount - event.from_unapplied, "from_unapplied": event.from_unapplied}
        measured.append(MeasuredEvent(event, dimensions, [Unit(atoms, dimensions)]))
    return measured


def measure_bonus(events: Sequence[WalletBonusGranted | WalletBonusWithdrawn], books: Books) -> list[MeasuredEvent]:
    measured = []
    for event in events:
        dimensions = Dimensions(customer_id=event.customer_id)
        measured.append(MeasuredEvent(event, dimensions, [Unit({"bonus": event.bonus}, dimensions)]))
    return measured


def measure_applied(events: Sequence[WalletApplied], books: Books) -> list[MeasuredEvent]:
    measured = []
    for event in events:
        dimensions = Dimensions(customer_id=event.customer_id, invoice_id=event.invoice_id)
        atoms = {"paid": event.paid, "bonus": event.bonus}
        measured.append(MeasuredEvent(event, dimensions, [Unit(atoms, dimensions)]))
    return measured


def measure_expired(events: Sequence[WalletExpired], books: Books) -> list[MeasuredEvent]:
    measured = []
    for event in events:
        dimensions = Dimensions(customer_id=event.customer_id)
        measured.append(
            MeasuredEvent(event, dimensions, [Unit({"paid": event.paid, "bonus": event.bonus}, dimensions)])
        )
    return measured
