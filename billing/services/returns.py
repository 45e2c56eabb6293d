"""Money that goes back without a credit note: how much of an invoice can, and which of its lines it undoes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.db.models import F, QuerySet, Sum

from billing.errors import BillingError
from billing.models import (
    CreditNote,
    CreditNoteLine,
    DisputeStatus,
    Invoice,
    InvoiceLine,
    Payment,
    PaymentAllocation,
    ReturnedPart,
    WalletEntry,
    WalletEntryKind,
    WriteOff,
)
from billing.money import allocate, format_money, round_money
from billing.payment_events import ReturnedLine

ZERO = Decimal(0)


def standing(invoice_ids: Iterable[int]) -> dict[int, Decimal]:
    """Give what of each invoice's total still stands: not credited and not given back. One query per kind of document."""
    ids = list(invoice_ids)
    totals: dict[int, Any] = dict(Invoice.objects.filter(pk__in=ids).values_list("id", "total"))
    for rows, amount in (
        (CreditNote.objects.filter(invoice__in=ids, voided_on=None), "total"),
        (_returned().filter(invoice__in=ids), "amount"),
        (WriteOff.objects.filter(invoice__in=ids), F("amount") - F("recovered")),
    ):
        for invoice_id, gone in rows.order_by().values_list("invoice").annotate(gone=Sum(amount)):
            totals[invoice_id] -= gone
    return totals


def money_kept_of(invoice: Invoice) -> Decimal:
    """Give how much of the customer's own money is still in an invoice: paid in, less what went back or was kept."""
    return max(_money_in(invoice), ZERO)


def value_kept_of(invoice: Invoice) -> Decimal:
    """Give the money in an invoice and what its lines below zero took over from the invoices that they give back."""
    taken_over = -sum((line.net.amount + line.tax.amount for line in invoice.lines.filter(net__lt=0)), ZERO)
    return max(_money_in(invoice) + taken_over, ZERO)


def _money_in(invoice: Invoice) -> Decimal:
    paid = _sum(PaymentAllocation.objects.filter(invoice=invoice), "amount")
    from_wallet = -_sum(WalletEntry.objects.filter(invoice=invoice, kind=WalletEntryKind.APPLIED), "paid")
    gone = _sum(_returned().filter(invoice=invoice), "amount")
    notes = invoice.credit_notes.filter(voided_on=None)
    kept = _sum(notes, "to_wallet") + _sum(notes, "to_refund")
    return paid + from_wallet - gone - kept


def _sum(rows: QuerySet[Any], name: str) -> Decimal:
    total: Decimal | None = rows.aggregate(total=Sum(name))["total"]
    return total or ZERO


def _returned() -> QuerySet[ReturnedPart]:
    return ReturnedPart.objects.exclude(dispute__status=DisputeStatus.WON)


def credited_of(**of: object) -> Mapping[int, tuple[Decimal, Decimal]]:
    """Give net and tax that credit notes took off invoice lines, by the line. `of` filters lines of credit notes; void ones
    took nothing."""
    rows = CreditNoteLine.objects.filter(**of, credit_note__voided_on=None).order_by().values_list("invoice_line")
    credited: dict[int, tuple[Decimal, Decimal]] = defaultdict(lambda: (ZERO, ZERO))
    credited |= {line: (net, tax) for line, net, tax in rows.annotate(net_sum=Sum("net"), tax_sum=Sum("tax"))}
    return credited


def choose_parts(payment: Payment, amount: Decimal) -> tuple[Decimal, dict[int, Decimal]]:
    """Say what an amount that goes back takes: the payment's unapplied rest first, then its invoices, the latest first.

    Holds the invoices. Raises BillingError for an amount that cannot be, or more than the payment still covers.
    """
    currency = payment.currency
    if amount <= 0 or amount != round_money(amount, currency):
        raise BillingError(f"The amount must be more than zero, in whole minor units of {currency}.")
    from_unapplied = min(amount, payment.unapplied.amount)
    left, parts = amount - from_unapplied, {}
    for invoice_id, most in _can_go_back(payment).items():
        if left and most:
            parts[invoice_id] = min(left, most)
            left -= parts[invoice_id]
    if left:
        raise BillingError(
            f"Only {format_money(amount - left, currency)} of this payment can still go back to the customer, "
            f"not {format_money(amount, currency)}.",
            code="exceeds_payment",
        )
    return from_unapplied, parts


