"""Reconciliations: start one, and see what differs, why, and how it is mended."""

from collections import Counter
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.decorators import display

from billing.access import may
from billing.admin.document import Document, DocumentAdmin, Verb, VerbForm
from billing.admin.form_page import form_page
from billing.admin.forms import DayField, StyledForm, today
from billing.admin.shown import NONE, badge, change_url, day, figure, link, list_url, moment, to
from billing.admin.tables import Table, columns
from billing.models import Customer, Job, Role
from billing.periods import day_words
from billing.services.jobs import start_job
from integrations.admin.differences import Ours, Theirs, causes_url, meaning, sentence
from integrations.admin.outbox import ConnectionFilter
from integrations.admin.shown import erp_name
from integrations.connectors import base
from integrations.models import Connection, ConnectionStatus, Mapping, MappingKind, Reconciliation
from integrations.reconciliation import sign_off
from integrations.reconciliation.ledger import BY_LEDGER, LEDGER
from integrations.reconciliation.sums import IN_BASE

_SHOWN = 300
_CAUSE = '<div style="min-width: 240px">{}</div>'


class SignOffForm(VerbForm):
    note = forms.CharField(
        label="Why the differences may stay",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Needed where there are any.",
    )


def _sign_off(request: HttpRequest, reconciliation: Reconciliation, given: dict[str, Any]) -> str:
    sign_off(reconciliation, user=request.user, note=given["note"])
    return "You signed it off."


class ReconcileForm(StyledForm):
    connection: forms.ModelChoiceField = forms.ModelChoiceField(queryset=None, empty_label=None)
    since = DayField(label="From", required=False, help_text="Empty: from the first day that was brought along.")
    through = DayField(label="Everything dated up to and including")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        connected = Connection.objects.filter(status=ConnectionStatus.CONNECTED).defer("credentials")
        self.fields["connection"].queryset = connected  # type: ignore[attr-defined]
        self.initial["through"] = today()


def reconcile_page(request: HttpRequest) -> HttpResponse:
    """Start a reconciliation, as a job."""
    if not may(request, Role.ACCOUNTANT):
        raise PermissionDenied

    def start(given: dict[str, Any]) -> tuple[str, str]:
        connection, through = given["connection"], given["through"]
        job = start_job(
            kind="reconcile_erp",
            title=f"Reconciliation of {connection.name} through {day_words(through)}",
            parameters={
                "connection": connection.pk,
                "through": through.isoformat(),
                "since": given["since"].isoformat() if given["since"] else "",
            },
            user=request.user,
        )
        return "The reconciliation is in line.", change_url(Job, job.pk)

    form = ReconcileForm(
        request.POST if request.method == "POST" else None, initial={"connection": request.GET.get("connection")}
    )
    return form_page(
        request,
        title="Reconcile with the ERP",
        submit="Reconcile",
        cancel_url=list_url(Reconciliation),
        do=start,
        form=form,
        explanation="Compares every document and every account on both sides, to the cent. Nothing is changed on either side.",
        opts=Reconciliation._meta,
    )


