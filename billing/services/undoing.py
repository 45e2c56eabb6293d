"""Undo what was recorded by mistake: take a payment off an invoice, void a payment, void a credit note.

Nothing is erased: the payment and the credit note stay with their numbers, the undoing is a fact of its own.
"""

from datetime import date
from decimal import Decimal

from django.db import transaction

from billing.errors import BillingError, NotFound, WrongState
from billing.events import CreditNoteIssued, CreditNoteVoided, PaymentUnallocated, PaymentVoided, head_of
from billing.models import BusinessEvent, CreditNote, Invoice, Payment, PaymentAllocation, WalletEntryKind
from billing.money import format_money
from billing.periods import day_words
from billing.publishing import publish
from billing.services.credit_notes import credited_lines_of
from billing.services.gateways import held_by
from billing.services.held_wallets import hold_wallet, left_of, move
from billing.services.refunds import owed_back
from billing.services.returns import money_kept_of
from billing.services.settlement import settle

ZERO = Decimal(0)


@transaction.atomic
def unallocate_payment(*, allocation_id: int, on: date, reason: str) -> Payment:
    """Take a payment off an invoice it settled; the amount is unapplied again and can settle another.

    Raises NotFound, WrongState, BillingError (tax withheld, money that went back or was kept since, no reason, a day
    before the allocation).
    """
    allocation = PaymentAllocation.objects.filter(pk=allocation_id, undoes=None).first()
    if allocation is None:
        raise NotFound(f"There is no allocation with the id {allocation_id}.")
    payment = _lock(allocation.payment_id)
    _refuse_unreasoned(reason)
    _take_off(payment, [allocation], on=on, voids=False)
    return payment


@transaction.atomic
def void_payment(*, payment_id: int, on: date, reason: str) -> Payment:
    """Undo a payment that was recorded by mistake: its invoices are due again, money and tax withheld were never there.

    Money that did come in and went back is a refund or a dispute instead. Raises NotFound, WrongState, BillingError.
    """
    payment = _lock(payment_id)
    _refuse_unreasoned(reason)
    live = PaymentAllocation.objects.filter(payment=payment, undoes=None, undone_by=None)
    _take_off(payment, list(live.order_by("id")), on=on, voids=True)
    amount, withheld = payment.amount.amount, payment.withheld.amount
    if payment.unapplied.amount != amount + withheld:
        used = format_money(amount + withheld - payment.unapplied.amount, payment.currency)
        raise WrongState(f"{used} of this payment went to a wallet, a refund or a dispute. Undo that first.")
    if payment.gateway and amount > held_by(payment.gateway, payment.currency)[0]:
        raise WrongState(f"{payment.gateway} has paid this payment out already. Record a refund or a dispute instead.")
    payment.unapplied, payment.voided_on, payment.void_reason = ZERO, on, reason.strip()
    payment.save(update_fields=["unapplied", "voided_on", "void_reason"])
    publish(
        [
            PaymentVoided(
                **head_of(payment, on=on, key=payment.pk),
                payment_id=payment.pk,
                customer_id=payment.customer_id,
                by_gateway=payment.gateway_id is not None,
                amount=amount,
                withheld=withheld,
                withheld_is_recoverable=payment.withheld_is_recoverable,
            )
        ]
    )
    return payment


def _lock(payment_id: int) -> Payment:
    payment = (
        Payment.objects.select_for_update(of=("self",), no_key=True)
        .select_related("gateway")
        .filter(pk=payment_id)
        .first()
    )
    if payment is None:
        raise NotFound(f"There is no payment with the id {payment_id}.")
    if payment.voided_on:
        raise WrongState(f"{payment} was voided on {day_words(payment.voided_on)} already.")
    return payment


def _refuse_unreasoned(reason: str) -> None:
    if not reason.strip():
        raise BillingError("Say why; an auditor will ask.")


