"""Recognition schedules: what is earned, deferred and unbilled per service period; and the recognition run."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from accounting.admin.modify import modify_page
from accounting.admin.schedule_parts import parts_table, progress_table, revisions_table
from accounting.admin.schedule_verbs import SCHEDULE_VERBS
from accounting.models import RecognitionSchedule
from billing.access import may
from billing.admin.document import Document, DocumentAdmin
from billing.admin.form_page import form_page
from billing.admin.forms import DayField, StyledForm, today
from billing.admin.shown import change_url, day, last_day, link, list_url, money, period
from billing.models import Job, Role
from billing.periods import day_words, first_of_month
from billing.services.jobs import start_job


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("deferred", "Deferred: billed, not earned yet"), ("unbilled", "Unbilled: earned, not billed yet"),
                ("finished", "Fully earned")]  # fmt: skip

    def queryset(self, request: HttpRequest, queryset: QuerySet[RecognitionSchedule]) -> QuerySet[RecognitionSchedule]:
        if self.value() == "deferred":
            return queryset.filter(billed__gt=F("recognized"))
        if self.value() == "unbilled":
            return queryset.filter(recognized__gt=F("billed"))
        if self.value() == "finished":
            return queryset.filter(recognized=F("amount"))
        return queryset


class MonthEndForm(StyledForm):
    """Asks for a day; the last of the month before is offered."""

    day = DayField(label="Month's last day")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["day"] = first_of_month(today()) - timedelta(days=1)


class RecognitionForm(MonthEndForm):
    day = DayField(label="Recognize what is earned up to and including")


def _run_page(
    request: HttpRequest, *, kind: str, parameter: str, verb: str, name: str, form: type[MonthEndForm], explanation: str
) -> HttpResponse:
    """Ask for the day of a run over the schedules and put its job in line."""
    if not may(request, Role.ACCOUNTANT):
        raise PermissionDenied

    def start(given: dict[str, Any]) -> tuple[str, str]:
        job = start_job(
            kind=kind,
            title=f"{name} {parameter} {day_words(given['day'])}",
            parameters={parameter: given["day"].isoformat()},
            user=request.user,
        )
        return f"{name} is in line.", change_url(Job, job.pk)

    return form_page(
        request,
        title=verb,
        submit=verb,
        cancel_url=list_url(RecognitionSchedule),
        do=start,
        form=form(request.POST if request.method == "POST" else None),
        explanation=explanation,
        opts=RecognitionSchedule._meta,
    )


def recognize_page(request: HttpRequest) -> HttpResponse:
    """Start a recognition run."""
    return _run_page(
        request,
        kind="recognize_revenue",
        parameter="through",
        verb="Recognize revenue",
        name="Revenue recognition",
        form=RecognitionForm,
        explanation="Posts the revenue that contracts have earned by the day, billed or not. A run posts the difference only, "
        "so it may be repeated.",
    )


def net_page(request: HttpRequest) -> HttpResponse:
    """Start the netting of contracts."""
    return _run_page(
        request,
        kind="net_contracts",
        parameter="at",
        verb="Net contract balances",
        name="Contract netting",
        form=MonthEndForm,
        explanation="A contract is shown as an asset or as a liability, not both: deferred and unbilled revenue of each contract "
        "are set against each other at the month's end, and stand gross again the day after. Run it after the recognition run.",
    )


@admin.register(RecognitionSchedule)
class RecognitionScheduleAdmin(DocumentAdmin):
    list_display = (
        "service_shown", "customer_shown", "product_shown", "amount_price", "amount_earned", "amount_deferred",
        "amount_unbilled",
    )  # fmt: skip
    list_filter = (StateFilter, ("service_start", RangeDateFilter), "method")
    list_select_related = ("customer", "product", "contract")
    ordering = ("-service_start", "-id")
    search_fields = ("customer__name", "customer__external_id", "contract__number", "product__name")
    search_help_text = "Customer, contract or product"
    empty_hint = "A schedule opens for every service period that is billed or has begun."
    verbs = SCHEDULE_VERBS

    def get_queryset(self, request: HttpRequest) -> QuerySet[RecognitionSchedule]:
        return super().get_queryset(request).filter(is_void=False).select_related("customer", "product", "contract")

    def get_urls(self) -> list[URLPattern]:
        ours = [
            path("recognize/", self.admin_site.admin_view(recognize_page), name="recognize_revenue"),
            path("net/", self.admin_site.admin_view(net_page), name="net_contracts"),
            path("modify/<int:contract_id>/", self.admin_site.admin_view(modify_page), name="modify_contract"),
        ]
        return [*ours, *super().get_urls()]

    def list_links(self, request: HttpRequest) -> list[tuple[str, str]]:
        if not may(request, Role.ACCOUNTANT):
            return []
        return [
            ("Recognize revenue", reverse("admin:recognize_revenue")),
            ("Net contract balances", reverse("admin:net_contracts")),
        ]

    @display(description="Service period", ordering="service_start")
    def service_shown(self, schedule: RecognitionSchedule) -> str:
        return period(schedule.service_start, schedule.service_end)

    @display(description="Customer", ordering="customer__name")
    def customer_shown(self, schedule: RecognitionSchedule) -> str:
        return link(schedule.customer)

    @display(description="Product", ordering="product__name")
    def product_shown(self, schedule: RecognitionSchedule) -> str:
        return str(schedule.product)

    @display(description="Price", ordering="amount")
    def amount_price(self, schedule: RecognitionSchedule) -> str:
        return money(schedule.amount)

    @display(description="Earned", ordering="recognized")
    def amount_earned(self, schedule: RecognitionSchedule) -> str:
        return money(schedule.recognized)

    @display(description="Deferred")
    def amount_deferred(self, schedule: RecognitionSchedule) -> str:
        return deferred(schedule)

    @display(description="Unbilled")
    def amount_unbilled(self, schedule: RecognitionSchedule) -> str:
        return unbilled(schedule)

    def document(self, request: HttpRequest, subject: RecognitionSchedule) -> Document:
        return Document(
            title=f"{subject.product}: {period(subject.service_start, subject.service_end)}",
            headline=[
                ("Price", money(subject.amount)),
                ("Billed", money(subject.billed)),
                ("Earned", money(subject.recognized)),
                ("Deferred", deferred(subject)),
                ("Unbilled", unbilled(subject)),
            ],
            facts=[
                ("Customer", link(subject.customer)),
                ("Contract", link(subject.contract)),
                ("Product", link(subject.product)),
                ("Revenue is recognized", subject.get_method_display()),
                ("Earned through", last_day(subject.recognized_until) if subject.recognized_until else "not yet"),
                ("Spread from", day(subject.spread_from)),
                *([("What is left is earned", "by parts written down")] if subject.is_planned else []),
            ],
            tables=[parts_table(subject), progress_table(subject), revisions_table(subject)],
        )


def deferred(schedule: RecognitionSchedule) -> str:
    """Show what is billed and not yet earned."""
    return money(max(schedule.billed.amount - schedule.recognized.amount, 0), schedule.currency)


def unbilled(schedule: RecognitionSchedule) -> str:
    """Show what is earned and not yet billed."""
    return money(max(schedule.recognized.amount - schedule.billed.amount, 0), schedule.currency)
