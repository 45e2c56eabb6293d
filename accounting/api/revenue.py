"""Revenue: a contract's months, what a modification would do, schedules with reported progress and parts by hand."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounting.earning import Earning
from accounting.fulfilment import override_schedule, report_progress
from accounting.models import RecognitionSchedule
from accounting.reports.contract_revenue import (
    ContractMonths,
    contract_months,
    parts_to_come,
    posted_revenue,
    schedule_of,
)
from accounting.what_if import try_modification
from billing.api.fields import DayField, QuantityField, RecordSerializer, RequestSerializer
from billing.api.filters import Filters, IdFilter
from billing.api.modifications import NewModification, as_modification
from billing.api.money import AmountTextField
from billing.api.views import Records, TenantView
from billing.models import Contract
from billing.money import amount_text
from billing.periods import DateRange

ZERO = Decimal(0)


class MonthSerializer(serializers.Serializer):
    month = serializers.DateField(help_text="The month's first day.")
    billed = serializers.CharField()
    to_bill = serializers.CharField()
    recognized = serializers.CharField()
    to_recognize = serializers.CharField()


class ContractRevenueSerializer(serializers.Serializer):
    currency = serializers.CharField()
    waiting_for_reports = serializers.CharField(help_text="Revenue that waits for a delivery, a milestone or progress.")
    months = MonthSerializer(many=True)


class WhatIfSerializer(serializers.Serializer):
    kind = serializers.CharField()
    summary = serializers.CharField()
    warnings = serializers.ListField(child=serializers.CharField())
    before = ContractRevenueSerializer()
    after = ContractRevenueSerializer()


def _months(found: ContractMonths) -> dict[str, Any]:
    def text(amount: Decimal) -> str:
        return amount_text(amount, found.currency)

    return {
        "currency": found.currency,
        "waiting_for_reports": text(found.without_month),
        "months": [
            {
                "month": month.isoformat(),
                "billed": text(found.billed.get(month, ZERO)),
                "to_bill": text(found.to_bill.get(month, ZERO)),
                "recognized": text(found.recognized(month)),
                "to_recognize": text(found.to_recognize(month)),
            }
            for month in found.months
        ],
    }


class ContractRevenue(TenantView):
    """A contract's billing and revenue by month: what happened and what is to come. Net of tax."""

    @extend_schema(responses=ContractRevenueSerializer)
    def get(self, request: Request, pk: str) -> Response:
        contract = Contract.objects.filter(pk=int(pk)).first()
        if contract is None:
            raise NotFound("There is no such contract in this company.")
        return Response(_months(contract_months(contract)))


class ContractWhatIf(TenantView):
    """What a modification would do to billing and revenue by month. Nothing is written."""

    @extend_schema(request=NewModification, responses=WhatIfSerializer)
    def post(self, request: Request, pk: str) -> Response:
        asked = NewModification(data=request.data)
        asked.is_valid(raise_exception=True)
        found = try_modification(contract_id=int(pk), change=as_modification(asked.validated_data))
        return Response(
            {
                "kind": found.kind,
                "summary": found.summary,
                "warnings": found.warnings,
                "before": _months(found.before),
                "after": _months(found.after),
            }
        )


class ScheduleSerializer(RecordSerializer):
    obligation = serializers.IntegerField(source="obligation_id", allow_null=True)

    class Meta:
        model = RecognitionSchedule
        fields: tuple[str, ...] = (
            "id",
            "contract",
            "contract_item",
            "obligation",
            "product",
            "method",
            "service_start",
            "service_end",
            "amount",
            "billed",
            "recognized",
            "recognized_until",
        )


class PartSerializer(serializers.Serializer):
    earned_through = serializers.DateField(allow_null=True, help_text="Empty: when it is reported.")
    amount = serializers.CharField()


class ScheduleDetailSerializer(ScheduleSerializer):
    posted = serializers.SerializerMethodField()
    to_come = serializers.SerializerMethodField()

    class Meta(ScheduleSerializer.Meta):
        fields = (*ScheduleSerializer.Meta.fields, "posted", "to_come")

    @extend_schema(responses=PartSerializer(many=True))
    def get_posted(self, subject: RecognitionSchedule) -> list[dict[str, str | None]]:
        found = posted_revenue([schedule_of(subject)]).get(subject.pk, [])
        return [_part(day, amount, subject.currency) for day, amount in found]

    @extend_schema(responses=PartSerializer(many=True))
    def get_to_come(self, subject: RecognitionSchedule) -> list[dict[str, str | None]]:
        schedule = schedule_of(subject)
        return [_part(day, amount, subject.currency) for day, amount in parts_to_come(schedule, Earning([schedule]))]


def _part(day: date | None, amount: Decimal, currency: str) -> dict[str, str | None]:
    return {"earned_through": day.isoformat() if day else None, "amount": amount_text(amount, currency)}


class NewProgress(RequestSerializer):
    reached_on = DayField(help_text="Fulfilled by the end of this day.")
    percent = QuantityField(
        min_value=0,
        max_value=100,
        help_text="A delivery: 100. A milestone: its own share. Percentage of completion: in all.",
    )
    evidence = serializers.CharField(max_length=200)


class NewPart(RequestSerializer):
    start = DayField()
    end = DayField(help_text="The first day no longer covered.")
    amount = AmountTextField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["end"] <= attrs["start"]:
            raise serializers.ValidationError({"end": ["A part must end after it starts."]})
        return attrs


class NewParts(RequestSerializer):
    parts = serializers.ListField(child=NewPart(), allow_empty=False, max_length=1200)
    reason = serializers.CharField(max_length=200)
    on = DayField(help_text="The day of the decision.")


class ScheduleFilters(Filters):
    contract = IdFilter("contract_id")
    obligation = IdFilter("obligation_id")

    class Meta:
        model = RecognitionSchedule
        fields = {"service_start": ["gte", "lte"], "method": ["exact"]}


class RevenueSchedules(Records):
    """When prices become revenue. Progress is reported and parts are written by hand here; a run posts what follows."""

    model = RecognitionSchedule
    serializer_class = ScheduleSerializer
    detail_serializer_class = ScheduleDetailSerializer
    filterset_class = ScheduleFilters

    def rows(self) -> QuerySet[RecognitionSchedule]:
        return RecognitionSchedule.objects.filter(is_void=False)

    @extend_schema(request=NewProgress, responses=ScheduleDetailSerializer)
    @action(detail=True, methods=["post"])
    def progress(self, request: Request, pk: str) -> Response:
        """Report a delivery, a milestone or a percentage of completion. It stays on record."""
        report_progress(schedule_id=self.record_id(), by=request.user, **self.received(NewProgress))
        return self.shown(self.record_id())

    @extend_schema(request=NewParts, responses=ScheduleDetailSerializer)
    @action(detail=True, methods=["post"])
    def override(self, request: Request, pk: str) -> Response:
        """Write by hand what is left of the schedule. What is recognized or closed stays."""
        given = self.received(NewParts)
        parts = [(DateRange(part["start"], part["end"]), Decimal(part["amount"])) for part in given.pop("parts")]
        override_schedule(schedule_id=self.record_id(), parts=parts, by=request.user, **given)
        return self.shown(self.record_id())
