"""Bad debt: invoices given up, the verbs that do it, and what came in after all."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from billing.admin.document import Document, DocumentAdmin, Verb, VerbForm
from billing.admin.forms import AmountInput, DayField, today
from billing.admin.refund_verbs import GatewayChoice
from billing.admin.shown import NONE, day, link, money
from billing.models import OPEN_STATUSES, Invoice, InvoiceStatus, PaymentMethod, WriteOff
from billing.money import format_amount, format_money
from billing.services.write_offs import recover_write_off, write_off_invoice


class WriteOffForm(VerbForm):
    on = DayField(label="Written off on")
    reason = forms.CharField(max_length=200, help_text="An auditor will read it.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["on"] = max(today(self.subject.business_entity), self.subject.issued_on)


class RecoveryForm(VerbForm):
    received_on = DayField(label="Received on")
    amount = AmountInput(label="Amount")
    method = forms.ChoiceField(choices=PaymentMethod.choices)
    gateway = GatewayChoice(label="Captured by", none="None: it came to the bank account")
    reference = forms.CharField(max_length=100, required=False, help_text="A second payment with it is refused.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        invoice: Invoice = self.subject
        left = invoice.write_off.amount.amount - invoice.write_off.recovered.amount
        self.fields["amount"].label = f"Amount in {invoice.currency}"
        self.fields["gateway"].offer(invoice.business_entity)  # type: ignore[attr-defined]
        self.initial["amount"] = format_amount(left, invoice.currency)
        self.initial["received_on"] = max(today(invoice.business_entity), invoice.write_off.written_off_on)


def _write_off(request: HttpRequest, invoice: Invoice, given: dict[str, Any]) -> str:
    write_off = write_off_invoice(invoice_id=invoice.pk, **given)
    return f"{format_money(write_off.amount.amount, write_off.currency)} of invoice {invoice} is written off."


def _recover(request: HttpRequest, invoice: Invoice, given: dict[str, Any]) -> str:
    payment = recover_write_off(invoice_id=invoice.pk, **given)
    return f"{format_money(payment.amount.amount, payment.currency)} came in after all."


INVOICE_VERBS = (
    Verb(
        "write-off",
        "Write off",
        _write_off,
        explain=lambda invoice: (
            f"{format_money(invoice.due.amount, invoice.currency)} is given up. What was earned is bad debt, what was not leaves "
            "deferred revenue. If it is paid after all, “Record recovery” takes it back."
        ),
        form=WriteOffForm,
        allowed=lambda invoice: invoice.status in OPEN_STATUSES,
        danger=True,
    ),
    Verb(
        "recover",
        "Record recovery",
        _recover,
        explain=lambda invoice: "What comes in is owed again, then settled by the payment.",
        form=RecoveryForm,
        allowed=lambda invoice: invoice.status == InvoiceStatus.WRITTEN_OFF,
    ),
)


@admin.register(WriteOff)
class WriteOffAdmin(DocumentAdmin):
    list_display = ("invoice_shown", "customer_shown", "written_off_on", "amount_lost", "amount_recovered", "reason")
    list_filter = (("written_off_on", RangeDateFilter), "currency")
    list_select_related = ("customer", "invoice")
    search_fields = ("invoice__number", "customer__name")
    search_help_text = "Invoice or customer"
    empty_hint = "An invoice that will not be paid is written off from its page."

    def get_queryset(self, request: HttpRequest) -> QuerySet[WriteOff]:
        return super().get_queryset(request).select_related("customer", "invoice")

    @display(description="Invoice", ordering="invoice__number")
    def invoice_shown(self, write_off: WriteOff) -> str:
        return str(write_off.invoice)

    @display(description="Customer", ordering="customer__name")
    def customer_shown(self, write_off: WriteOff) -> str:
        return link(write_off.customer)

    @display(description="Written off", ordering="amount")
    def amount_lost(self, write_off: WriteOff) -> str:
        return money(write_off.amount)

    @display(description="Recovered", ordering="recovered")
    def amount_recovered(self, write_off: WriteOff) -> object:
        return money(write_off.recovered) if write_off.recovered.amount else NONE

    def document(self, request: HttpRequest, subject: WriteOff) -> Document:
        return Document(
            title=str(subject),
            headline=[("Written off", money(subject.amount)), ("Recovered", money(subject.recovered))],
            facts=[
                ("Invoice", link(subject.invoice)),
                ("Customer", link(subject.customer)),
                ("On", day(subject.written_off_on)),
                ("Reason", subject.reason),
            ],
        )
