"""Payments: recorded with a form, allocated to invoices automatically or by hand, then never changed."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from billing.admin.document import Document, DocumentAdmin, Verb, VerbForm
from billing.admin.form_page import form_page
from billing.admin.forms import AmountInput, DayField, StyledForm, dress, today
from billing.admin.refund_verbs import PAYMENT_VERBS, GatewayChoice
from billing.admin.shown import NONE, badge, change_url, day, link, list_url, money, status, to
from billing.admin.tables import Table, columns
from billing.admin.undo_verbs import PAYMENT_UNDOING
from billing.models import OPEN_STATUSES, Customer, Invoice, Payment, PaymentMethod, Role
from billing.money import format_money
from billing.services.payments import allocate_payment, oldest_first, receive_payment

_INVOICES_OFFERED = 100


class AllocationFields(StyledForm):
    """One amount per open invoice of a customer."""

    def offer_invoices(self, customer: Customer, *, proposed: dict[int, Decimal]) -> None:
        """Add a field for each open invoice, the earliest due first."""
        self.offered: dict[str, int] = {}
        open_invoices = Invoice.objects.filter(
            customer=customer, currency=customer.currency, status__in=OPEN_STATUSES
        ).order_by("due_on", "id")
        for invoice in open_invoices[:_INVOICES_OFFERED]:
            field = AmountInput(
                label=f"To invoice {invoice.number}, in {invoice.currency}",
                required=False,
                help_text=f"Due {day(invoice.due_on)}: {format_money(invoice.due.amount, invoice.currency)}.",
            )
            dress(field)
            name = f"invoice_{invoice.pk}"
            self.fields[name] = field
            self.initial[name] = proposed.get(invoice.pk, "")
            self.offered[name] = invoice.pk

    def allocations(self) -> dict[int, Decimal]:
        given = {invoice_id: self.cleaned_data.get(name) for name, invoice_id in self.offered.items()}
        return {invoice_id: amount for invoice_id, amount in given.items() if amount}


class CustomerStep(StyledForm):
    """First step: whose payment is it?"""

    q = forms.CharField(label="Customer: name or id", required=False)


class PaymentForm(AllocationFields):
    received_on = DayField(label="Received on")
    amount = AmountInput(label="Amount")
    method = forms.ChoiceField(choices=PaymentMethod.choices)
    reference = forms.CharField(
        max_length=100, required=False, help_text="The bank's own id. A second payment with it is refused."
    )
    gateway = GatewayChoice(label="Captured by", none="None: it came to the bank account")
    withheld = AmountInput(
        label="Tax withheld by the customer",
        required=False,
        help_text="On top of the amount; it settles invoices too.",
    )
    withheld_is_recoverable = forms.BooleanField(
        label="The state gives withheld tax back", required=False, initial=True
    )
    automatic = forms.BooleanField(
        label="Settle the oldest invoices first", required=False, initial=True,
        help_text="Clear this to say below which invoices are paid. What is left stays unapplied.",
    )  # fmt: skip

    def __init__(self, *args: Any, customer: Customer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"].label = f"Amount in {customer.currency}"
        self.fields["gateway"].offer(customer.business_entity)  # type: ignore[attr-defined]
        self.initial["received_on"] = today(customer.business_entity)
        self.offer_invoices(customer, proposed={})

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("automatic") and self.allocations():
            self.add_error("automatic", "Either the oldest invoices first, or the amounts below; not both.")
        cleaned["allocations"] = None if cleaned.get("automatic") else self.allocations()
        return cleaned


class RestForm(VerbForm, AllocationFields):
    on = DayField(label="Allocated on")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        payment: Payment = self.subject
        self.initial["on"] = max(today(payment.business_entity), payment.received_on)
        rest = payment.unapplied.amount
        proposed = oldest_first(customer_id=payment.customer_id, currency=payment.currency, amount=rest)
        self.offer_invoices(payment.customer, proposed=proposed)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        cleaned["allocations"] = self.allocations()
        if not cleaned["allocations"]:
            raise forms.ValidationError("Give at least one invoice an amount.")
        return cleaned


def _allocate(request: HttpRequest, payment: Payment, given: dict[str, Any]) -> str:
    allocate_payment(payment_id=payment.pk, allocations=given["allocations"], on=given["on"])
    return f"{format_money(sum(given['allocations'].values(), Decimal(0)), payment.currency)} is allocated."


@admin.register(Payment)
class PaymentAdmin(DocumentAdmin):
    add_role = Role.FINANCE
    list_display = ("__str__", "customer_shown", "received_on", "method_shown", "amount_received", "amount_unapplied")
    list_filter = ("method", ("received_on", RangeDateFilter), "currency")
    list_select_related = ("customer", "business_entity")
    search_fields = ("reference", "customer__name", "customer__external_id")
    search_help_text = "Reference or customer"
    empty_hint = "Record a payment when money comes in; it settles the customer's oldest invoices by itself."
    verbs = (
        Verb(
            "allocate",
            "Allocate the rest",
            _allocate,
            explain=lambda payment: (
                f"{format_money(payment.unapplied.amount, payment.currency)} of this payment is unapplied. "
                "The amounts below are a proposal: the earliest due first."
            ),
            form=RestForm,
            allowed=lambda payment: payment.unapplied.amount > 0,
        ),
        *PAYMENT_VERBS,
        *PAYMENT_UNDOING,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payment]:
        return super().get_queryset(request).select_related("customer", "business_entity", "gateway")

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        if not self.has_add_permission(request):
            raise PermissionDenied
        wanted = request.GET.get("customer", "")
        customers = Customer.objects.select_related("business_entity")
        customer = customers.filter(pk=wanted).first() if wanted.isdecimal() else None
        return self._record(request, customer) if customer else self._choose_customer(request)

    def _choose_customer(self, request: HttpRequest) -> Any:
        form = CustomerStep(request.GET)
        query = request.GET.get("q", "").strip()
        found = []
        if query:
            customer_admin = self.admin_site.get_model_admin(Customer)
            matching, _ = customer_admin.get_search_results(request, customer_admin.get_queryset(request), query)
            found = list(matching[:50])
        table = Table(
            "Whose payment is it?",
            columns("Customer", "Customer id", ">Balance due", ""),
            [(each.name, each.external_id, money(each.due or 0, each.currency), _choose(each)) for each in found],
            "No customer found; try a part of the name."
            if query
            else "Type a part of the name, or the id, and press Show.",
        )
        context = {
            **self.admin_site.each_context(request), "title": "Record payment", "opts": self.opts, "form": form,
            "tables": [table],
        }  # fmt: skip
        return TemplateResponse(request, "admin/counterfoil/report.html", context)

    def _record(self, request: HttpRequest, customer: Customer) -> Any:
        def record(given: dict[str, Any]) -> tuple[str, str]:
            payment = receive_payment(
                customer_id=customer.pk,
                received_on=given["received_on"],
                amount=given["amount"],
                currency=customer.currency,
                allocations=given["allocations"],
                method=given["method"],
                reference=given["reference"].strip(),
                gateway=given["gateway"],
                withheld=given["withheld"] or Decimal(0),
                withheld_is_recoverable=given["withheld_is_recoverable"],
            )
            rest = format_money(payment.unapplied.amount, payment.currency)
            words = f"{format_money(payment.amount.amount, payment.currency)} from {customer} recorded"
            return f"{words}; {rest} stays unapplied.", change_url(Payment, payment.pk)

        return form_page(
            request,
            title=f"Record payment: {customer}",
            submit="Record payment",
            cancel_url=list_url(Payment),
            do=record,
            form=PaymentForm(request.POST if request.method == "POST" else None, customer=customer),
            opts=self.opts,
        )

    @display(description="Customer", ordering="customer__name")
    def customer_shown(self, payment: Payment) -> str:
        return link(payment.customer)

    @display(description="Method", ordering="method")
    def method_shown(self, payment: Payment) -> str:
        return str(payment.get_method_display())

    @display(description="Amount", ordering="amount")
    def amount_received(self, payment: Payment) -> str:
        return money(payment.amount)

    @display(description="Unapplied", ordering="unapplied")
    def amount_unapplied(self, payment: Payment) -> str:
        return money(payment.unapplied) if payment.unapplied.amount else NONE

    def document(self, request: HttpRequest, subject: Payment) -> Document:
        parts = subject.allocations.select_related("invoice")
        return Document(
            title=str(subject),
            badge=badge("void", "Void") if subject.voided_on else "",
            headline=[("Received", money(subject.amount)), ("Unapplied", money(subject.unapplied))],
            facts=[
                ("Customer", link(subject.customer)),
                ("Received on", day(subject.received_on)),
                ("Method", subject.get_method_display()),
                ("Captured by", link(subject.gateway)),
                ("Tax withheld", _withheld(subject)),
                ("Reference", subject.reference or NONE),
                *_voided(subject),
            ],
            tables=[
                Table(
                    "What it settled",
                    columns("Invoice", "On", ">Amount"),
                    [(link(part.invoice), day(part.allocated_on), money(part.amount)) for part in parts],
                    "Nothing yet; “Allocate the rest” settles open invoices with it.",
                ),
                *_gone(subject),
            ],
        )


def _voided(payment: Payment) -> list[tuple[str, object]]:
    return [("Voided", f"{day(payment.voided_on)}: {payment.void_reason}")] if payment.voided_on else []


def _withheld(payment: Payment) -> object:
    if not payment.withheld.amount:
        return NONE
    withheld = format_money(payment.withheld.amount, payment.currency)
    return f"{withheld}, {'claimed back' if payment.withheld_is_recoverable else 'lost'}"


def _gone(payment: Payment) -> list[Table]:
    rows = [
        *((link(each), day(each.refunded_on), "Refund", money(each.amount)) for each in payment.refunds.all()),
        *((link(each), day(each.opened_on), status(each), money(each.amount)) for each in payment.disputes.all()),
        *(
            (link(each.wallet, "Wallet"), day(each.on), each.get_kind_display(), money(each.paid))
            for each in payment.wallet_entries.select_related("wallet__customer")
        ),
    ]
    return [Table("What else became of it", columns("What", "On", "How", ">Amount"), rows, "")] if rows else []


def _choose(customer: Customer) -> object:
    return to(f"{list_url(Payment)}add/?customer={customer.pk}", "Record a payment")
