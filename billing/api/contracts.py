"""Contracts with their phases and items."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from billing import pricing
from billing.api.catalog import PRICING_HELP
from billing.api.fields import (
    DayField,
    ObjectField,
    PricingField,
    QuantityField,
    RecordField,
    RecordSerializer,
    RequestSerializer,
)
from billing.api.filters import AnyOfFilter, Filters, IdFilter
from billing.api.money import CURRENCIES
from billing.api.views import Records
from billing.models import (
    BillingInterval,
    BillingTiming,
    Contract,
    ContractItem,
    ContractPhase,
    ContractStatus,
    Customer,
    Price,
    Product,
    RecognitionMethod,
    Renewal,
    TaxRate,
)
from billing.services.contracts import draft_contract, end_contract, start_contracts

_MAX_TERM_MONTHS = 1200
_MAX_TERMS_DAYS = 3650
_MAX_ITEMS = 500
_MAX_QUANTITY = 10**9


class ItemSerializer(RecordSerializer):
    pricing = PricingField(help_text=PRICING_HELP)

    class Meta:
        model = ContractItem
        fields = (
            "id",
            "product",
            "price",
            "description",
            "pricing_model",
            "pricing",
            "is_metered",
            "quantity",
            "timing",
            "interval_months",
            "tax_rate",
            "recognition_method",
            "start",
            "end",
            "billed_until",
            "next_billing_on",
        )


class PhaseSerializer(RecordSerializer):
    items = ItemSerializer(many=True)

    class Meta:
        model = ContractPhase
        fields = ("id", "name", "kind", "start", "end", "items")


class ContractSerializer(RecordSerializer):
    business_entity = serializers.CharField(source="business_entity.code")

    class Meta:
        model = Contract
        fields: tuple[str, ...] = (
            "id",
            "number",
            "customer",
            "business_entity",
            "status",
            "currency",
            "start",
            "end",
            "term_months",
            "renewal",
            "payment_terms_days",
            "reference",
            "created_at",
        )


class ContractDetailSerializer(ContractSerializer):
    attributes = ObjectField()
    phases = PhaseSerializer(many=True)

    class Meta(ContractSerializer.Meta):
        fields = (*ContractSerializer.Meta.fields, "attributes", "phases")


class NewItem(RequestSerializer):
    product = RecordField(Product)
    price = RecordField(Price, required=False, help_text="A list price; or give pricing_model and pricing yourself.")
    pricing_model = serializers.ChoiceField(pricing.CHOICES, required=False)
    pricing = PricingField(required=False, help_text=PRICING_HELP)
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    is_metered = serializers.BooleanField(required=False, help_text="Priced by recorded usage, billed in arrears.")
    quantity = QuantityField(required=False, min_value=0, max_value=_MAX_QUANTITY)
    timing = serializers.ChoiceField(BillingTiming.choices, required=False)
    interval_months = serializers.ChoiceField(BillingInterval.choices, required=False, help_text="1, 3 or 12.")
    tax_rate = RecordField(TaxRate, required=False, allow_null=True)
    recognition_method = serializers.ChoiceField(RecognitionMethod.choices, required=False)
    start = DayField(required=False, help_text="Left out: the contract's.")
    end = DayField(required=False, allow_null=True, help_text="The first day no longer covered.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "price" not in attrs and not {"pricing_model", "pricing"} <= set(attrs):
            raise serializers.ValidationError({"price": ["Give a price, or both pricing_model and pricing."]})
        return attrs


class NewContract(RequestSerializer):
    customer = RecordField(Customer)
    number = serializers.CharField(max_length=100)
    start = DayField()
    end = DayField(required=False, allow_null=True, help_text="The first day no longer covered. Follows from the term.")
    term_months = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=_MAX_TERM_MONTHS)
    renewal = serializers.ChoiceField(Renewal.choices, required=False)
    payment_terms_days = serializers.IntegerField(required=False, min_value=0, max_value=_MAX_TERMS_DAYS)
    currency = serializers.ChoiceField(CURRENCIES, required=False, help_text="Left out: the customer's.")
    reference = serializers.CharField(max_length=200, required=False, allow_blank=True)
    attributes = ObjectField(required=False, help_text="Your own data, kept as it is.")
    items = serializers.ListField(child=NewItem(), allow_empty=False, max_length=_MAX_ITEMS)


class ContractEnd(RequestSerializer):
    end = DayField(help_text="The first day no longer covered.")


class ContractFilters(Filters):
    customer = IdFilter("customer_id")
    status = AnyOfFilter("status", ContractStatus.choices)

    class Meta:
        model = Contract
        fields = {
            "number": ["exact"],
            "currency": ["exact"],
            "start": ["gte", "lte"],
            "end": ["gte", "lte", "isnull"],
            "created_at": ["gte", "lte"],
        }


class Contracts(Records):
    """What customers agreed to pay for. A contract is drafted, started, and ends; it is never deleted."""

    model = Contract
    serializer_class = ContractSerializer
    detail_serializer_class = ContractDetailSerializer
    filterset_class = ContractFilters

    def rows(self) -> QuerySet[Contract]:
        return Contract.objects.select_related("business_entity")

    def detail_rows(self) -> QuerySet[Contract]:
        return self.rows().prefetch_related("phases__items")

    @extend_schema(request=NewContract, responses={201: ContractDetailSerializer})
    def create(self, request: Request) -> Response:
        return self.shown(draft_contract(**self.received(NewContract)).pk, created=True)

    @extend_schema(request=None, responses=ContractDetailSerializer)
    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: str) -> Response:
        """Start a draft: from now on it is billed and earns revenue."""
        start_contracts([self.record_id()])
        return self.shown(self.record_id())

    @extend_schema(request=ContractEnd, responses=ContractDetailSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """End an active contract early: nothing from `end` on is billed any more."""
        return self.shown(end_contract(contract_id=self.record_id(), end=self.received(ContractEnd)["end"]).pk)
