"""Contracts with their phases and items."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.catalog import PRICING_HELP
from billing.api.choices import ChoiceField
from billing.api.contract_items import NewItem
from billing.api.fields import (
    DayField,
    ObjectField,
    PricingField,
    RecordField,
    RecordSerializer,
    RequestSerializer,
)
from billing.api.filters import AnyOfFilter, Filters, IdFilter
from billing.api.modifications import ModificationSerializer, NewModification, as_modification
from billing.api.money import CURRENCIES
from billing.api.views import Records
from billing.models import (
    Contract,
    ContractItem,
    ContractPhase,
    ContractStatus,
    Customer,
    PriceAllocation,
    Renewal,
    RevenueSpan,
)
from billing.services.contracts import draft_contract, end_contract, start_contracts
from billing.services.modifications import modify_contract

_MAX_TERM_MONTHS = 1200
_MAX_TERMS_DAYS = 3650
_MAX_ITEMS = 500


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
            "obligation",
            "standalone_price",
            "minimum",
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
            "price_allocation",
            "revenue_span",
            "reference",
            "created_at",
        )


class ContractDetailSerializer(ContractSerializer):
    attributes = ObjectField()
    phases = PhaseSerializer(many=True)
    modifications = ModificationSerializer(many=True)

    class Meta(ContractSerializer.Meta):
        fields = (*ContractSerializer.Meta.fields, "attributes", "phases", "modifications")


class NewContract(RequestSerializer):
    customer = RecordField(Customer)
    number = serializers.CharField(max_length=100)
    start = DayField()
    end = DayField(required=False, allow_null=True, help_text="The first day no longer covered. Follows from the term.")
    term_months = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=_MAX_TERM_MONTHS)
    renewal = ChoiceField(Renewal.choices, required=False)
    payment_terms_days = serializers.IntegerField(required=False, min_value=0, max_value=_MAX_TERMS_DAYS)
    currency = ChoiceField(CURRENCIES, required=False, help_text="Left out: the customer's.")
    price_allocation = ChoiceField(
        PriceAllocation.choices, required=False, help_text="How the transaction price is divided over the obligations."
    )
    revenue_span = ChoiceField(
        RevenueSpan.choices, required=False, help_text="Period by period, or one obligation over the whole term."
    )
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
        return self.rows().prefetch_related("phases__items", "modifications")

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

    @extend_schema(request=NewModification, responses={201: ContractDetailSerializer})
    @action(detail=True, methods=["post"])
    def modify(self, request: Request, pk: str) -> Response:
        """Change an active contract from a day on. What is due by the day of signing is billed or credited at once."""
        modify_contract(contract_id=self.record_id(), change=as_modification(self.received(NewModification)))
        return self.shown(self.record_id(), created=True)
