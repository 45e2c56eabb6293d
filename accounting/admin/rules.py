"""Accounting rules and their versions: read in words, changed by a further version."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from accounting.admin.rule_forms import VersionForm
from accounting.admin.rule_versions import state_of
from accounting.admin.rule_words import lines_table, says, since
from accounting.facts import FACTS
from accounting.models import AccountingRule, RuleVersion
from accounting.rule_versions import draft_version
from billing.access import may
from billing.admin.base import TenantForm
from billing.admin.document import Document, EditableDocumentAdmin
from billing.admin.events import event_label
from billing.admin.form_page import form_page
from billing.admin.forms import today
from billing.admin.shown import NONE, change_url, to
from billing.admin.tables import Table, columns
from billing.models import Role


class RuleForm(TenantForm):
    class Meta:
        model = AccountingRule
        fields = ("code", "name", "event_kind")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "event_kind" in self.fields:
            self.fields["event_kind"] = forms.ChoiceField(
                label="When this happens",
                choices=[(kind, event_label(kind)) for kind in FACTS],
                widget=UnfoldAdminSelectWidget(),
            )


@admin.register(AccountingRule)
class AccountingRuleAdmin(EditableDocumentAdmin):
    form = RuleForm
    change_role = Role.ACCOUNTANT
    add_role = Role.ACCOUNTANT
    list_display = ("name", "event_shown", "version_shown", "says", "priority_shown")
    list_filter = ("is_standard",)
    search_fields = ("code", "name", "event_kind")
    ordering = ("event_kind", "code")
    list_per_page = 100

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccountingRule]:
        newest = RuleVersion.objects.order_by("-effective_from", "-number")
        return super().get_queryset(request).prefetch_related(Prefetch("versions", queryset=newest))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code", "event_kind") if obj else ()

    def get_urls(self) -> list[URLPattern]:
        ours = path("<int:rule_id>/new-version/", self.admin_site.admin_view(self.new_version), name="new_rule_version")
        return [ours, *super().get_urls()]

    @display(description="When this happens", ordering="event_kind")
    def event_shown(self, rule: AccountingRule) -> str:
        return event_label(rule.event_kind)

    @display(description="In force")
    def version_shown(self, rule: AccountingRule) -> str:
        version = _in_force(rule)
        drafts = ", ".join(f"version {each.number} is a draft" for each in rule.versions.all() if each.is_draft)
        now = f"version {version.number}, {since(version)}" if version else "no version"
        return f"{now}; {drafts}" if drafts else now

    @display(description="Priority")
    def priority_shown(self, rule: AccountingRule) -> object:
        version = _in_force(rule)
        return version.priority if version else NONE

    @display(description="It says")
    def says(self, rule: AccountingRule) -> str:
        version = _in_force(rule)
        return says(version) if version else "Add a version; until then such events stay unmatched."

    def buttons(self, request: HttpRequest, subject: AccountingRule) -> list[dict[str, object]]:
        new = {"label": "Change the rule", "url": reverse("admin:new_rule_version", args=[subject.pk]), "danger": False}
        return [*([new] if may(request, Role.ACCOUNTANT) else []), *super().buttons(request, subject)]

    def document(self, request: HttpRequest, subject: AccountingRule) -> Document:
        version = _in_force(subject)
        return Document(
            title=subject.name,
            lead=f"When this happens: {event_label(subject.event_kind).lower()}.",
            facts=[
                ("Code", subject.code),
                ("Origin", "Standard rule" if subject.is_standard else "Made by your company"),
            ],
            tables=[
                *([lines_table(version)] if version else []),
                Table(
                    "Versions",
                    columns("Version", "Status", "Holds for events", ">Priority", "It says"),
                    [
                        (
                            to(change_url(RuleVersion, each.pk), f"Version {each.number}"),
                            state_of(each),
                            since(each),
                            each.priority,
                            says(each),
                        )
                        for each in subject.versions.all()
                    ],
                    "No version yet; “Change the rule” drafts the first.",
                ),
            ],
        )

    def new_version(self, request: HttpRequest, rule_id: int) -> HttpResponse:
        if not may(request, Role.ACCOUNTANT):
            raise PermissionDenied
        rule = self.find(request, str(rule_id))
        latest = rule.versions.order_by("-number").first()

        def make(given: dict[str, Any]) -> tuple[str, str]:
            version = draft_version(rule=rule, reverses=latest.reverses if latest else "", **given)
            return f"Version {version.number} is drafted. Preview it on past events, then activate it.", change_url(
                RuleVersion, version.pk
            )

        return form_page(
            request,
            title=f"Change the rule: {rule.name}",
            submit="Save as a draft",
            cancel_url=change_url(AccountingRule, rule.pk),
            do=make,
            form=VersionForm(
                request.POST if request.method == "POST" else None,
                rule=rule,
                latest=latest,
                initial={"effective_from": today()},
            ),
            explanation=f"When this happens: {event_label(rule.event_kind).lower()}. This makes a draft, which posts nothing: "
            "you try it on past events first, and activate it then. Debits and credits must add up to the same for every such "
            "event, or the draft is refused with the reason. To post nothing on purpose, leave all lines empty.",
            subject=rule,
            opts=self.opts,
            template="admin/counterfoil/rule_version.html",
        )


def _in_force(rule: AccountingRule) -> RuleVersion | None:
    now = today()
    return next((each for each in rule.versions.all() if each.is_active and each.effective_from <= now), None)
