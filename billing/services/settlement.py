"""What settles an invoice: the one place that moves `settled` and the status that follows from it."""

from collections.abc import Mapping
from decimal import Decimal

from django.db import connection

from billing.errors import BillingError, NotFound, WrongState
from billing.models import OPEN_STATUSES, Invoice, InvoiceStatus
from billing.money import format_money, round_money


def lock_open(invoice_ids: Mapping[int, Decimal], *, customer_id: int, currency: str) -> dict[int, Invoice]:
    """Hold the invoices and check that each may be settled by its amount.

    Raises NotFound, WrongState for an invoice that is not open, BillingError for another customer's or currency's, or an
    amount above what is due or not in whole minor units.
    """
    invoices = {
        invoice.pk: invoice
        for invoice in Invoice.objects.select_for_update(no_key=True).filter(pk__in=invoice_ids).order_by("pk")
    }
    for invoice_id, amount in invoice_ids.items():
        invoice = invoices.get(invoice_id)
        if invoice is None:
            raise NotFound(f"There is no invoice with the id {invoice_id}.")
        if invoice.status not in OPEN_STATUSES:
            raise WrongState(f"Invoice {invoice} is {invoice.get_status_display().lower()}; nothing is due on it.")
        if invoice.customer_id != customer_id or invoice.currency != currency:
            raise BillingError(f"Invoice {invoice} is another customer's or in another currency.")
        if amount <= 0 or amount != round_money(amount, currency):
            raise BillingError(f"An amount to settle must be more than zero, in whole minor units of {currency}.")
        if amount > invoice.due.amount:
            raise BillingError(
                f"Only {format_money(invoice.due.amount, currency)} is due on invoice {invoice}, "
                f"not {format_money(amount, currency)}.",
                code="exceeds_due",
            )
    return invoices


def settle(amounts: Mapping[int, Decimal]) -> None:
    """Add to what is settled of invoices that are held, and move their status; a negative amount is taken off."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE billing_invoice i SET settled = settled + v.amount, status = CASE WHEN settled + v.amount = 0 AND total > 0 "
            f"THEN '{InvoiceStatus.FINALIZED}' WHEN settled + v.amount < total "
            f"THEN '{InvoiceStatus.PARTIALLY_PAID}' WHEN EXISTS (SELECT 1 FROM billing_writeoff w "
            "WHERE w.invoice_id = i.id AND w.amount > w.recovered) "
            f"THEN '{InvoiceStatus.WRITTEN_OFF}' ELSE '{InvoiceStatus.PAID}' END "
            "FROM unnest(%s::bigint[], %s::numeric[]) AS v(id, amount) WHERE i.id = v.id",
            [list(amounts), list(amounts.values())],
        )
