"""An invoice or a credit note as a PDF: a letter on the first page, the table over as many as it takes."""

from collections.abc import Sequence
from io import BytesIO
from typing import IO, NamedTuple

from django.http import HttpResponse
from reportlab.lib.pagesizes import A4, LETTER

from billing.downloads import file_headers
from billing.printing.documents import PrintedDocument, PrintedLine
from billing.printing.fonts import BOLD, REGULAR, width_of
from billing.printing.paper import Paper, wrapped

CONTENT_TYPE = "application/pdf"
_MARGIN, _GAP = 50.0, 12.0
_SIZE, _SMALL, _LINE = 9.0, 8.0, 12.0
_FACTS_WIDTH, _LABEL_WIDTH = 225.0, 95.0
_SUMS_WIDTH = 260.0
_MOST_LINES = 12


class _Column(NamedTuple):
    """A column of figures: the line's field, what stands above, and how wide it is."""

    name: str
    heading: str
    width: float


def pdf_response(document: PrintedDocument) -> HttpResponse:
    """Give the document as an answer that a browser opens, and saves under its number."""
    file = BytesIO()
    write_document(document, file)
    headers = file_headers(f"{document.number or 'draft'}.pdf", opens=True)
    return HttpResponse(file.getvalue(), content_type=CONTENT_TYPE, headers=headers)


def write_document(document: PrintedDocument, file: IO[bytes]) -> None:
    """Write the document. The same one gives the same bytes."""
    sheet = _Sheet(document, file)
    sheet.letter()
    sheet.table()
    sheet.sums()
    sheet.notes()
    sheet.finish()


