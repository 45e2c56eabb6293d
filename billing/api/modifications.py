"""Modifications of started contracts: upgrade, downgrade, price change, extension, termination."""

from typing import Any

from rest_framework import serializers

from billing import pricing
from billing.api.catalog import PRICING_HELP
from billing.api.choices import ChoiceField
from billing.api.contract_items import NewItem
from billing.api.fields import DayField, PricingField, QuantityField, RecordField, RecordSerializer, RequestSerializer
from billing.models import (
    Adjustment,
    ContractModification,
    Price,
    Product,
    RecognitionMethod,
    TaxRate,
    Treatment,
)
from billing.services.modifications import Modification

_MAX_ITEMS = 500
_MAX_QUANTITY = 10**9
_MAX_ID = 2**63 - 1


class ChangedItem(RequestSerializer):
    """What an item becomes; what is left out stays as it is."""

    item = serializers.IntegerField(min_value=1, max_value=_MAX_ID, help_text="The contract item that is replaced.")
    product = RecordField(Product, required=False)
    price = RecordField(Price, required=False)
    pricing_model = ChoiceField(pricing.CHOICES, required=False)
    pricing = PricingField(required=False, help_text=PRICING_HELP)
    quantity = QuantityField(required=False, min_value=0, max_value=_MAX_QUANTITY)
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    tax_rate = RecordField(TaxRate, required=False, allow_null=True)
    recognition_method = ChoiceField(RecognitionMethod.choices, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        priced = {"price", "pricing_model", "pricing"} & set(attrs)
        whole = "price" in attrs or {"pricing_model", "pricing"} <= set(attrs)
        if not whole and (priced or "product" in attrs):
            raise serializers.ValidationError({"price": ["Give a price, or both pricing_model and pricing."]})
        if set(attrs) == {"item"}:
            raise serializers.ValidationError("Say what changes of the item.")
        return attrs


class NewModification(RequestSerializer):
    effective_on = DayField(help_text="The day from which it holds.")
    signed_on = DayField(help_text="The date of the invoice or credit note that settles it.")
    reason = serializers.CharField(max_length=200)
    treatment = ChoiceField(Treatment.choices, default=Treatment.PROSPECTIVE)
    adjustment = ChoiceField(Adjustment.choices, default=Adjustment.STRAIGHT_LINE)
    replace = serializers.ListField(child=ChangedItem(), required=False, max_length=_MAX_ITEMS)
    add = serializers.ListField(child=NewItem(), required=False, max_length=_MAX_ITEMS)
    remove = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=_MAX_ID), required=False, max_length=_MAX_ITEMS
    )
    end = DayField(required=False, help_text="The contract's new end: the first day no longer covered.")
    extend_items = serializers.BooleanField(
        default=True, help_text="Items that ran to the old end go on to the new one at their price."
    )
    credit_unused = serializers.BooleanField(
        default=True, help_text="What is billed for days that fall away is given back."
    )


def as_modification(given: dict[str, Any]) -> Modification:
    """Turn a checked request into what the service takes."""
    replaced = {}
    for change in given.pop("replace", ()):
        fields = dict(change)
        replaced[fields.pop("item")] = fields
    return Modification(replace=replaced, **given)


class ModificationSerializer(RecordSerializer):
    class Meta:
        model = ContractModification
        fields = (
            "id",
            "number",
            "kind",
            "effective_on",
            "signed_on",
            "treatment",
            "adjustment",
            "reason",
            "changes",
            "created_at",
        )
