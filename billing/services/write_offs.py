"""Give up what is open of an invoice, and record what comes in after all."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from billing.errors import BillingError, NotFound, WrongState
from billing.events import head_of
from billing.models import OPEN_STATUSES, Invoice, InvoiceStatus, Payment, PaymentMethod, WriteOff
from billing.money import format_money, round_money
from billing.payment_events import InvoiceWrittenOff, WriteOffRecovered
from billing.periods import day_words
from billing.publishing import publish
from billing.services.payments import receive_payment
from billing.services.returns import undone_lines
from billing.services.settlement import settle

ZERO = Decimal(0)


@transaction.atomic
def write_off_invoice(*, invoice_id: int, on: date, reason: str) -> WriteOff:
    """Give up what is still open of an invoice. Its lines bear it in proportion, tax included.

    What was earned becomes bad debt, what was not leaves deferred revenue; whether the tax is given back is a policy of the
    books. Raises NotFound, WrongState when nothing is open, BillingError without a reason or for a day before the invoice's.
    """
    return write_off_invoices([invoice_id], on=on, reason=reason)[0]


@transaction.atomic
def write_off_invoices(invoice_ids: Iterable[int], *, on: date, reason: str) -> list[WriteOff]:
    """Give up several invoices, all or none; see `write_off_invoice`."""
    ids = list(invoice_ids)
    if not reason.strip():
        raise BillingError("Say why the invoice is given up; an auditor will ask.")
    invoices = {
        each.pk: each for each in Invoice.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    }
    for invoice_id in ids:
        invoice = invoices.get(invoice_id)
        if invoice is None:
            raise NotFound(f"There is no invoice with the id {invoice_id}.")
        if invoice.status not in OPEN_STATUSES:
            raise WrongState(f"Invoice {invoice} is {invoice.get_status_display().lower()}; nothing is due on it.")
        if on < invoice.issued_on:
            raise BillingError(
                f"Invoice {invoice} is dated {day_words(invoice.issued_on)}; it cannot be written off before."
            )
    due = {invoice_id: invoices[invoice_id].due.amount for invoice_id in ids}
    write_offs = WriteOff.objects.bulk_create(
        WriteOff(
            tenant_id=invoices[invoice_id].tenant_id,
            business_entity_id=invoices[invoice_id].business_entity_id,
            customer_id=invoices[invoice_id].customer_id,
            invoice=invoices[invoice_id],
            written_off_on=on,
            currency=invoices[invoice_id].currency,
            amount=amount,
            reason=reason.strip(),
        )
        for invoice_id, amount in due.items()
    )
    settle(due)
    publish(
        [
            InvoiceWrittenOff(
                **head_of(each, on=on, key=each.pk),
                invoice_number=str(each.invoice.number),
                amount=each.amount.amount,
                **_facts(each),
            )
            for each in write_offs
        ]
    )
    return write_offs


@transaction.atomic
def recover_write_off(
    *,
    invoice_id: int,
    amount: Decimal,
    received_on: date,
    method: str = PaymentMethod.BANK_TRANSFER,
    reference: str = "",
    gateway: str = "",
) -> Payment:
    """Record that (part of) an invoice given up is paid after all: that part is owed again, then settled by the payment.

    Raises NotFound, WrongState, and BillingError for more than was written off, or a day before that.
    """
    write_off = WriteOff.objects.select_for_update(no_key=True).filter(invoice=invoice_id).first()
    if write_off is None:
        raise NotFound(f"Invoice {invoice_id} was not written off; record a plain payment.")
    invoice = Invoice.objects.select_for_update(no_key=True).get(pk=invoice_id)
    if invoice.status != InvoiceStatus.WRITTEN_OFF:
        raise WrongState(f"Invoice {invoice} is {invoice.get_status_display().lower()}; all that was given up came in.")
    currency, left = write_off.currency, write_off.amount.amount - write_off.recovered.amount
    if not 0 < amount <= left or amount != round_money(amount, currency):
        raise BillingError(
            f"{format_money(left, currency)} of invoice {invoice} is written off and can come in; record the rest as a "
            "payment of its own.",
            code="exceeds_due",
        )
    if received_on < write_off.written_off_on:
        raise BillingError(
            f"The invoice was written off on {day_words(write_off.written_off_on)}; nothing is recovered before."
        )
    write_off.recovered = write_off.recovered.amount + amount
    write_off.recoveries += 1
    write_off.save(update_fields=["recovered", "recoveries"])
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE billing_invoice SET settled = settled - %s, status = %s WHERE id = %s",
            [amount, InvoiceStatus.PARTIALLY_PAID, invoice_id],
        )
    publish(
        [
            WriteOffRecovered(
                **head_of(write_off, on=received_on, key=f"{write_off.pk}:{write_off.recoveries}"),
                number=write_off.recoveries,
                amount=amount,
                **_facts(write_off),
            )
        ]
    )
    return receive_payment(
        customer_id=invoice.customer_id,
        received_on=received_on,
        amount=amount,
        currency=currency,
        allocations={invoice_id: amount},
        method=method,
        reference=reference,
        gateway=gateway,
    )


def _facts(write_off: WriteOff) -> dict[str, Any]:
    return {
        "write_off_id": write_off.pk,
        "invoice_id": write_off.invoice_id,
        "customer_id": write_off.customer_id,
        "contract_id": write_off.invoice.contract_id,
        "lines": undone_lines({write_off.invoice_id: write_off.amount.amount}, write_off.currency),
    }
