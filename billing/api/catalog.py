"""What is sold: product families, products, list prices, tax rates."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from billing import pricing
from billing.api.choices import ChoiceField
from billing.api.fields import BarePriceField, PricingField, RecordField, RecordSerializer, RequestSerializer
from billing.api.filters import Filters, IdFilter
from billing.api.money import CURRENCIES
from billing.api.views import Records
from billing.models import Price, Product, ProductFamily, RecognitionMethod, TaxRate
from billing.services.catalog import add_entry, change_entry

PRICING_HELP = (
    'Amounts as text, in the currency given beside it. Flat fee: {"amount": "500.00"}; per unit: {"unit_amount": "2.00"}; '
    'tiered: {"tiers": [{"up_to": "500", "unit_amount": "2.00"}, {"up_to": null, "unit_amount": "1.50"}]}.'
)
_CODE = "^[-a-zA-Z0-9_]+$"


class FamilySerializer(RecordSerializer):
    class Meta:
        model = ProductFamily
        fields = ("id", "code", "name")


class FamilyChange(RequestSerializer):
    name = serializers.CharField(max_length=200)


class NewFamily(FamilyChange):
    code = serializers.RegexField(_CODE, max_length=50)


class ProductSerializer(RecordSerializer):
    class Meta:
        model = Product
        fields = ("id", "code", "name", "description", "family", "recognition_method", "is_active")


class ProductChange(RequestSerializer):
    name = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=5000, required=False, allow_blank=True)
    family = RecordField(ProductFamily, required=False, allow_null=True, help_text="The id of a product family.")
    is_active = serializers.BooleanField(required=False)


class NewProduct(ProductChange):
    code = serializers.RegexField(_CODE, max_length=50)
    recognition_method = ChoiceField(
        RecognitionMethod.choices, required=False, help_text="How the price of a service period becomes revenue."
    )


class PriceSerializer(RecordSerializer):
    pricing = PricingField(help_text=PRICING_HELP)

    class Meta:
        model = Price
        fields = ("id", "product", "name", "currency", "pricing_model", "pricing", "standalone_price", "is_active")


class PriceChange(RequestSerializer):
    name = serializers.CharField(max_length=100)
    is_active = serializers.BooleanField(required=False)


class NewPrice(PriceChange):
    product = RecordField(Product)
    currency = ChoiceField(CURRENCIES)
    pricing_model = ChoiceField(pricing.CHOICES)
    pricing = PricingField(help_text=PRICING_HELP)
    standalone_price = BarePriceField(
        min_value=0,
        max_value=10**12,
        required=False,
        allow_null=True,
        help_text="Of one unit for one billing interval, sold alone. Left out: the price itself.",
    )


class TaxRateSerializer(RecordSerializer):
    class Meta:
        model = TaxRate
        fields = ("id", "code", "name", "percent", "jurisdiction", "is_active")


class TaxRateChange(RequestSerializer):
    name = serializers.CharField(max_length=100)
    jurisdiction = serializers.CharField(max_length=100, required=False, allow_blank=True)
    is_active = serializers.BooleanField(required=False)


class NewTaxRate(TaxRateChange):
    code = serializers.RegexField(_CODE, max_length=30)
    percent = serializers.DecimalField(
        max_digits=7, decimal_places=4, min_value=0, max_value=100, help_text="20 is 20 % of the net amount."
    )


class FamilyFilters(Filters):
    class Meta:
        model = ProductFamily
        fields = {"code": ["exact"]}


class ProductFilters(Filters):
    family = IdFilter("family_id")

    class Meta:
        model = Product
        fields = {"code": ["exact"], "name": ["exact", "icontains"], "is_active": ["exact"]}


class PriceFilters(Filters):
    product = IdFilter("product_id")

    class Meta:
        model = Price
        fields = {"currency": ["exact"], "is_active": ["exact"]}


class TaxRateFilters(Filters):
    class Meta:
        model = TaxRate
        fields = {"code": ["exact"], "is_active": ["exact"]}


class Catalog(Records):
    """One kind of catalog entry: added, renamed, deactivated; never deleted."""

    model: Any
    new_serializer: type[BaseSerializer[Any]]
    change_serializer: type[BaseSerializer[Any]]

    def create(self, request: Request) -> Response:
        return self.shown(add_entry(self.model, **self.received(self.new_serializer)).pk, created=True)

    def partial_update(self, request: Request, pk: str) -> Response:
        changes = self.received(self.change_serializer, partial=True)
        return self.shown(change_entry(self.model, self.record_id(), **changes).pk)


@extend_schema_view(
    create=extend_schema(request=NewFamily, responses={201: FamilySerializer}),
    partial_update=extend_schema(request=FamilyChange),
)
class ProductFamilies(Catalog):
    """Groups of products that share default accounts and reports."""

    model = ProductFamily
    serializer_class, new_serializer, change_serializer = FamilySerializer, NewFamily, FamilyChange
    filterset_class = FamilyFilters


@extend_schema_view(
    create=extend_schema(request=NewProduct, responses={201: ProductSerializer}),
    partial_update=extend_schema(request=ProductChange),
)
class Products(Catalog):
    """What is sold. Prices are kept apart: a product has many."""

    model = Product
    serializer_class, new_serializer, change_serializer = ProductSerializer, NewProduct, ProductChange
    filterset_class = ProductFilters


@extend_schema_view(
    create=extend_schema(request=NewPrice, responses={201: PriceSerializer}),
    partial_update=extend_schema(request=PriceChange),
)
class Prices(Catalog):
    """List prices. A price's numbers do not change: add another and deactivate this one."""

    model = Price
    serializer_class, new_serializer, change_serializer = PriceSerializer, NewPrice, PriceChange
    filterset_class = PriceFilters


@extend_schema_view(
    create=extend_schema(request=NewTaxRate, responses={201: TaxRateSerializer}),
    partial_update=extend_schema(request=TaxRateChange),
)
class TaxRates(Catalog):
    """Rates of sales tax or VAT. A rate's percent does not change: add another and deactivate this one."""

    model = TaxRate
    serializer_class, new_serializer, change_serializer = TaxRateSerializer, NewTaxRate, TaxRateChange
    filterset_class = TaxRateFilters
