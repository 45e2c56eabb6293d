"""Receive payments and let them settle invoices."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction

from billing.errors import BillingError, NotFound, WrongState
from billing.events import AllocatedPart, Event, PaymentAllocated, PaymentReceived, head_of
from billing.models import OPEN_STATUSES, Customer, Invoice, Payment, PaymentAllocation, PaymentMethod
from billing.money import allocate, format_money, round_money
from billing.payment_events import PaymentCaptured
from billing.periods import day_words
from billing.publishing import publish
from billing.services.duplicates import is_recorded
from billing.services.gateways import gateway_of
from billing.services.settlement import lock_open, settle

ZERO = Decimal(0)


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
    gateway: str = "",
    withheld: Decimal = ZERO,
    withheld_is_recoverable: bool = True,
) -> Payment:
    """Record money received and settle invoices with it; what is left is kept as unapplied.

    `allocations` maps invoice ids to amounts; None: the customer's oldest due invoices first. `gateway` is the code of the
    gateway that captured it. `withheld` is tax the customer kept back on top of `amount`: it settles invoices too, and the
    state gives it back (recoverable) or not. Raises NotFound, WrongState, BillingError (amounts that do not fit, or a
    reference that was recorded before).
    """
    customer = refuse_unfit(customer_id=customer_id, amount=amount + withheld, currency=currency, reference=reference)
    if min(amount, withheld) < 0 or amount != round_money(amount, currency):
        raise BillingError(
            f"What came in and what was withheld must not be negative, in whole minor units of {currency}."
        )
    if allocations is None:
        allocations = _hold_oldest_first(customer_id=customer_id, currency=currency, amount=amount + withheld)
    elif sum(allocations.values(), ZERO) > amount + withheld:
        raise BillingError(f"More is allocated than the {format_money(amount + withheld, currency)} received.")
    else:
        lock_open(allocations, customer_id=customer_id, currency=currency)
    settled = sum(allocations.values(), ZERO)
    if settled < withheld:
        raise BillingError(
            f"Tax is withheld on invoices: allocate at least the {format_money(withheld, currency)} that were withheld."
        )
    payment = Payment.objects.create(
        tenant_id=customer.tenant_id,
        business_entity_id=customer.business_entity_id,
        customer=customer,
        gateway=gateway_of(gateway, business_entity_id=customer.business_entity_id),
        received_on=received_on,
        currency=currency,
        amount=amount,
        unapplied=amount + withheld - settled,
        withheld=withheld,
        withheld_is_recoverable=withheld_is_recoverable,
        method=method,
        reference=reference,
    )
    publish([_received(payment, _allocate(payment, allocations, received_on))])
    return payment


def refuse_unfit(*, customer_id: int, amount: Decimal, currency: str, reference: str) -> Customer:
    """Give the customer who pays. Raises NotFound, and BillingError for an amount or a reference that cannot be."""
    customer = Customer.objects.filter(pk=customer_id).first()
    if customer is None:
        raise NotFound(f"There is no customer with the id {customer_id}.")
    if amount <= 0 or amount != round_money(amount, currency):
        raise BillingError(f"A payment must be more than zero, in whole minor units of {currency}.")
    if is_recorded(Payment, value=reference):
        raise BillingError(f"A payment with the reference {reference} is recorded already.", code="duplicate")
    return customer


def _received(payment: Payment, parts: Sequence[PaymentAllocation]) -> Event:
    withheld = payment.withheld.amount
    shares = [ZERO] * len(parts)
    if withheld:
        shares = allocate(withheld, [part.amount.amount for part in parts], payment.currency)
    lines = tuple(
        AllocatedPart(
            allocation_id=part.pk, invoice_id=part.invoice_id, allocated=part.amount.amount - share, withheld=share
        )
        for part, share in zip(parts, shares, strict=True)
    )
    facts: dict[str, Any] = {
        **head_of(payment, on=payment.received_on, key=payment.pk),
        "payment_id": payment.pk,
        "customer_id": payment.customer_id,
        "method": payment.method,
        "amount": payment.amount.amount,
        "unapplied": payment.unapplied.amount,
        "withheld": withheld,
        "withheld_is_recoverable": payment.withheld_is_recoverable,
        "lines": lines,
    }
    return PaymentCaptured(gateway=payment.gateway.code, **facts) if payment.gateway else PaymentReceived(**facts)


@transaction.atomic
def allocate_payment(*, payment_id: int, allocations: Mapping[int, Decimal], on: date) -> Payment:
    """Settle invoices with the unapplied rest of an earlier payment. Raises NotFound, WrongState, BillingError."""
    payment = Payment.objects.select_for_update(no_key=True).filter(pk=payment_id).first()
    if payment is None:
        raise NotFound(f"There is no payment with the id {payment_id}.")
    if payment.voided_on:
        raise WrongState(f"{payment} was voided on {day_words(payment.voided_on)}.")
    wanted = sum(allocations.values(), Decimal(0))
    if wanted > payment.unapplied.amount:
        raise BillingError(
            f"Only {format_money(payment.unapplied.amount, payment.currency)} of this payment is unapplied.",
            code="exceeds_unapplied",
        )
    if on < payment.received_on:
        raise BillingError(
            f"The payment came in on {day_words(payment.received_on)}; it cannot settle anything before."
        )
    lock_open(allocations, customer_id=payment.customer_id, currency=payment.currency)
    payment.unapplied = payment.unapplied.amount - wanted
    payment.save(update_fields=["unapplied"])
    publish(
        [
            PaymentAllocated(
                **head_of(payment, on=on, key=part.pk),
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


def _hold_oldest_first(*, customer_id: int, currency: str, amount: Decimal) -> dict[int, Decimal]:
    """Choose what an amount settles, and hold it; where another was quicker with an invoice, choose anew."""
    while True:
        chosen = oldest_first(customer_id=customer_id, currency=currency, amount=amount)
        try:
            lock_open(chosen, customer_id=customer_id, currency=currency)
        except BillingError:
            if chosen == oldest_first(customer_id=customer_id, currency=currency, amount=amount):
                raise
        else:
            return chosen


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
