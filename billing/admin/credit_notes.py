"""Credit notes: read-only; they are issued on an invoice's page."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from billing.admin.document import Document
from billing.admin.printed import PrintedAdmin
from billing.admin.refund_verbs import CREDIT_NOTE_VERBS
from billing.admin.shown import badge, day, link, money
from billing.admin.tables import Table, columns
from billing.admin.undo_verbs import CREDIT_NOTE_UNDOING
from billing.models import CreditNote
from billing.printing.documents import credit_note_document
from billing.services.refunds import owed_back


@admin.register(CreditNote)
class CreditNoteAdmin(PrintedAdmin):
    printed = staticmethod(credit_note_document)
    list_display = ("number", "customer_shown", "invoice_shown", "issued_on", "amount_total", "reason")
    list_filter = (("issued_on", RangeDateFilter), "currency")
    search_fields = ("number", "invoice__number", "customer__name")
    search_help_text = "Number, invoice or customer"
    empty_hint = "A credit note is issued from the page of an open or paid invoice."
    verbs = (*CREDIT_NOTE_VERBS, *CREDIT_NOTE_UNDOING)

    def get_queryset(self, request: HttpRequest) -> QuerySet[CreditNote]:
        return super().get_queryset(request).select_related("customer", "invoice__contract", "business_entity")

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
            badge=badge("void", "Void") if subject.voided_on else "",
            headline=[("Net", money(subject.net)), ("Tax", money(subject.tax)), ("Total", money(subject.total))],
            facts=[
                *_kept(subject),
                ("Customer", link(subject.customer)),
                ("Credits invoice", link(subject.invoice)),
                ("Issued on", day(subject.issued_on)),
                ("Reason", subject.reason),
                *([("Voided", f"{day(subject.voided_on)}: {subject.void_reason}")] if subject.voided_on else []),
            ],
            tables=[
                Table(
                    "Lines",
                    columns("Description", ">Net", ">Tax"),
                    [(line.description, money(line.net), money(line.tax)) for line in lines],
                    "No lines.",
                ),
                *_refunds(subject),
            ],
        )


def _kept(note: CreditNote) -> list[tuple[str, object]]:
    kept: list[tuple[str, object]] = [("Settled of the invoice", money(note.settled))]
    if note.to_wallet.amount:
        kept.append(("Kept in the wallet", money(note.to_wallet)))
    if note.to_refund.amount:
        kept.append(("To be refunded", money(note.to_refund)))
        kept.append(("Still owed", money(owed_back(note), note.currency)))
    return kept if len(kept) > 1 else []


def _refunds(note: CreditNote) -> list[Table]:
    if not note.to_refund.amount:
        return []
    rows = [(link(refund), day(refund.refunded_on), money(refund.amount)) for refund in note.refunds.all()]
    return [Table("Refunds", columns("Refund", "On", ">Amount"), rows, "Nothing is paid back yet.")]
