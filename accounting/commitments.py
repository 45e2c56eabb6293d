"""Under the gross-up treatment: how much of each contract item's committed value is billed and recognized."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from django.db import connection

from accounting import schedules
from accounting.models import ContractCommitment
from accounting.schedules import Schedule
from billing.bulk import insert_rows, reserve_ids
from billing.tenancy import current_tenant_id


class Commitment:
    """One row, as plain values."""

    __slots__ = ("billed", "committed", "recognized")

    def __init__(self, committed: Decimal, billed: Decimal, recognized: Decimal) -> None:
        self.committed = committed
        self.billed = billed
        self.recognized = recognized

    def covers(self, amount: Decimal) -> bool:
        """Tell whether a charge was part of what was grossed up."""
        return amount >= 0 and self.committed - self.billed >= amount and self.committed - self.recognized >= amount


class Room:
    """What is left of commitments for service periods to draw on."""

    def __init__(self, held: Mapping[int, Commitment]) -> None:
        self._held = held
        # What other service periods draw on is spoken for, billed and recognized or not.
        self._drawn = schedules.committed_amounts(held) if held else {}

    def take(self, contract_item_id: int, price: Decimal) -> bool:
        """Let a service period draw its price on its item's commitment, and tell whether all of it fits.

        Rounded period by period, prices may come to a cent more than the term's value that was committed.
        """
        commitment = self._held.get(contract_item_id)
        if commitment is None or not commitment.covers(price):
            return False
        fits = commitment.committed - self._drawn[contract_item_id] >= price
        if fits:
            self._drawn[contract_item_id] += price
        return fits


def take_back(commitment: Commitment, schedule: Schedule, net: Decimal) -> Decimal:
    """Undo the billing of part of a schedule's price that a modification took away; answer how much was not recognized of it.

    That much is committed no longer. The rest is unbilled until the recognition run takes its revenue back.
    """
    left = min(schedule.amount - schedule.recognized, commitment.committed - commitment.recognized)
    back = min(net, max(left, Decimal(0)))
    commitment.committed -= back
    commitment.billed -= net
    schedule.billed -= net
    return back


def lock(contract_item_ids: Iterable[int]) -> dict[int, Commitment]:
    """Read the commitments of these items and hold them until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT contract_item_id, committed, billed, recognized FROM accounting_contractcommitment "
            "WHERE contract_item_id = ANY(%s) ORDER BY contract_item_id FOR UPDATE",
            [list(contract_item_ids)],
        )
        return {row[0]: Commitment(*row[1:]) for row in cursor.fetchall()}


def commit(amounts: Mapping[int, Decimal], *, currency: str) -> None:
    """Add a term's committed value to its items."""
    amounts = {item: amount for item, amount in amounts.items() if amount}
    known = lock(amounts)
    for item, commitment in known.items():
        commitment.committed += amounts[item]
    save(known)
    fresh = [item for item in amounts if item not in known]
    tenant_id = current_tenant_id()
    insert_rows(
        ContractCommitment,
        ("id", "tenant_id", "contract_item_id", "currency", "committed", "billed", "recognized"),
        [
            (row_id, tenant_id, item, currency, amounts[item], 0, 0)
            for row_id, item in zip(reserve_ids(ContractCommitment, len(fresh)), fresh, strict=True)
        ],
    )


def save(commitments: Mapping[int, Commitment]) -> None:
    """Write back, in one statement."""
    if not commitments:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounting_contractcommitment c SET committed = v.committed, billed = v.billed, "
            "recognized = v.recognized FROM unnest(%s::bigint[], %s::numeric[], %s::numeric[], %s::numeric[]) "
            "AS v(item, committed, billed, recognized) WHERE c.contract_item_id = v.item",
            [
                list(commitments),
                [each.committed for each in commitments.values()],
                [each.billed for each in commitments.values()],
                [each.recognized for each in commitments.values()],
            ],
        )
