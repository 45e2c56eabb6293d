"""Usage of metered contract items."""

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from billing.api.fields import DayField, QuantityField, RecordSerializer, RequestSerializer
from billing.api.filters import Filters, IdFilter
from billing.api.views import Records
from billing.models import UsageRecord
from billing.services import usage as services
from billing.services.usage import record_usages

_MAX_RECORDS = 1000


class UsageSerializer(RecordSerializer):
    class Meta:
        model = UsageRecord
        fields = ("id", "contract_item", "used_on", "quantity", "key", "recorded_at")


class NewUsage(RequestSerializer):
    contract_item = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    used_on = DayField()
    quantity = QuantityField(help_text="Negative for a correction.")
    key = serializers.CharField(max_length=100, help_text="Your own id of the record; a second one is refused.")


class UsageFilters(Filters):
    contract_item = IdFilter("contract_item_id")
    contract = IdFilter("contract_item__contract_id")
    customer = IdFilter("contract_item__contract__customer_id")

    class Meta:
        model = UsageRecord
        fields = {"key": ["exact"], "used_on": ["gte", "lte"], "recorded_at": ["gte", "lte"]}


def _one_or_many(name: str, serializer: Any) -> PolymorphicProxySerializer:
    return PolymorphicProxySerializer(
        component_name=name,
        serializers=[serializer, serializer(many=True, max_length=_MAX_RECORDS)],
        resource_type_field_name=None,
        many=False,
    )


class Usage(Records):
    """Units used. A correction is a further record."""

    model = UsageRecord
    serializer_class = UsageSerializer
    filterset_class = UsageFilters

    @extend_schema(
        request=_one_or_many("NewUsageOneOrMany", NewUsage),
        responses={201: _one_or_many("UsageOneOrMany", UsageSerializer)},
    )
    def create(self, request: Request) -> Response:
        """Record one use, or a list of up to 1,000: all of them or none. The answer has the shape of the request."""
        if not isinstance(request.data, list):
            return _created(UsageSerializer(record_usages([_sent(self.received(NewUsage))])[0]))
        many = serializers.ListField(child=NewUsage(), allow_empty=False, max_length=_MAX_RECORDS)
        recorded = record_usages([_sent(each) for each in many.run_validation(request.data)])
        return _created(UsageSerializer(recorded, many=True))


def _created(records: BaseSerializer[Any]) -> Response:
    return Response(records.data, status=status.HTTP_201_CREATED)


def _sent(data: dict[str, Any]) -> services.Usage:
    return services.Usage(
        contract_item_id=data["contract_item"], used_on=data["used_on"], quantity=data["quantity"], key=data["key"]
    )
