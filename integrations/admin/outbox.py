"""The outbox: what was given to the ERP to be sent, what holds it up, and what a person decides about it."""

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.decorators import display

from billing.access import may
from billing.admin.bulk_actions import confirmed_action
from billing.admin.document import Document, DocumentAdmin, Verb, VerbForm
from billing.admin.forms import StyledForm
from billing.admin.shown import NONE, moment, status
from billing.models import Role
from billing.wording import counted
from integrations import adopting, outbox
from integrations.admin.item_page import describe
from integrations.admin.outbox_search import search
from integrations.admin.shown import Subjects
from integrations.connectors import base
from integrations.documents import Kind, as_sent, reference_of
from integrations.models import UNDELIVERED, Connection, OutboxItem, OutboxState

_CHUNK = 5000
_WORDS_SHOWN = 280  # The page of an item says all of it.
_SENDABLE = (OutboxState.PARKED, OutboxState.SKIPPED)
_SKIPPABLE = outbox.SKIPPABLE
_AGAIN = (
    "What may have reached the ERP already is looked for there first, so nothing is sent twice. The payload is built anew, "
    "so a mended mapping takes effect."
)
_SKIP = (
    "Skipped items are not sent. Later items of the same customer go on without them; the reconciliation names them."
)


class ConnectionFilter(admin.SimpleListFilter):
    title = "connection"
    parameter_name = "connection"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(pk), name) for pk, name in Connection.objects.values_list("pk", "name")]

    def has_output(self) -> bool:
        return len(self.lookup_choices) > 1

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(connection=int(value)) if value and value.isdecimal() and len(value) < 19 else queryset


class ReasonFields(forms.Form):
    reason = forms.CharField(
        label="Why?",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The reconciliation will show it.",
    )


class SkipForm(ReasonFields, StyledForm):
    """The reason why the chosen items are skipped."""


class SkipOneForm(ReasonFields, VerbForm):
    """The reason why one item is skipped."""


def _chunks(rows: QuerySet[OutboxItem]) -> Iterator[list[int]]:
    ids = list(rows.order_by("id").values_list("id", flat=True))
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]


def _send_again(rows: QuerySet[OutboxItem]) -> str:
    lanes = set(rows.order_by().values_list("tenant_id", "connection_id").distinct())
    count = sum(outbox.send_again(ids) for ids in _chunks(rows.filter(state__in=_SENDABLE)))
    for tenant_id, connection_id in lanes:
        outbox.wake(tenant_id=tenant_id, connection_id=connection_id)
    return f"{counted(count, 'item is', 'items are')} in line again."


def _skip(rows: QuerySet[OutboxItem], *, reason: str, by: object) -> str:
    words = f"{reason.strip()} ({by})"
    count = sum(outbox.skip(ids, reason=words) for ids in _chunks(rows.filter(state__in=_SKIPPABLE)))
    return f"{counted(count, 'item is', 'items are')} skipped."


def _approve(rows: QuerySet[OutboxItem]) -> str:
    lanes = set(rows.order_by().values_list("tenant_id", "connection_id").distinct())
    count = sum(outbox.approve(ids) for ids in _chunks(rows.filter(state=OutboxState.APPROVAL)))
    for tenant_id, connection_id in lanes:
        outbox.wake(tenant_id=tenant_id, connection_id=connection_id)
    return f"{counted(count, 'item is', 'items are')} approved and will be sent."


def _explain_approval(rows: QuerySet[OutboxItem]) -> str:
    count = rows.filter(state=OutboxState.APPROVAL).count()
    return f"{count:,} of the {rows.count():,} chosen items wait for approval and are sent."


def _move(item: OutboxItem) -> str:
    outbox.move_to_first_open_day([item.pk])
    outbox.wake(tenant_id=item.tenant_id, connection_id=item.connection_id)
    return "It is in line again, with the first open day."


def _explain_again(rows: QuerySet[OutboxItem]) -> str:
    count = rows.filter(state__in=_SENDABLE).count()
    return f"{count:,} of the {rows.count():,} chosen items are parked or skipped and are sent again. {_AGAIN}"


