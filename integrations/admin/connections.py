"""Connections to ERPs: the list, how one is doing, and what is done with it."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import display

from billing.access import may
from billing.admin.document import Document, DocumentAdmin
from billing.admin.form_page import form_page
from billing.admin.forms import StyledForm
from billing.admin.shown import NONE, badge, list_url, moment, status
from billing.models import BusinessEntity, Role
from integrations.admin import sign_in
from integrations.admin.connection_page import describe
from integrations.admin.connection_verbs import VERBS, ModeFields, mapping_url
from integrations.admin.figures import with_figures
from integrations.admin.file_verbs import FILE_VERBS, download, file_page
from integrations.admin.live_verbs import LIVE_VERBS, dry_run
from integrations.admin.policy_verbs import POLICY_VERBS
from integrations.admin.shown import count_link, erp_name, outbox_url, sends
from integrations.connectors import base
from integrations.connectors.base import SignInKind
from integrations.going_live import is_being_set_up
from integrations.models import Connection, ConnectionStatus, OutboxState
from integrations.setup import create_connection
from integrations.tokens import SignInError, is_fed_by_files, way_of

_WORDS_SHOWN = 110
_ON_THE_MAPPING_PAGE = ("Suggest mapping", "Create what is missing")
_WHILE_SET_UP = ("Policies", "Switch off")


class AddForm(ModeFields, StyledForm):
    erp = forms.ChoiceField(label="ERP")
    business_entity: forms.ModelChoiceField = forms.ModelChoiceField(
        label="Books of", queryset=None, empty_label=None, required=False,
        help_text="The business entity whose books it receives; all means those that have no connection of their own.",
    )  # fmt: skip
    name = forms.CharField(max_length=100, required=False, help_text="What you call it. Empty: the ERP's name.")
    sign_in = forms.ChoiceField(
        label="Signing in", required=False, help_text="Only where an ERP has several ways; leave it for the others."
    )
    address = forms.URLField(
        label="Address of a sandbox", required=False, assume_scheme="http", max_length=200,
        help_text="For trying out only: a stand-in server, such as http://127.0.0.1:8801. Empty: the vendor itself.",
    )  # fmt: skip
    field_order = ("erp", "sign_in", "business_entity", "mode", "send_payments", "name", "address")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # None is chosen beforehand: what is sent where is decided by a person. Files are for what is not in the list.
        erps = sorted(base.choices(), key=lambda each: base.get(each[0]).sign_ins[0].kind is SignInKind.NONE)
        self.fields["erp"].choices = [("", "Choose…"), *erps]  # type: ignore[attr-defined]
        self.fields["sign_in"].choices = [("", "The usual way"), *_ways()]  # type: ignore[attr-defined]
        entities = BusinessEntity.objects.all()
        of: Any = self.fields["business_entity"]
        # One ERP for all of them: NetSuite with a subsidiary each, or one set of books for the whole group.
        of.empty_label = "All business entities" if len(entities) > 1 else None
        of.queryset, of.required = entities, len(entities) == 1
        if settings.PRODUCTION:  # There, credentials go to the vendor and nowhere else.
            del self.fields["address"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        erp, _, way = cleaned.get("sign_in", "").rpartition(" ")
        if way and erp != cleaned.get("erp"):
            self.add_error("sign_in", "That way of signing in is another ERP's.")
        return {**cleaned, "sign_in": way}


def _no_address_of_this_machine(request: HttpRequest) -> str:
    """Vendors send people back to https addresses and, for trying out, to localhost; one refuses 127.0.0.1 by number."""
    if request.get_host().partition(":")[0] != "127.0.0.1":
        return ""
    there = f"{request.scheme}://{request.get_host().replace('127.0.0.1', 'localhost')}{request.get_full_path()}"
    words = 'Some ERPs send nobody back to 127.0.0.1. Open it as localhost: <a class="cf-link" href="{0}">{0}</a>'
    return format_html(words, there)


def _ways() -> list[tuple[str, list[tuple[str, str]]]]:
    """List the ways of signing in to those ERPs that have several, by ERP."""
    specs = [base.get(code) for code, _ in base.choices()]
    return [
        (spec.label, [(f"{spec.code} {way.code}", way.label) for way in spec.sign_ins])
        for spec in specs
        if len(spec.sign_ins) > 1
    ]


@admin.register(Connection)
class ConnectionAdmin(DocumentAdmin):
    add_role = Role.ADMIN
    verbs = (*VERBS, *LIVE_VERBS, *POLICY_VERBS, *FILE_VERBS)
    list_display = (
        "name",
        "company_shown",
        "sends_shown",
        "status_shown",
        "waiting",
        "parked",
        "delivered",
        "trouble",
    )
    list_select_related = ("business_entity",)
    empty_hint = "Connect an ERP, and it receives your journal entries, or your invoices and payments, by itself."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        # Credentials are read by the few that need them, so that no page can show them by accident.
        rows = super().get_queryset(request).defer("credentials").select_related("business_entity")
        return with_figures(rows, now=timezone.now())

    def get_urls(self) -> list[URLPattern]:
        connect = self.admin_site.admin_view(self.connect_view)
        files = self.admin_site.admin_view(download)
        return [
            path("<path:object_id>/connect/", connect, name="connect_erp"),
            path("<int:connection_id>/dry-run/", self.admin_site.admin_view(dry_run), name="erp_dry_run"),
            path("<int:connection_id>/files/<int:file_id>/", files, name="download_erp_files"),
            path(
                "<int:connection_id>/files/<int:file_id>/import/",
                self.admin_site.admin_view(file_page),
                name="erp_files",
            ),
            *super().get_urls(),
        ]

    def document(self, request: HttpRequest, subject: Connection) -> Document:
        return describe(request, subject)

    def buttons(self, request: HttpRequest, subject: Connection) -> list[dict[str, object]]:
        """Give what comes next first: connecting until that is done, then sending. While it is set up the steps say that."""
        if is_being_set_up(subject) and subject.status != ConnectionStatus.DISABLED:
            verbs = {each["label"]: each for each in super().buttons(request, subject)}
            return [{**verbs[label], "plain": True} for label in _WHILE_SET_UP if label in verbs]
        is_open = subject.status == ConnectionStatus.CONNECTED
        links = [("Mapping", mapping_url(subject))]
        if is_open and may(request, Role.ACCOUNTANT):
            links.append(("Reconcile", f"{reverse('admin:reconcile_erp')}?connection={subject.pk}"))
        is_settled = bool(subject.realm_id) and is_fed_by_files(subject)
        if subject.status != ConnectionStatus.DISABLED and may(request, Role.ADMIN) and not is_settled:
            label = "Reconnect" if subject.realm_id else "Connect"
            links.insert(len(links) if is_open else 0, (label, reverse("admin:connect_erp", args=[subject.pk])))
        shown: list[dict[str, object]] = [{"label": label, "url": url, "danger": False} for label, url in links]
        verbs = [each for each in super().buttons(request, subject) if each["label"] not in _ON_THE_MAPPING_PAGE]
        # What comes next with files first: files out, the ERP's word in. What ends it last.
        carrying = {verb.label for verb in FILE_VERBS} if is_fed_by_files(subject) else set()
        verbs.sort(key=lambda each: (each["label"] not in carrying, bool(each["danger"])))
        return [*verbs[:1], *shown, *verbs[1:]] if is_open else [*shown, *verbs]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        if not self.has_add_permission(request):
            raise PermissionDenied

        def add(given: dict[str, Any]) -> tuple[str, str]:
            made, is_new = create_connection(
                business_entity=given["business_entity"],
                erp=given["erp"],
                mode=given["mode"],
                send_payments=given["send_payments"],
                name=given["name"].strip(),
                sign_in=given["sign_in"],
                options={"setting_up": True},
                address=given.get("address", ""),
            )
            if not is_new:
                return f"{made.name} was there already, just so.", self._page_of(made)
            return f"The connection {made.name} is made. Follow the steps below.", self._page_of(made)

        return form_page(
            request,
            title="Connect an ERP",
            submit="Add connection",
            cancel_url=list_url(Connection),
            do=add,
            form=AddForm(request.POST if request.method == "POST" else None),
            explanation="A connection sends journal entries or documents, never both: both would count revenue twice.",
            opts=self.opts,
        )

    def connect_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Explain, then send the person to the vendor's sign-in page."""
        if not may(request, Role.ADMIN):
            raise PermissionDenied
        subject = self.find(request, object_id)
        if subject.status == ConnectionStatus.DISABLED:
            messages.error(request, f"{subject.name} is switched off. Switch it on again, then connect.")
            return HttpResponseRedirect(self._page_of(subject))
        if request.method == "POST":
            try:
                return HttpResponseRedirect(sign_in.start(request, subject) or self._page_of(subject))
            except SignInError as error:
                messages.error(request, str(error))
                return HttpResponseRedirect(self._page_of(subject))
        if way_of(subject).kind is not SignInKind.CODE:
            return form_page(
                request,
                title=f"Connect {subject.name}",
                submit="Connect",
                cancel_url=self._page_of(subject),
                do=lambda given: ("", ""),
                explanation="No sign-in is needed: files are made here, and a person carries them over."
                if is_fed_by_files(subject)
                else f"{erp_name(subject.erp)} is called with the credentials you entered. Nothing is changed there.",
                subject=subject,
                opts=self.opts,
            )
        again = f" Choose the company {subject.realm_name or subject.realm_id} again." if subject.realm_id else ""
        return form_page(
            request,
            title=f"Connect {subject.name}",
            submit=f"Sign in to {erp_name(subject.erp)}",
            cancel_url=self._page_of(subject),
            do=lambda given: ("", ""),
            warning=_no_address_of_this_machine(request),
            explanation=f"You are sent to {erp_name(subject.erp)} to sign in, choose a company and agree; then you come back "
            f"here.{again} The app there must know this address to come back to: {sign_in.callback_address(request)}",
            subject=subject,
            opts=self.opts,
        )

    @display(description="Company in the ERP", ordering="erp")
    def company_shown(self, connection: Connection) -> object:
        company = connection.realm_name or connection.realm_id or NONE
        return format_html('{}<div class="cf-muted">{}</div>', company, erp_name(connection.erp))

    @display(description="Sends")
    def sends_shown(self, connection: Connection) -> str:
        return sends(connection)

    @display(description="Status", ordering="status")
    def status_shown(self, connection: Connection) -> object:
        is_open = connection.status not in (ConnectionStatus.DISABLED, ConnectionStatus.RECONNECT_NEEDED)
        return badge("submitted", "Being set up") if is_open and is_being_set_up(connection) else status(connection)

    @display(description="Waiting", ordering="waiting_count")
    def waiting(self, connection: Any) -> object:
        return self._count(connection, connection.waiting_count, OutboxState.PENDING)

    @display(description="Parked", ordering="parked_count")
    def parked(self, connection: Any) -> object:
        return self._count(connection, connection.parked_count, OutboxState.PARKED)

    @staticmethod
    def _count(connection: Connection, count: int | None, state: OutboxState) -> object:
        return count_link(count or 0, outbox_url(connection=connection.pk, state=state.value))

    @display(description="Last delivered", ordering="last_delivered")
    def delivered(self, connection: Any) -> str:
        return moment(connection.last_delivered)

    @display(description="Last error")
    def trouble(self, connection: Any) -> str:
        words = connection.status_reason or connection.last_trouble or NONE
        return words if len(words) <= _WORDS_SHOWN else f"{words[:_WORDS_SHOWN]}…"
