"""From our rows to neutral documents, a batch at a time: a constant number of queries whatever its size.

Built at sending time, so a mended mapping takes effect on the next try.
"""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now

from integrations.builders import (
    journals,
    lists,
    money,
    one_liners,
    payments,
    refunds,
    sales,
    summaries,
    voids,
    withheld,
)
from integrations.builders.mapped import Built
from integrations.connectors.base import MissingMapping, TryLater
from integrations.documents import Kind
from integrations.models import Connection, OutboxItem, OutboxState

_JUST_NOW = timedelta(seconds=30)
_BUILDERS = {
    Kind.CUSTOMER: lists.customers,
    Kind.PRODUCT: lists.products,
    Kind.JOURNAL_ENTRY: journals.entries,
    Kind.JOURNAL_SUMMARY: summaries.summaries,
    Kind.INVOICE: sales.invoices,
    Kind.CREDIT_NOTE: sales.credit_notes,
    Kind.CREDIT_ALLOCATION: sales.credit_allocations,
    Kind.INVOICE_VOID: voids.invoices,
    Kind.CREDIT_NOTE_VOID: voids.credit_notes,
    Kind.PAYMENT_VOID: voids.payments,
    Kind.WRITE_OFF: one_liners.write_offs,
    Kind.WRITE_OFF_ALLOCATION: one_liners.allocations,
    Kind.RECOVERY: one_liners.recoveries,
    Kind.WALLET_BONUS: one_liners.bonuses,
    Kind.WALLET_BONUS_USE: one_liners.bonus_uses,
    Kind.WALLET_PAYMENT: payments.wallet_payments,
    Kind.WALLET_CREDIT: sales.wallet_credits,
    Kind.WALLET_REFUND: refunds.wallet_refunds,
    Kind.DISPUTE_REFUND: refunds.dispute_refunds,
    Kind.DISPUTE_RETURN: refunds.dispute_returns,
    **{
        kind: money.builder_of(kind)
        for kind in (Kind.DISPUTE, Kind.DISPUTE_FEE, Kind.DISPUTE_WON, Kind.DISPUTE_FEE_WON, Kind.REFUND_LOSS)
    },
    Kind.PAYMENT: payments.payments,
    Kind.WITHHELD: withheld.payments,
    Kind.WITHHELD_VOID: withheld.voids,
    Kind.WITHHELD_LOSS: withheld.losses,
    Kind.WITHHELD_LOSS_USE: withheld.loss_uses,
    Kind.WITHHELD_LOSS_VOID: withheld.loss_voids,
    Kind.REFUND: refunds.refunds,
    Kind.PAYMENT_UPDATE: payments.payment_updates,
}


def build(*, connection: Connection, kind: Kind, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Give, by item id, the document or why it cannot be built."""
    return _wait_for_what_comes(connection, _BUILDERS[kind](connection, items))


def _wait_for_what_comes(connection: Connection, built: dict[int, Built]) -> dict[int, Built]:
    """A missing counterpart that is itself on its way is no reason to park."""
    missing = [each for each in built.values() if isinstance(each, MissingMapping) and each.internal_id is not None]
    if not missing:
        return built
    coming = set(
        OutboxItem.objects.filter(
            _under_way(),
            connection=connection,
            kind__in={each.kind for each in missing},
            subject_id__in={each.internal_id for each in missing},
        ).values_list("kind", "subject_id")
    )
    return {
        item_id: TryLater("Something this depends on is being sent first.", after=1.0)
        if isinstance(each, MissingMapping) and (each.kind, each.internal_id) in coming
        else each
        for item_id, each in built.items()
    }


def _under_way() -> Q:
    """On its way, or delivered by another worker since this batch looked."""
    just_now = Q(state=OutboxState.DELIVERED, delivered_at__gt=Now() - _JUST_NOW)
    return Q(state__in=(OutboxState.PENDING, OutboxState.IN_FLIGHT)) | just_now
