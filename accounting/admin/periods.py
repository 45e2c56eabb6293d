"""Accounting periods: open, closed, and opened again with a reason."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from accounting.models import AccountingPeriod, JournalEntry, PeriodStatus
from accounting.periods import close_period, reopen_period
from billing.admin.document import Document, DocumentAdmin, Verb, VerbForm
from billing.admin.shown import NONE, list_url, period, status, to
from billing.models import Role


class ReasonForm(VerbForm):
    reason = forms.CharField(max_length=200, help_text="It stays on record; an auditor will read it.")


def _close(request: HttpRequest, subject: AccountingPeriod, given: dict[str, Any]) -> str:
    close_period(period_id=subject.pk, at=timezone.now(), by=request.user)
    return f"{subject} is closed."


def _reopen(request: HttpRequest, subject: AccountingPeriod, given: dict[str, Any]) -> str:
    reopen_period(period_id=subject.pk, reason=given["reason"], at=timezone.now(), by=request.user)
    return f"{subject} is open again."


@admin.register(AccountingPeriod)
class AccountingPeriodAdmin(DocumentAdmin):
    list_display = ("__str__", "business_entity", "status_shown", "closed_at", "closed_by")
    list_filter = ("status", "business_entity")
    list_select_related = ("business_entity", "closed_by")
    ordering = ("-start",)
    empty_hint = "A period appears with the first entry of its month."
    verbs = (
        Verb(
            "close", "Close", _close, role=Role.ACCOUNTANT,
            explain=lambda subject: f"Nothing can be posted into {subject} any more. What still belongs to it is posted on the "
            "first open day, with a note. Before closing: finalize what is due, recognize revenue through the last day, and "
            "look at the unmatched events.",
            allowed=lambda subject: subject.status == PeriodStatus.OPEN,
        ),
        Verb(
            "reopen", "Reopen", _reopen, role=Role.ACCOUNTANT, form=ReasonForm, danger=True,
            explain=lambda subject: f"Entries can be posted into {subject} again. Who did it, when and why stays on record.",
            allowed=lambda subject: subject.status == PeriodStatus.CLOSED,
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccountingPeriod]:
        return super().get_queryset(request).select_related("business_entity", "closed_by", "reopened_by")

    @display(description="Status", ordering="status")
    def status_shown(self, subject: AccountingPeriod) -> str:
        return status(subject)

    def document(self, request: HttpRequest, subject: AccountingPeriod) -> Document:
        entries = JournalEntry.objects.filter(
            business_entity=subject.business_entity_id, date__gte=subject.start, date__lt=subject.end
        ).count()
        reopened = (
            f"{subject.reopened_at:%Y-%m-%d %H:%M} UTC by {subject.reopened_by}: {subject.reopen_reason}"
            if subject.reopened_at
            else "never"
        )
        return Document(
            title=f"{subject}, {subject.business_entity}",
            badge=status(subject),
            headline=[("Entries", to(list_url(JournalEntry, f"period={subject.pk}"), f"{entries:,}"))],
            facts=[
                ("Days", period(subject.start, subject.end)),
                ("Closed", f"{subject.closed_at:%Y-%m-%d %H:%M} UTC" if subject.closed_at else NONE),
                ("Closed by", subject.closed_by or NONE),
                ("Reopened", reopened),
            ],
        )
