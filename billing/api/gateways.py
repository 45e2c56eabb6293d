"""Payment gateways and their payouts."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.fields import CodeField, DayField, RecordSerializer, RequestSerializer
from billing.api.filters import Filters, IdFilter
from billing.api.money import MoneySerializer
from billing.api.views import Records
from billing.models import BusinessEntity, GatewayPayout, PaymentGateway
from billing.services.customers import only_entity
from billing.services.gateways import add_gateway, record_payout

_CODE = "^[-a-zA-Z0-9_]+$"


class GatewaySerializer(RecordSerializer):
    business_entity = serializers.CharField(source="business_entity.code")

    class Meta:
        model = PaymentGateway
        fields = ("id", "code", "name", "business_entity", "is_active")


class NewGateway(RequestSerializer):
    business_entity = CodeField(
        BusinessEntity, required=False, help_text="Its code. May be left out where the company has only one."
    )
    code = serializers.RegexField(_CODE, max_length=30, help_text="Short and stable, such as stripe.")
    name = serializers.CharField(max_length=100)


class GatewayFilters(Filters):
    class Meta:
        model = PaymentGateway
        fields = {"code": ["exact"], "is_active": ["exact"]}


class PaymentGateways(Records):
    """Who captures payments and pays them out later."""

    model = PaymentGateway
    serializer_class = GatewaySerializer
    filterset_class = GatewayFilters

    def rows(self) -> QuerySet[PaymentGateway]:
        return PaymentGateway.objects.select_related("business_entity")

    @extend_schema(request=NewGateway, responses={201: GatewaySerializer})
    def create(self, request: Request) -> Response:
        sent = self.received(NewGateway)
        entity = sent.pop("business_entity", None) or only_entity()
        return self.shown(add_gateway(business_entity=entity, **sent).pk, created=True)


class PayoutSerializer(RecordSerializer):
    gateway = serializers.CharField(source="gateway.code")
    business_entity = serializers.CharField(source="business_entity.code")

    class Meta:
        model = GatewayPayout
        fields = (
            "id",
            "gateway",
            "business_entity",
            "paid_on",
            "captured",
            "withheld",
            "fee",
            "deposited",
            "reference",
            "created_at",
        )


class NewPayout(RequestSerializer):
    gateway = CodeField(PaymentGateway, help_text="Its code.")
    paid_on = DayField()
    captured = MoneySerializer(help_text="The captured payments that it covers, before anything is taken off.")
    withheld = MoneySerializer(
        required=False, help_text="Refunds and disputes kept from it; negative where disputes that were won came back."
    )
    fee = MoneySerializer(required=False, help_text="What the gateway keeps for itself.")
    reference = serializers.CharField(max_length=100, help_text="The gateway's own id. A second one is refused.")

    def validate(self, attrs: dict[str, object]) -> dict[str, object]:
        money = {name: attrs[name] for name in ("captured", "withheld", "fee") if name in attrs}
        if len({each.currency.code for each in money.values()}) > 1:  # type: ignore[attr-defined]
            raise serializers.ValidationError("A payout is in one currency.")
        return attrs


class PayoutFilters(Filters):
    gateway = IdFilter("gateway_id")

    class Meta:
        model = GatewayPayout
        fields = {
            "reference": ["exact"],
            "currency": ["exact"],
            "paid_on": ["gte", "lte"],
            "created_at": ["gte", "lte"],
        }


class Payouts(Records):
    """What gateways paid out. Recorded once, never changed; `deposited` reached the bank."""

    model = GatewayPayout
    serializer_class = PayoutSerializer
    filterset_class = PayoutFilters

    def rows(self) -> QuerySet[GatewayPayout]:
        return GatewayPayout.objects.select_related("gateway", "business_entity")

    @extend_schema(request=NewPayout, responses={201: PayoutSerializer})
    def create(self, request: Request) -> Response:
        sent = self.received(NewPayout)
        gateway, currency = sent.pop("gateway"), sent["captured"].currency.code
        amounts = {name: sent.pop(name).amount for name in ("captured", "withheld", "fee") if name in sent}
        payout = record_payout(
            gateway=gateway.code, business_entity_id=gateway.business_entity_id, currency=currency, **sent, **amounts
        )
        return self.shown(payout.pk, created=True)
