"""Payments, with what they settled, as documents."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from billing.models import Payment, PaymentAllocation
from integrations.builders.mapped import Built, Mapped, external_ids
from integrations.builders.rates import Rates
from integrations.connectors.base import DeliveryError, MissingMapping, Rejected
from integrations.documents import AllocationDocument, Kind, PaymentDocument, reference_of
from integrations.models import Connection, MappingKind, OutboxItem


def payments(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build payments with all allocations made so far, in five queries."""
    return _build(connection, {item.pk: item.subject_id for item in items}, held=None)


def payment_updates(connection: Connection, items: Sequence[OutboxItem]) -> dict[int, Built]:
    """Build payments that the ERP holds, with the allocations as they are now. The subject is a later allocation."""
    rows = PaymentAllocation.objects.filter(id__in=[item.subject_id for item in items])
    payment_of = dict(rows.values_list("id", "payment_id"))
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
        "reference",
        "method",
    )
    found = {row["id"]: row for row in Payment.objects.filter(id__in=payment_ids.values()).values(*fields)}
    allocated, invoices = _allocations(connection, found)
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
                raise Rejected(
                    "withheld",
                    "The customer withheld tax of this payment. How that is entered depends on the ERP and the country: "
                    "enter the payment there by hand, then adopt it or skip this item.",
                )
            built[item_id] = PaymentDocument(
                reference=reference_of(connection.reference_prefix, Kind.PAYMENT, payment_id),
                date=row["received_on"],
                customer=mapped.need(MappingKind.CUSTOMER, row["customer_id"]),
                currency=row["currency"],
                amount=row["amount"],
                note=f"{row['method']} {row['reference']}".strip(),
                deposit_account=mapped.need(MappingKind.DEPOSIT_ACCOUNT),
                allocations=tuple(
                    AllocationDocument(invoice=_invoice(invoices, invoice_id), amount=amount)
                    for invoice_id, amount in allocated[payment_id].items()
                    if amount  # What was taken off an invoice again leaves nothing.
                ),
                external_id=held[payment_id][0] if held is not None else "",
                rate=rates.of(payment_id),
                subsidiary=mapped.subsidiary(row["business_entity_id"]),
                method=row["method"],
            )
        except DeliveryError as error:
            built[item_id] = error
    return built


def _allocations(
    connection: Connection, payment_ids: Iterable[int]
) -> tuple[dict[int, dict[int, Decimal]], dict[int, tuple[str, str]]]:
    """Give the amounts by payment and invoice, and the ERP's ids of these invoices."""
    rows = PaymentAllocation.objects.filter(payment_id__in=list(payment_ids)).order_by("id")
    allocated: dict[int, dict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for payment_id, invoice_id, amount in rows.values_list("payment_id", "invoice_id", "amount"):
        allocated[payment_id][invoice_id] += Decimal(amount)  # type: ignore[arg-type]  # values() gives Decimals
    invoice_ids = {invoice_id for some in allocated.values() for invoice_id in some}
    return allocated, external_ids(connection, Kind.INVOICE, invoice_ids)


def _invoice(invoices: Mapping[int, tuple[str, str]], invoice_id: int) -> str:
    if invoice_id not in invoices:
        raise MissingMapping(
            Kind.INVOICE,
            invoice_id,
            "The ERP does not have an invoice that this payment settles. Send the invoice first, then send this again.",
        )
    return invoices[invoice_id][0]
