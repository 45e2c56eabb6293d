"""What people do with a schedule: report a delivery, a milestone or progress; write it by hand."""

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.http import HttpRequest

from accounting.earning import Earning
from accounting.fulfilment import override_schedule, report_progress
from accounting.models import RecognitionSchedule
from accounting.reports.contract_revenue import parts_to_come, schedule_of
from accounting.spreading import Part
from billing.admin.document import Verb, VerbForm
from billing.admin.forms import DayField, today
from billing.models import REPORTED_METHODS, RecognitionMethod, Role
from billing.money import amount_text
from billing.periods import DateRange, day_words

_PART_HELP = "One part a line: first day, last day, amount, such as “2026-02-01 2026-02-28 200.00”."


class ProgressForm(VerbForm):
    reached_on = DayField(label="By the end of")
    percent = forms.DecimalField(
        label="Percent", min_value=Decimal(0), max_value=Decimal(100), max_digits=9, decimal_places=6
    )
    evidence = forms.CharField(
        label="Evidence", max_length=200, help_text="Such as a delivery note or a milestone's name."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["reached_on"] = today(self.subject.business_entity)
        method = self.subject.method
        if method == RecognitionMethod.ON_DELIVERY:
            self.fields["percent"].widget = forms.HiddenInput()
            self.initial["percent"] = Decimal(100)
        elif method == RecognitionMethod.MILESTONES:
            self.fields["percent"].label = "This milestone's share of the price, in percent"
        else:
            self.fields["percent"].label = "Completed in all, in percent"


class OverrideForm(VerbForm):
    parts = forms.CharField(
        label="What is left is earned", widget=forms.Textarea(attrs={"rows": 12}), help_text=_PART_HELP
    )
    reason = forms.CharField(label="Why it is written by hand", max_length=200)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        schedule = schedule_of(self.subject)
        earning = Earning([schedule])
        self.initial["parts"] = "\n".join(
            f"{part.start} {part.last_day} {amount_text(share, schedule.currency)}"
            for part, share in earning.left(schedule)
        )

    def clean_parts(self) -> list[Part]:
        return [_part(line) for line in self.cleaned_data["parts"].splitlines() if line.strip()]


def _part(line: str) -> Part:
    try:
        first, last, amount = line.split()
        return DateRange(
            date.fromisoformat(first), date.fromordinal(date.fromisoformat(last).toordinal() + 1)
        ), Decimal(amount.replace(",", ""))
    except (ValueError, InvalidOperation):
        raise forms.ValidationError(f"“{line.strip()}” is not a part. {_PART_HELP}") from None


def _report(request: HttpRequest, subject: RecognitionSchedule, given: dict[str, Any]) -> str:
    report = report_progress(
        schedule_id=subject.pk,
        reached_on=given["reached_on"],
        percent=given["percent"],
        evidence=given["evidence"],
        by=request.user,
    )
    return f"On record: {report.percent.normalize():f} % by {day_words(report.reached_on)}. The next recognition run posts it."


def _override(request: HttpRequest, subject: RecognitionSchedule, given: dict[str, Any]) -> str:
    override_schedule(
        schedule_id=subject.pk,
        parts=given["parts"],
        reason=given["reason"],
        on=today(subject.business_entity),
        by=request.user,
    )
    return "The schedule is written as you said. The next recognition run follows it."


def _is_left(subject: RecognitionSchedule) -> bool:
    schedule = schedule_of(subject)
    return not subject.is_metered and bool(parts_to_come(schedule, Earning([schedule])))


SCHEDULE_VERBS = (
    Verb(
        "report",
        "Report progress",
        _report,
        explain=lambda schedule: (
            "The next recognition run posts the revenue of what is fulfilled. A report stays on record; a mistake is corrected "
            "by a further one."
        ),
        form=ProgressForm,
        allowed=lambda schedule: schedule.method in REPORTED_METHODS,
    ),
    Verb(
        "by-hand",
        "Write by hand",
        _override,
        explain=lambda schedule: (
            "Replace what is left of the schedule. What is recognized or closed stays, and the parts must add up to what is left "
            "of the price."
        ),
        role=Role.ACCOUNTANT,
        form=OverrideForm,
        allowed=_is_left,
    ),
)