def _can_go_back(payment: Payment) -> dict[int, Decimal]:
    settled: dict[int, Decimal] = {}
    for part in PaymentAllocation.objects.filter(payment=payment).order_by("-id"):
        settled[part.invoice_id] = settled.get(part.invoice_id, ZERO) + part.amount.amount
    list(Invoice.objects.select_for_update(no_key=True).filter(pk__in=settled).order_by("pk"))
    gone = dict(_returned().filter(payment=payment).order_by().values_list("invoice").annotate(gone=Sum("amount")))
    stands = standing(settled)
    most = {
        invoice_id: max(min(amount - gone.get(invoice_id, ZERO), stands[invoice_id]), ZERO)
        for invoice_id, amount in settled.items()
    }
    # Tax that the customer withheld never was our money to give back.
    cash = payment.amount.amount - payment.unapplied.amount - sum(gone.values(), ZERO)
    for invoice_id, amount in most.items():
        most[invoice_id] = min(amount, max(cash, ZERO))
        cash -= most[invoice_id]
    return most


def record_parts(payment: Payment, parts: Mapping[int, Decimal], **cause: object) -> None:
    """Write down which invoices' money went back, for a dispute or a refund."""
    ReturnedPart.objects.bulk_create(
        ReturnedPart(
            tenant_id=payment.tenant_id,
            payment=payment,
            invoice_id=invoice_id,
            currency=payment.currency,
            amount=amount,
            **cause,
        )
        for invoice_id, amount in parts.items()
    )


def undone_lines(parts: Mapping[int, Decimal], currency: str) -> tuple[ReturnedLine, ...]:
    """Split each invoice's amount (tax included) over its lines, in proportion to what is left of them after credits.

    The tax of a part follows the line's own share of tax, rounded half up.
    """
    credited = credited_of(invoice_line__invoice__in=list(parts))
    lines: dict[int, list[InvoiceLine]] = {invoice_id: [] for invoice_id in parts}
    for line in (
        InvoiceLine.objects.filter(invoice__in=list(parts))
        .select_related("product", "contract_item", "invoice")
        .order_by("invoice", "position")
    ):
        lines[line.invoice_id].append(line)
    undone = []
    for invoice_id, amount in parts.items():
        weights = []
        for line in lines[invoice_id]:
            net, tax = credited[line.pk]
            weights.append(max(line.net.amount + line.tax.amount - net - tax, ZERO))
        if not any(weights):  # All is credited; what remains is the document's, not a line's.
            weights = [max(line.net.amount + line.tax.amount, ZERO) for line in lines[invoice_id]]
        shares = allocate(amount, weights, currency)
        undone += [
            _undone(line, share, currency) for line, share in zip(lines[invoice_id], shares, strict=True) if share
        ]
    return tuple(undone)


def _undone(line: InvoiceLine, gross: Decimal, currency: str) -> ReturnedLine:
    whole = line.net.amount + line.tax.amount
    tax = round_money(gross * line.tax.amount / whole, currency)
    item = line.contract_item
    return ReturnedLine(
        contract_id=line.invoice.contract_id,
        contract_item_id=line.contract_item_id,
        product_id=line.product_id,
        product_family_id=line.product.family_id,
        pricing_model=item.pricing_model if item else None,
        recognition_method=line.recognition_method,
        line_id=line.pk,
        net=gross - tax,
        tax=tax,
        tax_rate_id=line.tax_rate_id,
        period_start=line.period_start,
        period_end=line.period_end,
        invoice_id=line.invoice_id,
    )