def skip_chosen(model_admin: Any, request: HttpRequest, queryset: QuerySet[OutboxItem]) -> HttpResponse | None:
    """Ask for the reason, then skip the chosen items."""
    if not may(request, Role.ACCOUNTANT):
        raise PermissionDenied
    form = SkipForm(request.POST if "confirmed" in request.POST else None)
    if form.is_valid():
        messages.success(request, _skip(queryset, reason=form.cleaned_data["reason"], by=request.user))
        return None
    across = request.POST.get("select_across", "0")
    chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": "Skip",
        "form": form,
        "explanation": f"{queryset.filter(state__in=_SKIPPABLE).count():,} of the {queryset.count():,} chosen items are parked "
        f"or waiting and are skipped. {_SKIP}",
        "hidden": [
            ("action", "skip_chosen"),
            ("confirmed", "1"),
            ("select_across", across),
            *((ACTION_CHECKBOX_NAME, pk) for pk in (chosen[:1] if across == "1" else chosen)),
        ],
        "submit": "Skip",
        "danger": True,
        "cancel_url": request.get_full_path(),
    }
    return TemplateResponse(request, "admin/counterfoil/confirm.html", context)


skip_chosen.short_description = "Skip, with a reason"  # type: ignore[attr-defined]
skip_chosen.role = Role.ACCOUNTANT  # type: ignore[attr-defined]


class AdoptForm(VerbForm):
    external_id = forms.CharField(
        label="Its id in the ERP", max_length=50, help_text="As the address of its page there shows it; not its number."
    )


def _adopt(request: HttpRequest, item: OutboxItem, given: dict[str, Any]) -> str:
    number = adopting.adopt(item, external_id=given["external_id"])
    return f"{number} in the ERP stands for it now."


def _send_anew(request: HttpRequest, item: OutboxItem, given: dict[str, Any]) -> str:
    adopting.send_anew(item)
    outbox.wake(tenant_id=item.tenant_id, connection_id=item.connection_id)
    return "It is in line again."


def _correct(request: HttpRequest, item: OutboxItem, given: dict[str, Any]) -> str:
    return f"{adopting.correct(item)} in the ERP is again what ours is."


def _one(item: OutboxItem) -> QuerySet[OutboxItem]:
    return OutboxItem.objects.filter(pk=item.pk)


