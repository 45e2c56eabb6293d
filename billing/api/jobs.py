"""Long work: started with one request, done by a worker, looked at until it is over."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.fields import DayField, RecordSerializer, RequestSerializer
from billing.api.filters import Filters
from billing.api.views import Records
from billing.models import Job
from billing.periods import day_words
from billing.services.jobs import start_job


class JobSerializer(RecordSerializer):
    outcome = serializers.SerializerMethodField(help_text="What it did, or why it stopped, in words; empty until then.")

    class Meta:
        model = Job
        fields = (
            "id",
            "kind",
            "title",
            "status",
            "done",
            "total",
            "outcome",
            "created_at",
            "started_at",
            "finished_at",
        )

    def get_outcome(self, job: Job) -> str:
        return str((job.result or {}).get("words") or job.message)


class BillingRun(RequestSerializer):
    through = DayField(help_text="Everything that is due up to and including this day is drafted.")
    finalize = serializers.BooleanField(default=False, help_text="Finalize the drafts at once.")


class JobFilters(Filters):
    class Meta:
        model = Job
        fields = {"kind": ["exact"], "status": ["exact"]}


class Jobs(Records):
    """Long work and how far it is. Look again until `status` is `done` or `failed`; `outcome` says what happened."""

    model = Job
    serializer_class = JobSerializer
    filterset_class = JobFilters

    def rows(self) -> QuerySet[Job]:
        return Job.objects.defer("parameters")  # An import's hold its file.

    @extend_schema(request=BillingRun, responses={201: JobSerializer})
    @action(detail=False, methods=["post"], url_path="run-billing")
    def run_billing(self, request: Request) -> Response:
        """Draft an invoice for every charge that is due. What is billed already is not billed twice."""
        given = self.received(BillingRun)
        through = given["through"]
        return started(
            request,
            kind="run_billing",
            title=f"Billing run through {day_words(through)}{', finalized' if given['finalize'] else ''}",
            parameters={"through": through.isoformat(), "finalize": given["finalize"]},
        )


def started(request: Request, *, kind: str, title: str, parameters: dict[str, Any]) -> Response:
    """Put a job in line and answer it."""
    job = start_job(kind=kind, title=title, parameters=parameters, user=request.user)
    return Response(JobSerializer(job).data, status=status.HTTP_201_CREATED)
