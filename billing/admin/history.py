"""The audit trail: all changes of the set-up with filters, and those of one object."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from billing.admin.document import Document, DocumentAdmin
from billing.admin.shown import NONE, badge, change_url, to
from billing.admin.tables import Table, columns
from billing.models import Change

_COLOURS = {"added": "done", "changed": "suggested", "deleted": "failed"}
_LONGEST = 300
_LISTED = 4


class WhatFilter(admin.SimpleListFilter):
    title = "what"
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = Change.objects.order_by("model").values_list("model", flat=True).distinct()
        return [(model, _kind(model)) for model in found]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Change]) -> QuerySet[Change]:
        return queryset.filter(model=self.value()) if self.value() else queryset


class WhoFilter(admin.SimpleListFilter):
    title = "who"
    parameter_name = "who"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        ids = Change.objects.exclude(user=None).order_by().values_list("user_id", flat=True).distinct()
        people = get_user_model()._default_manager.filter(pk__in=list(ids)).order_by("username")
        return [("nobody", "No person"), *((str(person.pk), str(person)) for person in people)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Change]) -> QuerySet[Change]:
        value = self.value()
        if value == "nobody":
            return queryset.filter(user=None)
        return queryset.filter(user_id=int(value)) if value and value.isdecimal() else queryset


class ObjectFilter(admin.SimpleListFilter):
    """Kept in the address: how the history of one object is asked for."""

    title = "object"
    parameter_name = "object"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = request.GET.get(self.parameter_name)
        return [(value, f"Number {value}")] if value and value.isdecimal() else [("", "")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Change]) -> QuerySet[Change]:
        value = self.value()
        return queryset.filter(object_id=int(value)) if value and value.isdecimal() and len(value) < 19 else queryset


@admin.register(Change)
class ChangeAdmin(DocumentAdmin):
    list_display = ("at_shown", "who", "what", "action_shown", "difference")
    list_filter = (WhatFilter, WhoFilter, "action", ("at", RangeDateTimeFilter), ObjectFilter)
    list_select_related = ("user",)
    ordering = ("-id",)
    empty_hint = "Every change of rules, accounts, periods, connections, mappings and the like is listed here."

    @display(description="When", ordering="id")
    def at_shown(self, change: Change) -> str:
        return f"{change.at:%Y-%m-%d %H:%M:%S} UTC"

    @display(description="Who")
    def who(self, change: Change) -> str:
        return _who(change)

    @display(description="What")
    def what(self, change: Change) -> str:
        return f"{_kind(change.model)} {_name(change)}"

    @display(description="", ordering="action")
    def action_shown(self, change: Change) -> str:
        return badge(_COLOURS[change.action], change.get_action_display())

    @display(description="From what to what")
    def difference(self, change: Change) -> object:
        rows = _rows(change)
        more = f"and {len(rows) - _LISTED} more" if len(rows) > _LISTED else ""
        shown = format_html_join("", "<div>{}: {} → {}</div>", [(n, b[:60], a[:60]) for n, b, a in rows[:_LISTED]])
        return format_html("{}{}", shown, more)

    def document(self, request: HttpRequest, subject: Change) -> Document:
        return Document(
            title=f"{_kind(subject.model)} {_name(subject)}",
            badge=badge(_COLOURS[subject.action], subject.get_action_display()),
            facts=[
                ("When", f"{subject.at:%Y-%m-%d %H:%M:%S} UTC"),
                ("Who", _who(subject)),
                ("What", _link(subject)),
            ],
            tables=[
                Table("From what to what", columns("Field", "Before", "After"), _rows(subject), "Nothing."),
            ],
        )


def _who(change: Change) -> str:
    return f"{change.user or 'No person'}{f' ({change.via})' if change.via else ''}"


def _kind(model: str) -> str:
    return str(apps.get_model(model)._meta.verbose_name).capitalize()


def _name(change: Change) -> str:
    values = {**(change.before or {}), **(change.after or {})}
    named = next(
        (values[name] for name in ("code", "name", "start", "account_code", "external_name") if values.get(name)), ""
    )
    return str(named or change.object_id)


def _link(change: Change) -> object:
    try:
        return to(
            change_url(apps.get_model(change.model), change.object_id), f"{_kind(change.model)} {change.object_id}"
        )
    except NoReverseMatch:
        return change.object_id


def _rows(change: Change) -> list[tuple[str, str, str]]:
    before, after = change.before or {}, change.after or {}
    return [
        (name.removesuffix("_id").replace("_", " "), _value(before.get(name)), _value(after.get(name)))
        for name in sorted(before.keys() | after.keys())
        if name != "id" and (before.get(name) not in (None, "") or after.get(name) not in (None, ""))
    ]


def _value(value: Any) -> str:
    return NONE if value in (None, "") else str(value)[:_LONGEST]
