"""Payments, with what they settled, as documents."""

from collections.abc import Mapping, Sequence
from typing import Any

from accounting.models import Account
from billing.models import Payment, PaymentAllocation, WalletDraw
from billing.money import format_money
from integrations.builders.mapped import Built, Mapped, external_ids
from integrations.builders.rates import Rates
from integrations.builders.settled import allocations_of, by_payments, held_bills
from integrations.connectors.base import DeliveryError, MissingMapping, Rejected
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
    bills = held_bills(connection, settled.values())
    mapped = Mapped(
        connection,
        {
            MappingKind.CUSTOMER: {row["customer_id"] for row in found.values()},
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
            if row["withheld"]:
                raise _withheld(row, reference_of(connection.reference_prefix, Kind.PAYMENT, payment_id))
            built[item_id] = PaymentDocument(
                reference=reference_of(connection.reference_prefix, Kind.PAYMENT, payment_id),
                date=row["received_on"],
                customer=mapped.need(MappingKind.CUSTOMER, row["customer_id"]),
                currency=row["currency"],
                amount=row["amount"],
                note=f"{row['method']} {row['reference']}".strip(),
                deposit_account=mapped.need(MappingKind.DEPOSIT_ACCOUNT),
                allocations=allocations_of(settled.get(payment_id, {}), bills, what="payment"),
                external_id=held[payment_id][0] if held is not None else "",
                rate=rates.of(payment_id),
                subsidiary=mapped.subsidiary(row["business_entity_id"]),
                method=row["method"],
            )
        except DeliveryError as error:
            built[item_id] = error
    return built


def _withheld(row: Mapping[str, Any], reference: str) -> Rejected:
    """Say how to enter a payment of which the customer withheld tax: each country's ERPs have a way of their own."""
    role = "tds_receivable" if row["withheld_is_recoverable"] else "tax_withheld"
    account = Account.objects.filter(role=role, business_entity=row["business_entity_id"]).first()
    paid, kept = (format_money(row[name], row["currency"]) for name in ("amount", "withheld"))
    return Rejected(
        "withheld",
        f"The customer paid {paid} and withheld {kept} of tax, which goes to {account or 'tax withheld'} here. How that is "
        f"entered differs by country, so do it in the ERP by hand: a payment of {paid} with the reference {reference}, and "
        f"{kept} as the country's form of it (a second payment to that account, or a credit); together they settle the invoices. "
        "Then adopt the payment here, or skip this item.",
    )
