"""Wallets: balance and entries; topped up, granted a bonus, applied, paid out. Each is confirmed first."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from unfold.decorators import display

from billing.admin.document import Document, DocumentAdmin, Verb, VerbForm
from billing.admin.forms import LAST_DAY, AmountInput, DayField, today
from billing.admin.refund_verbs import GatewayChoice
from billing.admin.shown import NONE, day, link, money
from billing.admin.tables import Table, columns
from billing.models import Customer, PaymentMethod, Wallet, WalletEntry
from billing.money import format_amount, format_money
from billing.services.refunds import refund_wallet
from billing.services.wallets import apply_wallet, grant_bonus, top_up_wallet, withdraw_bonus

_SHOWN = 200


def _balances(wallet: Wallet) -> tuple[Decimal, Decimal]:
    newest = wallet.entries.order_by("-number").first()
    return (newest.paid_balance.amount, newest.bonus_balance.amount) if newest else (Decimal(0), Decimal(0))


class _MovementForm(VerbForm):
    on = DayField(label="On")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["on"] = today(self.subject.business_entity)
        if "amount" in self.fields:
            self.fields["amount"].label = f"Amount in {self.subject.currency}"
        if "gateway" in self.fields:
            self.fields["gateway"].offer(self.subject.business_entity)  # type: ignore[attr-defined]


class TopUpForm(_MovementForm):
    amount = AmountInput(label="Amount")
    bonus = AmountInput(
        label="Bonus on top", initial=0, help_text="Costs nothing until it is used; then it is a discount."
    )
    expires_on = DayField(label="Last day of the money", required=False, help_text=LAST_DAY)
    bonus_expires_on = DayField(label="Last day of the bonus", required=False, help_text=LAST_DAY)
    method = forms.ChoiceField(choices=PaymentMethod.choices)
    gateway = GatewayChoice(label="Captured by", none="None: it came to the bank account")
    reference = forms.CharField(max_length=100, required=False, help_text="A second payment with it is refused.")


class WithdrawalForm(_MovementForm):
    amount = AmountInput(label="Amount")
    reason = forms.CharField(max_length=200, help_text="An auditor will read it.")


class BonusForm(WithdrawalForm):
    expires_on = DayField(label="Last day of the bonus", required=False, help_text=LAST_DAY)


class PayOutForm(_MovementForm):
    amount = AmountInput(label="Amount")
    gateway = GatewayChoice(label="Paid by", none="The bank account")
    reference = forms.CharField(max_length=100, required=False, help_text="A second refund with it is refused.")
    reason = forms.CharField(max_length=200, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["amount"] = format_amount(_balances(self.subject)[0], self.subject.currency)


def _top_up(request: HttpRequest, subject: Customer | Wallet, given: dict[str, Any]) -> str:
    customer_id = subject.pk if isinstance(subject, Customer) else subject.customer_id
    entry = top_up_wallet(customer_id=customer_id, currency=subject.currency, **given)
    return f"{format_money(entry.paid.amount, entry.currency)} is in the wallet."


TOP_UP = Verb(
    "top-up-wallet",
    "Top up wallet",
    _top_up,
    explain=lambda subject: (
        "Money that the customer pays ahead. It settles coming invoices by itself; it is no revenue until then."
    ),
    form=TopUpForm,
)


def _apply(request: HttpRequest, wallet: Wallet, given: dict[str, Any]) -> str:
    entries = apply_wallet(customer_id=wallet.customer_id, currency=wallet.currency, on=given["on"])
    used = -sum((entry.paid.amount + entry.bonus.amount for entry in entries), Decimal(0))
    return f"{format_money(used, wallet.currency)} settled {len(entries)} of the customer's invoices."


def _grant(request: HttpRequest, wallet: Wallet, given: dict[str, Any]) -> str:
    grant_bonus(customer_id=wallet.customer_id, currency=wallet.currency, **given)
    return f"A bonus of {format_money(given['amount'], wallet.currency)} is granted."


def _withdraw(request: HttpRequest, wallet: Wallet, given: dict[str, Any]) -> str:
    withdraw_bonus(customer_id=wallet.customer_id, currency=wallet.currency, **given)
    return f"{format_money(given['amount'], wallet.currency)} of bonus is withdrawn."


def _pay_out(request: HttpRequest, wallet: Wallet, given: dict[str, Any]) -> str:
    refund_wallet(customer_id=wallet.customer_id, currency=wallet.currency, **given)
    return f"{format_money(given['amount'], wallet.currency)} is paid back."


@admin.register(Wallet)
class WalletAdmin(DocumentAdmin):
    list_display = ("customer_shown", "currency", "paid_shown", "bonus_shown")
    list_select_related = ("customer",)
    list_filter = ("currency",)
    search_fields = ("customer__name", "customer__external_id")
    search_help_text = "Customer"
    empty_hint = (
        "A wallet is opened by its first top-up, from the page of the customer, or by a credit note that is kept."
    )
    verbs = (
        TOP_UP,
        Verb(
            "apply",
            "Apply to invoices",
            _apply,
            explain=lambda wallet: (
                "The customer's open invoices are settled, the earliest due first, as far as it reaches."
            ),
            form=_MovementForm,
            allowed=lambda wallet: sum(_balances(wallet)) > 0,
        ),
        Verb(
            "grant-bonus",
            "Grant bonus",
            _grant,
            explain=lambda wallet: "Promotional credit: nothing is posted now; it is a discount when it is used.",
            form=BonusForm,
        ),
        Verb(
            "withdraw-bonus",
            "Withdraw bonus",
            _withdraw,
            explain=lambda wallet: f"{format_money(_balances(wallet)[1], wallet.currency)} of bonus was not used yet.",
            form=WithdrawalForm,
            allowed=lambda wallet: _balances(wallet)[1] > 0,
            danger=True,
        ),
        Verb(
            "refund",
            "Pay out",
            _pay_out,
            explain=lambda wallet: (
                f"{format_money(_balances(wallet)[0], wallet.currency)} was paid in and not used. A bonus is not paid out."
            ),
            form=PayOutForm,
            allowed=lambda wallet: _balances(wallet)[0] > 0,
            danger=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Wallet]:
        newest = WalletEntry.objects.filter(wallet=OuterRef("pk")).order_by("-number")
        return (
            super()
            .get_queryset(request)
            .select_related("customer", "business_entity")
            .annotate(
                paid_now=Subquery(newest.values("paid_balance")[:1]),
                bonus_now=Subquery(newest.values("bonus_balance")[:1]),
            )
        )

    @display(description="Customer", ordering="customer__name")
    def customer_shown(self, wallet: Wallet) -> str:
        return wallet.customer.name

    @display(description="Paid in, not used", ordering="paid_now")
    def paid_shown(self, wallet: Any) -> object:
        return money(wallet.paid_now or 0, wallet.currency)

    @display(description="Bonus, not used", ordering="bonus_now")
    def bonus_shown(self, wallet: Any) -> object:
        return money(wallet.bonus_now, wallet.currency) if wallet.bonus_now else NONE

    def document(self, request: HttpRequest, subject: Any) -> Document:
        entries = subject.entries.select_related("payment", "credit_note", "invoice", "refund")[:_SHOWN]
        return Document(
            title=str(subject),
            headline=[
                ("Paid in, not used", money(subject.paid_now or 0, subject.currency)),
                ("Bonus, not used", money(subject.bonus_now or 0, subject.currency)),
            ],
            facts=[("Customer", link(subject.customer)), ("Currency", subject.currency)],
            tables=[
                Table(
                    "Entries",
                    columns(
                        "No.", "On", "What", "For", "Last day", ">Paid", ">Bonus", ">Paid balance", ">Bonus balance"
                    ),
                    [
                        (
                            entry.number,
                            day(entry.on),
                            entry.get_kind_display(),
                            _about(entry),
                            day(entry.expires_on) if entry.expires_on else "",
                            money(entry.paid) if entry.paid.amount else "",
                            money(entry.bonus) if entry.bonus.amount else "",
                            money(entry.paid_balance),
                            money(entry.bonus_balance),
                        )
                        for entry in entries
                    ],
                    "No entry yet.",
                )
            ],
        )


def _about(entry: WalletEntry) -> object:
    about = entry.credit_note or entry.refund or entry.invoice or entry.payment
    return link(about) if about else entry.reason or NONE
