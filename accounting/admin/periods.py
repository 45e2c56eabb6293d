"""Accounting periods: open, closed, and opened again with a reason."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import display

from accounting.closing import close_checked, dry_run
from accounting.models import AccountingPeriod, JournalEntry, PeriodStatus
from accounting.periods import reopen_period
from billing.access import may
from billing.admin.document import Document, DocumentAdmin, Verb, VerbForm
from billing.admin.shown import NONE, badge, list_url, moment, money, period, status, to
from billing.admin.tables import Table, columns
from billing.clock import today
from billing.models import Role


class ReasonForm(VerbForm):
    reason = forms.CharField(max_length=200, help_text="It stays on record; an auditor will read it.")


def _close(request: HttpRequest, subject: AccountingPeriod, given: dict[str, Any]) -> str:
    close_checked(period_id=subject.pk, at=timezone.now(), today=today(subject.business_entity), by=request.user)
    return f"{subject} is closed and sealed."


_RESULTS = {
    "passed": ("done", "Passed"),
    "warning": ("partially_paid", "Warning"),
    "blocking": ("failed", "Blocks closing"),
}


def _checklist(subject: AccountingPeriod) -> Sequence[Table]:
    outcome = dry_run(subject, today=today(subject.business_entity))
    rows = [
        (
            badge(*_RESULTS[check.result]),
            check.label,
            check.message if not check.details else format_html("{}<br>{}", check.message, "; ".join(check.details)),
            "" if check.passed else to(check.url, "Mend it"),
        )
        for check in outcome.checks
    ]
    return [Table("Check list", columns("Result", "Check", "What was found", ""), rows, "Nothing is checked.")]


def _checked(subject: AccountingPeriod) -> Table:
    rows = [(badge(*_RESULTS[check["result"]]), check["label"], check["message"]) for check in subject.close_checks]
    return Table(
        "What the check list said at closing",
        columns("Result", "Check", "What was found"),
        rows,
        "It was closed without the check list, as a month without entries of its own or before there was a list.",
    )


def _seals(subject: AccountingPeriod) -> Table:
    rows = [
        (
            f"{seal.number}{' (holds)' if seal.pk == subject.seal_id else ''}",
            moment(seal.closed_at),
            seal.closed_by or NONE,
            f"{seal.entries:,}",
            money(seal.base_debit, subject.business_entity.base_currency),
            format_html("<code>{}</code>", seal.digest),
        )
        for seal in subject.seals.select_related("closed_by")
    ]
    return Table(
        "Seals",
        columns("Closing", "Closed", "By", ">Entries", ">Debits", "Digest over its lines"),
        rows,
        "It was never closed.",
        note="A digest over the month's lines, made at each closing, proves that nothing was changed since. The command "
        "check_ledger computes it again; the handbook for accountants says how an auditor does.",
    )


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
            "close", "Check and close", _close, role=Role.ACCOUNTANT, tables=_checklist, submit="Close",
            explain=lambda subject: f"Nothing can be posted into {subject} any more: balances and a digest over its lines are "
            "sealed. What still belongs to it is posted on the first open day, with a note. Above is what closing would meet "
            "now; nothing is changed until you close.",
            allowed=lambda subject: subject.status == PeriodStatus.OPEN,
        ),
        Verb(
            "reopen", "Reopen", _reopen, role=Role.ADMIN, form=ReasonForm, danger=True,
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
            f"{moment(subject.reopened_at)} by {subject.reopened_by}: {subject.reopen_reason}"
            if subject.reopened_at
            else "never"
        )
        return Document(
            title=f"{subject}, {subject.business_entity}",
            badge=status(subject),
            note="It can be reopened by an administrator, with a reason that stays on record."
            if subject.status == PeriodStatus.CLOSED and not may(request, Role.ADMIN)
            else "",
            headline=[("Entries", to(list_url(JournalEntry, f"period={subject.pk}"), f"{entries:,}"))],
            facts=[
                ("Days", period(subject.start, subject.end)),
                ("Closed", moment(subject.closed_at)),
                ("Closed by", subject.closed_by or NONE),
                ("Reopened", reopened),
            ],
            tables=[_seals(subject), *([_checked(subject)] if subject.status == PeriodStatus.CLOSED else [])],
        )
