"""What is done with a connection that is fed by files: make import files, upload the chart and the ERP's own export."""

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.access import may
from billing.admin.document import Verb, VerbForm
from billing.admin.form_page import form_page
from billing.admin.shown import change_url, moment, to
from billing.admin.tables import Table, columns
from billing.downloads import file_headers
from billing.models import Role
from billing.wording import counted
from integrations import archive
from integrations.documents import Kind
from integrations.models import Connection, ConnectionStatus, ExportedDocument, ExportFile, ReportUpload
from integrations.tokens import is_fed_by_files

_SHOWN = 10
_LABELS = {
    Kind.JOURNAL_ENTRY: "Journal entries",
    Kind.INVOICE: "Invoices",
    Kind.CREDIT_NOTE: "Credit notes",
    Kind.PAYMENT: "Payments",
    Kind.REFUND: "Refunds",
    Kind.MONEY_OUT: "Money that went out beside invoices",
    Kind.MONEY_IN: "Money that came in beside invoices",
}


def takes_files(connection: Connection) -> bool:
    """Tell whether a person carries documents over at this moment."""
    return is_fed_by_files(connection) and connection.status == ConnectionStatus.CONNECTED


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
        self.fields["kind"].choices = [  # type: ignore[attr-defined]
            (kind.value, _label(kind)) for kind in archive.reported_kinds(self.subject)
        ]


def _label(kind: Kind) -> str:
    return _LABELS.get(kind) or kind.value.replace("_", " ").capitalize()


