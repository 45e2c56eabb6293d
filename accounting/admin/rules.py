"""Accounting rules and their versions: read in words, changed by a further version."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Max, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from accounting.admin.rule_forms import VersionForm
from accounting.admin.words import amount_name, condition_in_words, line_in_words, role_name
from accounting.facts import FACTS
from accounting.models import AccountingRule, JournalEntry, RuleVersion
from accounting.setup import check_version
from billing.access import may
from billing.admin.base import TenantForm
from billing.admin.document import Document, DocumentAdmin, EditableDocumentAdmin, Verb
from billing.admin.events import event_label
from billing.admin.form_page import form_page
from billing.admin.forms import today
from billing.admin.products import activity
from billing.admin.shown import change_url, day, link, to
from billing.admin.tables import Table, columns
from billing.models import Role


class RuleForm(TenantForm):
    class Meta:
        model = AccountingRule
        fields = ("code", "name", "event_kind", "priority")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "event_kind" in self.fields:
            self.fields["event_kind"] = forms.ChoiceField(
                label="When this happens",
                choices=[(kind, event_label(kind)) for kind in FACTS],
                widget=UnfoldAdminSelectWidget(),
            )
        self.fields["priority"].help_text = "Where several rules match, the lowest number wins."


@admin.register(AccountingRule)
class AccountingRuleAdmin(EditableDocumentAdmin):
    form = RuleForm
    change_role = Role.ACCOUNTANT
    add_role = Role.ACCOUNTANT
    list_display = ("name", "event_shown", "version_shown", "says", "priority")
    list_filter = ("is_standard",)
    search_fields = ("code", "name", "event_kind")
    ordering = ("event_kind", "priority", "code")
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
        return f"version {version.number}, {since(version)}" if version else "no version"

    @display(description="It says")
    def says(self, rule: AccountingRule) -> str:
        version = _in_force(rule)
        return says(version) if version else "Add a version; until then such events stay unmatched."

    def buttons(self, request: HttpRequest, subject: AccountingRule) -> list[dict[str, object]]:
        new = {"label": "New version", "url": reverse("admin:new_rule_version", args=[subject.pk]), "danger": False}
        return [*([new] if may(request, Role.ACCOUNTANT) else []), *super().buttons(request, subject)]

    def document(self, request: HttpRequest, subject: AccountingRule) -> Document:
        version = _in_force(subject)
        return Document(
            title=subject.name,
            lead=f"When this happens: {event_label(subject.event_kind).lower()}.",
            facts=[
                ("Code", subject.code),
                ("Priority", subject.priority),
                ("Origin", "Standard rule" if subject.is_standard else "Made by your company"),
            ],
            tables=[
                *([_lines(version)] if version else []),
                Table(
                    "Versions",
                    columns("Version", "In force from", "Status", "It says"),
                    [
                        (
                            to(change_url(RuleVersion, each.pk), f"Version {each.number}"),
                            day(each.effective_from),
                            activity(each.is_active),
                            says(each),
                        )
                        for each in subject.versions.all()
                    ],
                    "No version yet; “New version” makes the first.",
                ),
            ],
        )

    def new_version(self, request: HttpRequest, rule_id: int) -> HttpResponse:
        if not may(request, Role.ACCOUNTANT):
            raise PermissionDenied
        rule = self.find(request, str(rule_id))
        latest = rule.versions.order_by("-number").first()

        def make(given: dict[str, Any]) -> tuple[str, str]:
            version = _make_version(rule, latest, given)
            return f"Version {version.number} holds from {day(version.effective_from)}.", change_url(
                RuleVersion, version.pk
            )

        return form_page(
            request,
            title=f"New version: {rule.name}",
            submit="Make this version",
            cancel_url=change_url(AccountingRule, rule.pk),
            do=make,
            form=VersionForm(
                request.POST if request.method == "POST" else None,
                rule=rule,
                latest=latest,
                initial={"effective_from": today()},
            ),
            explanation=f"When this happens: {event_label(rule.event_kind).lower()}. Events from the day on are posted by this "
            "version; what is posted stays. Debits and credits must add up to the same for every such event, or the version "
            "is refused.",
            subject=rule,
            opts=self.opts,
            template="admin/counterfoil/rule_version.html",
        )


@transaction.atomic
def _make_version(rule: AccountingRule, latest: RuleVersion | None, given: dict[str, Any]) -> RuleVersion:
    AccountingRule.objects.select_for_update().get(pk=rule.pk)  # Two people must not make the same number.
    highest = rule.versions.aggregate(highest=Max("number"))["highest"] or 0
    version = RuleVersion(
        tenant_id=rule.tenant_id,
        rule=rule,
        number=highest + 1,
        effective_from=given["effective_from"],
        description=given["description"],
        conditions=given["conditions"],
        lines=given["lines"],
        reverses=latest.reverses if latest else "",
    )
    check_version(version)
    version.save()
    return version


def _in_force(rule: AccountingRule) -> RuleVersion | None:
    now = today()
    return next((each for each in rule.versions.all() if each.is_active and each.effective_from <= now), None)


def since(version: RuleVersion) -> str:
    """Say from when a version holds; the standard rules have always held."""
    return "always" if version.effective_from.year <= 1970 else f"from {day(version.effective_from)}"


def says(version: RuleVersion) -> str:
    """Say a version in a sentence."""
    parts = [
        f"{line['side'].capitalize()} {role_name(line['role'])} ({amount_name(line['amount'])})"
        for line in version.lines
    ]
    if version.reverses:
        parts.insert(0, f"Mirror the entries of “{event_label(version.reverses).lower()}”")
    return "; ".join(parts) or "Nothing is posted"


def _lines(version: RuleVersion) -> Table:
    conditions = [condition_in_words(version.rule.event_kind, each) for each in version.conditions]
    return Table(
        f"What version {version.number} says",
        columns("Line"),
        [(line_in_words(line),) for line in version.lines],
        "Nothing is posted, on purpose." if not version.reverses else "No lines of its own.",
        note=". ".join(
            filter(
                None,
                (
                    f"Only where {' and '.join(conditions)}" if conditions else "",
                    f"First, the entries of “{event_label(version.reverses).lower()}” are mirrored"
                    if version.reverses
                    else "",
                ),
            )
        ),
    )


def _set_active(is_active: bool) -> Any:
    def do(request: HttpRequest, version: RuleVersion, given: dict[str, Any]) -> str:
        version.is_active = is_active
        version.save(update_fields=["is_active"])
        return f"{version} is {'in use again' if is_active else 'retired'}."

    return do


@admin.register(RuleVersion)
class RuleVersionAdmin(DocumentAdmin):
    list_display = ("__str__", "effective_from", "active_shown", "says_shown")
    list_select_related = ("rule",)
    search_fields = ("rule__name", "rule__code")
    verbs = (
        Verb(
            "retire", "Retire", _set_active(False), role=Role.ACCOUNTANT, danger=True,
            explain=lambda version: "Nothing new is posted by this version; an earlier one of the rule holds again. Where "
            "there is none, such events stay unmatched until a rule speaks of them.",
            allowed=lambda version: version.is_active,
        ),
        Verb(
            "use-again", "Use again", _set_active(True), role=Role.ACCOUNTANT,
            explain=lambda version: f"Events from {day(version.effective_from)} on are posted by this version again.",
            allowed=lambda version: not version.is_active,
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[RuleVersion]:
        return super().get_queryset(request).select_related("rule")

    @display(description="Status", ordering="is_active")
    def active_shown(self, version: RuleVersion) -> str:
        return activity(version.is_active)

    @display(description="It says")
    def says_shown(self, version: RuleVersion) -> str:
        return says(version)

    def document(self, request: HttpRequest, subject: RuleVersion) -> Document:
        entries = JournalEntry.objects.filter(rule_version=subject.pk)
        used = entries.exists()
        return Document(
            title=str(subject),
            badge=activity(subject.is_active),
            facts=[
                ("Rule", link(subject.rule)),
                ("When this happens", event_label(subject.rule.event_kind)),
                ("In force from", day(subject.effective_from)),
                ("Description of the entries", subject.description),
                ("Entries posted by it", "Yes: it can no longer change" if used else "None yet"),
            ],
            tables=[_lines(subject)],
        )
