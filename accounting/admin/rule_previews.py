"""What a preview found: the difference per account, and the events that would have been posted otherwise."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.decorators import display

from accounting.admin.rule_versions import state_of
from accounting.admin.words import role_name
from accounting.models import Account, PreviewedEvent, RulePreview
from accounting.rule_versions import digest
from billing.admin.document import Document, DocumentAdmin
from billing.admin.events import event_label, named_after
from billing.admin.references import References
from billing.admin.shown import NONE, change_url, day, figure, link, moment, to
from billing.admin.tables import Table, columns
from billing.models import BusinessEvent
from billing.money import format_money

_LISTED = 200


@admin.register(RulePreview)
class RulePreviewAdmin(DocumentAdmin):
    list_display = ("__str__", "made_at", "made_by", "events", "changed_events")
    list_select_related = ("version__rule", "made_by")
    empty_hint = "Draft a new version of a rule, and preview it from its page."

    def get_queryset(self, request: HttpRequest) -> QuerySet[RulePreview]:
        return super().get_queryset(request).select_related("version__rule", "made_by")

    def document(self, request: HttpRequest, subject: RulePreview) -> Document:
        version = subject.version
        same = subject.digest == digest(version)
        return Document(
            title=f"Preview: {version}",
            badge=state_of(version),
            lead="What would have been posted if this version had held on these days. Nothing was posted.",
            note=_note(subject, same=same),
            facts=[
                ("Version", link(version)),
                ("Events of", f"{day(subject.first_day)} to {day(subject.last_day)}"),
                (f"Events of “{event_label(version.rule.event_kind).lower()}”", f"{subject.events:,}"),
                ("Would have been posted otherwise", f"{subject.changed_events:,}"),
                ("Without a rule", f"{subject.unmatched_events:,}"),
                ("Made", f"{moment(subject.made_at)} by {subject.made_by or 'command'}"),
            ],
            tables=[_accounts(subject), _events(subject)],
        )


def _note(preview: RulePreview, *, same: bool) -> str:
    if not same:
        return "The version was changed since; this preview does not count for activating it."
    if preview.unmatched_events:
        return (
            f"No rule would speak of {preview.unmatched_events:,} events: they would wait on the list of unmatched events. "
            "Check the conditions."
        )
    return ""


def _accounts(preview: RulePreview) -> Table:
    currencies = dict(
        Account.objects.filter(pk__in=[row["account_id"] for row in preview.accounts]).values_list(
            "pk", "business_entity__base_currency"
        )
    )
    rows = []
    for row in preview.accounts:
        posted = Decimal(row["posted_debit"]) - Decimal(row["posted_credit"])
        tried = Decimal(row["tried_debit"]) - Decimal(row["tried_credit"])
        currency = currencies.get(row["account_id"], "USD")
        name = to(change_url(Account, row["account_id"]), f"{row['code']} {row['name']}")
        rows.append((name, currency, *(_balance(each, currency) for each in (posted, tried, tried - posted))))
    return Table(
        "Per account, over the events that differ",
        columns("Account", "Currency", ">Was posted", ">Would have been", ">Difference"),
        rows,
        "No event would have been posted otherwise.",
        note="Debits less credits; Cr marks a credit. Where the difference is zero only details changed, such as the customer "
        "or product of a line.",
    )


def _balance(amount: Decimal, currency: str) -> object:
    if not amount:
        return figure(amount, currency, blank_zero=False)
    shown = figure(abs(amount), currency)
    return shown if amount > 0 else format_html("{} Cr", shown)


def _events(preview: RulePreview) -> Table:
    found = list(preview.differences.select_related("event")[:_LISTED])
    references = References([each.event.payload for each in found])
    rows = [
        (
            to(change_url(PreviewedEvent, each.pk), event_label(each.event.kind)),
            day(each.event.occurred_on),
            named_after(each.event, references),
            references.show("customer_id", each.event.payload.get("customer_id")),
            _summary(each.posted),
            _summary(each.drafted),
        )
        for each in found
    ]
    more = preview.changed_events - len(rows)
    return Table(
        "Events that would have been posted otherwise",
        columns("Event", "On", "About", "Customer", "Was posted", "Would have been"),
        rows,
        "None.",
        note=f"The first {len(rows)} are listed, {more:,} more differ. The accounts above speak of all."
        if more > 0
        else "",
    )


def _about(event: BusinessEvent) -> str:
    payload = event.payload
    name = next(
        (payload[key] for key in ("invoice_number", "credit_note_number", "contract_number") if payload.get(key)),
        event.key,
    )
    return f"{event_label(event.kind)} {name}"


def _summary(lines: list[dict[str, Any]]) -> str:
    parts = []
    for line in lines:
        side, amount = ("Dr", line["debit"]) if Decimal(line["debit"]) else ("Cr", line["credit"])
        parts.append(f"{side} {role_name(line['role'])} {format_money(Decimal(amount), line['currency'])}")
    return "; ".join(parts) or "nothing"


@admin.register(PreviewedEvent)
class PreviewedEventAdmin(DocumentAdmin):
    list_display = ("event_shown", "preview")
    list_select_related = ("event", "preview__version__rule")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PreviewedEvent]:
        return super().get_queryset(request).select_related("event", "preview__version__rule")

    @display(description="Event")
    def event_shown(self, each: PreviewedEvent) -> str:
        return _about(each.event)

    def document(self, request: HttpRequest, subject: PreviewedEvent) -> Document:
        accounts = Account.objects.in_bulk({line["account_id"] for line in [*subject.posted, *subject.drafted]})
        return Document(
            title=_about(subject.event),
            lead="As it was posted, and as it would have been posted by the version that was tried.",
            facts=[
                ("Event", to(change_url(BusinessEvent, subject.event_id), "What happened")),
                ("On", day(subject.event.occurred_on)),
                ("Preview", link(subject.preview, "Back to the preview")),
            ],
            tables=[
                _lines("Was posted", subject.posted, accounts, "Nothing was posted."),
                _lines("Would have been posted", subject.drafted, accounts, "Nothing would have been posted."),
            ],
        )


def _lines(title: str, lines: list[dict[str, Any]], accounts: dict[int, Account], empty: str) -> Table:
    rows = [
        (
            day(date.fromisoformat(line["date"])),
            line["description"],
            link(accounts.get(line["account_id"])) if line["account_id"] in accounts else NONE,
            role_name(line["role"]),
            line["currency"],
            figure(Decimal(line["debit"]), line["currency"]),
            figure(Decimal(line["credit"]), line["currency"]),
        )
        for line in lines
    ]
    return Table(title, columns("Date", "Entry", "Account", "Role", "Currency", ">Debit", ">Credit"), rows, empty)
