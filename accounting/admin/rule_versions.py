"""Versions of rules: drafts, how they are tried on past events, and what puts them in force."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.decorators import display

from accounting.admin.rule_words import lines_table, says, since
from accounting.models import JournalEntry, RulePreview, RuleVersion
from accounting.rule_versions import activate_version, digest, discard_draft, preview_of, retire_version
from billing.access import may
from billing.admin.document import Document, DocumentAdmin, Verb, VerbForm
from billing.admin.events import event_label
from billing.admin.form_page import form_page
from billing.admin.forms import DayField, today
from billing.admin.shown import badge, change_url, day, link, moment, to
from billing.admin.tables import Table, columns
from billing.models import Job, Role
from billing.periods import day_words
from billing.services.jobs import start_job


class PreviewForm(VerbForm):
    first_day = DayField(label="Try it on events from")
    last_day = DayField(label="up to and including")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["last_day"] = today()
        self.initial["first_day"] = (today() - timedelta(days=90)).replace(day=1)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        first, last = cleaned.get("first_day"), cleaned.get("last_day")
        if first and last and last < first:
            self.add_error("last_day", "The last day lies before the first.")
        return cleaned


def state_of(version: RuleVersion) -> SafeString:
    """Show whether a version is a draft, in force (now or later) or retired."""
    if version.is_draft:
        return badge("draft", "Draft")
    if not version.is_active:
        return badge("ended", "Retired")
    return badge("active", "In force") if version.effective_from <= today() else badge("pending", "Holds later")


def _activate(request: HttpRequest, version: RuleVersion, given: dict[str, Any]) -> str:
    return f"{activate_version(version_id=version.pk)} holds for events {since(version)}."


def _retire(request: HttpRequest, version: RuleVersion, given: dict[str, Any]) -> str:
    return f"{retire_version(version_id=version.pk)} is retired."


def _discard(request: HttpRequest, version: RuleVersion, given: dict[str, Any]) -> str:
    discard_draft(version_id=version.pk)
    return "The draft is deleted."


def _what_activating_does(version: RuleVersion) -> str:
    tried = ""
    if preview := preview_of(version):
        tried = (
            f"It was tried on the events of {day(preview.first_day)} to {day(preview.last_day)}: of {preview.events:,}, "
            f"{preview.changed_events:,} would have been posted otherwise. "
        )
    if preview and preview.unmatched_events:
        tried += f"No rule would speak of {preview.unmatched_events:,} of them: they would wait on the list of unmatched events. "
    return (
        f"{tried}Events dated {since(version)} on are posted by this version as soon as you confirm; what is posted stays as it "
        "is."
    )


@admin.register(RuleVersion)
class RuleVersionAdmin(DocumentAdmin):
    list_display = ("__str__", "state_shown", "since_shown", "priority", "says_shown")
    list_select_related = ("rule",)
    list_filter = ("is_draft", "is_active")
    search_fields = ("rule__name", "rule__code")
    verbs = (
        Verb(
            "activate", "Activate", _activate, role=Role.ACCOUNTANT, explain=_what_activating_does,
            allowed=lambda version: not version.is_active and preview_of(version) is not None,
        ),
        Verb(
            "retire", "Retire", _retire, role=Role.ACCOUNTANT, danger=True,
            explain=lambda version: "Nothing new is posted by this version; an earlier one of the rule holds again. Where "
            "there is none, such events stay unmatched until a rule speaks of them.",
            allowed=lambda version: version.is_active,
        ),
        Verb(
            "discard", "Delete draft", _discard, role=Role.ACCOUNTANT, danger=True, back_to_list=True,
            explain=lambda version: "The draft goes. That it was there stays in the audit trail.",
            allowed=lambda version: version.is_draft and not version.previews.exists(),
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[RuleVersion]:
        return super().get_queryset(request).select_related("rule")

    def get_urls(self) -> list[URLPattern]:
        ours = path("<int:version_id>/preview/", self.admin_site.admin_view(self.preview), name="preview_rule_version")
        return [ours, *super().get_urls()]

    def buttons(self, request: HttpRequest, subject: RuleVersion) -> list[dict[str, object]]:
        url = reverse("admin:preview_rule_version", args=[subject.pk])
        ours = [{"label": "Preview", "url": url, "danger": False}] if may(request, Role.ACCOUNTANT) else []
        return [*ours, *super().buttons(request, subject)]

    @display(description="Status", ordering="is_active")
    def state_shown(self, version: RuleVersion) -> str:
        return state_of(version)

    @display(description="Holds for events", ordering="effective_from")
    def since_shown(self, version: RuleVersion) -> str:
        return since(version)

    @display(description="It says")
    def says_shown(self, version: RuleVersion) -> str:
        return says(version)

    def document(self, request: HttpRequest, subject: RuleVersion) -> Document:
        used = JournalEntry.objects.filter(rule_version=subject.pk).exists()
        return Document(
            title=str(subject),
            badge=state_of(subject),
            note=_next_step(subject),
            facts=[
                ("Rule", link(subject.rule)),
                ("When this happens", event_label(subject.rule.event_kind)),
                ("Holds for events", since(subject)),
                ("Priority", f"{subject.priority} (where several rules match, the lowest number wins)"),
                ("Description of the entries", subject.description),
                ("Entries posted by it", "Yes: it can no longer change" if used else "None yet"),
            ],
            tables=[lines_table(subject), _previews(subject)],
        )

    def preview(self, request: HttpRequest, version_id: int) -> HttpResponse:
        """Start a preview, and show how far it is."""
        if not may(request, Role.ACCOUNTANT):
            raise PermissionDenied
        version = self.find(request, str(version_id))

        def start(given: dict[str, Any]) -> tuple[str, str]:
            first, last = given["first_day"], given["last_day"]
            job = start_job(
                kind="preview_rule",
                title=f"Preview: {version}, events of {day_words(first)} to {day_words(last)}",
                parameters={"version": version.pk, "first_day": first.isoformat(), "last_day": last.isoformat()},
                user=request.user,
            )
            return "The preview is in line. Nothing will be posted.", change_url(Job, job.pk)

        return form_page(
            request,
            title=f"Preview: {version}",
            submit="Start the preview",
            cancel_url=change_url(RuleVersion, version.pk),
            do=start,
            form=PreviewForm(request.POST if request.method == "POST" else None, subject=version),
            explanation="The events of these days are posted again on paper, with this version as if it had held then, and "
            "compared with what was posted. Nothing is posted or changed.",
            subject=version,
            opts=self.opts,
        )


def _next_step(version: RuleVersion) -> str:
    if version.is_active:
        return ""
    tried = version.previews.exists()
    if preview_of(version) is None and tried:
        return "It was changed after it was tried. “Preview” it again; after that it can be activated."
    if preview_of(version) is None:
        return "It posts nothing. Next: “Preview” shows what it would have done; after that it can be activated."
    if not version.is_draft:
        return "It posts nothing any more. It was tried, so it can be activated again."
    return "This draft posts nothing yet. It was tried: look at the preview below, then “Activate” it."


def _previews(version: RuleVersion) -> Table:
    now = digest(version)
    return Table(
        "Previews",
        columns("Made", "By", "Events of", ">Events", ">Posted otherwise", ">Without a rule", ""),
        [
            (
                to(change_url(RulePreview, each.pk), moment(each.made_at)),
                each.made_by or "command",
                f"{day(each.first_day)} to {day(each.last_day)}",
                f"{each.events:,}",
                f"{each.changed_events:,}",
                f"{each.unmatched_events:,}",
                "" if each.digest == now else "of an earlier content",
            )
            for each in version.previews.select_related("made_by")
        ],
        "Not tried yet. “Preview” shows, on past events, what would have been posted otherwise.",
    )
