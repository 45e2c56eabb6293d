"""Exchange rates as they are recorded."""

from rest_framework import serializers

from accounting.models import ExchangeRate
from billing.api.fields import RecordSerializer
from billing.api.filters import Filters
from billing.api.views import Records


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


class ExchangeRates(Records):
    """Rates as the bank gave them; of one day's, the highest `number` holds. They are imported in the admin or by command."""

    model = ExchangeRate
    serializer_class = ExchangeRateSerializer
    filterset_class = ExchangeRateFilters
