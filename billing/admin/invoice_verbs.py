"""What a person does with invoices: finalize, void, credit, delete drafts. Each is confirmed first."""

from decimal import Decimal
from typing import Any

from django import forms
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.http import HttpRequest

from billing.admin.bulk_actions import confirmed_action
from billing.admin.document import Verb, VerbForm
from billing.admin.forms import LAST_DAY, AmountInput, DayField, dress, today
from billing.admin.write_offs import INVOICE_VERBS
from billing.errors import BillingError
from billing.models import OPEN_STATUSES, Invoice, InvoiceStatus
from billing.money import format_amount, format_money
from billing.services.credit_notes import Keep, issue_credit_note
from billing.services.invoices import delete_draft, finalize_invoices, void_invoice
from billing.services.jobs import start_job
from billing.services.returns import credited_of
from billing.wording import counted

_AT_ONCE = 200


class VoidForm(VerbForm):
    on = DayField(label="Voided on", help_text="The books get the mirrored entries on this day.")
    reason = forms.CharField(max_length=200, help_text="An auditor will read it.")
    bill_again = forms.BooleanField(
        label="Bill the periods again with the next billing run", required=False, initial=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["on"] = max(today(self.subject.business_entity), self.subject.issued_on)


class CreditForm(VerbForm):
    """One amount per line, net of tax; empty lines are not credited."""

    on = DayField(label="Dated")
    reason = forms.CharField(max_length=200, help_text="Printed on the credit note.")
    keep = forms.ChoiceField(
        label="What was paid already",
        choices=[("", "Nothing was"), (Keep.WALLET, "Keep it in the wallet"), (Keep.REFUND, "It is to be refunded")],
        required=False,
    )
    wallet_expires_on = DayField(label="Last day of what the wallet keeps", required=False, help_text=LAST_DAY)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        invoice: Invoice = self.subject
        self.initial["on"] = max(today(invoice.business_entity), invoice.issued_on)
        credited = credited_of(invoice_line__invoice=invoice)
        self.lines: dict[str, int] = {}
        for line in invoice.lines.order_by("position"):
            left = line.net.amount - credited[line.pk][0]
            field = AmountInput(
                label=f"{line.description}: credit, net of tax, in {invoice.currency}",
                required=False,
                help_text=f"At most {format_money(left, invoice.currency)}. The tax follows at the line's rate.",
            )
            dress(field)
            self.fields[f"line_{line.pk}"] = field
            self.initial[f"line_{line.pk}"] = format_amount(left, invoice.currency) if left else ""
            self.lines[f"line_{line.pk}"] = line.pk

    def amounts(self) -> dict[int, Decimal]:
        given = {line_id: self.cleaned_data.get(name) for name, line_id in self.lines.items()}
        return {line_id: amount for line_id, amount in given.items() if amount}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        cleaned["amounts"] = self.amounts()
        return cleaned


def _finalize(request: HttpRequest, invoice: Invoice, given: dict[str, Any]) -> str:
    done = finalize_invoices([invoice.pk])[0]
    return f"Invoice {done.number} over {format_money(done.total, done.currency)} is final."


def _void(request: HttpRequest, invoice: Invoice, given: dict[str, Any]) -> str:
    void_invoice(invoice_id=invoice.pk, on=given["on"], reason=given["reason"], bill_again=given["bill_again"])
    return f"Invoice {invoice} is void." + (" Its periods are due again." if given["bill_again"] else "")


def _credit(request: HttpRequest, invoice: Invoice, given: dict[str, Any]) -> str:
    note = issue_credit_note(
        invoice_id=invoice.pk,
        lines=given["amounts"],
        on=given["on"],
        reason=given["reason"],
        keep=given["keep"],
        wallet_expires_on=given["wallet_expires_on"],
    )
    return f"Credit note {note.number} over {format_money(note.total.amount, note.currency)} is issued."


def _delete(request: HttpRequest, invoice: Invoice, given: dict[str, Any]) -> str:
    name = str(invoice)
    delete_draft(invoice_id=invoice.pk)
    return f"{name} is deleted; its periods are due again."


def _only_drafts(chosen: QuerySet[Invoice]) -> list[int]:
    others = chosen.exclude(status=InvoiceStatus.DRAFT)
    if other := others.order_by("id").first():
        raise BillingError(
            f"{others.count():,} of the {chosen.count():,} chosen are no drafts, such as invoice {other}. Nothing was changed. "
            "Choose drafts only: the filter “Status” shows them alone."
        )
    return list(chosen.order_by("issued_on", "id").values_list("pk", flat=True))


def _finalize_many(request: HttpRequest, chosen: QuerySet[Invoice]) -> str:
    ids = _only_drafts(chosen)
    if len(ids) <= _AT_ONCE:
        return f"{counted(len(finalize_invoices(ids)), 'invoice is', 'invoices are')} final."
    start_job(
        kind="finalize_invoices",
        title=f"Finalize {len(ids):,} invoices",
        parameters={"invoices": ids},
        user=request.user,
    )
    return f"{len(ids):,} invoices are being finalized; see Jobs for how far it is."


@transaction.atomic
def _delete_many(request: HttpRequest, chosen: QuerySet[Invoice]) -> str:
    ids = _only_drafts(chosen)
    # The latest first, so that no later period of the same contract stands in the way.
    for invoice_id in reversed(ids):
        delete_draft(invoice_id=invoice_id)
    return f"{counted(len(ids), 'draft is', 'drafts are')} deleted; what they billed is due again."


def _sums(chosen: QuerySet[Invoice]) -> str:
    rows = chosen.order_by().values_list("currency").annotate(total_sum=Sum("total"))
    return ", ".join(format_money(total, currency) for currency, total in rows)


def _is_draft(invoice: Invoice) -> bool:
    return invoice.status == InvoiceStatus.DRAFT


VERBS = (
    Verb(
        "finalize",
        "Finalize",
        _finalize,
        explain=lambda invoice: (
            f"The invoice over {format_money(invoice.total.amount, invoice.currency)} gets its number and "
            "can no longer change. It is entered in the books and, where one is connected, sent to the ERP."
        ),
        allowed=_is_draft,
    ),
    Verb(
        "delete-draft",
        "Delete draft",
        _delete,
        explain=lambda invoice: (
            "The draft is removed, and the periods it bills are due again for the next billing run."
        ),
        allowed=_is_draft,
        danger=True,
        back_to_list=True,
    ),
    Verb(
        "credit",
        "Credit note",
        _credit,
        explain=lambda invoice: (
            f"{format_money(invoice.due.amount, invoice.currency)} is still due on this invoice and settled first. What is "
            "credited beyond was paid already: say what becomes of it. Clear the lines that are not to be credited."
        ),
        form=CreditForm,
        allowed=lambda invoice: invoice.status in (*OPEN_STATUSES, InvoiceStatus.PAID) and invoice.total.amount > 0,
    ),
    Verb(
        "void",
        "Void",
        _void,
        explain=lambda invoice: (
            "The invoice is undone as a whole: its number stays used, and the books get the mirrored "
            "entries. To undo a part of it, issue a credit note instead."
        ),
        form=VoidForm,
        allowed=lambda invoice: invoice.status == InvoiceStatus.FINALIZED and not invoice.settled.amount,
        danger=True,
    ),
    *INVOICE_VERBS,
)

ACTIONS = (
    confirmed_action(
        name="finalize_chosen",
        label="Finalize drafts",
        explain=lambda chosen: (
            f"{counted(chosen.count(), 'draft', 'drafts')}, together {_sums(chosen)}. They get their numbers, are entered in "
            "the books, and can no longer change. If one of them cannot be finalized, none is."
        ),
        do=_finalize_many,
        check=_only_drafts,
    ),
    confirmed_action(
        name="delete_chosen_drafts",
        label="Delete drafts",
        explain=lambda chosen: (
            f"{counted(chosen.count(), 'draft', 'drafts')}, together {_sums(chosen)}. They are removed, and their periods are "
            "due again."
        ),
        do=_delete_many,
        check=_only_drafts,
        danger=True,
    ),
)
