"""Disputes and refunds: read-only; opened from a payment's or credit note's page, disputes decided on their own."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from billing.admin.document import Document, DocumentAdmin, Verb, VerbForm
from billing.admin.forms import AmountInput, DayField, today
from billing.admin.shown import NONE, day, link, money, status
from billing.admin.tables import Table, columns
from billing.models import Dispute, DisputeStatus, Refund
from billing.money import format_money
from billing.services.disputes import lose_dispute, win_dispute


class OutcomeForm(VerbForm):
    on = DayField(label="Decided on")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["on"] = max(today(self.subject.business_entity), self.subject.opened_on)


class WinForm(OutcomeForm):
    fee_returned = AmountInput(label="Fee that came back", initial=0)


def _win(request: HttpRequest, dispute: Dispute, given: dict[str, Any]) -> str:
    win_dispute(dispute_id=dispute.pk, **given)
    return f"Dispute {dispute} is won; {format_money(dispute.amount.amount, dispute.currency)} came back."


def _lose(request: HttpRequest, dispute: Dispute, given: dict[str, Any]) -> str:
    lose_dispute(dispute_id=dispute.pk, **given)
    return f"Dispute {dispute} is lost."


def _is_open(dispute: Dispute) -> bool:
    return dispute.status == DisputeStatus.OPEN


def _parts(subject: Dispute | Refund, whole: Decimal) -> Table:
    rows: list[tuple[object, object]] = [
        (link(part.invoice), money(part.amount)) for part in subject.parts.select_related("invoice")
    ]
    if whole:
        rows.insert(0, ("What no invoice had taken", money(whole, subject.currency)))
    return Table("What went back", columns("Of", ">Amount"), rows, "What was owed to the customer already.")


@admin.register(Dispute)
class DisputeAdmin(DocumentAdmin):
    list_display = ("__str__", "customer_shown", "payment_shown", "opened_on", "status_shown", "amount_disputed")
    list_filter = ("status", ("opened_on", RangeDateFilter))
    list_select_related = ("customer", "payment")
    search_fields = ("reference", "customer__name")
    search_help_text = "Reference or customer"
    empty_hint = "A dispute is opened from the page of the payment that was taken back."
    verbs = (
        Verb(
            "win",
            "Won",
            _win,
            explain=lambda dispute: "The money came back: what the dispute took out of the books is put back.",
            form=WinForm,
            allowed=_is_open,
        ),
        Verb(
            "lose",
            "Lost",
            _lose,
            explain=lambda dispute: (
                "The money stays with the customer: what was posted when the dispute was opened stands."
            ),
            form=OutcomeForm,
            allowed=_is_open,
            danger=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dispute]:
        return super().get_queryset(request).select_related("customer", "payment", "gateway", "business_entity")

    @display(description="Customer", ordering="customer__name")
    def customer_shown(self, dispute: Dispute) -> str:
        return link(dispute.customer)

    @display(description="Payment")
    def payment_shown(self, dispute: Dispute) -> str:
        return link(dispute.payment)

    @display(description="Status", ordering="status")
    def status_shown(self, dispute: Dispute) -> str:
        return status(dispute)

    @display(description="Amount", ordering="amount")
    def amount_disputed(self, dispute: Dispute) -> str:
        return money(dispute.amount)

    def document(self, request: HttpRequest, subject: Dispute) -> Document:
        return Document(
            title=f"Dispute {subject.reference or subject.pk}",
            badge=status(subject),
            headline=[("Taken back", money(subject.amount)), ("Fee", money(subject.fee))],
            facts=[
                ("Customer", link(subject.customer)),
                ("Payment", link(subject.payment)),
                ("Opened on", day(subject.opened_on)),
                ("Decided on", day(subject.resolved_on)),
                ("Fee that came back", money(subject.fee_returned) if subject.fee_returned.amount else NONE),
                ("Kept by", link(subject.gateway) if subject.gateway else "Taken from the bank account"),
                ("Reason", subject.reason),
            ],
            tables=[_parts(subject, subject.from_unapplied.amount)],
        )


@admin.register(Refund)
class RefundAdmin(DocumentAdmin):
    list_display = ("__str__", "customer_shown", "source_shown", "refunded_on", "amount_refunded")
    list_filter = (("refunded_on", RangeDateFilter), "currency")
    list_select_related = ("customer", "payment", "credit_note")
    search_fields = ("reference", "customer__name")
    search_help_text = "Reference or customer"
    empty_hint = "A refund is paid from the page of a credit note, a payment or a wallet."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Refund]:
        return super().get_queryset(request).select_related("customer", "payment", "credit_note", "gateway")

    @display(description="Customer", ordering="customer__name")
    def customer_shown(self, refund: Refund) -> str:
        return link(refund.customer)

    @display(description="Out of")
    def source_shown(self, refund: Refund) -> object:
        return _source(refund)

    @display(description="Amount", ordering="amount")
    def amount_refunded(self, refund: Refund) -> str:
        return money(refund.amount)

    def document(self, request: HttpRequest, subject: Refund) -> Document:
        return Document(
            title=f"Refund {subject.reference or subject.pk}",
            headline=[("Paid back", money(subject.amount))],
            facts=[
                ("Customer", link(subject.customer)),
                ("Out of", _source(subject)),
                ("On", day(subject.refunded_on)),
                ("Paid by", link(subject.gateway) if subject.gateway else "The bank account"),
                ("Reason", subject.reason or NONE),
            ],
            tables=[_parts(subject, subject.from_unapplied.amount)] if subject.payment else [],
        )


def _source(refund: Refund) -> object:
    return link(refund.credit_note or refund.payment) if refund.credit_note or refund.payment else "The wallet"
