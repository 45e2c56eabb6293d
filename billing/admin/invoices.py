"""Invoices: what is owed, what settled it, and what can be done with it."""

from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from billing.access import may
from billing.admin.document import Document
from billing.admin.forms import today, todays
from billing.admin.invoice_verbs import ACTIONS, VERBS
from billing.admin.printed import PrintedAdmin, download_pdfs
from billing.admin.shown import NONE, badge, day, link, money, period, quantity, status
from billing.admin.tables import Table, columns
from billing.models import (
    OPEN_STATUSES,
    Invoice,
    InvoiceStatus,
    PaymentAllocation,
    Role,
    WalletEntryKind,
    WriteOff,
)
from billing.money import format_unit_price
from billing.printing.documents import invoice_document


class OverdueFilter(admin.SimpleListFilter):
    title = "due"
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("overdue", "Overdue"), ("30", "Overdue by more than 30 days"), ("60", "… 60 days"),
                ("90", "… 90 days")]  # fmt: skip

    def queryset(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> QuerySet[Invoice]:
        if not self.value():
            return queryset
        queryset = queryset.filter(status__in=OPEN_STATUSES)
        if self.value() == "open":
            return queryset
        days = 0 if self.value() == "overdue" else int(str(self.value()))
        late = (Q(business_entity__in=ids, due_on__lt=now - timedelta(days=days)) for now, ids in todays().items())
        return queryset.filter(reduce(or_, late, Q(pk=None)))


def invoice_status(invoice: Invoice) -> str:
    """Show the status; an open invoice past its due date is overdue, whatever else it is."""
    if invoice.status in OPEN_STATUSES and invoice.due_on < today(invoice.business_entity):
        return badge("overdue", "Overdue" if invoice.status == InvoiceStatus.FINALIZED else "Overdue, partly paid")
    return status(invoice)


@admin.register(Invoice)
class InvoiceAdmin(PrintedAdmin):
    printed = staticmethod(invoice_document)
    list_display = ("__str__", "customer_shown", "status_shown", "issued_on", "due_on", "amount_total", "amount_open")
    list_filter = ("status", OverdueFilter, ("issued_on", RangeDateFilter), "currency")
    list_select_related = ("customer",)
    search_fields = ("number", "customer__name", "customer__external_id", "contract__number")
    search_help_text = "Invoice number, customer or contract"
    empty_hint = "Invoices come from the billing run: it drafts one for every charge that is due."
    actions = (*ACTIONS, download_pdfs)
    verbs = VERBS

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invoice]:
        return super().get_queryset(request).select_related("customer", "contract", "business_entity")

    def list_links(self, request: HttpRequest) -> list[tuple[str, str]]:
        return [("Run billing", reverse("admin:run_billing"))] if may(request, Role.FINANCE) else []

    @display(description="Customer", ordering="customer__name")
    def customer_shown(self, invoice: Invoice) -> str:
        return link(invoice.customer)

    @display(description="Status", ordering="status")
    def status_shown(self, invoice: Invoice) -> str:
        return invoice_status(invoice)

    @display(description="Total", ordering="total")
    def amount_total(self, invoice: Invoice) -> str:
        return money(invoice.total)

    @display(description="Still due")
    def amount_open(self, invoice: Invoice) -> str:
        return money(invoice.due) if invoice.status in OPEN_STATUSES else NONE

    def document(self, request: HttpRequest, subject: Invoice) -> Document:
        facts = [
            ("Customer", link(subject.customer)),
            ("Contract", link(subject.contract)),
            ("Issued on", day(subject.issued_on)),
            ("Due on", day(subject.due_on)),
            ("Billed by", subject.business_entity),
            ("Billed to", subject.bill_to or "set when it is finalized"),
        ]
        note = ""
        if subject.status == InvoiceStatus.VOID:
            note = f"Voided on {day(subject.voided_on)}: {subject.void_reason}"
        elif subject.status == InvoiceStatus.DRAFT:
            note = "A draft has no number and is not in the books yet. Finalize it, or delete it."
        open_amount = [("Still due", money(subject.due))] if subject.status in OPEN_STATUSES else []
        return Document(
            title=f"Invoice {subject}",
            badge=invoice_status(subject),
            note=note,
            headline=[
                ("Net", money(subject.net)),
                ("Tax", money(subject.tax)),
                ("Total", money(subject.total)),
                *open_amount,
            ],
            facts=facts,
            tables=[_lines(subject), _settled_by(subject), *_went_back(subject)],
        )


def _lines(invoice: Invoice) -> Table:
    lines = list(invoice.lines.select_related("product").order_by("position"))
    return Table(
        "Lines",
        columns("Description", "Product", "Service period", ">Quantity", ">Unit price", ">Discount", ">Net", ">Tax"),
        [
            (
                line.description,
                link(line.product),
                period(line.period_start, line.period_end),
                quantity(line.quantity),
                format_unit_price(line.unit_amount.amount, invoice.currency),
                money(line.discount) if line.discount.amount else "",
                money(line.net),
                money(line.tax),
            )
            for line in lines
        ],
        "This invoice has no lines; delete the draft.",
        totals=("Total", "", "", "", "", "", money(invoice.net), money(invoice.tax)),
    )


def _settled_by(invoice: Invoice) -> Table:
    rows: list[tuple[object, ...]] = [
        ("Payment", link(part.payment), day(part.allocated_on), money(part.amount))
        for part in PaymentAllocation.objects.filter(invoice=invoice).select_related("payment")
    ]
    rows += [
        ("Credit note", link(note), day(note.issued_on), money(note.settled))
        for note in invoice.credit_notes.filter(voided_on=None)
        if note.settled.amount
    ]
    rows += [
        ("Wallet", link(entry.wallet), day(entry.on), money(-(entry.paid + entry.bonus)))
        for entry in invoice.wallet_entries.filter(kind=WalletEntryKind.APPLIED).select_related("wallet__customer")
    ]
    rows += [
        ("Written off", link(each, "Write-off"), day(each.written_off_on), money(each.amount - each.recovered))
        for each in WriteOff.objects.filter(invoice=invoice)
    ]
    return Table(
        "Settled by",
        columns("What", "Document", "On", ">Amount"),
        rows,
        "Nothing yet." if invoice.status != InvoiceStatus.DRAFT else "A draft cannot be paid.",
    )


def _went_back(invoice: Invoice) -> list[Table]:
    rows: list[tuple[object, ...]] = [
        (
            "Dispute" if part.dispute else "Refund",
            link(part.dispute or part.refund),
            link(part.payment),
            money(part.amount),
        )
        for part in invoice.returned_parts.select_related("dispute", "refund", "payment")
    ]
    rows += [
        (
            "Credit note",
            link(note),
            "Wallet" if note.to_wallet.amount else "To be refunded",
            money(note.total - note.settled),
        )
        for note in invoice.credit_notes.filter(voided_on=None)
        if note.total != note.settled
    ]
    return [Table("Paid, and gone back", columns("What", "Document", "Of or to", ">Amount"), rows, "")] if rows else []
