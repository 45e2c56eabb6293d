"""A contract item as a caller sends it."""

from typing import Any

from rest_framework import serializers

from billing import pricing
from billing.api.catalog import PRICING_HELP
from billing.api.choices import ChoiceField
from billing.api.fields import BarePriceField, DayField, PricingField, QuantityField, RecordField, RequestSerializer
from billing.models import BillingInterval, BillingTiming, Price, Product, RecognitionMethod, TaxRate

_MAX_QUANTITY = 10**9
_MAX_AMOUNT = 10**12


class NewItem(RequestSerializer):
    product = RecordField(Product)
    price = RecordField(Price, required=False, help_text="A list price; or give pricing_model and pricing yourself.")
    pricing_model = ChoiceField(pricing.CHOICES, required=False)
    pricing = PricingField(required=False, help_text=PRICING_HELP)
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    is_metered = serializers.BooleanField(required=False, help_text="Priced by recorded usage, billed in arrears.")
    quantity = QuantityField(required=False, min_value=0, max_value=_MAX_QUANTITY)
    timing = ChoiceField(BillingTiming.choices, required=False)
    interval_months = ChoiceField(BillingInterval.choices, required=False, help_text="1, 3 or 12.")
    tax_rate = RecordField(TaxRate, required=False, allow_null=True)
    recognition_method = ChoiceField(RecognitionMethod.choices, required=False)
    obligation = serializers.CharField(
        max_length=100, required=False, allow_blank=True, help_text="Items of one name are one performance obligation."
    )
    standalone_price = BarePriceField(
        min_value=0,
        max_value=_MAX_AMOUNT,
        required=False,
        allow_null=True,
        help_text="Of one unit for one billing interval, sold alone. Left out: the list price's, else its own price.",
    )
    minimum = BarePriceField(
        min_value=0,
        max_value=_MAX_AMOUNT,
        required=False,
        help_text="What usage costs at least per billing interval.",
    )
    start = DayField(required=False, help_text="Left out: the contract's.")
    end = DayField(required=False, allow_null=True, help_text="The first day no longer covered.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "price" not in attrs and not {"pricing_model", "pricing"} <= set(attrs):
            raise serializers.ValidationError({"price": ["Give a price, or both pricing_model and pricing."]})
        return attrs
