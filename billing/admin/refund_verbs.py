"""Verbs of payments and credit notes that give money back: refund, dispute, keep in the wallet."""

from typing import Any

from django import forms
from django.http import HttpRequest

from billing.admin.document import Verb, VerbForm
from billing.admin.forms import LAST_DAY, AmountInput, DayField, today
from billing.models import BusinessEntity, CreditNote, Payment, PaymentGateway
from billing.money import format_amount, format_money
from billing.services.disputes import open_dispute
from billing.services.refunds import owed_back, refund_credit_note, refund_payment
from billing.services.wallets import keep_in_wallet


class GatewayChoice(forms.ChoiceField):
    """One of an entity's gateways, or none."""

    def __init__(self, *, none: str, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)
        self.none = none

    def offer(self, entity: BusinessEntity) -> None:
        """Fill the drop-down; called when the form is made, where a tenant is in scope."""
        gateways = PaymentGateway.objects.filter(business_entity=entity, is_active=True)
        self.choices = [("", self.none), *((gateway.code, gateway.name) for gateway in gateways)]


class RefundForm(VerbForm):
    on = DayField(label="Paid on")
    amount = AmountInput(label="Amount")
    gateway = GatewayChoice(label="Paid by", none="The bank account")
    reference = forms.CharField(max_length=100, required=False, help_text="A second refund with it is refused.")
    reason = forms.CharField(max_length=200, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        subject: Payment | CreditNote = self.subject
        self.fields["gateway"].offer(subject.business_entity)  # type: ignore[attr-defined]
        self.fields["amount"].label = f"Amount in {subject.currency}"
        self.initial["on"] = today(subject.business_entity)
        if isinstance(subject, CreditNote):
            self.initial["amount"] = format_amount(owed_back(subject), subject.currency)
        else:
            self.fields["reason"].required = True
            self.initial["gateway"] = subject.gateway.code if subject.gateway else ""
            if subject.unapplied.amount:
                self.initial["amount"] = format_amount(subject.unapplied.amount, subject.currency)


class DisputeForm(VerbForm):
    on = DayField(label="Taken back on")
    amount = AmountInput(label="Amount")
    fee = AmountInput(label="Fee on top", initial=0)
    by_gateway = forms.BooleanField(label="The gateway keeps it from a later payout", required=False, initial=False)
    reason = forms.CharField(max_length=200, help_text="What the customer disputes.")
    reference = forms.CharField(max_length=100, required=False, help_text="A second dispute with it is refused.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        payment: Payment = self.subject
        self.fields["amount"].label = f"Amount in {payment.currency}"
        self.initial["on"] = max(today(payment.business_entity), payment.received_on)
        self.initial["amount"] = format_amount(payment.amount.amount, payment.currency)
        if payment.gateway is None:
            del self.fields["by_gateway"]


class WalletForm(VerbForm):
    on = DayField(label="Moved on")
    expires_on = DayField(label="Last day", required=False, help_text=LAST_DAY)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["on"] = max(today(self.subject.business_entity), self.subject.received_on)


def _refund_payment(request: HttpRequest, payment: Payment, given: dict[str, Any]) -> str:
    refund = refund_payment(payment_id=payment.pk, **given)
    return f"{format_money(refund.amount.amount, refund.currency)} is paid back."


def _refund_note(request: HttpRequest, note: CreditNote, given: dict[str, Any]) -> str:
    refund = refund_credit_note(credit_note_id=note.pk, **given)
    return f"{format_money(refund.amount.amount, refund.currency)} is paid back."


def _dispute(request: HttpRequest, payment: Payment, given: dict[str, Any]) -> str:
    dispute = open_dispute(payment_id=payment.pk, **given)
    return (
        f"Dispute over {format_money(dispute.amount.amount, dispute.currency)} is recorded; it waits for its outcome."
    )


def _keep(request: HttpRequest, payment: Payment, given: dict[str, Any]) -> str:
    entry = keep_in_wallet(payment_id=payment.pk, on=given["on"], expires_on=given["expires_on"])
    return f"{format_money(entry.paid.amount, entry.currency)} is in the customer's wallet."


PAYMENT_VERBS = (
    Verb(
        "keep-in-wallet",
        "Keep in wallet",
        _keep,
        explain=lambda payment: (
            f"{format_money(payment.unapplied.amount, payment.currency)} that no invoice has taken goes to the customer's "
            "wallet, and settles coming invoices by itself."
        ),
        form=WalletForm,
        allowed=lambda payment: payment.unapplied.amount > 0,
    ),
    Verb(
        "refund",
        "Refund",
        _refund_payment,
        explain=lambda payment: (
            "What no invoice has taken goes back first, then what settled invoices, the latest first. The invoices stay paid: "
            "what was earned of them is a loss to refunds. Where an invoice was wrong, credit it and refund the credit note."
        ),
        form=RefundForm,
        allowed=lambda payment: payment.amount.amount > 0 and payment.voided_on is None,
        danger=True,
    ),
    Verb(
        "dispute",
        "Dispute",
        _dispute,
        explain=lambda payment: (
            "The customer's bank took the payment back. What was earned becomes a loss to disputes, what was not earned leaves "
            "deferred revenue; both come back if the dispute is won."
        ),
        form=DisputeForm,
        allowed=lambda payment: payment.amount.amount > 0 and payment.voided_on is None,
        danger=True,
    ),
)

CREDIT_NOTE_VERBS = (
    Verb(
        "refund",
        "Refund",
        _refund_note,
        explain=lambda note: f"The credit note owes the customer {format_money(owed_back(note), note.currency)}.",
        form=RefundForm,
        allowed=lambda note: owed_back(note) > 0,
    ),
)
