"""Actions on the chosen rows of a list: confirmed on a page of their own, done as a whole or not at all."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from billing.access import may
from billing.models import Role
from billing.refusals import refusals

Action = Callable[[Any, HttpRequest, QuerySet[Any]], HttpResponse | None]


def confirmed_action(
    *,
    name: str,
    label: str,
    explain: Callable[[QuerySet[Any]], str],
    do: Callable[[HttpRequest, QuerySet[Any]], str],
    role: str = Role.FINANCE,
    danger: bool = False,
    check: Callable[[QuerySet[Any]], object] = lambda chosen: None,
) -> Action:
    """Make a list action that asks first. `do` answers in words; a ValueError of it is shown, and nothing has changed.

    `check` looks before anything is asked: its ValueError is shown instead of the question.
    """

    def action(model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        if not may(request, role):
            raise PermissionDenied
        if "confirmed" in request.POST:
            try:
                messages.success(request, do(request, queryset))
            except refusals() as error:
                messages.error(request, str(error))
            return None
        try:
            check(queryset)
        except refusals() as error:
            messages.error(request, str(error))
            return None
        across = request.POST.get("select_across", "0")
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        context = {
            **model_admin.admin_site.each_context(request),
            "opts": model_admin.opts,
            "title": label,
            "explanation": explain(queryset),
            "hidden": [
                ("action", name),
                ("confirmed", "1"),
                ("select_across", across),
                *((ACTION_CHECKBOX_NAME, pk) for pk in (chosen[:1] if across == "1" else chosen)),
            ],
            "submit": label,
            "danger": danger,
            "cancel_url": request.get_full_path(),
        }
        return TemplateResponse(request, "admin/counterfoil/confirm.html", context)

    action.__name__ = name
    action.short_description = label  # type: ignore[attr-defined]
    action.role = role  # type: ignore[attr-defined]
    return action
