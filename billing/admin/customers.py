"""Customers, with what they signed and what they owe."""

from typing import Any

from django.contrib import admin
from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest
from unfold.decorators import display

from billing.admin.base import TenantForm
from billing.admin.document import Document, EditableDocumentAdmin
from billing.admin.prepaid import CUSTOMER_VERBS
from billing.admin.products import activity
from billing.admin.shown import NONE, day, link, list_url, money, status, to
from billing.admin.tables import Table, columns
from billing.admin.wallets import TOP_UP
from billing.models import OPEN_STATUSES, Contract, Customer, Invoice, Payment, WalletEntry
from billing.models.tenant import BusinessEntity

_SHOWN = 20


class CustomerForm(TenantForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        entity = BusinessEntity.objects.order_by("pk").first()
        if not self.instance.pk and entity:
            self.initial.setdefault("business_entity", entity.pk)
            self.initial.setdefault("currency", entity.base_currency)


@admin.register(Customer)
class CustomerAdmin(EditableDocumentAdmin):
    """One page to look at, with a button to edit."""

    form = CustomerForm
    verbs = (*CUSTOMER_VERBS, TOP_UP)
    list_display = ("name", "external_id", "country", "amount_due", "active_shown")
    list_display_links = ("name", "external_id")
    list_filter = ("is_active", "currency")
    search_fields = ("name", "external_id", "email", "tax_id")
    search_help_text = "Name, id, e-mail or tax id"
    fields = (
        ("name", "external_id"),
        ("business_entity", "currency"),
        ("email", "tax_id"),
        ("address", "country"),
        "is_active",
    )
    empty_hint = "Add a customer, or import contracts from a CSV file, which brings the customers with them."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        due = (
            Invoice.objects.filter(customer=OuterRef("pk"), currency=OuterRef("currency"), status__in=OPEN_STATUSES)
            .order_by()
            .values("customer")
            .annotate(due_sum=Sum(F("total") - F("settled")))
            .values("due_sum")
        )
        return super().get_queryset(request).select_related("business_entity").annotate(due=Subquery(due))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # What the books of one entity have seen stays there.
        return ("business_entity", "currency") if obj else ()

    @display(description="Balance due", ordering="due")
    def amount_due(self, customer: Any) -> object:
        return money(customer.due, customer.currency) if customer.due else NONE

    @display(description="Status", ordering="is_active")
    def active_shown(self, customer: Customer) -> str:
        return activity(customer.is_active)

    def buttons(self, request: HttpRequest, subject: Customer) -> list[dict[str, object]]:
        buttons = super().buttons(request, subject)
        if buttons:
            buttons.append({"label": "New contract", "url": f"{_add(Contract)}?customer={subject.pk}"})
            buttons.append({"label": "Record payment", "url": f"{_add(Payment)}?customer={subject.pk}"})
        return buttons

    def document(self, request: HttpRequest, subject: Any) -> Document:
        unapplied = (
            Payment.objects.filter(customer=subject, currency=subject.currency, unapplied__gt=0)
            .order_by()
            .aggregate(total=Sum("unapplied"))["total"]
        )
        wallet = WalletEntry.objects.filter(wallet__customer=subject, currency=subject.currency).first()
        return Document(
            title=subject.name,
            badge=activity(subject.is_active),
            headline=[
                ("Balance due", money(subject.due or 0, subject.currency)),
                ("Unapplied payments", money(unapplied or 0, subject.currency)),
                *(
                    [("Wallet", link(wallet.wallet, money(wallet.paid_balance + wallet.bonus_balance)))]
                    if wallet
                    else []
                ),
            ],
            facts=[
                ("Customer id", subject.external_id),
                ("Currency", subject.currency),
                ("Billed by", subject.business_entity),
                ("E-mail", subject.email or NONE),
                ("Address", "\n".join(filter(None, (subject.address, subject.country))) or NONE),
                ("Tax id", subject.tax_id or NONE),
            ],
            tables=[_contracts(subject), _invoices(subject), _payments(subject)],
        )


def _add(model: type) -> str:
    return list_url(model) + "add/"


def _more(model: type, customer: Customer, count: int) -> object:
    if count < _SHOWN:
        return ""
    return to(list_url(model, f"customer__id__exact={customer.pk}"), f"The newest {_SHOWN}. Show all.")


def _contracts(customer: Customer) -> Table:
    found = list(customer.contracts.order_by("-start", "-pk")[:_SHOWN])
    return Table(
        "Contracts",
        columns("Number", "Status", "Starts", "Ends before"),
        [(link(contract), status(contract), day(contract.start), day(contract.end)) for contract in found],
        "No contract yet. “New contract” starts one.",
        note=_more(Contract, customer, len(found)),
    )


def _invoices(customer: Customer) -> Table:
    found = list(customer.invoices.order_by("-issued_on", "-pk")[:_SHOWN])
    return Table(
        "Invoices",
        columns("Number", "Status", "Issued", "Due", ">Total", ">Still due"),
        [
            (
                link(invoice),
                status(invoice),
                day(invoice.issued_on),
                day(invoice.due_on),
                money(invoice.total),
                money(invoice.due) if invoice.status in OPEN_STATUSES else "",
            )
            for invoice in found
        ],
        "Nothing billed yet. A billing run drafts the invoices of active contracts.",
        note=_more(Invoice, customer, len(found)),
    )


def _payments(customer: Customer) -> Table:
    found = list(customer.payments.order_by("-received_on", "-pk")[:_SHOWN])
    return Table(
        "Payments",
        columns("Payment", "Received", "Method", ">Amount", ">Unapplied"),
        [
            (
                link(payment),
                day(payment.received_on),
                payment.get_method_display(),
                money(payment.amount),
                money(payment.unapplied) if payment.unapplied.amount else "",
            )
            for payment in found
        ],
        "No payment yet. “Record payment” books one and settles the oldest invoices.",
        note=_more(Payment, customer, len(found)),
    )
