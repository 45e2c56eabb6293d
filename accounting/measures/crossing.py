"""A credit note's parts told apart by where they go as well: one atom for each pair, so that any rule balances."""

from collections.abc import Iterable
from decimal import Decimal

from accounting.engine import Unit
from accounting.facts import crossing
from billing.events import CreditNoteIssued

ZERO = Decimal(0)


def by_destination(units: Iterable[Unit], event: CreditNoteIssued) -> list[Unit]:
    """Split every atom over what is owed back, what is kept in the wallet and, the rest, what settles the invoice.

    Which part goes where does not matter to any account: only the sums per part and per destination are posted.
    """
    left = {"to_refund": event.to_refund, "to_wallet": event.to_wallet}
    told_apart = []
    for unit in units:
        atoms: dict[str, Decimal] = {}
        for source, amount in unit.atoms.items():
            rest = amount
            for end in left:
                share = min(max(rest, ZERO), left[end])
                if share:
                    atoms[crossing(source, end)] = share
                    left[end] -= share
                    rest -= share
            # A negative atom (another's counterpart) settles less.
            if rest:
                atoms[crossing(source, "settled")] = rest
        told_apart.append(Unit(atoms, unit.dimensions, unit.pricing_model, unit.recognition_method))
    return told_apart