def _make(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str | SafeString:
    made = archive.make_files(connection, user=request.user)
    if made is None:
        return "Nothing is new since the last files."
    return format_html(
        '{} in the new files. <a class="cf-link" href="{}">Download them</a>',
        counted(made.document_count, "document is", "documents are"),
        _url(made),
    )


def _upload_chart(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    count = archive.upload_accounts(connection, given["file"].read())
    return f"{counted(count, 'account was', 'accounts were')} read. Suggest the mapping next."


def _upload_report(request: HttpRequest, connection: Connection, given: dict[str, Any]) -> str:
    count = archive.upload_report(connection, Kind(given["kind"]), given["file"].read(), user=request.user)
    return f"{counted(count, 'document was', 'documents were')} read. Reconcile now to see whether both sides agree."


def _url(file: ExportFile) -> str:
    return reverse("admin:download_erp_files", args=[file.connection_id, file.pk])


def download(request: HttpRequest, connection_id: int, file_id: int) -> HttpResponse:
    """Hand out a set of files as it was made."""
    if not may(request, Role.ACCOUNTANT):
        raise Http404("There is no such file for you.")
    found = ExportFile.objects.filter(pk=file_id, connection_id=connection_id).first()
    if found is None:
        raise Http404("There is no such file in this company.")
    headers = file_headers(f"counterfoil_{found.pk}.zip")
    return HttpResponse(bytes(found.content), content_type="application/zip", headers=headers)


def file_page(request: HttpRequest, connection_id: int, file_id: int) -> HttpResponse:
    """Show what is in a set of files, and let a person say that it was imported, or that it was not after all."""
    if not may(request, Role.ACCOUNTANT):
        raise Http404("There is no such file for you.")
    found = ExportFile.objects.filter(pk=file_id, connection_id=connection_id).select_related("connection").first()
    if found is None:
        raise Http404("There is no such file in this company.")
    back = change_url(Connection, connection_id)

    def mark(given: dict[str, Any]) -> tuple[str, str]:
        if found.imported_at:
            archive.mark_not_imported(found)
            return f"{found} are not marked as imported any more.", back
        archive.mark_imported(found, user=request.user)
        return f"{found} are marked as imported. Upload the ERP's export next, and reconcile.", back

    return form_page(
        request,
        title=f"{found} of {found.connection.name}, made on {moment(found.made_at)}",
        submit="Take the mark back" if found.imported_at else "Mark as imported",
        cancel_url=back,
        do=mark,
        explanation=f"Marked as imported on {moment(found.imported_at)} by {found.imported_by or 'a command'}. Take that back "
        "if the ERP has not got them after all; nothing else is changed."
        if found.imported_at
        else "Say so when the ERP took every file of the ZIP. The reconciliation then expects their documents in the ERP's "
        "export; until then it says that they are on their way.",
        tables=[_contents(found)],
        subject=found.connection,
        opts=Connection._meta,
    )


def _contents(file: ExportFile) -> Table:
    rows: list[tuple[object, ...]] = [
        (number, name, f"{documents:,}", f"{lines:,}")
        for number, (name, documents, lines) in enumerate(archive.contents_of(file), start=1)
    ]
    return Table(
        "In the order of their import",
        columns(">", "File", ">Documents", ">Lines"),
        rows,
        "",
        note=format_html('SHA-256 {}. <a class="cf-link" href="{}">Download the ZIP</a>', file.digest, _url(file)),
    )


def waiting_for_files(connection: Connection) -> int:
    """Count what is in no file yet."""
    return ExportedDocument.objects.filter(connection=connection, file=None).count()


def files_tables(connection: Connection) -> list[Table]:
    """List the files made, how much waits for the next ones, and which exports of the ERP were uploaded."""
    if not takes_files(connection):
        return []
    waiting = waiting_for_files(connection)
    files = ExportFile.objects.filter(connection=connection).defer("content").select_related("made_by", "imported_by")
    rows: list[tuple[object, ...]] = [
        (
            moment(each.made_at),
            str(each.made_by or "a command"),
            f"{each.document_count:,}",
            to(_url(each), "Download"),
            f"{moment(each.imported_at)} by {each.imported_by or 'a command'}" if each.imported_at else "not yet",
            to(
                reverse("admin:erp_files", args=[each.connection_id, each.pk]),
                "See" if each.imported_at else "Mark as imported",
            ),
        )
        for each in files[:_SHOWN]
    ]
    more = files.count() - len(rows)
    return [
        Table(
            "Import files",
            columns("Made", "By", ">Documents", "", "Imported", ""),
            rows,
            "No files have been made yet.",
            note=f"{counted(waiting, 'document waits', 'documents wait')} for the next files. Import the files of a ZIP in the "
            f"order of their numbers, then mark it as imported.{f' {more:,} earlier ones are not shown.' if more > 0 else ''}",
        ),
        _uploads(connection),
    ]


def _uploads(connection: Connection) -> Table:
    """List the kinds that a reconciliation of this mode looks at, each with the export it would be compared with."""
    held = {each.kind: each for each in ReportUpload.objects.filter(connection=connection).select_related("by")}
    rows: list[tuple[object, ...]] = []
    for kind in archive.reported_kinds(connection):
        found = held.get(kind.value)
        words = (
            (moment(found.at), str(found.by or "a command"), f"{found.document_count:,}")
            if found
            else ("not yet", "", "")
        )
        rows.append((_label(kind), *words))
    return Table(
        "The ERP's exports",
        columns("What it lists", "Uploaded", "By", ">Documents"),
        rows,
        "",
        note="The reconciliation compares with these. Upload them anew before you reconcile: one replaces the other.",
    )


FILE_VERBS = (
    Verb(
        "make-files", "Make import files", _make, role=Role.ACCOUNTANT, allowed=takes_files,
        explain=lambda connection: "Puts every document that is in no file yet into a ZIP of CSV files, to be imported into the "
        "ERP once. They stay here to be downloaded again.",
    ),
    Verb(
        "upload-chart", "Upload chart", _upload_chart, role=Role.ACCOUNTANT, form=ChartForm, allowed=takes_files,
        explain=lambda connection: "Reads the ERP's accounts, so that ours can be mapped to them. Without it, “Create what is "
        "missing” uses our own account numbers there.",
    ),
    Verb(
        "upload-report", "Upload the ERP's export", _upload_report, role=Role.ACCOUNTANT, form=ReportForm,
        allowed=takes_files,
        explain=lambda connection: "Reads what the ERP holds, for the reconciliation. It replaces what was uploaded for the same "
        "kind before; nothing else is changed.",
    ),
)  # fmt: skip
