"""Customers' wallets and their entries."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.choices import ChoiceField
from billing.api.fields import DayField, RecordField, RecordSerializer, RequestSerializer
from billing.api.filters import AnyOfFilter, Filters, IdFilter
from billing.api.money import CURRENCIES, MoneySerializer
from billing.api.payments import NewAllocation, amounts_by_invoice
from billing.api.views import Records
from billing.models import Customer, PaymentMethod, Wallet, WalletEntry, WalletEntryKind
from billing.services.refunds import refund_wallet
from billing.services.wallets import apply_wallet, grant_bonus, top_up_wallet, withdraw_bonus

_MAX_ALLOCATIONS = 1000
_LAST_DAY = "The last day on which it can be used; what is left then expires. Left out: it does not expire."


class WalletEntrySerializer(RecordSerializer):
    class Meta:
        model = WalletEntry
        fields = (
            "id",
            "wallet",
            "number",
            "kind",
            "on",
            "paid",
            "bonus",
            "paid_balance",
            "bonus_balance",
            "payment",
            "credit_note",
            "invoice",
            "refund",
            "reason",
            "expires_on",
            "created_at",
        )


class WalletSerializer(RecordSerializer):
    class Meta:
        model = Wallet
        fields: tuple[str, ...] = ("id", "customer", "currency", "created_at")


class WalletDetailSerializer(WalletSerializer):
    newest = serializers.SerializerMethodField(help_text="The newest entry, with the balances; null for none.")

    class Meta(WalletSerializer.Meta):
        fields = (*WalletSerializer.Meta.fields, "newest")

    @extend_schema(responses=WalletEntrySerializer)
    def get_newest(self, wallet: Wallet) -> dict[str, Any] | None:
        newest = wallet.entries.order_by("-number").first()
        return WalletEntrySerializer(newest).data if newest else None


class WalletMovement(RequestSerializer):
    customer = RecordField(Customer)
    amount = MoneySerializer()
    on = DayField()


class WalletTopUp(WalletMovement):
    bonus = MoneySerializer(required=False, help_text="Granted on top: a discount when it is used.")
    method = ChoiceField(PaymentMethod.choices, required=False)
    gateway = serializers.CharField(
        max_length=30, required=False, help_text="The code of the gateway that captured it."
    )
    reference = serializers.CharField(max_length=100, required=False, help_text="A second payment with it is refused.")
    expires_on = DayField(required=False, help_text=f"Of the money. {_LAST_DAY}")
    bonus_expires_on = DayField(required=False, help_text=f"Of the bonus. {_LAST_DAY}")


class WalletWithdrawal(WalletMovement):
    reason = serializers.CharField(max_length=200)


class WalletBonus(WalletWithdrawal):
    expires_on = DayField(required=False, help_text=_LAST_DAY)


class WalletRefund(WalletMovement):
    gateway = serializers.CharField(max_length=30, required=False, help_text="The code of the gateway that pays it.")
    reference = serializers.CharField(max_length=100, required=False, help_text="A second refund with it is refused.")
    reason = serializers.CharField(max_length=200, required=False)


class WalletApplication(RequestSerializer):
    customer = RecordField(Customer)
    currency = ChoiceField(CURRENCIES)
    on = DayField()
    allocations = serializers.ListField(
        child=NewAllocation(),
        required=False,
        allow_empty=False,
        max_length=_MAX_ALLOCATIONS,
        help_text="Left out: the oldest due invoices first, as far as the wallet reaches.",
    )


class WalletFilters(Filters):
    customer = IdFilter("customer_id")

    class Meta:
        model = Wallet
        fields = {"currency": ["exact"]}


class WalletEntryFilters(Filters):
    wallet = IdFilter("wallet_id")
    customer = IdFilter("wallet__customer_id")
    invoice = IdFilter("invoice_id")
    kind = AnyOfFilter("kind", WalletEntryKind.choices)

    class Meta:
        model = WalletEntry
        fields = {"currency": ["exact"], "on": ["gte", "lte"]}


class WalletEntries(Records):
    """The movements of all wallets. They never change."""

    model = WalletEntry
    serializer_class = WalletEntrySerializer
    filterset_class = WalletEntryFilters


class Wallets(Records):
    """One wallet per customer and currency, made by its first movement. Used for new invoices by the billing run."""

    model = Wallet
    serializer_class = WalletSerializer
    detail_serializer_class = WalletDetailSerializer
    filterset_class = WalletFilters

    def _moved(self, entry: WalletEntry) -> Response:
        return self.shown(entry.wallet_id, created=True)

    @extend_schema(request=WalletTopUp, responses={201: WalletDetailSerializer})
    @action(detail=False, methods=["post"], url_path="top-up")
    def top_up(self, request: Request) -> Response:
        """Record money paid into a wallet, and the bonus granted with it."""
        sent = self.received(WalletTopUp)
        bonus = sent.pop("bonus", None)
        if bonus is not None and bonus.currency != sent["amount"].currency:
            raise serializers.ValidationError({"bonus": ["Give the bonus in the currency of the amount."]})
        return self._moved(top_up_wallet(**_plain(sent), **({"bonus": bonus.amount} if bonus is not None else {})))

    @extend_schema(request=WalletBonus, responses={201: WalletDetailSerializer})
    @action(detail=False, methods=["post"], url_path="grant-bonus")
    def grant_bonus(self, request: Request) -> Response:
        """Grant promotional credit without money."""
        return self._moved(grant_bonus(**_plain(self.received(WalletBonus))))

    @extend_schema(request=WalletWithdrawal, responses={201: WalletDetailSerializer})
    @action(detail=False, methods=["post"], url_path="withdraw-bonus")
    def withdraw_bonus(self, request: Request) -> Response:
        """Take back promotional credit that was not used."""
        return self._moved(withdraw_bonus(**_plain(self.received(WalletWithdrawal))))

    @extend_schema(request=WalletRefund, responses={201: WalletDetailSerializer})
    @action(detail=False, methods=["post"])
    def refund(self, request: Request) -> Response:
        """Pay out what the customer had paid in."""
        refund = refund_wallet(**_plain(self.received(WalletRefund)))
        return self._moved(refund.wallet_entries.get())

    @extend_schema(request=WalletApplication, responses={201: WalletDetailSerializer})
    @action(detail=False, methods=["post"])
    def apply(self, request: Request) -> Response:
        """Settle open invoices with a wallet."""
        sent = self.received(WalletApplication)
        if "allocations" in sent:
            sent["allocations"] = amounts_by_invoice(sent["allocations"], sent["currency"])
        return self._moved(apply_wallet(customer_id=sent.pop("customer").pk, **sent)[0])


def _plain(sent: dict[str, Any]) -> dict[str, Any]:
    amount = sent.pop("amount")
    return {"customer_id": sent.pop("customer").pk, "amount": amount.amount, "currency": amount.currency.code, **sent}
