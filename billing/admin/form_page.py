"""A page with a form that a service carries out: what it refuses is shown, and nothing has changed."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from billing.admin.tables import Table
from billing.refusals import refusals


def form_page(
    request: HttpRequest,
    *,
    title: str,
    submit: str,
    cancel_url: str,
    do: Callable[[dict[str, Any]], tuple[str, str]],
    form: forms.Form | None = None,
    explanation: str = "",
    warning: str = "",
    danger: bool = False,
    tables: Sequence[Table] = (),
    subject: models.Model | None = None,
    opts: Any = None,
    template: str = "admin/counterfoil/confirm.html",
) -> HttpResponse:
    """Ask, then do it. `do` gets the clean data and answers what was done, in words, and where to go on.

    The form must be bound exactly when the request is a POST. A ValueError of `do` is shown on the same page.
    """
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            words, url = do(form.cleaned_data if form else {})
        except refusals() as error:
            messages.error(request, str(error))
        else:
            messages.success(request, words)
            return HttpResponseRedirect(url)
    context = {
        **admin.site.each_context(request),
        "title": title,
        "form": form,
        "explanation": explanation,
        "warning": warning,
        "submit": submit,
        "danger": danger,
        "cancel_url": cancel_url,
        "tables": tables,
        "opts": opts,
        "original": subject,
    }
    return TemplateResponse(request, template, context)