@admin.register(Reconciliation)
class ReconciliationAdmin(DocumentAdmin):
    verbs = (
        Verb(
            "sign-off", "Sign off", _sign_off, role=Role.ACCOUNTANT, form=SignOffForm,
            allowed=lambda each: each.signed_off_at is None,
            explain=lambda each: f"You state that you looked at this comparison and its {each.difference_count:,} differences. "
            "It cannot be taken back; a later comparison can be signed off as well.",
        ),
    )  # fmt: skip
    list_display = ("made", "connection_shown", "through_shown", "compared_shown", "result", "signed_off")
    list_filter = (ConnectionFilter,)
    empty_hint = (
        "A reconciliation compares our books with the ERP's, to the cent. Run the first one when something is sent."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reconciliation]:
        rows = super().get_queryset(request).select_related("connection", "signed_off_by")
        return rows.defer("connection__credentials", "connection__company", "connection__options")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        shown = super().get_changelist_instance(request)
        shown.result_list = shown.result_list.defer("accounts", "customers", "differences", "connection__credentials")
        return shown

    def get_urls(self) -> list[URLPattern]:
        run = self.admin_site.admin_view(reconcile_page)
        return [path("run/", run, name="reconcile_erp"), *super().get_urls()]

    def list_links(self, request: HttpRequest) -> list[tuple[str, str]]:
        return [("Reconcile", reverse("admin:reconcile_erp"))] if may(request, Role.ACCOUNTANT) else []

    def buttons(self, request: HttpRequest, subject: Reconciliation) -> list[dict[str, object]]:
        if not may(request, Role.ACCOUNTANT):
            return []
        again = f"{reverse('admin:reconcile_erp')}?connection={subject.connection_id}"
        return [*super().buttons(request, subject), {"label": "Reconcile again", "url": again, "danger": False}]

    def show(self, request: HttpRequest, subject: Any) -> HttpResponse:
        subject.wanted_cause = request.GET.get("cause", "")
        return super().show(request, subject)

    def document(self, request: HttpRequest, subject: Any) -> Document:
        return describe(subject, cause=subject.wanted_cause)

    @display(description="Made", ordering="id")
    def made(self, reconciliation: Reconciliation) -> str:
        return moment(reconciliation.at)

    @display(description="Connection")
    def connection_shown(self, reconciliation: Reconciliation) -> str:
        return str(reconciliation.connection)

    @display(description="Through", ordering="through")
    def through_shown(self, reconciliation: Reconciliation) -> str:
        return day(reconciliation.through)

    @display(description="Documents compared")
    def compared_shown(self, reconciliation: Reconciliation) -> str:
        return f"{reconciliation.compared:,}"

    @display(description="Signed off", ordering="signed_off_at")
    def signed_off(self, reconciliation: Reconciliation) -> str:
        return moment(reconciliation.signed_off_at)

    @display(description="Result", ordering="difference_count")
    def result(self, reconciliation: Reconciliation) -> object:
        return verdict(reconciliation)


def verdict(reconciliation: Reconciliation) -> object:
    """Show the result as a coloured word."""
    count = reconciliation.difference_count
    return badge("failed", f"{count:,} differences") if count else badge("paid", "Agrees to the cent")


def describe(reconciliation: Reconciliation, *, cause: str) -> Document:
    """Put what was found into tables. `cause` narrows the differences down to one cause."""
    connection = reconciliation.connection
    return Document(
        title=f"Reconciliation of {connection.name}{_from(reconciliation)} through {day(reconciliation.through)}",
        badge=verdict(reconciliation),
        lead=f"Our books compared with those in {erp_name(connection.erp)}, as both were on {moment(reconciliation.at)}.",
        headline=[
            ("Documents compared", f"{reconciliation.compared:,}"),
            ("Differences", f"{reconciliation.difference_count:,}"),
            ("Connection", link(connection)),
            ("Signed off", _signed(reconciliation)),
        ],
        note=reconciliation.sign_off_note,
        tables=[
            *_causes(reconciliation),
            *_differences(reconciliation, cause),
            _accounts(reconciliation),
            *_customers(reconciliation),
        ],
    )


def _signed(reconciliation: Reconciliation) -> str:
    if reconciliation.signed_off_at is None:
        return "by nobody yet"
    return f"{moment(reconciliation.signed_off_at)} by {reconciliation.signed_off_by}"


def _from(reconciliation: Reconciliation) -> str:
    return f" from {day(reconciliation.since)}" if reconciliation.since else ""


def _customers(reconciliation: Reconciliation) -> list[Table]:
    if not reconciliation.customers:
        return []
    ids = [row["erp_id"] for row in reconciliation.customers]
    mapped = Mapping.objects.filter(
        connection=reconciliation.connection_id, kind=MappingKind.CUSTOMER, external_id__in=ids
    )
    ours = dict(mapped.exclude(internal_id=None).values_list("external_id", "internal_id"))
    found = Customer.objects.in_bulk(list(ours.values()))
    names = {theirs: link(found[pk]) for theirs, pk in ours.items() if pk in found}
    return [
        Table(
            "Customers whose receivables differ",
            columns("Customer", "Currency", ">Ours", ">Theirs", ">Difference"),
            [
                (
                    names.get(row["erp_id"], row["customer"]),
                    f"{row['currency']}{_summed(row['customer'])}",
                    *(_amount(row, side) for side in ("ours", "theirs", "difference")),
                )
                for row in reconciliation.customers
            ],
            "",
        )
    ]


