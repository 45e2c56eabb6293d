"""Credit notes: read-only; they are issued on an invoice's page."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from billing.admin.document import Document, DocumentAdmin
from billing.admin.shown import day, link, money
from billing.admin.tables import Table, columns
from billing.models import CreditNote


@admin.register(CreditNote)
class CreditNoteAdmin(DocumentAdmin):
    list_display = ("number", "customer_shown", "invoice_shown", "issued_on", "amount_total", "reason")
    list_filter = (("issued_on", RangeDateFilter), "currency")
    list_select_related = ("customer", "invoice")
    search_fields = ("number", "invoice__number", "customer__name")
    search_help_text = "Number, invoice or customer"
    empty_hint = "A credit note is issued from the page of an open invoice."

    @display(description="Customer", ordering="customer__name")
    def customer_shown(self, note: CreditNote) -> str:
        return link(note.customer)

    @display(description="Invoice", ordering="invoice__number")
    def invoice_shown(self, note: CreditNote) -> str:
        return link(note.invoice)

    @display(description="Total", ordering="total")
    def amount_total(self, note: CreditNote) -> str:
        return money(note.total)

    def document(self, request: HttpRequest, subject: CreditNote) -> Document:
        lines = subject.lines.all()
        return Document(
            title=f"Credit note {subject.number}",
            headline=[("Net", money(subject.net)), ("Tax", money(subject.tax)), ("Total", money(subject.total))],
            facts=[
                ("Customer", link(subject.customer)),
                ("Credits invoice", link(subject.invoice)),
                ("Issued on", day(subject.issued_on)),
                ("Reason", subject.reason),
            ],
            tables=[
                Table(
                    "Lines",
                    columns("Description", ">Net", ">Tax"),
                    [(line.description, money(line.net), money(line.tax)) for line in lines],
                    "No lines.",
                )
            ],
        )
