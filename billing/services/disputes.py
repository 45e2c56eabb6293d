"""Disputes: a customer's bank takes a payment back, and the outcome."""

from datetime import date
from decimal import Decimal

from django.db import transaction

from billing.errors import BillingError, NotFound, WrongState
from billing.events import head_of
from billing.models import BusinessEvent, Dispute, DisputeStatus, Payment
from billing.money import format_money, round_money
from billing.payment_events import DisputeLost, DisputeOpened, DisputeWon
from billing.periods import day_words
from billing.publishing import publish, stored_event
from billing.services.duplicates import is_recorded
from billing.services.returns import choose_parts, record_parts, undone_lines

ZERO = Decimal(0)


@transaction.atomic
def open_dispute(
    *,
    payment_id: int,
    on: date,
    amount: Decimal,
    reason: str,
    fee: Decimal = ZERO,
    reference: str = "",
    by_gateway: bool = False,
) -> Dispute:
    """Record that (part of) a payment was taken back, with a fee on top.

    `by_gateway`: the gateway keeps both from a later payout; else they left the bank account at once. The invoices stay
    paid: what was earned becomes a loss to disputes, what was not leaves deferred revenue. Raises NotFound, and
    BillingError for more than the payment still covers, a day before the payment, or a reference recorded before.
    """
    payment = (
        Payment.objects.select_for_update(of=("self",), no_key=True)
        .select_related("gateway")
        .filter(pk=payment_id)
        .first()
    )
    if payment is None:
        raise NotFound(f"There is no payment with the id {payment_id}.")
    _refuse_unfit(payment, on=on, fee=fee, reason=reason, reference=reference, by_gateway=by_gateway)
    from_unapplied, parts = choose_parts(payment, amount)
    dispute = Dispute.objects.create(
        tenant_id=payment.tenant_id,
        business_entity_id=payment.business_entity_id,
        customer_id=payment.customer_id,
        payment=payment,
        gateway=payment.gateway if by_gateway else None,
        opened_on=on,
        currency=payment.currency,
        amount=amount,
        fee=fee,
        from_unapplied=from_unapplied,
        reason=reason.strip(),
        reference=reference,
    )
    record_parts(payment, parts, dispute=dispute)
    _keep_unapplied(payment, -from_unapplied)
    publish(
        [
            DisputeOpened(
                **head_of(dispute, on=on, key=dispute.pk),
                dispute_id=dispute.pk,
                payment_id=payment.pk,
                customer_id=dispute.customer_id,
                by_gateway=by_gateway,
                amount=amount,
                fee=fee,
                from_unapplied=from_unapplied,
                lines=undone_lines(parts, payment.currency),
            )
        ]
    )
    return dispute


def _refuse_unfit(payment: Payment, *, on: date, fee: Decimal, reason: str, reference: str, by_gateway: bool) -> None:
    if not reason.strip():
        raise BillingError("Say what the customer disputes; an auditor will ask.")
    if on < payment.received_on:
        raise BillingError(f"The payment came in on {day_words(payment.received_on)}; it cannot be disputed before.")
    if fee < 0 or fee != round_money(fee, payment.currency):
        raise BillingError(f"The fee must not be negative, in whole minor units of {payment.currency}.")
    if by_gateway and payment.gateway is None:
        raise BillingError("No payment gateway captured this payment, so none can keep the money back.")
    if is_recorded(Dispute, value=reference):
        raise BillingError(f"A dispute with the reference {reference} is recorded already.", code="duplicate")


@transaction.atomic
def win_dispute(*, dispute_id: int, on: date, fee_returned: Decimal = ZERO) -> Dispute:
    """Record that the money of a dispute came back, the way it had gone. Raises NotFound, WrongState, BillingError."""
    dispute = _open(dispute_id, on)
    if not 0 <= fee_returned <= dispute.fee.amount or fee_returned != round_money(fee_returned, dispute.currency):
        raise BillingError(
            f"Between nothing and the fee of {format_money(dispute.fee.amount, dispute.currency)} can come back."
        )
    payment = Payment.objects.select_for_update(no_key=True).get(pk=dispute.payment_id)
    _keep_unapplied(payment, dispute.from_unapplied.amount)
    _resolve(dispute, DisputeStatus.WON, on, fee_returned)
    opened = stored_event(BusinessEvent.objects.get(kind=DisputeOpened.kind, key=str(dispute.pk)))
    assert isinstance(opened, DisputeOpened)
    publish(
        [
            DisputeWon(
                **head_of(dispute, on=on, key=dispute.pk),
                dispute_id=dispute.pk,
                payment_id=dispute.payment_id,
                customer_id=dispute.customer_id,
                by_gateway=opened.by_gateway,
                amount=opened.amount,
                fee_returned=fee_returned,
                from_unapplied=opened.from_unapplied,
                lines=opened.lines,
            )
        ]
    )
    return dispute


@transaction.atomic
def lose_dispute(*, dispute_id: int, on: date) -> Dispute:
    """Record that a dispute is lost: what was posted when it was opened stands. Raises NotFound, WrongState."""
    dispute = _open(dispute_id, on)
    _resolve(dispute, DisputeStatus.LOST, on, ZERO)
    publish(
        [
            DisputeLost(
                **head_of(dispute, on=on, key=dispute.pk),
                dispute_id=dispute.pk,
                payment_id=dispute.payment_id,
                customer_id=dispute.customer_id,
                amount=dispute.amount.amount,
            )
        ]
    )
    return dispute


def _open(dispute_id: int, on: date) -> Dispute:
    dispute = Dispute.objects.select_for_update(no_key=True).filter(pk=dispute_id).first()
    if dispute is None:
        raise NotFound(f"There is no dispute with the id {dispute_id}.")
    if dispute.status != DisputeStatus.OPEN:
        decided = f" on {day_words(dispute.resolved_on)}" if dispute.resolved_on else ""
        raise WrongState(f"Dispute {dispute} was {dispute.status}{decided}.")
    if on < dispute.opened_on:
        raise BillingError(f"The dispute was opened on {day_words(dispute.opened_on)}; it cannot be decided before.")
    return dispute


def _resolve(dispute: Dispute, status: DisputeStatus, on: date, fee_returned: Decimal) -> None:
    dispute.status, dispute.resolved_on, dispute.fee_returned = status, on, fee_returned
    dispute.save(update_fields=["status", "resolved_on", "fee_returned"])


def _keep_unapplied(payment: Payment, change: Decimal) -> None:
    if change:
        payment.unapplied = payment.unapplied.amount + change
        payment.save(update_fields=["unapplied"])
