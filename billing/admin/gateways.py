"""Payment gateways, and what they paid out."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from billing.admin.document import Document, DocumentAdmin, Verb, VerbForm
from billing.admin.forms import AmountInput, DayField, today
from billing.admin.products import activity
from billing.admin.shown import NONE, day, link, money
from billing.admin.tables import Table, columns
from billing.models import GatewayPayout, Payment, PaymentGateway, Role
from billing.money import amount_text, format_money
from billing.services.gateways import add_gateway, held_by, record_payout

_SHOWN = 20


class PayoutForm(VerbForm):
    """What one payout covered, in one currency."""

    currency = forms.ChoiceField()
    paid_on = DayField(label="Reached the bank on")
    captured = AmountInput(label="Captured payments it covers")
    fee = AmountInput(label="Fee that the gateway kept", initial=0)
    withheld = AmountInput(
        label="Refunds and disputes it kept",
        initial=0,
        min_value=None,
        help_text="Negative where disputes that were won came back with it.",
    )
    reference = forms.CharField(max_length=100, help_text="The gateway's own id. A second payout with it is refused.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        gateway: PaymentGateway = self.subject
        held = _held(gateway)
        self.fields["currency"].choices = [(currency, currency) for currency in held]  # type: ignore[attr-defined]
        currency, (captured, withheld) = next(iter(held.items()))
        self.initial |= {
            "paid_on": today(gateway.business_entity),
            "currency": currency,
            "captured": amount_text(captured, currency),
            "withheld": amount_text(withheld, currency),
        }


def _pay_out(request: HttpRequest, gateway: PaymentGateway, given: dict[str, Any]) -> str:
    payout = record_payout(
        gateway=gateway.code,
        business_entity_id=gateway.business_entity_id,
        **given,
    )
    return f"Payout {payout} is recorded: {format_money(payout.deposited.amount, payout.currency)} reached the bank."


def _held(gateway: PaymentGateway) -> dict[str, tuple[Decimal, Decimal]]:
    """Give by currency what the gateway holds and may keep back: base currency first, others as it captured in them."""
    captured_in = Payment.objects.filter(gateway=gateway).order_by("currency").values_list("currency", flat=True)
    currencies = dict.fromkeys([gateway.business_entity.base_currency, *captured_in.distinct()])
    found = {currency: held_by(gateway, currency) for currency in currencies}
    return {currency: held for currency, held in found.items() if any(held)} or dict(list(found.items())[:1])


def _amounts(gateway: PaymentGateway, place: int) -> str:
    return ", ".join(format_money(held[place], currency) for currency, held in _held(gateway).items())


@admin.register(PaymentGateway)
class PaymentGatewayAdmin(DocumentAdmin):
    add_role = Role.FINANCE
    list_display = ("name", "code", "business_entity", "amount_held", "active_shown")
    list_select_related = ("business_entity",)
    fields = ("business_entity", "code", "name")
    empty_hint = "Add the gateways that capture payments for you and pay them out later, less their fee."
    verbs = (
        Verb(
            "record-payout",
            "Record payout",
            _pay_out,
            explain=lambda gateway: (
                f"{gateway} holds {_amounts(gateway, 0)} of captured "
                "payments. What reaches the bank is that less the fee, and less refunds and disputes that it kept."
            ),
            form=PayoutForm,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PaymentGateway]:
        return super().get_queryset(request).select_related("business_entity")

    def save_model(self, request: HttpRequest, obj: PaymentGateway, form: Any, change: bool) -> None:
        made = add_gateway(business_entity=obj.business_entity, code=obj.code, name=obj.name)
        obj.pk, obj.tenant_id = made.pk, made.tenant_id
        obj._state.adding = False

    @display(description="Holds")
    def amount_held(self, gateway: PaymentGateway) -> object:
        return _amounts(gateway, 0) if any(held for held, _ in _held(gateway).values()) else NONE

    @display(description="Status", ordering="is_active")
    def active_shown(self, gateway: PaymentGateway) -> str:
        return activity(gateway.is_active)

    def document(self, request: HttpRequest, subject: PaymentGateway) -> Document:
        payments = Payment.objects.filter(gateway=subject).select_related("customer")[:_SHOWN]
        return Document(
            title=subject.name,
            badge=activity(subject.is_active),
            headline=[
                ("Captured, not paid out", _amounts(subject, 0)),
                ("Refunds and disputes to be kept", _amounts(subject, 1)),
            ],
            facts=[("Code", subject.code), ("Business entity", subject.business_entity)],
            tables=[
                Table(
                    "Payouts",
                    columns("Payout", "Reached the bank", ">Captured", ">Kept", ">Fee", ">Deposited"),
                    [
                        (
                            link(payout),
                            day(payout.paid_on),
                            money(payout.captured),
                            money(payout.withheld),
                            money(payout.fee),
                            money(payout.deposited),
                        )
                        for payout in subject.payouts.all()[:_SHOWN]
                    ],
                    "No payout yet; “Record payout” books one.",
                ),
                Table(
                    "Captured payments",
                    columns("Payment", "Customer", "On", ">Amount"),
                    [
                        (link(payment), link(payment.customer), day(payment.received_on), money(payment.amount))
                        for payment in payments
                    ],
                    "No payment was captured by this gateway yet.",
                ),
            ],
        )


@admin.register(GatewayPayout)
class GatewayPayoutAdmin(DocumentAdmin):
    list_display = ("reference", "gateway_shown", "paid_on", "amount_captured", "amount_fee", "amount_deposited")
    list_filter = (("paid_on", RangeDateFilter), "gateway", "currency")
    list_select_related = ("gateway",)
    search_fields = ("reference",)
    empty_hint = "A payout is recorded from the page of a payment gateway."

    @display(description="Gateway", ordering="gateway__name")
    def gateway_shown(self, payout: GatewayPayout) -> str:
        return link(payout.gateway)

    @display(description="Captured", ordering="captured")
    def amount_captured(self, payout: GatewayPayout) -> str:
        return money(payout.captured)

    @display(description="Fee", ordering="fee")
    def amount_fee(self, payout: GatewayPayout) -> str:
        return money(payout.fee)

    @display(description="Deposited", ordering="deposited")
    def amount_deposited(self, payout: GatewayPayout) -> str:
        return money(payout.deposited)

    def document(self, request: HttpRequest, subject: GatewayPayout) -> Document:
        return Document(
            title=f"Payout {subject.reference}",
            headline=[
                ("Captured", money(subject.captured)),
                ("Refunds and disputes kept", money(subject.withheld)),
                ("Fee", money(subject.fee)),
                ("Reached the bank", money(subject.deposited)),
            ],
            facts=[("Gateway", link(subject.gateway)), ("On", day(subject.paid_on))],
        )
