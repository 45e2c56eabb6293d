"""The mapping page: ours to theirs, chosen and confirmed by a person."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from billing.access import may
from billing.admin.base import TenantAdmin
from billing.admin.forms import StyledForm
from billing.admin.shown import change_url, list_url, status
from billing.models import Role
from integrations import mapping
from integrations.admin import mapping_rows
from integrations.admin.dimensions import map_dimensions
from integrations.admin.guide import dimensions_url, has_dimensions
from integrations.admin.mapping_rows import DEFAULTS, Row
from integrations.admin.shown import outbox_url
from integrations.counterparts import Counterparts, NotAllowed, find_allowed
from integrations.models import (
    Connection,
    ConnectionStatus,
    Mapping,
    MappingKind,
    MappingStatus,
    OutboxItem,
    OutboxState,
)

_FOUND = 60
_SHOW = (("", "All"), ("unmapped", "Without a counterpart"), ("suggested", "Suggested"), ("confirmed", "Confirmed"))


class FilterForm(StyledForm):
    connection = forms.ChoiceField(label="Connection")
    kind = forms.CharField(widget=forms.HiddenInput, required=False)
    show = forms.ChoiceField(label="Show", choices=_SHOW, required=False)
    q = forms.CharField(label="Search ours: number or name", required=False)


def _choose(connection: Connection, kind: MappingKind, key: str, external_id: str) -> None:
    """Map one of ours to a record of the ERP. Raises NotAllowed in words."""
    internal_id = int(key) if key.isdecimal() and len(key) < 19 else None
    ours = None
    if kind in (
        MappingKind.ACCOUNT,
        MappingKind.CUSTOMER,
        MappingKind.PRODUCT,
        MappingKind.TAX_CODE,
        MappingKind.SUBSIDIARY,
    ):
        ours = mapping_rows.ours(connection, kind, internal_id) if internal_id else None
        if ours is None:
            raise NotAllowed("What you chose a counterpart for is not there any more. Open the mapping again.")
    account = ours if kind == MappingKind.ACCOUNT else None
    record = find_allowed(connection, kind, ours=account, external_id=external_id)
    mapping.choose(connection, kind=kind, internal_id=ours.pk if ours else None, record=record)


@admin.register(Mapping)
class MappingAdmin(TenantAdmin):
    change_role = None
    add_role = None

    def get_urls(self) -> list[URLPattern]:
        choose = self.admin_site.admin_view(self.choose_view)
        dimensions = self.admin_site.admin_view(map_dimensions)
        return [
            path("choose/", choose, name="choose_counterpart"),
            path("dimensions/", dimensions, name="map_dimensions"),
            *super().get_urls(),
        ]

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        found = self.get_object(request, object_id) if self.has_view_permission(request) else None
        if found is None:
            raise Http404("There is no such mapping in this company.")
        kind = DEFAULTS if found.internal_id is None else found.kind
        return HttpResponseRedirect(list_url(Mapping, urlencode({"connection": found.connection_id, "kind": kind})))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if not self.has_view_permission(request):
            raise PermissionDenied
        connections = list(Connection.objects.defer("credentials").order_by("status", "name", "id"))
        if not connections:
            return self._render(request, {"nothing": reverse("admin:integrations_connection_add")})
        connection = _picked(connections, request.GET)
        tabs = mapping_rows.kinds_of(connection)
        kind = request.GET.get("kind", "")
        kind = kind if kind in dict(tabs) else tabs[0][0]
        if request.method == "POST":
            if not may(request, Role.ACCOUNTANT):
                raise PermissionDenied
            self._carry_out(request, connection, kind)
            return HttpResponseRedirect(request.get_full_path())
        return self._render(request, self._shown(request, connections, connection, kind))

    def _shown(
        self, request: HttpRequest, connections: list[Connection], connection: Connection, kind: str
    ) -> dict[str, Any]:
        given = {
            "connection": connection.pk,
            "kind": kind,
            "show": request.GET.get("show", ""),
            "q": request.GET.get("q", ""),
        }
        form = FilterForm(given)
        form.fields["connection"].choices = [(each.pk, str(each)) for each in connections]  # type: ignore[attr-defined]
        show = given["show"] if given["show"] in dict(_SHOW) else ""
        pager, page = None, None
        if kind == DEFAULTS:
            rows = mapping_rows.default_rows(connection)
        else:
            page, rows = mapping_rows.page_of(
                connection, MappingKind(kind), search=given["q"].strip(), show=show, page=request.GET.get("page", "1")
            )
            pager = _pager(given, page)
        open_counts = mapping_rows.open_counts(connection)
        return {
            "connection": connection,
            "connection_url": change_url(Connection, connection.pk),
            "badge": status(connection),
            "form": form,
            "tabs": [
                (
                    label,
                    f"?{urlencode({'connection': connection.pk, 'kind': code})}",
                    code == kind,
                    open_counts.get(code, 0),
                )
                for code, label in mapping_rows.kinds_of(connection)
            ]
            + ([("Dimensions", dimensions_url(connection), False, 0)] if has_dimensions(connection) else []),
            "note": mapping_rows.note_of(connection, kind),
            "lines": [self._line(connection, row) for row in rows],
            "suggested": any(row.mapping and row.mapping.status == MappingStatus.SUGGESTED for row in rows),
            "may_map": may(request, Role.ACCOUNTANT),
            "pager": pager,
            "is_filtered": bool(given["q"] or show),
            "to_fill": _to_fill(connection),
        }

    def _line(self, connection: Connection, row: Row) -> dict[str, Any]:
        search = urlencode({"connection": connection.pk, "kind": row.kind.value, "ours": row.key})
        return {
            "row": row,
            "badge": status(row.mapping) if row.mapping else "",
            "origin": row.mapping.get_origin_display() if row.mapping else "",
            "chosen": row.mapping.external_id if row.mapping else "",
            "choose_url": f"{reverse('admin:choose_counterpart')}?{search}",
        }

    def _carry_out(self, request: HttpRequest, connection: Connection, kind: str) -> None:
        one = request.POST.get("confirm", "")
        if one.isdecimal():
            done = mapping.confirm(connection, [int(one)] if len(one) < 19 else [])
            messages.success(request, f"{done} confirmed.")
        elif "confirm_all" in request.POST:
            kinds = mapping_rows.default_kinds(connection) if kind == DEFAULTS else [MappingKind(kind)]
            suggested = Mapping.objects.filter(connection=connection, kind__in=kinds, status=MappingStatus.SUGGESTED)
            messages.success(
                request, f"{mapping.confirm(connection, list(suggested.values_list('id', flat=True)))} confirmed."
            )
        else:
            self._save(request, connection, kind)
        self._tell_of_parked(request, connection)

    def _save(self, request: HttpRequest, connection: Connection, kind: str) -> None:
        """Keep every drop-down that was changed; one that cannot be kept is said and does not hold up the others."""
        saved = 0
        for name, chosen in request.POST.items():
            key = name.removeprefix("choose_")
            if key == name or not chosen or chosen == request.POST.get(f"before_{key}"):
                continue
            try:
                of_kind = MappingKind(key) if kind == DEFAULTS else MappingKind(kind)
                _choose(connection, of_kind, key, chosen)
            except ValueError as error:
                messages.error(request, str(error))
            else:
                saved += 1
        messages.success(request, f"{saved} saved and confirmed." if saved else "Nothing was changed.")

    def _tell_of_parked(self, request: HttpRequest, connection: Connection) -> None:
        parked = OutboxItem.objects.filter(
            connection=connection, state=OutboxState.PARKED, reason_code="missing_mapping"
        ).count()
        if parked:
            url = outbox_url(connection=connection.pk, state=OutboxState.PARKED.value)
            words = '{} parked items wait for a mapping. <a class="cf-link" href="{}">Send them again</a> when it is complete.'
            messages.info(request, format_html(words, f"{parked:,}", url))

    def choose_view(self, request: HttpRequest) -> HttpResponse:
        """Choose a counterpart among more records than a drop-down holds."""
        if not may(request, Role.ACCOUNTANT):
            raise PermissionDenied
        connection = _picked(list(Connection.objects.defer("credentials")), request.GET)
        kind, key = request.GET.get("kind", ""), request.GET.get("ours", "")
        if kind not in MappingKind.values:
            raise Http404("There is no such kind of mapping.")
        wanted = MappingKind(kind)
        is_default = kind in mapping_rows.default_kinds(connection)
        back = list_url(Mapping, urlencode({"connection": connection.pk, "kind": DEFAULTS if is_default else kind}))
        if request.method == "POST":
            try:
                _choose(connection, wanted, key, request.POST.get("record", ""))
            except NotAllowed as error:
                messages.error(request, str(error))
                return HttpResponseRedirect(request.get_full_path())
            messages.success(request, "Saved and confirmed.")
            return HttpResponseRedirect(back)
        ours = None
        if not is_default:
            ours = mapping_rows.ours(connection, wanted, int(key)) if key.isdecimal() and len(key) < 19 else None
            if ours is None:
                raise Http404("There is no such record in this company.")
        search = request.GET.get("q", "").strip()
        records = Counterparts(
            connection, wanted, limit=_FOUND if wanted != MappingKind.ACCOUNT else 500, search=search
        )
        account = ours if wanted == MappingKind.ACCOUNT else None
        context = {
            "title": f"The counterpart of {ours or wanted.label.lower()}",
            "hidden": {"connection": connection.pk, "kind": kind, "ours": key}.items(),
            "q": search,
            "records": records.allowed(account),
            "refused": records.refused(account),
            "note": records.spec.role_notes.get(account.role, "") if account else "",
            "too_many": records.too_many,
            "shown": _FOUND,
            "back": back,
        }
        return self._render(request, context, "admin/integrations/choose.html")

    def _render(
        self, request: HttpRequest, context: dict[str, Any], template: str = "admin/integrations/mapping.html"
    ) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "title": "Mapping"}
        return TemplateResponse(request, template, {**shared, **context})


def _picked(connections: list[Connection], given: QueryDict) -> Connection:
    """Give the connection that was asked for, else the first. Raises Http404 for one of nobody here."""
    wanted = given.get("connection")
    found = next((each for each in connections if not wanted or str(each.pk) == wanted), None)
    if found is None:
        raise Http404("There is no such connection in this company.")
    return found


def _to_fill(connection: Connection) -> list[tuple[str, str]]:
    """Give the buttons that fill the mapping, in the order in which they help."""
    if connection.status != ConnectionStatus.CONNECTED:
        return []
    return [
        (label, reverse(f"admin:integrations_connection_{verb}", args=[connection.pk]))
        for label, verb in (
            ("Import lists", "import_lists"),
            ("Suggest mapping", "suggest"),
            ("Create what is missing", "create_missing"),
        )
    ]


def _pager(given: dict[str, Any], page: Any) -> dict[str, str] | None:
    if page.paginator.num_pages == 1:
        return None

    def url(number: int) -> str:
        return f"?{urlencode({**given, 'page': number})}"

    return {
        "previous": url(page.previous_page_number()) if page.has_previous() else "",
        "next": url(page.next_page_number()) if page.has_next() else "",
        "words": f"Page {page.number:,} of {page.paginator.num_pages:,}, {page.paginator.count:,} in all",
    }
