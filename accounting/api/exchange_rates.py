"""Exchange rates as they are recorded, and recording them."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounting.currency.importing import record_rates
from accounting.currency.rate_files import GivenRate
from accounting.models import ExchangeRate, Quotation
from billing.api.choices import ChoiceField
from billing.api.errors import Conflict
from billing.api.fields import DayField, QuantityField, RecordSerializer, RequestSerializer
from billing.api.filters import Filters
from billing.api.money import CURRENCIES
from billing.api.views import Records
from billing.clock import today
from billing.models import BusinessEntity

_MOST = 5000


class ExchangeRateSerializer(RecordSerializer):
    bank_currency = serializers.CharField(help_text="The currency that the bank compares the others with.")

    class Meta:
        model = ExchangeRate
        fields = ("id", "source", "date", "bank_currency", "currency", "quotation", "rate", "number", "recorded_at")


class ExchangeRateFilters(Filters):
    class Meta:
        model = ExchangeRate
        fields = {
            "date": ["exact", "gte", "lte"],
            "bank_currency": ["exact"],
            "currency": ["exact"],
            "source": ["exact"],
        }


class NewRate(RequestSerializer):
    date = DayField()
    currency = ChoiceField(CURRENCIES)
    rate = QuantityField(max_digits=23, decimal_places=10, help_text="Text, as the bank gives it.")

    def validate_rate(self, rate: Decimal) -> Decimal:
        if rate <= 0:
            raise serializers.ValidationError("A rate is above zero.")
        return rate


class NewRates(RequestSerializer):
    source = serializers.CharField(max_length=20, default="ECB", help_text="Who published them.")  # type: ignore[assignment]
    bank_currency = ChoiceField(CURRENCIES, default="EUR", help_text="The currency that the bank compares with.")
    quotation = ChoiceField(
        Quotation.choices, default=Quotation.FOREIGN_PER_BANK.value, help_text="What a rate counts."
    )
    correct = serializers.BooleanField(
        default=False,
        help_text="Record rates that differ as corrections. They hold for what is posted from now on; entries keep theirs.",
    )
    rates = serializers.ListField(child=NewRate(), allow_empty=False, max_length=_MOST)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        last = max(today(entity) for entity in BusinessEntity.objects.all())
        mistakes: dict[str, list[str]] = {}
        seen = set()
        for place, each in enumerate(attrs["rates"]):
            if each["currency"] == attrs["bank_currency"]:
                mistakes[f"rates.{place}.currency"] = ["This is the bank's own currency."]
            if each["date"] > last:
                mistakes[f"rates.{place}.date"] = [
                    f"{each['date']} is not over yet; a rate of that day cannot be known."
                ]
            if (each["date"], each["currency"]) in seen:
                mistakes[f"rates.{place}"] = ["This day and currency are in the list already."]
            seen.add((each["date"], each["currency"]))
        if mistakes:
            raise serializers.ValidationError(mistakes)
        return attrs


class RatesRecordedSerializer(serializers.Serializer):
    added = serializers.IntegerField()
    corrected = serializers.IntegerField()
    unchanged = serializers.IntegerField(help_text="Recorded already, and the same.")


class ExchangeRates(Records):
    """Rates as the bank gave them; of one day's, the highest `number` holds."""

    model = ExchangeRate
    serializer_class = ExchangeRateSerializer
    filterset_class = ExchangeRateFilters

    @extend_schema(request=NewRates, responses={201: RatesRecordedSerializer})
    def create(self, request: Request) -> Response:
        """Record rates, up to 5,000 at once: all of them or none. What is recorded already is left as it is."""
        sent = self.received(NewRates)
        given = [
            GivenRate(place, each["date"], each["currency"], each["rate"])
            for place, each in enumerate(sent.pop("rates"), start=1)
        ]
        result = record_rates(given, **sent)
        if result.rejected:
            raise Conflict(result.rejected[0].reason, code="rate_differs")
        answer = {
            "added": len(result.added),
            "corrected": len(result.corrections),
            "unchanged": result.unchanged,
        }
        return Response(RatesRecordedSerializer(answer).data, status=status.HTTP_201_CREATED)
