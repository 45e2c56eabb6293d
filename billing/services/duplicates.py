"""Documents that their sender numbers: the same number does not come twice."""

from typing import Any

from django.db.models import Q

from billing.fields import Literal


def is_recorded(model: Any, *, value: str, column: str = "reference") -> bool:
    """Tell whether the company has a document with this value in the column; without a value it may have many."""
    return bool(value) and model.objects.filter(~Q(**{column: Literal("")}), **{column: value}).exists()
