"""Pay money back: what a credit note owes, what a wallet holds, or a payment without a credit note."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from billing.errors import BillingError, NotFound
from billing.events import head_of
from billing.models import CreditNote, Customer, Payment, Refund, WalletEntryKind
from billing.money import format_money, round_money
from billing.payment_events import RefundPaid, ReturnedLine
from billing.periods import day_words
from billing.publishing import publish
from billing.services.duplicates import is_recorded
from billing.services.gateways import gateway_of
from billing.services.held_wallets import Held, hold_usable, move
from billing.services.returns import choose_parts, record_parts, undone_lines

ZERO = Decimal(0)


def owed_back(note: CreditNote) -> Decimal:
    """Give what a credit note still owes the customer, in its currency."""
    paid = Refund.objects.filter(credit_note=note).aggregate(paid=Sum("amount"))["paid"] or ZERO
    owed: Decimal = (ZERO if note.voided_on else note.to_refund.amount) - paid
    return owed


@transaction.atomic
def refund_credit_note(
    *,
    credit_note_id: int,
    on: date,
    amount: Decimal | None = None,
    gateway: str = "",
    reference: str = "",
    reason: str = "",
) -> Refund:
    """Pay back what a credit note owes; `amount` None: all of it. `gateway`: the code of the one that pays it.

    Raises NotFound, and BillingError for more than is owed, a day before the credit note, or a known reference.
    """
    note = CreditNote.objects.select_for_update(no_key=True).filter(pk=credit_note_id).first()
    if note is None:
        raise NotFound(f"There is no credit note with the id {credit_note_id}.")
    owed = owed_back(note)
    if not owed:
        raise BillingError(f"Credit note {note} owes nothing back.", code="exceeds_owed")
    amount = owed if amount is None else amount
    if amount > owed:
        raise BillingError(f"Credit note {note} owes back {format_money(owed, note.currency)}.", code="exceeds_owed")
    if on < note.issued_on:
        raise BillingError(
            f"Credit note {note} is dated {day_words(note.issued_on)}; it cannot be refunded before that day."
        )
    return _pay(
        note.customer,
        amount,
        note.currency,
        on=on,
        gateway=gateway,
        reference=reference,
        reason=reason,
        from_credit_note=note,
    )


@transaction.atomic
def refund_payment(
    *, payment_id: int, amount: Decimal, on: date, reason: str, gateway: str = "", reference: str = ""
) -> Refund:
    """Pay (part of) a payment back without a credit note: what no invoice took first, then its invoices, the latest first.

    The invoices stay paid; what was earned of them becomes a loss to refunds, what was not leaves deferred revenue. Where the
    invoice itself was wrong, issue a credit note and refund that. Raises NotFound, BillingError.
    """
    payment = Payment.objects.select_for_update(no_key=True).filter(pk=payment_id).first()
    if payment is None:
        raise NotFound(f"There is no payment with the id {payment_id}.")
    if not reason.strip():
        raise BillingError("Say why the payment goes back; an auditor will ask.")
    if on < payment.received_on:
        raise BillingError(f"The payment came in on {day_words(payment.received_on)}; it cannot go back before.")
    from_unapplied, parts = choose_parts(payment, amount)
    if from_unapplied:
        payment.unapplied = payment.unapplied.amount - from_unapplied
        payment.save(update_fields=["unapplied"])
    return _pay(
        payment.customer,
        amount,
        payment.currency,
        on=on,
        gateway=gateway,
        reference=reference,
        reason=reason,
        from_payment=payment,
        from_unapplied=from_unapplied,
        parts=parts,
    )


@transaction.atomic
def refund_wallet(
    *,
    customer_id: int,
    amount: Decimal,
    currency: str,
    on: date,
    gateway: str = "",
    reference: str = "",
    reason: str = "",
) -> Refund:
    """Pay out of a wallet what the customer had paid into it; bonus is never paid out. Raises NotFound, BillingError."""
    wallet = hold_usable(customer_id=customer_id, currency=currency, on=on)
    if amount > wallet.paid:
        raise BillingError(
            f"The wallet holds {format_money(wallet.paid, currency)} that can be paid out.", code="exceeds_balance"
        )
    return _pay(
        wallet.row.customer,
        amount,
        currency,
        on=on,
        gateway=gateway,
        reference=reference,
        reason=reason,
        from_wallet=wallet,
    )


def _pay(
    customer: Customer,
    amount: Decimal,
    currency: str,
    *,
    on: date,
    gateway: str,
    reference: str,
    reason: str,
    from_credit_note: CreditNote | None = None,
    from_wallet: Held | None = None,
    from_payment: Payment | None = None,
    from_unapplied: Decimal = ZERO,
    parts: Mapping[int, Decimal] | None = None,
) -> Refund:
    """Pay all of the amount from one of the three; of a payment, what was unapplied and the `parts` that settled invoices."""
    if amount <= 0 or amount != round_money(amount, currency):
        raise BillingError(f"A refund must be more than zero, in whole minor units of {currency}.")
    if is_recorded(Refund, value=reference):
        raise BillingError(f"A refund with the reference {reference} is recorded already.", code="duplicate")
    refund = Refund.objects.create(
        tenant_id=customer.tenant_id,
        business_entity_id=customer.business_entity_id,
        customer=customer,
        gateway=gateway_of(gateway, business_entity_id=customer.business_entity_id),
        refunded_on=on,
        currency=currency,
        amount=amount,
        reason=reason.strip(),
        reference=reference,
        credit_note=from_credit_note,
        payment=from_payment,
        from_unapplied=from_unapplied,
    )
    if from_wallet:
        move(from_wallet, WalletEntryKind.REFUNDED, on=on, paid=-amount, refund=refund, reason=reason)
    lines: tuple[ReturnedLine, ...] = ()
    if from_payment and parts:
        record_parts(from_payment, parts, refund=refund)
        lines = undone_lines(parts, currency)
    publish(
        [
            RefundPaid(
                **head_of(refund, on=on, key=refund.pk),
                refund_id=refund.pk,
                customer_id=customer.pk,
                payment_id=refund.payment_id,
                credit_note_id=refund.credit_note_id,
                by_gateway=bool(gateway),
                amount=amount,
                from_credit_note=amount if from_credit_note else ZERO,
                from_wallet=amount if from_wallet else ZERO,
                from_unapplied=refund.from_unapplied.amount,
                lines=lines,
            )
        ]
    )
    return refund
