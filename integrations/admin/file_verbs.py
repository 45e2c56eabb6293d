"""What is done with a connection that is fed by files: make import files, upload the chart and the ERP's own export."""

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.access import may
from billing.admin.document import Verb, VerbForm
from billing.admin.shown import moment, to
from billing.admin.tables import Table, columns
from billing.models import Role
from integrations import archive
from integrations.connectors import base
from integrations.connectors.base import SignInKind
from integrations.documents import Kind
from integrations.models import Connection, ConnectionStatus, ExportedDocument, ExportFile
from integrations.tokens import way_of

_SHOWN = 10


def is_fed_by_files(connection: Connection) -> bool:
    """Tell whether a person carries the documents over."""
    return way_of(connection).kind is SignInKind.NONE and connection.status == ConnectionStatus.CONNECTED


class ChartForm(VerbForm):
    file = forms.FileField(label="The ERP's chart of accounts (CSV)", help_text="Columns: Number, Name, Type.")


class ReportForm(VerbForm):
    kind = forms.ChoiceField(label="What it lists")
    file = forms.FileField(
        label="The ERP's export (CSV)",
        help_text="Journal entries: Reference, Date, Currency, Account, Debit, Credit, a row for each line. Other "
        "documents: Reference, Number, Date, Customer, Currency, Total, Tax. Everything the ERP holds, ours or not.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = base.get(self.subject.erp).reads
        self.fields["kind"].choices = [  # type: ignore[attr-defined]
            (kind.value, kind.value.replace("_", " ").capitalize()) for kind in kinds
        ]


def _make(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str | SafeString:
    made = archive.make_files(connection, user=request.user)
    if made is None:
        return "Nothing is new since the last files."
    return format_html(
        '{} documents are in the new files. <a class="cf-link" href="{}">Download them</a>',
        made.document_count,
        _url(made),
    )


def _upload_chart(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    count = archive.upload_accounts(connection, given["file"].read())
    return f"{count:,} accounts were read. Suggest the mapping next."


def _upload_report(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    count = archive.upload_report(connection, Kind(given["kind"]), given["file"].read())
    return f"{count:,} documents were read. Reconcile now to see whether both sides agree."


def _url(file: ExportFile) -> str:
    return reverse("admin:download_erp_files", args=[file.connection_id, file.pk])


def download(request: HttpRequest, connection_id: str, file_id: int) -> HttpResponse:
    """Hand out a set of files as it was made."""
    if not may(request, Role.ACCOUNTANT):
        raise Http404("There is no such file for you.")
    found = ExportFile.objects.filter(pk=file_id, connection_id=connection_id).first()
    if found is None:
        raise Http404("There is no such file in this company.")
    response = HttpResponse(bytes(found.content), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="counterfoil_{found.pk}.zip"'
    return response


def files_tables(connection: Connection) -> list[Table]:
    """List the files made, and how much waits for the next ones."""
    if not is_fed_by_files(connection):
        return []
    waiting = ExportedDocument.objects.filter(connection=connection, file=None).count()
    files = ExportFile.objects.filter(connection=connection).defer("content").select_related("made_by")[:_SHOWN]
    rows: list[tuple[object, ...]] = [
        (
            moment(each.made_at),
            str(each.made_by or ""),
            f"{each.document_count:,}",
            each.digest[:16],
            to(_url(each), "Download"),
        )
        for each in files
    ]
    return [
        Table(
            "Import files",
            columns("Made", "By", ">Documents", "SHA-256 begins", ""),
            rows,
            "No files have been made yet.",
            note=f"{waiting:,} documents wait for the next files. Import the files of a ZIP in the order of their numbers.",
        )
    ]


FILE_VERBS = (
    Verb(
        "make-files", "Make import files", _make, role=Role.ACCOUNTANT, allowed=is_fed_by_files,
        explain=lambda connection: "Puts every document that is in no file yet into a ZIP of CSV files, to be imported into the "
        "ERP once. They stay here to be downloaded again.",
    ),
    Verb(
        "upload-chart", "Upload chart", _upload_chart, role=Role.ACCOUNTANT, form=ChartForm, allowed=is_fed_by_files,
        explain=lambda connection: "Reads the ERP's accounts, so that ours can be mapped to them. Without it, “Create what is "
        "missing” uses our own account numbers there.",
    ),
    Verb(
        "upload-report", "Upload the ERP's export", _upload_report, role=Role.ACCOUNTANT, form=ReportForm,
        allowed=is_fed_by_files,
        explain=lambda connection: "Reads what the ERP holds, for the reconciliation. It replaces what was uploaded for the same "
        "kind before; nothing else is changed.",
    ),
)  # fmt: skip