@admin.register(OutboxItem)
class OutboxItemAdmin(DocumentAdmin):
    list_display = (
        "number",
        "kind_shown",
        "about",
        "connection_shown",
        "state_shown",
        "reason_shown",
        "attempts",
        "when",
    )
    list_filter = (ConnectionFilter, "state", "kind")
    ordering = ("-id",)
    search_fields = ("id",)
    search_help_text = "Our reference, a number, a customer, or the ERP's id"
    empty_hint = "Nothing was given to an ERP yet. Items appear by themselves when invoices are finalized."
    actions = (
        confirmed_action(
            name="send_chosen_again",
            label="Send again",
            explain=_explain_again,
            do=lambda request, rows: _send_again(rows),
            role=Role.ACCOUNTANT,
        ),
        confirmed_action(
            name="approve_chosen",
            label="Approve",
            explain=_explain_approval,
            do=lambda request, rows: _approve(rows),
            role=Role.ACCOUNTANT,
        ),
        skip_chosen,
    )
    verbs = (
        Verb(
            "approve", "Approve", lambda request, item, given: _approve(_one(item)), role=Role.ACCOUNTANT,
            explain=lambda item: "It is sent to the ERP.", allowed=lambda item: item.state == OutboxState.APPROVAL,
        ),
        Verb(
            "first-open-day", "Send with the first open day", lambda request, item, given: _move(item),
            role=Role.ACCOUNTANT,
            explain=lambda item: "The ERP gets it with the first day on which its books are open; here it keeps its date.",
            allowed=lambda item: item.state == OutboxState.PARKED and item.reason_code == "books_closed",
        ),
        Verb(
            "send-again", "Send again", lambda request, item, given: _send_again(_one(item)), role=Role.ACCOUNTANT,
            explain=lambda item: _AGAIN, allowed=lambda item: item.state in _SENDABLE,
        ),
        Verb(
            "adopt", "Adopt the one found there", _adopt, role=Role.ACCOUNTANT, form=AdoptForm,
            explain=lambda item: "The ERP holds this document already, entered by hand or by another program. It is taken for "
            "ours, and nothing is sent. Its total must be ours.",
            allowed=lambda item: item.state in _SENDABLE,
        ),
        Verb(
            "send-anew", "Send anew", _send_anew, role=Role.ACCOUNTANT,
            explain=lambda item: "It was delivered, and somebody deleted or voided it in the ERP. That is checked there first.",
            allowed=lambda item: item.state == OutboxState.DELIVERED
            and as_sent(Kind(item.kind)) in base.get(item.connection.erp).reads,
        ),
        Verb(
            "correct", "Set it right there", _correct, role=Role.ACCOUNTANT,
            explain=lambda item: "It was delivered, and somebody changed it in the ERP. It is written there again as it is here; "
            "what was changed there by hand is lost.",
            allowed=lambda item: item.state == OutboxState.DELIVERED
            and as_sent(Kind(item.kind)) in base.get(item.connection.erp).corrects,
        ),
        Verb(
            "skip", "Skip", lambda request, item, given: _skip(_one(item), reason=given["reason"], by=request.user),
            role=Role.ACCOUNTANT, form=SkipOneForm, danger=True, explain=lambda item: _SKIP,
            allowed=lambda item: item.state in _SKIPPABLE,
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboxItem]:
        rows = super().get_queryset(request).select_related("connection")
        return rows.defer("connection__credentials", "connection__company", "connection__options")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[OutboxItem], search_term: str
    ) -> tuple[QuerySet[OutboxItem], bool]:
        return search(queryset, search_term), False

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Read what the page's items are about at once."""
        shown = super().get_changelist_instance(request)
        items: Sequence[Any] = list(shown.result_list)
        subjects = Subjects((item.kind, item.subject_id) for item in items)
        for item in items:
            item.subject = subjects.show(item.kind, item.subject_id)
        shown.result_list = items
        return shown

    def document(self, request: HttpRequest, subject: OutboxItem) -> Document:
        return describe(subject, with_preview="preview" in request.GET and may(request, Role.ACCOUNTANT))

    def buttons(self, request: HttpRequest, subject: OutboxItem) -> list[dict[str, object]]:
        shown = super().buttons(request, subject)
        if subject.state in UNDELIVERED and may(request, Role.ACCOUNTANT):
            shown.append({"label": "Show what would be sent", "url": "?preview=1", "danger": False})
        return shown

    @display(description="Our reference", ordering="id")
    def number(self, item: OutboxItem) -> str:
        return reference_of(item.connection.reference_prefix, item.kind, item.subject_id)

    @display(description="Sent as", ordering="kind")
    def kind_shown(self, item: OutboxItem) -> str:
        return item.get_kind_display()

    @display(description="About")
    def about(self, item: Any) -> object:
        return item.subject

    @display(description="Connection")
    def connection_shown(self, item: OutboxItem) -> str:
        return str(item.connection)

    @display(description="State", ordering="state")
    def state_shown(self, item: OutboxItem) -> object:
        return status(item, "state")

    @display(description="Why, and what to do")
    def reason_shown(self, item: OutboxItem) -> str:
        words = (item.reason if item.state != OutboxState.DELIVERED else "") or NONE
        return words if len(words) <= _WORDS_SHOWN else f"{words[:_WORDS_SHOWN]}…"

    @display(description="Delivered, or next try")
    def when(self, item: OutboxItem) -> str:
        if item.state == OutboxState.DELIVERED:
            return moment(item.delivered_at)
        return f"next try {moment(item.available_at)}" if item.state == OutboxState.PENDING else NONE
