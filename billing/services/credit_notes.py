"""Credit part of an invoice: settle what is open of it, keep or owe back what was paid."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum

from django.db import transaction

from billing.errors import BillingError, NotFound, WrongState
from billing.events import CreditedLine, CreditNoteIssued, head_of
from billing.models import (
    OPEN_STATUSES,
    CreditNote,
    CreditNoteLine,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    SeriesKind,
    WalletEntryKind,
)
from billing.money import format_money, round_money
from billing.periods import day_words
from billing.publishing import publish
from billing.services.held_wallets import hold_wallet, move, refuse_past
from billing.services.invoices import take_number
from billing.services.returns import credited_of, money_kept_of, value_kept_of
from billing.services.settlement import lock_open, settle


class Keep(StrEnum):
    """What becomes of the part of a credit note that was paid already."""

    WALLET = "wallet"
    REFUND = "refund"


@transaction.atomic
def issue_credit_note(
    *,
    invoice_id: int,
    lines: Mapping[int, Decimal],
    on: date,
    reason: str,
    keep: str = "",
    wallet_expires_on: date | None = None,
    modification_id: int | None = None,
) -> CreditNote:
    """Credit net amounts of an invoice's lines; the tax follows at each line's own rate, rounded half up.

    The credit settles what is open of the invoice. What was paid already is kept in the customer's wallet or owed
    back, as `keep` says; in the wallet it can be used until `wallet_expires_on` (None: for good). A modification
    may also credit what the invoice set off against earlier ones; that is kept as if it were paid. Raises NotFound,
    WrongState, and BillingError when a line or the invoice would be credited beyond what is left, without a reason,
    or without saying what becomes of money paid.
    """
    invoice = Invoice.objects.select_for_update(no_key=True).filter(pk=invoice_id).first()
    if invoice is None:
        raise NotFound(f"There is no invoice with the id {invoice_id}.")
    if invoice.status not in (*OPEN_STATUSES, InvoiceStatus.PAID):
        raise WrongState(f"Invoice {invoice} is {invoice.get_status_display().lower()} and cannot be credited.")
    if not reason.strip():
        raise BillingError("Say why the invoice is credited; an auditor will ask.")
    if on < invoice.issued_on:
        raise BillingError(
            f"Invoice {invoice} is dated {day_words(invoice.issued_on)}; it cannot be credited before that day."
        )
    credited = _credited_lines(invoice, lines)
    net = sum((each.net.amount for each in credited), Decimal(0))
    tax = sum((each.tax.amount for each in credited), Decimal(0))
    settled = min(net + tax, invoice.due.amount)
    most = value_kept_of(invoice) if modification_id else money_kept_of(invoice)
    kept = _kept(invoice, net + tax - settled, keep, most=most)
    if wallet_expires_on and not kept["to_wallet"]:
        raise BillingError(
            "Nothing of this credit note is kept in the wallet, so leave out the last day of what is kept."
        )
    refuse_past(wallet_expires_on, on)
    if settled:
        lock_open({invoice.pk: settled}, customer_id=invoice.customer_id, currency=invoice.currency)
    note = CreditNote.objects.create(
        tenant_id=invoice.tenant_id,
        business_entity_id=invoice.business_entity_id,
        customer_id=invoice.customer_id,
        invoice=invoice,
        number=take_number(invoice.business_entity_id, SeriesKind.CREDIT_NOTE),
        currency=invoice.currency,
        issued_on=on,
        net=net,
        tax=tax,
        total=net + tax,
        reason=reason.strip(),
        **kept,
    )
    for each in credited:
        each.credit_note = note
    CreditNoteLine.objects.bulk_create(credited)
    if settled:
        settle({invoice.pk: settled})
    if to_wallet := kept["to_wallet"]:
        wallet = hold_wallet(customer_id=invoice.customer_id, currency=invoice.currency)
        move(
            wallet, WalletEntryKind.CREDIT_NOTE, on=on, paid=to_wallet, credit_note=note, invoice=invoice,
            expires_on=wallet_expires_on,
        )  # fmt: skip
    publish([_event(note, invoice, credited, modification_id)])
    return note


def _kept(invoice: Invoice, rest: Decimal, keep: str, *, most: Decimal) -> dict[str, Decimal]:
    if rest and keep not in set(Keep):
        raise BillingError(
            f"Only {format_money(invoice.due.amount, invoice.currency)} is due on invoice {invoice}. Say what becomes of the "
            f"other {format_money(rest, invoice.currency)}: kept in the customer's wallet, or refunded.",
            code="exceeds_due",
        )
    if rest > most:
        raise BillingError(
            f"Only {format_money(most, invoice.currency)} of the customer's money is left in invoice {invoice}: "
            "the rest was a bonus, was credited, or went back before.",
            code="exceeds_paid",
        )
    return {
        "to_wallet": rest if keep == Keep.WALLET else Decimal(0),
        "to_refund": rest if keep == Keep.REFUND else Decimal(0),
    }


def _credited_lines(invoice: Invoice, lines: Mapping[int, Decimal]) -> list[CreditNoteLine]:
    if not lines:
        raise BillingError("Choose at least one line to credit.")
    billed = {line.pk: line for line in invoice.lines.select_related("product", "contract_item")}
    before = credited_of(invoice_line__in=lines)
    credited = []
    for line_id, net in lines.items():
        line = billed.get(line_id)
        if line is None:
            raise NotFound(f"Invoice {invoice} has no line with the id {line_id}.")
        net_before, tax_before = before[line_id]
        left = line.net.amount - net_before
        if not 0 < net <= left or net != round_money(net, invoice.currency):
            raise BillingError(
                f"More than nothing, and at most {format_money(left, invoice.currency)}, can be credited of “{line.description}”."
            )
        credited.append(_credit(line, net, is_rest=net == left, tax_before=tax_before))
    return credited


def _credit(line: InvoiceLine, net: Decimal, *, is_rest: bool, tax_before: Decimal) -> CreditNoteLine:
    # The last credit of a line takes the rest of its tax, so that parts never add up to another tax than the line's.
    left = line.tax.amount - tax_before
    tax = left if is_rest else min(round_money(net * line.tax_percent / 100, line.currency), left)
    return CreditNoteLine(
        tenant_id=line.tenant_id,
        invoice_line=line,
        product=line.product,
        description=line.description,
        currency=line.currency,
        net=net,
        tax=tax,
        tax_percent=line.tax_percent,
    )


def credited_lines_of(note: CreditNote, invoice: Invoice) -> tuple[CreditedLine, ...]:
    """Give the lines of a credit note as its events carry them."""
    lines = note.lines.select_related("product", "invoice_line__contract_item").order_by("id")
    return tuple(_line(each, invoice) for each in lines)


def _line(each: CreditNoteLine, invoice: Invoice) -> CreditedLine:
    billed = each.invoice_line
    return CreditedLine(
        line_id=each.pk,
        invoice_line_id=each.invoice_line_id,
        contract_id=invoice.contract_id,
        contract_item_id=billed.contract_item_id,
        product_id=each.product_id,
        product_family_id=each.product.family_id,
        pricing_model=billed.contract_item.pricing_model if billed.contract_item else None,
        recognition_method=billed.recognition_method,
        net=each.net.amount,
        tax=each.tax.amount,
        tax_rate_id=billed.tax_rate_id,
        period_start=billed.period_start,
        period_end=billed.period_end,
    )


def _event(
    note: CreditNote, invoice: Invoice, credited: list[CreditNoteLine], modification_id: int | None
) -> CreditNoteIssued:
    return CreditNoteIssued(
        **head_of(note, on=note.issued_on, key=note.pk),
        credit_note_id=note.pk,
        credit_note_number=note.number,
        invoice_id=invoice.pk,
        customer_id=note.customer_id,
        contract_id=invoice.contract_id,
        modification_id=modification_id,
        net=note.net.amount,
        tax=note.tax.amount,
        total=note.total.amount,
        to_wallet=note.to_wallet.amount,
        to_refund=note.to_refund.amount,
        lines=tuple(_line(each, invoice) for each in credited),
    )
