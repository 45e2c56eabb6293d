"""The record of business events."""

from django.db.models import QuerySet
from rest_framework import serializers

from billing.api.fields import ObjectField, RecordSerializer
from billing.api.filters import Filters
from billing.api.views import Records
from billing.models import BusinessEvent


class EventSerializer(RecordSerializer):
    business_entity = serializers.CharField(source="business_entity.code")
    payload = ObjectField(help_text="The fact as it was published. Amounts are text in the payload's `currency`.")

    class Meta:
        model = BusinessEvent
        fields = ("id", "kind", "key", "business_entity", "occurred_on", "recorded_at", "payload")


class EventFilters(Filters):
    class Meta:
        model = BusinessEvent
        fields = {
            "kind": ["exact"],
            "key": ["exact"],
            "occurred_on": ["gte", "lte"],
            "recorded_at": ["gte", "lte"],
        }


class BusinessEvents(Records):
    """Facts that matter to the books, each published once and never changed."""

    model = BusinessEvent
    serializer_class = EventSerializer
    filterset_class = EventFilters
    oldest_first = ("recorded_at", "id")

    def rows(self) -> QuerySet[BusinessEvent]:
        return BusinessEvent.objects.select_related("business_entity")
