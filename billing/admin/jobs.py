"""Long work: the forms that start it, the list, and the page that shows how far it is."""

import base64
import tempfile
from pathlib import Path
from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.decorators import display

from billing.access import may
from billing.admin.document import DocumentAdmin
from billing.admin.form_page import form_page
from billing.admin.forms import DayField, StyledForm, today
from billing.admin.hooks import add_job_link, made_by_job
from billing.admin.shown import NONE, change_url, list_url, moment, status, to
from billing.admin.tables import Table, columns
from billing.downloads import file_headers
from billing.importing.column_map import InvalidColumnMap, load_column_map
from billing.models import BusinessEntity, Contract, Invoice, Job, JobStatus, Role
from billing.periods import day_words
from billing.services.jobs import files_kept_for, is_at_work, restart_job, start_job

_LARGEST_FILE = 25_000_000
_PATIENCE_SECONDS = 5
HOW_TO_START = "manage.py work"


class BillingForm(StyledForm):
    through = DayField(label="Bill everything due up to and including")
    finalize = forms.BooleanField(
        label="Finalize the invoices at once",
        required=False,
        help_text="Otherwise they stay drafts that you can look at first.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["through"] = today()


class ImportForm(StyledForm):
    business_entity: forms.ModelChoiceField = forms.ModelChoiceField(label="Customers of", queryset=None)
    file = forms.FileField(label="Contracts (CSV, UTF-8, with a heading line)")
    columns = forms.FileField(
        label="Column map (TOML)",
        help_text="Says which column holds what; docs/examples/telco_columns.toml explains it.",
    )
    skip_bad_rows = forms.BooleanField(
        label="Import the good rows even if some are bad",
        required=False,
        help_text="Otherwise a bad row means that nothing is imported, and every bad row is listed.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        entities = BusinessEntity.objects.order_by("code")
        self.fields["business_entity"].queryset = entities  # type: ignore[attr-defined]
        if len(entities) == 1:
            del self.fields["business_entity"]

    def clean_file(self) -> Any:
        given = self.cleaned_data["file"]
        if given.size > _LARGEST_FILE:
            raise forms.ValidationError("The file has more than 25 MB; import it with manage.py import_contracts.")
        return given

    def clean_columns(self) -> bytes:
        given = self.cleaned_data["columns"]
        if given.size > 1_000_000:
            raise forms.ValidationError("A column map is a few lines of text; this file is too large.")
        text = given.read()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "columns.toml")
            file.write_bytes(text)
            try:
                load_column_map(file)
            except InvalidColumnMap as error:
                raise forms.ValidationError(str(error).replace(str(file), given.name)) from error
        return bytes(text)


def run_billing_page(request: HttpRequest) -> HttpResponse:
    """Start a billing run."""
    _require(request, Role.FINANCE)

    def start(given: dict[str, Any]) -> tuple[str, str]:
        job = start_job(
            kind="run_billing",
            title=f"Billing run through {day_words(given['through'])}{', finalized' if given['finalize'] else ''}",
            parameters={"through": given["through"].isoformat(), "finalize": given["finalize"]},
            user=request.user,
        )
        return "The billing run is in line.", change_url(Job, job.pk)

    return form_page(
        request,
        title="Run billing",
        submit="Run billing",
        cancel_url=list_url(Invoice),
        do=start,
        form=BillingForm(request.POST if request.method == "POST" else None),
        explanation="Drafts an invoice for every charge of the active contracts that is due by the date. What is billed "
        "already is not billed twice, so a run may be repeated at any time.",
        opts=Invoice._meta,
    )


def import_contracts_page(request: HttpRequest) -> HttpResponse:
    """Start an import of contracts."""
    _require(request, Role.FINANCE)

    def start(given: dict[str, Any]) -> tuple[str, str]:
        job = start_job(
            kind="import_contracts",
            title=f"Import of contracts from {given['file'].name[:100]}",
            parameters={
                "file_base64": base64.b64encode(given["file"].read()).decode(),
                "columns_base64": base64.b64encode(given["columns"]).decode(),
                "business_entity": given["business_entity"].code if "business_entity" in given else "",
                "skip_bad_rows": given["skip_bad_rows"],
            },
            user=request.user,
        )
        return "The import is in line.", change_url(Job, job.pk)

    posted = request.method == "POST"
    return form_page(
        request,
        title="Import contracts",
        submit="Import",
        cancel_url=list_url(Contract),
        do=start,
        form=ImportForm(request.POST if posted else None, request.FILES if posted else None),
        explanation="Each row is one customer with one contract, which is started at once. Rows imported before are left "
        "as they are, so a file may be imported again.",
        opts=Contract._meta,
    )


def _require(request: HttpRequest, role: str) -> None:
    if not may(request, role):
        raise PermissionDenied


def state_of(job: Job) -> dict[str, Any]:
    """Say how far a job is, in words, for its page and for those who poll it."""
    over = job.status in (JobStatus.DONE, JobStatus.FAILED)
    at_work = job.status == JobStatus.RUNNING and is_at_work(job)
    hint, words = "", str(job.get_status_display())
    if job.status == JobStatus.DONE:
        words = (job.result or {}).get("words", "Done.")
    elif job.status == JobStatus.FAILED:
        words = job.message
    elif job.status == JobStatus.RUNNING and not at_work:
        words = "The worker that was doing this has stopped."
        hint = f"Make sure that a worker runs ({HOW_TO_START}), then start it again below."
    elif job.status == JobStatus.RUNNING:
        words = f"{job.done:,} of {job.total:,} done" if job.total else "Under way"
    elif (timezone.now() - job.created_at).total_seconds() > _PATIENCE_SECONDS:
        hint = f"No worker has taken it up yet. If none is running, start one with: {HOW_TO_START}"
    percent = 100 if job.status == JobStatus.DONE else (100 * job.done // job.total if job.total else 0)
    return {
        "words": words,
        "hint": hint,
        "percent": percent,
        "over": over,
        "badge": status(job),
        "stands_still": bool(hint) or job.status == JobStatus.FAILED,
        "links": _links(job),
    }


def _links(job: Job) -> list[tuple[str, str]]:
    result = job.result or {}
    about = result.get("about")
    onward = result.get("onward", "Look at the result")
    if about:
        return [(onward, change_url(apps.get_model(about[0]), about[1]))]
    return made_by_job(job.kind) if job.status == JobStatus.DONE else []


# The newest come first in the lists, so what the job made is at the head.
for _kind in ("run_billing", "finalize_invoices"):
    add_job_link(_kind, "Invoices", lambda: list_url(Invoice))
add_job_link("import_contracts", "Contracts", lambda: list_url(Contract))


def _files(job: Job) -> list[Table]:
    files = job.files.defer("content")
    rows = [
        (to(reverse("admin:job_file", args=[job.pk, each.pk]), each.name), filesizeformat(each.size)) for each in files
    ]
    note = f"Kept for {files_kept_for().days} days."
    return [Table("Files", columns("File", ">Size"), rows, "", note=note)] if rows else []


@admin.register(Job)
class JobAdmin(DocumentAdmin):
    list_display = ("title", "status_shown", "outcome", "created_by", "created_at", "finished_at")
    list_filter = ("status",)
    list_select_related = ("created_by",)
    empty_hint = "Billing runs, imports and revenue recognition are listed here while they run and afterwards."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        return super().get_queryset(request).defer("parameters")  # An import's hold its file.

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("run-billing/", wrap(run_billing_page), name="run_billing"),
            path("import-contracts/", wrap(import_contracts_page), name="import_contracts"),
            path("<int:job_id>/state/", wrap(self.state_view), name="job_state"),
            path("<int:job_id>/files/<int:file_id>/", wrap(self.file_view), name="job_file"),
            path("<int:job_id>/again/", wrap(self.again_view), name="job_again"),
            *super().get_urls(),
        ]

    def show(self, request: HttpRequest, subject: Job) -> HttpResponse:
        state = state_of(subject)
        may_restart = may(request, Role.FINANCE) and subject.status != JobStatus.DONE
        details = (subject.result or {}).get("details", [])
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": subject,
            "title": subject.title,
            "state": state,
            "facts": [
                ("Number", subject.pk),
                ("Started by", subject.created_by or NONE),
                ("In line since", moment(subject.created_at)),
                ("Finished", moment(subject.finished_at)),
            ],
            "tables": [
                *_files(subject),
                *([Table("Details", columns(""), [(line,) for line in details], "")] if details else []),
            ],
            "state_url": reverse("admin:job_state", args=[subject.pk]),
            "again_url": reverse("admin:job_again", args=[subject.pk]) if may_restart else "",
        }
        return TemplateResponse(request, "admin/counterfoil/job.html", context)

    def state_view(self, request: HttpRequest, job_id: int) -> JsonResponse:
        return JsonResponse(state_of(self.find(request, str(job_id))))

    def file_view(self, request: HttpRequest, job_id: int, file_id: int) -> HttpResponse:
        """Hand out a file that a job made."""
        file = self.find(request, str(job_id)).files.filter(pk=file_id).first()
        if file is None:
            raise Http404(
                f"This file is gone: files are kept for {files_kept_for().days} days. Choose the documents and download them "
                "again."
            )
        return HttpResponse(bytes(file.content), content_type="application/zip", headers=file_headers(file.name))

    def again_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        _require(request, Role.FINANCE)
        job = self.find(request, str(job_id))
        if request.method == "POST":
            try:
                restart_job(job_id=job.pk)
            except ValueError as error:
                messages.error(request, str(error))
        return HttpResponseRedirect(change_url(Job, job.pk))

    @display(description="Status", ordering="status")
    def status_shown(self, job: Job) -> str:
        return status(job)

    @display(description="Outcome")
    def outcome(self, job: Job) -> str:
        return (job.result or {}).get("words") or job.message or NONE
