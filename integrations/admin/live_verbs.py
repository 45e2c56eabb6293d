"""Going live, and the dry run before it."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.html import format_html

from billing.access import may
from billing.admin.document import Verb, VerbForm
from billing.admin.forms import DayField, StyledForm, today
from billing.admin.shown import change_url, to
from billing.admin.tables import Table, columns
from billing.models import Role
from billing.periods import add_months, first_of_month
from billing.wording import counted
from integrations import vault
from integrations.admin.readable import Names, readable
from integrations.admin.shown import Subjects, indented, outbox_url, sends
from integrations.connectors.base import DeliveryError
from integrations.dry_run import EACH, Tried, try_out
from integrations.going_live import History, go_live, is_being_set_up
from integrations.models import Connection, ConnectionStatus, SyncMode
from integrations.readiness import readiness


class GoLiveForm(VerbForm):
    start = DayField(label="Live from", help_text="What is dated that day or later is sent.")
    history = forms.ChoiceField(label="And what was before", widget=forms.RadioSelect)
    since = DayField(label="Back-fill from", required=False, help_text="For the last choice only.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("start", first_of_month(today()))
        self.initial.setdefault("history", History.NOTHING.value)
        opening = "Opening balances: the sum of all earlier entries, dated the day before"
        if self.subject.sync_mode == SyncMode.DOCUMENTS:
            opening = "Open items: the invoices that were not settled when that day began, with their own dates"
            opening += ", and their payments" if self.subject.send_payments else ""
        self.fields["history"].choices = [  # type: ignore[attr-defined]
            (History.NOTHING.value, "Nothing: the ERP has it already, or never gets it"),
            (History.OPENING.value, opening),
            (History.BACKFILL.value, "Everything from an earlier day on, one by one (back-fill)"),
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("history") == History.BACKFILL:
            since, start = cleaned.get("since"), cleaned.get("start")
            if not since:
                self.add_error("since", "Say from which day on.")
            elif start and since > start:
                self.add_error("since", "Back-filling begins before the connection is live, not after.")
        return cleaned


def _go_live(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    added = go_live(connection, start=given["start"], history=History(given["history"]), since=given["since"])
    link = to(outbox_url(connection=connection.pk), "See them in the outbox")
    return format_html("{} is live. {} in line. {}", connection.name, counted(added, "item is", "items are"), link)


def _may_go_live(connection: Connection) -> bool:
    is_open = connection.status == ConnectionStatus.CONNECTED
    return is_open and is_being_set_up(connection) and not readiness(connection)


def _explain(connection: Connection) -> str:
    words = f"From then on {connection.name} gets {sends(connection).lower()} by itself."
    if connection.sync_mode == SyncMode.DOCUMENTS and not connection.send_payments:
        words += " What was paid on open invoices is entered in the ERP by you, as all payments are."
    return f"{words} What you bring along must not be in the ERP from another source already: it would be there twice."


LIVE_VERBS = (
    Verb(
        "go-live", "Go live", _go_live, role=Role.ACCOUNTANT, form=GoLiveForm, allowed=_may_go_live, explain=_explain,
    ),
)  # fmt: skip


class DryRunForm(StyledForm):
    since = DayField(label="Everything dated from")


def dry_run(request: HttpRequest, connection_id: int) -> HttpResponse:
    """Show the documents that would be sent."""
    if not may(request, Role.ACCOUNTANT):
        raise PermissionDenied
    connection = get_object_or_404(Connection, pk=connection_id)
    form = DryRunForm(request.GET if "since" in request.GET else None, initial={"since": _usual_day()})
    since = form.cleaned_data["since"] if form.is_bound and form.is_valid() else _usual_day()
    trouble, tables = "", []
    try:
        tables = _tables(connection, since)
    except DeliveryError as error:
        trouble = error.words
    context = {
        **admin.site.each_context(request),
        "opts": Connection._meta,
        "original": connection,
        "title": f"Dry run: {connection.name}",
        "back": change_url(Connection, connection.pk),
        "form": form,
        "trouble": trouble,
        "tables": tables,
    }
    return TemplateResponse(request, "admin/integrations/dry_run.html", context)


def _usual_day() -> date:
    return add_months(first_of_month(today()), -1)


def _tables(connection: Connection, since: date) -> list[Table]:
    counts, tried = try_out(connection, since=since)
    subjects = Subjects((each.kind, each.subject_id) for each in tried)
    names = Names(connection)
    rows: dict[str, list[tuple[object, ...]]] = {}
    for each in tried:
        shown = (subjects.show(each.kind, each.subject_id), each.reference, _body(each, names))
        rows.setdefault(each.kind.value, []).append(shown)
    return [
        Table(
            f"{kind.value.replace('_', ' ').capitalize()}: {count:,}",
            columns("Ours", "Our reference there", "What would be sent"),
            rows.get(kind.value, []),
            "",
            note=f"The newest {EACH} of {count:,}." if count > EACH else "All of them.",
        )
        for kind, count in counts.items()
    ]


def _body(tried: Tried, names: Names) -> object:
    if tried.trouble:
        return format_html('<span class="cf-error">It cannot be sent as it is. {}</span>', tried.trouble)
    drawn = readable(tried.document, names) if tried.document else ""
    body = format_html('<pre class="cf-code cf-body">{}</pre>', indented(vault.redact(tried.body)))
    if not drawn:
        return body
    return format_html('{}<details><summary class="cf-link">Exactly as sent</summary>{}</details>', drawn, body)
