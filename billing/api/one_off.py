"""What a caller sends for an invoice outside any contract."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from billing.api.choices import ChoiceField
from billing.api.fields import DayField, QuantityField, RecordField, RequestSerializer
from billing.api.money import AmountTextField, MoneySerializer
from billing.models import Customer, Product, RecognitionMethod, TaxRate
from billing.services.one_off import NewLine

_MAX_LINES = 1000


class PercentField(serializers.DecimalField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=7, decimal_places=4, min_value=0, max_value=100, required=False, **kwargs)


class NewInvoiceLine(RequestSerializer):
    product = RecordField(Product)
    unit_amount = AmountTextField(help_text="Text, in the customer's currency; may have more decimals than it.")
    quantity = QuantityField(required=False)
    description = serializers.CharField(max_length=300, required=False)
    discount = MoneySerializer(required=False, help_text="Off the list price, quantity × unit amount.")
    discount_percent = PercentField(help_text="Or as a share of the list price.")
    tax_rate = RecordField(TaxRate, required=False)
    tax_included = serializers.BooleanField(required=False, help_text="The price includes the tax.")
    period_start = DayField(required=False)
    period_end = DayField(
        required=False, help_text="The first day no longer covered. Without a period: earned at once."
    )
    recognition_method = ChoiceField(RecognitionMethod.choices, required=False, help_text="Left out: the product's.")


class NewInvoice(RequestSerializer):
    customer = RecordField(Customer)
    issued_on = DayField()
    payment_terms_days = serializers.IntegerField(min_value=0, max_value=3650, required=False)
    discount = MoneySerializer(required=False, help_text="On the whole invoice, spread over the lines by list price.")
    discount_percent = PercentField(help_text="Or as a share.")
    lines = serializers.ListField(child=NewInvoiceLine(), allow_empty=False, max_length=_MAX_LINES)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        currency = attrs["customer"].currency
        for part in (attrs, *attrs["lines"]):
            if "discount" in part:
                if part["discount"].currency.code != currency:
                    raise serializers.ValidationError(f"The customer is billed in {currency}; give the discount in it.")
                part["discount"] = part["discount"].amount
        attrs["lines"] = [NewLine(**line | {"unit_amount": Decimal(line["unit_amount"])}) for line in attrs["lines"]]
        return attrs