class _Sheet(Paper):
    """The document's pages. Those after the first carry its number and the table's headings."""

    def __init__(self, document: PrintedDocument, file: IO[bytes]) -> None:
        size = LETTER if document.is_letter else A4
        super().__init__(file, size=size, margin=_MARGIN, title=document.title, author=document.seller)
        self._document = document
        self._is_first = True
        self._in_table = False
        self._numbers = _number_columns(document)
        self._text_width = self.right - _MARGIN - sum(column.width + _GAP for column in self._numbers)
        self.begin()
        self._is_first = False

    def begin(self) -> None:
        if self._document.stamp:
            self.stamp(self._document.stamp.upper(), BOLD, 110)
        self.y = self.height - _MARGIN - 12
        if self._is_first:
            return
        self._line_between(self._document.seller, f"{self._document.title}, continued", BOLD, _SIZE)
        self.y -= 28
        if self._in_table:
            self._headings()

    def foot(self, number: int, of: int) -> None:
        self.y = _MARGIN - 20
        page = f"{self._document.title} · Page {number} of {of}"
        self._line_between(self._document.seller, page, REGULAR, _SMALL, grey=True)

    def _line_between(self, left: str, right: str, font: str, size: float, *, grey: bool = False) -> None:
        """Write two texts on one line; the left one gives way."""
        room = self.right - _MARGIN - width_of(right, REGULAR, size) - _GAP
        self.write(_MARGIN, wrapped(left, room, font, size, most=1)[0], font, size, grey=grey)
        self.write(0, right, REGULAR, size, right=self.right, grey=grey)

    def letter(self) -> None:
        """Write who bills whom, and the document's facts beside the buyer."""
        top = self.y
        self.write(0, self._document.kind, BOLD, 20, right=self.right)
        name_width = self.right - _MARGIN - width_of(self._document.kind, BOLD, 20) - 30
        for line in wrapped(self._document.seller, name_width, BOLD, 13):
            self.write(_MARGIN, line, BOLD, 13)
            self.y -= 16
        self._block(self._document.seller_lines, name_width, grey=True)
        self.y = min(self.y, top - 30) - 26
        start = self.y
        self._facts()
        low = self.y
        self.y = start
        self.write(_MARGIN, "Billed to", REGULAR, _SMALL, grey=True)
        self.y -= _LINE + 1
        width = self.right - _MARGIN - _FACTS_WIDTH - 20
        first, *others = self._document.buyer_lines or ("",)
        for line in wrapped(first, width, BOLD, 10):
            self.write(_MARGIN, line, BOLD, 10)
            self.y -= _LINE + 1
        self._block(others, width)
        self.y = min(self.y, low) - 24

    def _block(self, lines: Sequence[str], width: float, *, grey: bool = False) -> None:
        for text in lines:
            for line in wrapped(text, width, REGULAR, _SIZE):
                self.room(_LINE)
                self.write(_MARGIN, line, REGULAR, _SIZE, grey=grey)
                self.y -= _LINE

    def _facts(self) -> None:
        x = self.right - _FACTS_WIDTH
        for label, text in self._document.facts:
            self.write(x, label, REGULAR, _SIZE, grey=True)
            for line in wrapped(text, _FACTS_WIDTH - _LABEL_WIDTH, REGULAR, _SIZE):
                self.write(x + _LABEL_WIDTH, line, REGULAR, _SIZE)
                self.y -= _LINE + 1

    def table(self) -> None:
        """Write the lines; a line stays on one page."""
        self._headings()
        self._in_table = True
        for line in self._document.lines:
            self._row(line)
        self._in_table = False

    def _headings(self) -> None:
        self.write(_MARGIN, "Description", BOLD, _SMALL)
        self._numbers_row([column.heading for column in self._numbers], BOLD, _SMALL)
        self.rule(-5, 0.8)
        self.y -= 20

    def _row(self, line: PrintedLine) -> None:
        texts = wrapped(line.description, self._text_width, REGULAR, _SIZE, most=_MOST_LINES)
        details = [part for text in line.details for part in wrapped(text, self._text_width, REGULAR, _SMALL)]
        self.room(_LINE * len(texts) + (_LINE - 1) * len(details))
        self._numbers_row([getattr(line, column.name) for column in self._numbers], REGULAR, _SIZE)
        for text in texts:
            self.write(_MARGIN, text, REGULAR, _SIZE)
            self.y -= _LINE
        for detail in details:
            self.write(_MARGIN, detail, REGULAR, _SMALL, grey=True)
            self.y -= _LINE - 1
        self.y -= 4

    def _numbers_row(self, cells: Sequence[str], font: str, size: float) -> None:
        edge = self.right
        for cell, column in zip(reversed(cells), reversed(self._numbers), strict=True):
            self.write(0, cell, font, size, right=edge)
            edge -= column.width + _GAP

    def sums(self) -> None:
        """Write the totals, together on one page."""
        labels = [
            wrapped(each.label, self._label_room(each.amount), BOLD if each.is_strong else REGULAR, _SIZE)
            for each in self._document.sums
        ]
        self.room(30 + sum(15 * len(lines) for lines in labels))
        self.rule(8, 0.8)
        self.y -= 8
        x = self.right - _SUMS_WIDTH
        for each, lines in zip(self._document.sums, labels, strict=True):
            font = BOLD if each.is_strong else REGULAR
            self.write(0, each.amount, font, _SIZE, right=self.right)
            for line in lines:
                self.write(x, line, font, _SIZE)
                self.y -= 15

    def _label_room(self, amount: str) -> float:
        return _SUMS_WIDTH - width_of(amount, BOLD, _SIZE) - _GAP

    def notes(self) -> None:
        """Write what else there is to say, such as how to pay."""
        width = self.right - _MARGIN
        for heading, text in self._document.notes:
            self.room(60)
            self.y -= 20
            self.write(_MARGIN, heading, BOLD, _SIZE)
            self.y -= _LINE + 1
            self._block([line for line in text.splitlines() if line.strip()], width)


_HEADINGS = {"quantity": "Quantity", "unit_price": "Unit price", "discount": "Discount", "tax": "Tax", "amount": "Net"}


def _number_columns(document: PrintedDocument) -> list[_Column]:
    """Give the columns of figures that have something in them, each as wide as what is in it."""
    found = []
    for name, heading in _HEADINGS.items():
        texts = [text for line in document.lines if (text := getattr(line, name))]
        if not texts and name != "amount":
            continue
        named = f"{heading} {document.currency}" if name in ("unit_price", "amount") else heading
        widest = max((width_of(text, REGULAR, _SIZE) for text in texts), default=0.0)
        found.append(_Column(name, named, max(widest, width_of(named, BOLD, _SMALL))))
    return found
