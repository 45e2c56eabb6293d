"""Payment gateways and what they pay out."""

from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from billing.errors import BillingError, NotFound
from billing.events import head_of
from billing.models import BusinessEntity, Dispute, DisputeStatus, GatewayPayout, Payment, PaymentGateway, Refund
from billing.money import format_money, round_money
from billing.payment_events import PayoutReceived
from billing.publishing import publish

ZERO = Decimal(0)


def add_gateway(*, business_entity: BusinessEntity, code: str, name: str) -> PaymentGateway:
    """Make a gateway known. Raises BillingError when its code is taken."""
    if PaymentGateway.objects.filter(code=code).exists():
        raise BillingError(f"There is a payment gateway {code} already.", code="duplicate")
    gateway = PaymentGateway(tenant_id=business_entity.tenant_id, business_entity=business_entity, code=code, name=name)
    gateway.full_clean(exclude=["tenant"])
    gateway.save()
    return gateway


def gateway_of(code: str, *, business_entity_id: int) -> PaymentGateway | None:
    """Give the entity's active gateway with this code, None for no code. Raises NotFound."""
    if not code:
        return None
    gateway = PaymentGateway.objects.filter(code=code, business_entity=business_entity_id, is_active=True).first()
    if gateway is None:
        raise NotFound(f"This business entity has no active payment gateway {code}; add it first.")
    return gateway


def held_by(gateway: PaymentGateway, currency: str) -> tuple[Decimal, Decimal]:
    """Give what the gateway captured and has not paid out, and what it may still keep back for refunds and disputes."""

    def total(rows: object, *names: str) -> Decimal:
        sums = rows.filter(gateway=gateway, currency=currency).aggregate(  # type: ignore[attr-defined]
            **{f"{name}_sum": Sum(name) for name in names}
        )
        return sum((value for value in sums.values() if value), ZERO)

    payouts = GatewayPayout.objects.all()
    captured = total(Payment.objects.filter(voided_on=None), "amount") - total(payouts, "captured")
    won = Dispute.objects.filter(status=DisputeStatus.WON)
    taken = total(Refund.objects.all(), "amount") + total(Dispute.objects.all(), "amount", "fee")
    return captured, taken - total(won, "amount", "fee_returned") - total(payouts, "withheld")


@transaction.atomic
def record_payout(
    *,
    gateway: str,
    business_entity_id: int,
    paid_on: date,
    currency: str,
    captured: Decimal,
    reference: str,
    fee: Decimal = ZERO,
    withheld: Decimal = ZERO,
) -> GatewayPayout:
    """Record that a gateway paid out: `captured` payments, less refunds and disputes it kept, less its fee.

    What reached the bank follows, and is negative where the gateway took more back than it paid. `withheld` is negative
    where disputes that were won came back with it. Raises NotFound, and BillingError for more than the gateway holds, for
    amounts that do not fit, or for a reference that was recorded before.
    """
    found = gateway_of(gateway, business_entity_id=business_entity_id)
    if found is None:
        raise BillingError("Name the payment gateway that paid out.")
    PaymentGateway.objects.select_for_update(no_key=True).get(pk=found.pk)
    if not reference.strip():
        raise BillingError("Give the gateway's own id of the payout, so that it is not recorded twice.")
    if GatewayPayout.objects.filter(gateway=found, reference=reference).exists():
        raise BillingError(f"The payout {reference} of {found} is recorded already.", code="duplicate")
    _refuse_unfit(found, currency, captured=captured, fee=fee, withheld=withheld)
    payout = GatewayPayout.objects.create(
        tenant_id=found.tenant_id,
        business_entity_id=business_entity_id,
        gateway=found,
        paid_on=paid_on,
        currency=currency,
        captured=captured,
        withheld=withheld,
        fee=fee,
        deposited=captured - withheld - fee,
        reference=reference,
    )
    publish(
        [
            PayoutReceived(
                **head_of(payout, on=paid_on, key=payout.pk),
                payout_id=payout.pk,
                gateway=found.code,
                captured=captured,
                withheld=withheld,
                fee=fee,
                deposited=captured - withheld - fee,
            )
        ]
    )
    return payout


def _refuse_unfit(
    gateway: PaymentGateway, currency: str, *, captured: Decimal, fee: Decimal, withheld: Decimal
) -> None:
    amounts = (captured, fee, withheld)
    if min(captured, fee) < 0 or not any(amounts) or any(each != round_money(each, currency) for each in amounts):
        raise BillingError(
            f"What was captured and the fee must not be negative, nor all be zero, in whole minor units of {currency}."
        )
    held, owed = held_by(gateway, currency)
    if captured > held:
        raise BillingError(
            f"{gateway} holds {format_money(held, currency)} of captured payments that no payout covers yet, "
            f"not {format_money(captured, currency)}.",
            code="exceeds_held",
        )
    if not min(owed, ZERO) <= withheld <= max(owed, ZERO):
        raise BillingError(
            f"Refunds and disputes of {format_money(owed, currency)} wait for a payout of {gateway}, "
            f"not {format_money(withheld, currency)}.",
            code="exceeds_held",
        )
