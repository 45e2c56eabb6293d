"""Posting by hand what the clock posts every hour: entries that repeat, and reversals of accruals."""

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from accounting.manual_entries import post_scheduled
from accounting.models import ManualEntry
from billing.access import may
from billing.admin.form_page import form_page
from billing.admin.forms import DayField, StyledForm, today
from billing.admin.shown import day, list_url
from billing.models import BusinessEntity, Role
from billing.periods import end_of_month
from billing.wording import counted


class DueForm(StyledForm):
    through = DayField(label="Due up to and including")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["through"] = today()

    def clean_through(self) -> date:
        through: date = self.cleaned_data["through"]
        latest = end_of_month(today())
        if through > latest:
            raise forms.ValidationError(f"Nothing is posted ahead of this month: choose {day(latest)} at the latest.")
        return through


def post_due_page(request: HttpRequest) -> HttpResponse:
    """Post the repetitions and reversals that are due, as the clock does every hour."""
    if not may(request, Role.ACCOUNTANT):
        raise PermissionDenied
    return form_page(
        request,
        title="Post what is due",
        submit="Post what is due",
        cancel_url=list_url(ManualEntry),
        do=_post_due,
        form=DueForm(request.POST if request.method == "POST" else None),
        explanation="Posts the entries that repeat and the reversals of accruals that are due by the day and not posted yet. "
        "The clock does it every hour, through today; for a month end you may be ahead of it.",
        opts=ManualEntry._meta,
    )


def _post_due(given: dict[str, Any]) -> tuple[str, str]:
    with transaction.atomic():
        runs = [
            post_scheduled(business_entity_id=entity.pk, through=given["through"])
            for entity in BusinessEntity.objects.order_by("code")
        ]
    repeated = counted(sum(run.repeated for run in runs), "repetition", "repetitions")
    reversed_ = counted(sum(run.reversed for run in runs), "reversal", "reversals")
    refused = "".join(f" Not posted: {reason}" for run in runs for reason in run.refused)
    return f"{repeated} and {reversed_} posted.{refused}", list_url(ManualEntry)