def _summed(name: str) -> str:
    """Say what a customer's sum is of, unless it is of the documents in their own currency."""
    if name.endswith(BY_LEDGER):
        return " (by the ledger, in base currency)"
    return " (all in base currency)" if name.endswith(IN_BASE) else ""


def _causes(reconciliation: Reconciliation) -> list[Table]:
    counted = Counter(row["cause"] for row in reconciliation.differences)
    if not counted:
        return []
    rows = [
        (to(causes_url(reconciliation, cause), sentence(cause)), f"{count:,}", meaning(cause))
        for cause, count in counted.most_common()
    ]
    kept = len(reconciliation.differences)
    note = f"The first {kept:,} differences are kept." if kept < reconciliation.difference_count else ""
    return [
        Table("Why they differ", columns("Cause", ">Differences", "What it means, and what to do"), rows, "", note=note)
    ]


def _differences(reconciliation: Reconciliation, cause: str) -> list[Table]:
    rows = [row for row in reconciliation.differences if not cause or row["cause"] == cause]
    if not reconciliation.differences:
        return []
    shown = rows[:_SHOWN]
    ours = Ours(reconciliation.connection, shown)
    theirs = Theirs(reconciliation.connection).read(shown)
    note: object = (
        "" if len(rows) <= _SHOWN else f"The first {_SHOWN} of {len(rows):,}. Choose a cause above to see fewer."
    )
    title = f"Differences: {cause}" if cause else "Differences"
    if cause:
        note = to(change_url(Reconciliation, reconciliation.pk), "Show all causes")
    return [
        Table(
            title,
            columns("Kind", "Document", "Cause", ">Ours", ">Theirs", "In the ERP", "Mend it"),
            [
                (
                    str(row["kind"]).replace("_", " ").capitalize(),
                    f"{_account(row, theirs)}, {row['currency']}" if row["kind"] == "account" else ours.link(row),
                    format_html(_CAUSE, f"{sentence(row['cause'])}. {row.get('detail', '')}".strip()),
                    theirs.show(row, "ours"),
                    theirs.show(row, "theirs"),
                    ours.theirs(row),
                    ours.mend(row),
                )
                for row in shown
            ],
            "No difference has this cause.",
            note=note,
        )
    ]


def _accounts(reconciliation: Reconciliation) -> Table:
    rows = sorted(reconciliation.accounts, key=lambda row: not Decimal(row["difference"]))
    theirs = Theirs(reconciliation.connection).read(rows)
    return Table(
        "Account by account",
        columns("Account in the ERP", "Currency", ">Ours", ">Theirs", ">Difference", ""),
        [
            (
                _account(row, theirs),
                row["currency"],
                *(_amount(row, side) for side in ("ours", "theirs", "difference")),
                badge("failed", "Differs") if Decimal(row["difference"]) else badge("paid", "Agrees"),
            )
            for row in rows
        ],
        "No account was moved by that day.",
        note=f"What both sides moved up to the day; debits are positive. Movements that were not sent from here count on "
        f"their side. {_of_base(reconciliation)}".strip(),
    )


def _of_base(reconciliation: Reconciliation) -> str:
    """Say what sums in base currency are, where there are any: the ERP's own ledger, or the documents only."""
    names = [str(row["account"]) for row in reconciliation.accounts]
    if LEDGER in names:
        return (
            "The ERP's own ledger of receivables has the exchange differences of what was settled in it; ours is without "
            "revaluations."
        )
    spec = base.get(reconciliation.connection.erp)
    if not spec.no_ledger or not any(name.endswith(IN_BASE) for name in names):
        return ""
    return (
        f"Sums in base currency add up the documents, each at its own rate. {spec.no_ledger} So exchange differences that it "
        "posts when documents are settled are not compared here: look at its account for them."
    )


def _account(row: dict[str, Any], theirs: Theirs) -> str:
    """Name an account; a sum over documents is named after what they are, and the account they go to."""
    name, external_id = str(row["account"]).removesuffix(IN_BASE), str(row["erp_id"])
    in_base = IN_BASE if row["account"].endswith(IN_BASE) else ""
    if external_id and name.endswith(f" {external_id}"):
        name = f"{name.removesuffix(external_id)}{theirs.account(external_id)}"
    return sentence(f"{name}{in_base}")


def _amount(row: dict[str, Any], side: str) -> object:
    if not row["currency"]:
        return row[side] or NONE
    return figure(Decimal(row[side]), row["currency"], blank_zero=False)
