"""The revaluation of open foreign balances: looked at, then posted."""

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html

from accounting.admin.words import role_name
from accounting.currency.rates import MissingRate
from accounting.currency.revaluation import Valued, revaluation_words, revalue, value_balances
from accounting.events import ForeignBalancesRevalued, RevaluationReversed
from accounting.models import ExchangeRate, JournalEntry
from billing.access import may
from billing.admin.form_page import form_page
from billing.admin.forms import DayField, StyledForm, today
from billing.admin.shown import day, figure, list_url, money, to
from billing.admin.tables import Table, columns
from billing.models import BusinessEntity, Role
from billing.periods import end_of_month, first_of_month

_DIGITS = 6


class RevaluationForm(StyledForm):
    at = DayField(label="Month's last day")


def revalue_page(request: HttpRequest) -> HttpResponse:
    """Show what the open foreign balances are worth at a month's end, and post the difference once that is confirmed."""
    if not may(request, Role.ACCOUNTANT):
        raise PermissionDenied
    first = first_of_month(today())
    asked = request.POST if request.method == "POST" else request.GET
    form = RevaluationForm(asked if "at" in asked else {"at": first.fromordinal(first.toordinal() - 1)})
    tables: list[Table] = []
    warning, shown, ready = "", "", False
    if form.is_valid():
        at = form.cleaned_data["at"]
        # Only the day whose balances were shown is revalued: with another day in the field they are shown first.
        shown = str(at)
        ready = request.POST.get("confirmed") == shown
        try:
            tables = _value_tables(value_balances(at=at))
        except MissingRate as error:
            warning = str(error)
        if at != end_of_month(at):
            warning = f"Balances are revalued at the end of a month; {day(at)} is not the last day of one."
    if not ready or warning or not form.is_valid():
        context = {
            "title": "Revalue foreign balances",
            "form": form,
            "tables": tables,
            "warning": warning,
            "submit": "Revalue" if tables and not warning else "Show the balances",
            "hidden": [("confirmed", shown)] if tables and not warning else [],
            "explanation": "Open receivables, unbilled revenue and money held for customers in a foreign currency are brought to "
            "the rate of the month's last day, and back on the day after. Run again, it posts the difference only.",
        }
        everywhere = {**admin.site.each_context(request), "opts": ExchangeRate._meta}
        return TemplateResponse(
            request,
            "admin/counterfoil/confirm.html",
            {**everywhere, **context, "cancel_url": list_url(ExchangeRate)},
        )
    return form_page(
        request,
        title="Revalue foreign balances",
        submit="Revalue",
        cancel_url=list_url(ExchangeRate),
        do=_revalue,
        form=form,
        tables=tables,
        opts=ExchangeRate._meta,
    )


def _revalue(given: dict[str, Any]) -> tuple[str, str]:
    at = given["at"]
    run = revalue(at=at)
    if not run.balances:
        return revaluation_words(run), list_url(ExchangeRate)
    back = at.fromordinal(at.toordinal() + 1)
    words = format_html(
        "{} Below are its entries of {}; {} takes it back.",
        revaluation_words(run),
        day(at),
        to(_entries(RevaluationReversed.kind, back), f"what was posted on {day(back)}"),
    )
    return words, _entries(ForeignBalancesRevalued.kind, at)


def _entries(kind: str, on: date) -> str:
    return list_url(JournalEntry, urlencode({"kind": kind, "date_from": on, "date_to": on}))


def _value_tables(valued: list[Valued]) -> list[Table]:
    """One table for each set of books, a row for each currency and kind of balance."""
    names = dict(BusinessEntity.objects.values_list("id", "name"))
    by_entity: dict[int, dict[tuple[str, str], list[Valued]]] = defaultdict(lambda: defaultdict(list))
    for each in valued:
        by_entity[each.balance.business_entity_id][each.balance.currency, each.balance.role].append(each)
    return [_value_table(names[entity], groups) for entity, groups in by_entity.items()]


def _value_table(name: str, groups: dict[tuple[str, str], list[Valued]]) -> Table:
    base = next(iter(groups.values()))[0].rate.base
    rows = []
    difference = to_post = Decimal(0)
    for (currency, role), group in groups.items():
        wanted = sum((each.difference for each in group), Decimal(0))
        missing = wanted - sum((each.balance.posted for each in group), Decimal(0))
        difference, to_post = difference + wanted, to_post + missing
        rate = group[0].rate
        rows.append(
            (
                role_name(role),
                money(sum((each.balance.amount for each in group), Decimal(0)), currency),
                figure(sum((each.balance.carried for each in group), Decimal(0)), base),
                f"{round(rate.value, _DIGITS).normalize():f} of {day(rate.day)}",
                figure(sum((each.value for each in group), Decimal(0)), base),
                figure(wanted, base),
                figure(missing, base, blank_zero=False),
            )
        )
    labels = (">Open", f">Carried at, {base}", ">Rate", f">Worth, {base}", ">Gain or loss (–)", ">To be posted now")
    totals = ("Total", "", "", "", "", figure(difference, base), figure(to_post, base, blank_zero=False))
    note = (
        "Money held for customers is owed, so it is negative. Deferred revenue and tax keep the rate of their invoice."
    )
    return Table(name, columns("Balance", *labels), rows, "", totals=totals, note=note)
