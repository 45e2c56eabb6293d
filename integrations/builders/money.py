"""Money that leaves or comes in beside all invoices: disputes and their fees, and payments that go back without a credit note."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from accounting.models import Account
from billing.models import Dispute, Refund
from billing.payment_events import DisputeOpened, DisputeWon, RefundPaid
from integrations.builders.mapped import Built, Mapped
from integrations.builders.rates import Rates, events_of
from integrations.connectors.base import DeliveryError
from integrations.documents import Kind, MoneyDocument, as_sent, reference_of
from integrations.models import Connection, MappingKind, OutboxItem


class _Moved(NamedTuple):
    """Which day, how much and why, of a dispute or refund."""

    date: date
    amount: Decimal
    note: str


class _Sort(NamedTuple):
    """How one kind is read: whose rows, the event that posted it, the role of the account on the other side."""

    model: type[Any]
    event: str
    role: str
    moved: Callable[[Any], _Moved]


def _about(row: Dispute | Refund) -> str:
    return " ".join(each for each in (row.reason, row.reference) if each)


_SORTS = {
    Kind.DISPUTE: _Sort(
        Dispute,
        DisputeOpened.kind,
        "disputes",
        lambda it: _Moved(it.opened_on, it.amount.amount - it.from_unapplied.amount, f"Disputed: {_about(it)}"),
    ),
    Kind.DISPUTE_FEE: _Sort(
        Dispute,
        DisputeOpened.kind,
        "payment_gateway_fees",
        lambda it: _Moved(it.opened_on, it.fee.amount, f"Fee of a dispute: {_about(it)}"),
    ),
    Kind.DISPUTE_WON: _Sort(
        Dispute,
        DisputeWon.kind,
        "disputes",
        lambda it: _Moved(it.resolved_on, it.amount.amount - it.from_unapplied.amount, f"Dispute won: {_about(it)}"),
    ),
    Kind.DISPUTE_FEE_WON: _Sort(
        Dispute,
        DisputeWon.kind,
        "payment_gateway_fees",
        lambda it: _Moved(it.resolved_on, it.fee_returned.amount, f"Fee of a dispute returned: {_about(it)}"),
    ),
    Kind.REFUND_LOSS: _Sort(
        Refund,
        RefundPaid.kind,
        "refunds",
        lambda it: _Moved(it.refunded_on, it.amount.amount - it.from_unapplied.amount, f"Paid back: {_about(it)}"),
    ),
}


MOVED = tuple(_SORTS)


def event_of(kind: Kind) -> str:
    """Give the kind of the event that recorded what a kind sends."""
    return _SORTS[kind].event


def side_of(kind: Kind) -> Literal["debit", "credit"]:
    """Give where our account of payments has it: it is credited with what leaves it, debited with what comes back."""
    return "credit" if as_sent(kind) is Kind.MONEY_OUT else "debit"


def builder_of(kind: Kind) -> Callable[[Connection, Sequence[OutboxItem]], dict[int, Built]]:
    """Give the builder of one kind; it works in a constant number of queries."""
    return lambda connection, items: _build(connection, items, kind)


def amounts_of(kind: Kind, rows: Iterable[Any]) -> Mapping[int, tuple[date, Decimal]]:
    """Give day and amount of what a kind sends of disputes or refunds, by their ids."""
    moved = _SORTS[kind].moved
    return {row.pk: moved(row)[:2] for row in rows}


def amount_of(kind: Kind, subject_id: int) -> Decimal | None:
    """Give what a kind sends of one dispute or refund; None where there is none of that id."""
    row = _SORTS[kind].model.objects.filter(pk=subject_id).first()
    return _SORTS[kind].moved(row).amount if row else None


def _build(connection: Connection, items: Sequence[OutboxItem], kind: Kind) -> dict[int, Built]:
    sort = _SORTS[kind]
    rows = sort.model.objects.in_bulk([item.subject_id for item in items])
    accounts = {each.business_entity_id: each for each in Account.objects.filter(role=sort.role)}
    mapped = Mapped(
        connection,
        {
            MappingKind.CUSTOMER: {row.customer_id for row in rows.values()},
            MappingKind.ACCOUNT: {each.pk for each in accounts.values()},
            MappingKind.SUBSIDIARY: None,
            MappingKind.DEPOSIT_ACCOUNT: None,
        },
    )
    events = events_of(sort.event, rows)
    heads = [(events[pk], row.business_entity_id, row.currency) for pk, row in rows.items()]
    rates = Rates("entry__event_id", heads, side=side_of(kind))
    built: dict[int, Built] = {}
    for item in items:
        row = rows[item.subject_id]
        moved, account = sort.moved(row), accounts.get(row.business_entity_id)
        try:
            built[item.pk] = MoneyDocument(
                reference=reference_of(connection.reference_prefix, kind, item.subject_id),
                date=moved.date,
                customer=mapped.need(MappingKind.CUSTOMER, row.customer_id),
                currency=row.currency,
                amount=moved.amount,
                note=moved.note,
                account=mapped.need(MappingKind.DEPOSIT_ACCOUNT),
                other=mapped.need(MappingKind.ACCOUNT, account.pk if account else None, name=str(account or sort.role)),
                rate=rates.of(events[item.subject_id]),
                subsidiary=mapped.subsidiary(row.business_entity_id),
            )
        except DeliveryError as error:
            built[item.pk] = error
    return built
