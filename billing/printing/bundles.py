"""Many documents at once: a ZIP with a PDF of each, named after its number."""

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO
from typing import Any

from django.db.models import QuerySet

from billing.models import CreditNote, Invoice
from billing.printing.document_pdf import write_document
from billing.printing.documents import PrintedDocument, credit_note_document, invoice_document

CONTENT_TYPE = "application/zip"
AT_ONCE = 50  # So many take about a second.
MOST = 5_000
_IN_ONE_FILE = 500  # About 15 MB.
_UNFIT = re.compile(r"[^\w.-]+")


def bundle(documents: Iterable[PrintedDocument]) -> bytes:
    """Draw documents into one ZIP."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for place, document in enumerate(documents, start=1):
            drawn = BytesIO()
            write_document(document, drawn)
            archive.writestr(f"{_UNFIT.sub('-', document.number) or f'draft-{place}'}.pdf", drawn.getvalue())
    return file.getvalue()


def bundles(kind: str, ids: Sequence[int], progress: Callable[[int, int], None]) -> Iterator[tuple[str, bytes]]:
    """Draw documents, given by their ids in the order wanted, into as many ZIPs as it takes: (name, content) of each."""
    rows, printed = _KINDS[kind]
    for start in range(0, len(ids), _IN_ONE_FILE):
        part = list(ids[start : start + _IN_ONE_FILE])
        found = rows().in_bulk(part)
        yield (
            f"{kind}s-{start + 1}-to-{start + len(part)}.zip",
            bundle(_drawn(part, found, printed, start, len(ids), progress)),
        )


def _drawn(
    part: Sequence[int], found: dict[Any, Any], printed: Callable[[Any], PrintedDocument], start: int, total: int,
    progress: Callable[[int, int], None],
) -> Iterator[PrintedDocument]:  # fmt: skip
    for place, each in enumerate(part, start=start + 1):
        if each in found:  # A draft may have been deleted meanwhile.
            yield printed(found[each])
        progress(place, total)


def _invoices() -> QuerySet[Invoice]:
    return Invoice.objects.select_related("business_entity", "customer", "contract")


def _credit_notes() -> QuerySet[CreditNote]:
    return CreditNote.objects.select_related("business_entity", "invoice__customer", "invoice__contract")


_KINDS: dict[str, tuple[Callable[[], QuerySet[Any]], Callable[[Any], PrintedDocument]]] = {
    "invoice": (_invoices, invoice_document),
    "creditnote": (_credit_notes, credit_note_document),
}
