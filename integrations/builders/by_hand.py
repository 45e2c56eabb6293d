"""What no ERP has a document for: it waits, parked with what to do there, until a person has done it."""

from collections.abc import Sequence

from billing.models import Dispute, WalletEntry
from billing.money import format_money
from integrations.builders.mapped import Built
from integrations.connectors.base import Rejected
from integrations.models import Connection, OutboxItem

_THEN = "Then skip this item, with what you did as the reason."


def wallet_uses(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Say how a wallet's money is applied to an invoice there."""
    rows = WalletEntry.objects.select_related("invoice").in_bulk([item.subject_id for item in items])
    built: dict[int, Built] = {}
    for item in items:
        entry = rows[item.subject_id]
        words = []
        if entry.paid.amount:
            money = format_money(-entry.paid.amount, entry.currency)
            words.append(f"apply {money} of what the ERP holds on the customer's account to invoice {entry.invoice}")
        if entry.bonus.amount:
            bonus = format_money(-entry.bonus.amount, entry.currency)
            words.append(f"credit {bonus} as a discount to invoice {entry.invoice}")
        built[item.pk] = Rejected("by_hand", f"A wallet was used. In the ERP, {' and '.join(words)}. {_THEN}")
    return built


def disputes(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Say how a dispute is entered there."""
    rows = Dispute.objects.select_related("payment").in_bulk([item.subject_id for item in items])
    built: dict[int, Built] = {}
    for item in items:
        dispute = rows[item.subject_id]
        money, fee = (format_money(each.amount, dispute.currency) for each in (dispute.amount, dispute.fee))
        words = (
            f"The payment “{dispute.payment}” is disputed: {money} went back, with a fee of {fee}. Enter both in "
            f"the ERP as money that left the account on {dispute.opened_on}, and enter what comes back if "
            f"the dispute is won. {_THEN}"
        )
        built[item.pk] = Rejected("by_hand", words)
    return built
