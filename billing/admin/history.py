"""The audit trail: all changes of the set-up with filters, and those of one object."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display
from unfold.views import ChangeList

from billing.admin.document import Document, DocumentAdmin
from billing.admin.shown import NONE, badge, change_url, moment, to
from billing.admin.tables import Table, columns
from billing.models import Change
from billing.periods import ALWAYS, day_words

_COLOURS = {"added": "done", "changed": "suggested", "deleted": "failed"}
_LONGEST = 5_000
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
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


class _Named(ChangeList):
    """A page of changes that know the names of what their fields point at."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        changes: list[Any] = list(self.result_list)
        names = _names_of(changes)
        for change in changes:
            change.names = names
        self.result_list = changes


@admin.register(Change)
class ChangeAdmin(DocumentAdmin):
    list_display = ("at_shown", "who", "what", "action_shown", "difference")
    list_filter = (WhatFilter, WhoFilter, "action", ("at", RangeDateTimeFilter), ObjectFilter)
    list_select_related = ("user",)
    ordering = ("-id",)
    empty_hint = "Every change of rules, accounts, periods, connections, mappings and the like is listed here."

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return _Named

    @display(description="When", ordering="id")
    def at_shown(self, change: Change) -> str:
        return moment(change.at, seconds=True)

    @display(description="Who")
    def who(self, change: Change) -> str:
        return _who(change)

    @display(description="What")
    def what(self, change: Any) -> str:
        return f"{_kind(change.model)} {_name(change, change.names)}"

    @display(description="", ordering="action")
    def action_shown(self, change: Change) -> str:
        return badge(_COLOURS[change.action], change.get_action_display())

    @display(description="From what to what")
    def difference(self, change: Any) -> object:
        rows = _rows(change, change.names)
        more = f"and {len(rows) - _LISTED} more" if len(rows) > _LISTED else ""
        shown = format_html_join("", "<div>{}: {} → {}</div>", [(n, b[:60], a[:60]) for n, b, a in rows[:_LISTED]])
        return format_html("{}{}", shown, more)

    def document(self, request: HttpRequest, subject: Change) -> Document:
        names = _names_of([subject])
        return Document(
            title=f"{_kind(subject.model)} {_name(subject, names)}",
            badge=badge(_COLOURS[subject.action], subject.get_action_display()),
            facts=[
                ("When", moment(subject.at, seconds=True)),
                ("Who", _who(subject)),
                ("What", _link(request, subject, names)),
            ],
            tables=[
                Table("From what to what", columns("Field", "Before", "After"), _rows(subject, names), "Nothing."),
            ],
        )


def _who(change: Change) -> str:
    return f"{change.user or 'No person'}{f' ({change.via})' if change.via else ''}"


def _kind(model: str) -> str:
    return str(apps.get_model(model)._meta.verbose_name).capitalize()


Names = Mapping[tuple[type[Model], int], str]


def _points_at(model: type[Model], column: str) -> type[Model] | None:
    """Give what a column's ids stand for, or None where it holds no ids."""
    try:
        field = model._meta.get_field(column.removesuffix("_id")) if column.endswith("_id") else None
    except FieldDoesNotExist:  # A column that was there once.
        return None
    return field.related_model if field is not None and field.is_relation else None  # type: ignore[return-value]


def _names_of(changes: Iterable[Change]) -> Names:
    """Give the names of all that fields of the changes point at: one query for each kind of thing."""
    wanted: dict[type[Model], set[int]] = defaultdict(set)
    for change in changes:
        model = apps.get_model(change.model)
        for column, value in (*(change.before or {}).items(), *(change.after or {}).items()):
            if isinstance(value, int) and (target := _points_at(model, column)):
                wanted[target].add(value)
    return {
        (target, pk): str(found)
        for target, ids in wanted.items()
        for pk, found in target._default_manager.in_bulk(ids).items()
    }


def _name(change: Change, names: Names) -> str:
    values = {**(change.before or {}), **(change.after or {})}
    told = ("code", "name", "start", "account_code", "external_name")
    named = next((values[name] for name in told if values.get(name)), "")
    person = names.get((get_user_model(), values.get("user_id") or 0), "")
    return str(named or person or _version(change, values, names) or change.object_id)


def _version(change: Change, values: Mapping[str, Any], names: Names) -> str:
    """Name one of several versions of a thing after it."""
    rule = _points_at(apps.get_model(change.model), "rule_id")
    name = names.get((rule, values.get("rule_id") or 0), "") if rule else ""
    return f"{name}, version {values['number']}" if name and values.get("number") else name


def _link(request: HttpRequest, change: Change, names: Names) -> object:
    """Link to what was changed, where it is still there and has a page that this person may see."""
    model, words = apps.get_model(change.model), f"{_kind(change.model)} {_name(change, names)}"
    if not model._default_manager.filter(pk=change.object_id).exists():
        return f"{words}, which is no longer there"
    page = admin.site._registry.get(model)
    if page is None or not page.has_view_permission(request):
        return words
    return to(change_url(model, change.object_id), words)


def _rows(change: Change, names: Names) -> list[tuple[str, str, str]]:
    before, after, model = change.before or {}, change.after or {}, apps.get_model(change.model)

    def shown(name: str, value: Any) -> str:
        target = _points_at(model, name)
        return names.get((target, value), _value(value)) if target and isinstance(value, int) else _value(value)

    return [
        (name.removesuffix("_id").replace("_", " "), shown(name, before.get(name)), shown(name, after.get(name)))
        for name in sorted(before.keys() | after.keys())
        if name != "id" and (before.get(name) not in (None, "") or after.get(name) not in (None, ""))
    ]


def _value(value: Any) -> str:
    """Write a stored value as pages do; the trail keeps days as ISO text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and _DAY.fullmatch(value):
        with suppress(ValueError):  # A text that only looks like a day.
            on = date.fromisoformat(value)
            return "always" if on == ALWAYS else day_words(on)
    return NONE if value in (None, "") else _in_words(value)[:_LONGEST]


def _in_words(value: Any) -> str:
    """Write lists and the parts of a thing without the signs of a program."""
    if isinstance(value, list):
        return "; ".join(map(_in_words, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_in_words(part)}" for name, part in value.items())
    return str(value)
