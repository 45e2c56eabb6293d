"""Payments, with what they settled, as documents."""

from collections.abc import Mapping, Sequence
from typing import Any

from accounting.models import Account
from billing.models import Payment, PaymentAllocation, WalletDraw
from integrations.builders.mapped import Built, Mapped, external_ids
from integrations.builders.rates import Rates
from integrations.builders.settled import (
    Settled,
    allocations_of,
    by_payments,
    held_bills,
    withheld_by_payments,
)
from integrations.builders.withheld import RECOVERABLE, accounts_for
from integrations.connectors import base
from integrations.connectors.base import DeliveryError, MissingMapping
from integrations.documents import Kind, PaymentDocument, reference_of
from integrations.models import Connection, MappingKind, OutboxItem


def payments(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build payments with all allocations made so far, in a constant number of queries."""
    return _build(connection, {item.pk: item.subject_id for item in items}, held=None)


def payment_updates(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build payments that the ERP holds, with the allocations as they are now. The subject is a later allocation."""
    rows = PaymentAllocation.objects.filter(id__in=[item.subject_id for item in items])
    payment_of = dict(rows.values_list("id", "payment_id"))
    held = external_ids(connection, Kind.PAYMENT, payment_of.values())
    return _build(connection, {item.pk: payment_of[item.subject_id] for item in items}, held=held)


def wallet_payments(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build payments that a wallet had kept, with what the wallet let them settle. The subject is a draw of the wallet."""
    rows = WalletDraw.objects.filter(id__in=[item.subject_id for item in items])
    payment_of = {pk: payment or 0 for pk, payment in rows.values_list("id", "source__payment_id")}
    held = external_ids(connection, Kind.PAYMENT, payment_of.values())
    return _build(connection, {item.pk: payment_of[item.subject_id] for item in items}, held=held)


def _build(
    connection: Connection, payment_ids: Mapping[int, int], *, held: Mapping[int, tuple[str, str]] | None
) -> dict[int, Built]:
    fields = (
        "id",
        "business_entity_id",
        "received_on",
        "customer_id",
        "currency",
        "amount",
        "withheld",
        "withheld_is_recoverable",
        "reference",
        "method",
    )
    found = {row["id"]: row for row in Payment.objects.filter(id__in=payment_ids.values()).values(*fields)}
    settled = by_payments(found)
    taxes = _withheld(connection, found)
    bills = held_bills(connection, [*settled.values(), *taxes.values()])
    accounts = accounts_for(RECOVERABLE) if taxes else {}
    mapped = Mapped(
        connection,
        {
            MappingKind.CUSTOMER: {row["customer_id"] for row in found.values()},
            MappingKind.ACCOUNT: {each.pk for each in accounts.values()},
            MappingKind.SUBSIDIARY: None,
            MappingKind.DEPOSIT_ACCOUNT: None,
        },
    )
    rates = Rates("payment_id", [(row["id"], row["business_entity_id"], row["currency"]) for row in found.values()])
    built: dict[int, Built] = {}
    for item_id, payment_id in payment_ids.items():
        row = found[payment_id]
        try:
            if held is not None and payment_id not in held:
                raise MissingMapping(
                    Kind.PAYMENT,
                    payment_id,
                    "The ERP does not have this payment. Send the payment first, or skip both.",
                )
            built[item_id] = PaymentDocument(
                reference=reference_of(connection.reference_prefix, Kind.PAYMENT, payment_id),
                date=row["received_on"],
                customer=mapped.need(MappingKind.CUSTOMER, row["customer_id"]),
                currency=row["currency"],
                amount=row["amount"],
                note=f"{row['method']} {row['reference']}".strip(),
                deposit_account=mapped.need(MappingKind.DEPOSIT_ACCOUNT),
                allocations=allocations_of(
                    settled.get(payment_id, {}), bills, what="payment", withheld=taxes.get(payment_id)
                ),
                external_id=held[payment_id][0] if held is not None else "",
                rate=rates.of(payment_id),
                subsidiary=mapped.subsidiary(row["business_entity_id"]),
                method=row["method"],
                withheld_account=_account(mapped, accounts.get(row["business_entity_id"]))
                if payment_id in taxes
                else "",
            )
        except DeliveryError as error:
            built[item_id] = error
    return built


def _withheld(connection: Connection, found: Mapping[int, Mapping[str, Any]]) -> Settled:
    """Give the tax withheld that the ERP's payments carry themselves; elsewhere it is a document of its own."""
    if not base.get(connection.erp).withholds:
        return {}
    carried = [pk for pk, row in found.items() if row["withheld"] and row["withheld_is_recoverable"]]
    return withheld_by_payments(carried) if carried else {}


def _account(mapped: Mapped, ours: Account | None) -> str:
    return mapped.need(MappingKind.ACCOUNT, ours.pk if ours else None, name=str(ours or "for tax withheld"))
