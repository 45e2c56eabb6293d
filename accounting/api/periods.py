"""Accounting periods: what closing would meet, closing, reopening."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounting.closing import CloseDryRun, close_checked, dry_run
from accounting.models import AccountingPeriod, PeriodSeal, PeriodStatus
from accounting.periods import reopen_period
from billing.api.authentication import HasKey, MayReopen
from billing.api.fields import CodeField, DayField, RecordSerializer, RequestSerializer
from billing.api.filters import AnyOfFilter, Filters
from billing.api.money import MoneySerializer
from billing.api.views import Records
from billing.clock import today
from billing.models import BusinessEntity
from billing.periods import first_of_month
from billing.services.customers import only_entity


class SealSerializer(RecordSerializer):
    debits = MoneySerializer(
        source="base_debit", currency_from="period.business_entity.base_currency", help_text="In base currency."
    )

    class Meta:
        model = PeriodSeal
        fields = ("number", "format", "digest", "previous_digest", "entries", "lines", "debits", "closed_at")


class PeriodSerializer(RecordSerializer):
    name = serializers.CharField(source="__str__")
    business_entity = serializers.CharField(source="business_entity.code")
    end = serializers.DateField(help_text="The first day after the period.")
    closed_by = serializers.CharField(source="closed_by.username", default=None, allow_null=True)
    reopened_by = serializers.CharField(source="reopened_by.username", default=None, allow_null=True)

    class Meta:
        model = AccountingPeriod
        fields: tuple[str, ...] = (
            "id", "name", "business_entity", "start", "end", "status", "closed_at", "closed_by", "reopened_at",
            "reopened_by", "reopen_reason",
        )  # fmt: skip


class PeriodDetailSerializer(PeriodSerializer):
    seal = SealSerializer(allow_null=True, help_text="The proof of the closing that holds; null while it is open.")

    class Meta(PeriodSerializer.Meta):
        fields = (*PeriodSerializer.Meta.fields, "seal")


class CloseCheckSerializer(serializers.Serializer):
    check_name = serializers.CharField(source="code")
    title = serializers.CharField(source="label")
    passed = serializers.BooleanField()
    is_blocking = serializers.BooleanField()
    count = serializers.IntegerField(help_text="How many things the check found.")
    message = serializers.CharField()
    details = serializers.ListField(child=serializers.CharField(), help_text="The first few, by name.")
    url = serializers.CharField(help_text="The page of the admin where a person mends it.")


class CloseSummarySerializer(serializers.Serializer):
    total_checks = serializers.IntegerField()
    passed = serializers.IntegerField()
    failed = serializers.IntegerField()
    total_issues = serializers.IntegerField()


class CloseDryRunSerializer(serializers.Serializer):
    period = serializers.IntegerField()
    can_close = serializers.BooleanField()
    period_start = serializers.DateField()
    period_end = serializers.DateField(help_text="The last day.")
    summary = CloseSummarySerializer()
    validation_checks = CloseCheckSerializer(many=True)


class ValidateClose(RequestSerializer):
    end_date = DayField(help_text="A day of the month to close, usually its last.")
    business_entity = CodeField(
        BusinessEntity, required=False, help_text="May be left out where the company has only one."
    )


class ReopenPeriod(RequestSerializer):
    reason = serializers.CharField(max_length=200, help_text="Stays on record.")


class PeriodFilters(Filters):
    business_entity = filters.CharFilter("business_entity__code")
    status = AnyOfFilter("status", PeriodStatus.choices)

    class Meta:
        model = AccountingPeriod
        fields = {"start": ["gte", "lte", "exact"]}


class Periods(Records):
    """The months of a business entity's books. Closed ones are sealed; nothing is posted into them."""

    model = AccountingPeriod
    serializer_class = PeriodSerializer
    detail_serializer_class = PeriodDetailSerializer
    filterset_class = PeriodFilters

    def rows(self) -> QuerySet[AccountingPeriod]:
        return AccountingPeriod.objects.select_related("business_entity", "closed_by", "reopened_by")

    def detail_rows(self) -> QuerySet[AccountingPeriod]:
        return self.rows().select_related("seal__period__business_entity")

    @extend_schema(request=ValidateClose, responses=CloseDryRunSerializer)
    @action(detail=False, methods=["post"], url_path="validate-close")
    def validate_close(self, request: Request) -> Response:
        """Say what closing a month would meet. Nothing is changed."""
        sent = self.received(ValidateClose)
        entity = sent.get("business_entity") or only_entity()
        start = first_of_month(sent["end_date"])
        period = self.rows().filter(business_entity=entity, start=start).first()
        if period is None:
            raise ValidationError({"end_date": [f"Nothing is posted in {start:%B %Y}; there is nothing to close."]})
        return Response(CloseDryRunSerializer(_shown(dry_run(period, today=today(entity)))).data)

    @extend_schema(request=None, responses=PeriodDetailSerializer)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """Close and seal a month. Refused while a blocking check finds something; warnings do not stop it."""
        period = self.get_object()
        close_checked(period_id=period.pk, at=timezone.now(), today=today(period.business_entity), by=request.user)
        return self.shown(period.pk)

    @extend_schema(request=ReopenPeriod, responses=PeriodDetailSerializer)
    @action(detail=True, methods=["post"], permission_classes=[HasKey, MayReopen])
    def reopen(self, request: Request, pk: str) -> Response:
        """Open a closed month again, on the record. The last closed month goes first. The key must be one that may."""
        sent = self.received(ReopenPeriod)
        period = self.get_object()
        reopen_period(period_id=period.pk, reason=sent["reason"], at=timezone.now(), by=request.user)
        return self.shown(period.pk)


def _shown(run: CloseDryRun) -> dict[str, Any]:
    return {
        "period": run.period.pk,
        "can_close": run.can_close,
        "period_start": run.period.start,
        "period_end": run.last_day,
        "summary": {
            "total_checks": len(run.checks),
            "passed": sum(check.passed for check in run.checks),
            "failed": sum(not check.passed for check in run.checks),
            "total_issues": sum(check.count for check in run.checks),
        },
        "validation_checks": run.checks,
    }
