"""Receive payments and let them settle invoices."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from django.db import transaction

from billing.errors import BillingError, NotFound
from billing.events import AllocatedPart, PaymentAllocated, PaymentReceived
from billing.models import OPEN_STATUSES, Customer, Invoice, Payment, PaymentAllocation, PaymentMethod
from billing.money import format_money, round_money
from billing.publishing import publish
from billing.services.settlement import lock_open, settle


@transaction.atomic
def receive_payment(
    *,
    customer_id: int,
    received_on: date,
    amount: Decimal,
    currency: str,
    allocations: Mapping[int, Decimal] | None = None,
    method: str = PaymentMethod.BANK_TRANSFER,
    reference: str = "",
) -> Payment:
    """Record money received and settle invoices with it; what is left is kept as unapplied.

    `allocations` maps invoice ids to amounts; None: the customer's oldest due invoices first. Raises NotFound, WrongState,
    BillingError (amounts that do not fit, or a reference that was recorded before).
    """
    customer = Customer.objects.filter(pk=customer_id).first()
    if customer is None:
        raise NotFound(f"There is no customer with the id {customer_id}.")
    if amount <= 0 or amount != round_money(amount, currency):
        raise BillingError(f"A payment must be more than zero, in whole minor units of {currency}.")
    if reference and Payment.objects.filter(reference=reference).exists():
        raise BillingError(f"A payment with the reference {reference} is recorded already.", code="duplicate")
    if allocations is None:
        allocations = oldest_first(customer_id=customer_id, currency=currency, amount=amount)
    unapplied = amount - sum(allocations.values(), Decimal(0))
    if unapplied < 0:
        raise BillingError(f"More is allocated than the {format_money(amount, currency)} received.")
    lock_open(allocations, customer_id=customer_id, currency=currency)
    payment = Payment.objects.create(
        tenant_id=customer.tenant_id,
        business_entity_id=customer.business_entity_id,
        customer=customer,
        received_on=received_on,
        currency=currency,
        amount=amount,
        unapplied=unapplied,
        method=method,
        reference=reference,
    )
    parts = _allocate(payment, allocations, received_on)
    publish(
        [
            PaymentReceived(
                tenant_id=payment.tenant_id,
                business_entity_id=payment.business_entity_id,
                occurred_on=received_on,
                currency=currency,
                key=str(payment.pk),
                payment_id=payment.pk,
                customer_id=customer_id,
                method=method,
                amount=amount,
                unapplied=unapplied,
                lines=tuple(
                    AllocatedPart(allocation_id=part.pk, invoice_id=part.invoice_id, allocated=part.amount.amount)
                    for part in parts
                ),
            )
        ]
    )
    return payment


@transaction.atomic
def allocate_payment(*, payment_id: int, allocations: Mapping[int, Decimal], on: date) -> Payment:
    """Settle invoices with the unapplied rest of an earlier payment. Raises NotFound, WrongState, BillingError."""
    payment = Payment.objects.select_for_update().filter(pk=payment_id).first()
    if payment is None:
        raise NotFound(f"There is no payment with the id {payment_id}.")
    wanted = sum(allocations.values(), Decimal(0))
    if wanted > payment.unapplied.amount:
        raise BillingError(
            f"Only {format_money(payment.unapplied.amount, payment.currency)} of this payment is unapplied.",
            code="exceeds_unapplied",
        )
    if on < payment.received_on:
        raise BillingError(f"The payment came in on {payment.received_on}; it cannot settle anything before.")
    lock_open(allocations, customer_id=payment.customer_id, currency=payment.currency)
    payment.unapplied = payment.unapplied.amount - wanted
    payment.save(update_fields=["unapplied"])
    publish(
        [
            PaymentAllocated(
                tenant_id=payment.tenant_id,
                business_entity_id=payment.business_entity_id,
                occurred_on=on,
                currency=payment.currency,
                key=str(part.pk),
                payment_id=payment.pk,
                allocation_id=part.pk,
                invoice_id=part.invoice_id,
                customer_id=payment.customer_id,
                allocated=part.amount.amount,
            )
            for part in _allocate(payment, allocations, on)
        ]
    )
    return payment


def oldest_first(*, customer_id: int, currency: str, amount: Decimal) -> dict[int, Decimal]:
    """Propose allocations of an amount to the customer's open invoices, the earliest due first."""
    proposed: dict[int, Decimal] = {}
    for invoice in Invoice.objects.filter(customer=customer_id, currency=currency, status__in=OPEN_STATUSES).order_by(
        "due_on", "id"
    ):
        if not amount:
            break
        proposed[invoice.pk] = min(amount, invoice.due.amount)
        amount -= proposed[invoice.pk]
    return proposed


def _allocate(payment: Payment, allocations: Mapping[int, Decimal], on: date) -> list[PaymentAllocation]:
    settle(allocations)
    return PaymentAllocation.objects.bulk_create(
        PaymentAllocation(
            tenant_id=payment.tenant_id,
            payment=payment,
            invoice_id=invoice_id,
            currency=payment.currency,
            amount=amount,
            allocated_on=on,
        )
        for invoice_id, amount in allocations.items()
    )
