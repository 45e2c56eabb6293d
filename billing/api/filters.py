"""Filters of lists. A value of the wrong type and a filter that does not exist are refused, never ignored."""

from typing import Any

from django import forms
from django.db import models
from django_filters import rest_framework as filters
from drf_spectacular.contrib.django_filters import DjangoFilterExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ValidationError

_MAX_ID = 2**63 - 1


@extend_schema_field(OpenApiTypes.INT64)
class IdFilter(filters.NumberFilter):
    """The id of a record."""

    field_class = forms.IntegerField

    def __init__(self, field_name: str, **kwargs: Any) -> None:
        super().__init__(field_name=field_name, min_value=1, max_value=_MAX_ID, **kwargs)

    def get_max_validator(self) -> None:
        return None


class DayFilter(filters.DateFilter):
    """An ISO date."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, input_formats=["%Y-%m-%d"], **kwargs)


@extend_schema_field(OpenApiTypes.BOOL)
class FlagFilter(filters.TypedChoiceFilter):
    """`true` or `false`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(
            *args, choices=(("true", "true"), ("false", "false")), coerce=lambda text: text == "true", **kwargs
        )


class AnyOfFilter(filters.MultipleChoiceFilter):
    """One of several values, given by repeating the parameter."""

    def __init__(self, field_name: str, choices: Any, **kwargs: Any) -> None:
        super().__init__(field_name=field_name, choices=choices, distinct=False, **kwargs)


class Filters(filters.FilterSet):
    """The base of every list's filters; foreign keys are declared as IdFilter, not taken from the model."""

    FILTER_DEFAULTS = {
        **filters.FilterSet.FILTER_DEFAULTS,
        models.DateField: {"filter_class": DayFilter},
        models.BooleanField: {"filter_class": FlagFilter},
    }

    @classmethod
    def filter_for_field(cls, field: Any, field_name: str, lookup_expr: str | None = None) -> Any:
        # The library's own asks the model's manager, which answers only inside a tenant's scope.
        filter_class, parameters = cls.filter_for_lookup(field, lookup_expr or "exact")
        return filter_class(field_name=field_name, lookup_expr=lookup_expr or "exact", **parameters)


class FilterBackend(filters.DjangoFilterBackend):
    """django-filter, with unknown parameters refused."""

    def filter_queryset(self, request: Any, queryset: Any, view: Any) -> Any:
        filterset_class = self.get_filterset_class(view, queryset)
        known = set(filterset_class.base_filters if filterset_class else ()) | set(view.paginator.query_params)
        if unknown := sorted(set(request.query_params) - known):
            choices = ", ".join(sorted(known))
            raise ValidationError({name: [f"There is no such parameter. Known: {choices}."] for name in unknown})
        return super().filter_queryset(request, queryset, view)


class FilterBackendExtension(DjangoFilterExtension):
    """Describe the filters without asking the model's manager, which answers only inside a tenant's scope."""

    target_class = "billing.api.filters.FilterBackend"
    priority = 1

    def get_schema_operation_parameters(self, auto_schema: Any, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        view = auto_schema.view
        filterset_class = getattr(view, "filterset_class", None)
        return [
            {"description": _in_words(name, each), **parameter}
            for name, each in (filterset_class.base_filters.items() if filterset_class else ())
            for parameter in self.resolve_filter_field(auto_schema, view.model, filterset_class, name, each)
        ]


def _in_words(name: str, found_by: filters.Filter) -> str:
    """Say what a filter leaves of a list."""
    field, _, lookup = name.partition("__")
    if isinstance(found_by, IdFilter):
        return f"The id of the {field.replace('_', ' ')}."
    return {
        "gte": f"`{field}` at or after this.",
        "lte": f"`{field}` at or before this.",
        "icontains": f"`{field}` contains this, in capitals or not.",
        "isnull": f"`true`: `{field}` is empty; `false`: it is not.",
    }.get(lookup, f"`{field}` is this.")
