"""Documents that can be printed: a button on their page, and the PDF."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from billing.admin.document import DocumentAdmin
from billing.printing.document_pdf import pdf_response
from billing.printing.documents import PrintedDocument


class PrintedAdmin(DocumentAdmin):
    """Pages of documents with a PDF, for everybody who may look at them. `printed` says what is on it."""

    printed: Callable[[Any], PrintedDocument]

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
