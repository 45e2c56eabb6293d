"""Undoing what was recorded by mistake: verbs of the pages of payments and credit notes."""

from typing import Any

from django import forms
from django.http import HttpRequest

from billing.admin.document import Verb, VerbForm
from billing.admin.forms import DayField, today
from billing.admin.shown import day
from billing.models import CreditNote, Payment, PaymentAllocation
from billing.money import format_money
from billing.services.undoing import unallocate_payment, void_credit_note, void_payment


class UndoForm(VerbForm):
    on = DayField(label="On", initial=today)
    reason = forms.CharField(label="Why?", max_length=200, help_text="An auditor will ask.")


class TakeOffForm(UndoForm):
    allocation = forms.ChoiceField(label="Off which invoice")
    field_order = ("allocation", "on", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["allocation"].choices = [  # type: ignore[attr-defined]
            (each.pk, f"{each.invoice}: {format_money(each.amount.amount, each.currency)}, {day(each.allocated_on)}")
            for each in live_allocations(self.subject)
        ]


def live_allocations(payment: Payment) -> list[PaymentAllocation]:
    """Give the allocations that still stand."""
    rows = PaymentAllocation.objects.filter(payment=payment, undoes=None, undone_by=None)
    return list(rows.select_related("invoice").order_by("id"))


def _take_off(request: HttpRequest, payment: Payment, given: dict[str, Any]) -> str:
    changed = unallocate_payment(allocation_id=int(given["allocation"]), on=given["on"], reason=given["reason"])
    return f"{format_money(changed.unapplied.amount, changed.currency)} of this payment is unapplied now."


def _void_payment(request: HttpRequest, payment: Payment, given: dict[str, Any]) -> str:
    void_payment(payment_id=payment.pk, on=given["on"], reason=given["reason"])
    return f"{payment} is void; what it had settled is due again."


def _void_note(request: HttpRequest, note: CreditNote, given: dict[str, Any]) -> str:
    void_credit_note(credit_note_id=note.pk, on=given["on"], reason=given["reason"])
    return f"Credit note {note} is void; what it had settled is due again."


PAYMENT_UNDOING = (
    Verb(
        "take-off", "Take off an invoice", _take_off, form=TakeOffForm,
        allowed=lambda payment: payment.voided_on is None and bool(live_allocations(payment)),
        explain=lambda payment: "What it settled of the invoice is due again, and the amount can be allocated to another. "
        "Where the ERP has the payment, it is changed there too.",
    ),
    Verb(
        "void", "Void", _void_payment, form=UndoForm, danger=True,
        allowed=lambda payment: payment.voided_on is None,
        explain=lambda payment: "For a payment that was recorded by mistake. Its invoices are due again, the books get the "
        "opposite entry, and where the ERP has it, it is voided there too. Money that came in and went back is a refund or a "
        "dispute instead.",
    ),
)  # fmt: skip
CREDIT_NOTE_UNDOING = (
    Verb(
        "void", "Void", _void_note, form=UndoForm, danger=True,
        allowed=lambda note: note.voided_on is None,
        explain=lambda note: f"What it settled of invoice {note.invoice} is due again, what it kept for the customer is taken "
        "back, and the revenue it gave up is to be earned again. The number stays used; the books get the mirrored entry, and "
        "where the ERP has it, it is voided there too.",
    ),
)  # fmt: skip
