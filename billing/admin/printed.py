"""Documents that can be printed: a button on their page, and the PDF; many of them chosen on their list as a ZIP."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from billing.admin.document import DocumentAdmin
from billing.admin.shown import change_url
from billing.downloads import file_headers
from billing.models import Job
from billing.printing.bundles import AT_ONCE, CONTENT_TYPE, MOST, bundles
from billing.printing.document_pdf import pdf_response
from billing.printing.documents import PrintedDocument
from billing.services.jobs import start_job


@admin.action(description="Download as PDF")
def download_pdfs(model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
    """Give the PDFs of the chosen documents: a few at once as a ZIP, many by a job that shows how far it is."""
    kind, ids = model_admin.opts.model_name, list(queryset.values_list("pk", flat=True)[: MOST + 1])
    if len(ids) > MOST:
        messages.error(request, f"Choose at most {MOST:,} at once; the filters and the search narrow the list.")
        return None
    if len(ids) <= AT_ONCE:
        ((name, content),) = bundles(kind, ids, lambda done, total: None)
        return HttpResponse(content, content_type=CONTENT_TYPE, headers=file_headers(name))
    title = f"{len(ids):,} {model_admin.opts.verbose_name_plural} as PDF"
    job = start_job(kind="print_documents", title=title, parameters={"kind": kind, "ids": ids}, user=request.user)
    return HttpResponseRedirect(change_url(Job, job.pk))


class PrintedAdmin(DocumentAdmin):
    """Pages of documents with a PDF, for everybody who may look at them. `printed` says what is on it."""

    printed: Callable[[Any], PrintedDocument]
    actions: Any = (download_pdfs,)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.pdf_view)
        return [path("<path:object_id>/pdf/", view, name=self._pdf_name()), *super().get_urls()]

    def pdf_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give the document as a PDF that opens in the browser."""
        return pdf_response(type(self).printed(self.find(request, object_id)))

    def buttons(self, request: HttpRequest, subject: Any) -> list[dict[str, object]]:
        pdf = {"label": "PDF", "url": reverse(f"admin:{self._pdf_name()}", args=[subject.pk]), "plain": True}
        return [*super().buttons(request, subject), pdf]

    def _pdf_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_pdf"