def _take_off(payment: Payment, allocations: list[PaymentAllocation], *, on: date, voids: bool) -> None:
    if on < max((each.allocated_on for each in allocations), default=payment.received_on):
        raise BillingError("It cannot be undone before the day on which it was recorded.")
    if payment.withheld.amount and not voids:
        raise WrongState(
            "Tax was withheld of this payment, which belongs to the invoices it settled. Void the payment and record it anew."
        )
    if PaymentAllocation.objects.filter(undoes__in=allocations).exists():
        raise WrongState("This part of the payment was taken off its invoice already.")
    wanted: dict[int, Decimal] = {}
    for each in allocations:
        wanted[each.invoice_id] = wanted.get(each.invoice_id, ZERO) + each.amount.amount
    for invoice in Invoice.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk"):
        if money_kept_of(invoice) < wanted[invoice.pk]:
            raise WrongState(
                f"Money of invoice {invoice} went back to the customer or was kept since. Undo that first."
            )
    settle({invoice_id: -amount for invoice_id, amount in wanted.items()})
    payment.unapplied = payment.unapplied.amount + sum(wanted.values(), ZERO)
    if not voids:  # A void payment keeps nothing unapplied, and tax withheld never could be.
        payment.save(update_fields=["unapplied"])
    undone = PaymentAllocation.objects.bulk_create(
        PaymentAllocation(
            tenant_id=payment.tenant_id,
            payment=payment,
            invoice_id=each.invoice_id,
            currency=payment.currency,
            amount=-each.amount.amount,
            allocated_on=on,
            undoes=each,
        )
        for each in allocations
    )
    publish(
        [
            PaymentUnallocated(
                **head_of(payment, on=on, key=each.pk),
                payment_id=payment.pk,
                allocation_id=each.pk,
                invoice_id=each.invoice_id,
                customer_id=payment.customer_id,
                unallocated=-Decimal(each.amount.amount),
                voids_payment=voids,
            )
            for each in undone
        ]
    )


@transaction.atomic
def void_credit_note(*, credit_note_id: int, on: date, reason: str) -> CreditNote:
    """Undo a credit note: what it settled of its invoice is due again, what it kept or owed back is not any more.

    Raises NotFound, WrongState (paid back, used from the wallet, or belonging to a modification), BillingError.
    """
    note = (
        CreditNote.objects.select_for_update(of=("self",), no_key=True)
        .select_related("invoice")
        .filter(pk=credit_note_id)
        .first()
    )
    if note is None:
        raise NotFound(f"There is no credit note with the id {credit_note_id}.")
    _refuse_unreasoned(reason)
    if note.voided_on:
        raise WrongState(f"Credit note {note} was voided on {day_words(note.voided_on)} already.")
    if on < note.issued_on:
        raise BillingError(
            f"Credit note {note} is dated {day_words(note.issued_on)}; it cannot be voided before that day."
        )
    issued = BusinessEvent.objects.get(kind=CreditNoteIssued.kind, key=str(note.pk))
    if issued.payload.get("modification_id"):
        raise WrongState(f"Credit note {note} belongs to a modification of the contract; modify the contract again.")
    invoice = Invoice.objects.select_for_update(no_key=True).get(pk=note.invoice_id)
    if owed_back(note) != note.to_refund.amount:
        raise WrongState(f"Part of credit note {note} was paid back already; it cannot be voided.")
    if note.settled.amount:
        settle({invoice.pk: -note.settled.amount})
    if to_wallet := note.to_wallet.amount:
        wallet = hold_wallet(customer_id=note.customer_id, currency=note.currency)
        own = note.wallet_entries.filter(kind=WalletEntryKind.CREDIT_NOTE).values_list("id", flat=True)
        left = left_of(wallet)
        if sum((left.get(pk, ZERO) for pk in own), ZERO) < to_wallet:
            raise WrongState(f"The wallet has used part of credit note {note} already; it cannot be voided.")
        move(wallet, WalletEntryKind.CREDIT_NOTE_VOIDED, on=on, paid=-to_wallet, credit_note=note, invoice=invoice)
    note.voided_on, note.void_reason = on, reason.strip()
    note.save(update_fields=["voided_on", "void_reason"])
    publish(
        [
            CreditNoteVoided(
                **head_of(note, on=on, key=note.pk),
                credit_note_id=note.pk,
                credit_note_number=note.number,
                invoice_id=invoice.pk,
                customer_id=note.customer_id,
                contract_id=invoice.contract_id,
                net=note.net.amount,
                tax=note.tax.amount,
                total=note.total.amount,
                lines=credited_lines_of(note, invoice),
            )
        ]
    )
    return note
