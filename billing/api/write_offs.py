"""Invoices given up; written off and recovered at the invoice's own address."""

from typing import Any

from rest_framework import serializers

from billing.api.choices import ChoiceField
from billing.api.fields import DayField, RecordSerializer, RequestSerializer
from billing.api.filters import Filters, IdFilter
from billing.api.money import MoneySerializer
from billing.api.views import Records
from billing.models import PaymentMethod, WriteOff


class WriteOffSerializer(RecordSerializer):
    class Meta:
        model = WriteOff
        fields = ("id", "invoice", "customer", "written_off_on", "amount", "recovered", "reason", "created_at")


class NewWriteOff(RequestSerializer):
    on = DayField(help_text="The day, not before the invoice's.")
    reason = serializers.CharField(max_length=200)


class Recovery(RequestSerializer):
    received_on = DayField(help_text="The day, not before the write-off's.")
    amount = MoneySerializer()
    method = ChoiceField(PaymentMethod.choices, required=False)
    gateway = serializers.CharField(
        max_length=30, required=False, help_text="The code of the gateway that captured it."
    )
    reference = serializers.CharField(max_length=100, required=False, help_text="A second payment with it is refused.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        currency = self.context["currency"]
        if attrs["amount"].currency.code != currency:
            raise serializers.ValidationError(
                {"amount": [f"The invoice is in {currency}; give the amount in {currency}."]}
            )
        attrs["amount"] = attrs["amount"].amount
        return attrs


class WriteOffFilters(Filters):
    customer = IdFilter("customer_id")
    invoice = IdFilter("invoice_id")

    class Meta:
        model = WriteOff
        fields = {"currency": ["exact"], "written_off_on": ["gte", "lte"]}


class WriteOffs(Records):
    """What was given up of invoices, and what came in after all."""

    model = WriteOff
    serializer_class = WriteOffSerializer
    filterset_class = WriteOffFilters
