"""Sheets of paper that are written from the top down. Finished ones wait until the number of all of them is known."""

from collections.abc import Iterator
from typing import IO, Any

from reportlab.pdfgen.canvas import Canvas

from billing.printing.fonts import REGULAR, part_width, register_fonts, remark, runs, width_of

_MOST_LINES = 4
_REMARK_SIZE = 6.5
_GREY, _BLACK = 0.4, 0.0


class Paper:
    """The pages under way, in points from the lower left corner; `y` is where the next line of text stands.

    The same content gives the same bytes. Whoever draws says in `begin` what stands at the top of each page, and in `foot`
    what stands at the end of it.
    """

    def __init__(self, file: IO[bytes], *, size: tuple[float, float], margin: float, title: str, author: str) -> None:
        register_fonts()
        self.width, self.height = size
        self.margin = margin
        self.y = 0.0
        self._canvas = Canvas(file, pagesize=size, invariant=1, pageCompression=1)
        self._canvas.setTitle(title)
        self._canvas.setAuthor(author)
        self._pages: list[tuple[dict[str, Any], list[str]]] = []
        self._remarks: set[str] = set()

    @property
    def right(self) -> float:
        """The right edge of what may be written on."""
        return self.width - self.margin

    def begin(self) -> None:
        """Write the top of a page, and leave `y` below it."""
        raise NotImplementedError

    def foot(self, number: int, of: int) -> None:
        """Write the end of a page."""
        raise NotImplementedError

    def turn(self) -> None:
        """Go on with a new page."""
        self._keep()
        self._canvas._startPage()
        self.begin()

    def _keep(self) -> None:
        self._pages.append((dict(self._canvas.__dict__), sorted(filter(None, self._remarks))))
        self._remarks.clear()

    def room(self, height: float) -> None:
        """Turn the page unless so much fits on this one."""
        if self.y - height < self.margin + 14:
            self.turn()

    def write(
        self, x: float, text: str, font: str, size: float, *, right: float | None = None, grey: bool = False
    ) -> None:
        """Write one line at `y`: from `x` on, or ending at `right`."""
        self._canvas.setFillGray(_GREY if grey else _BLACK)
        if right is not None:
            x = right - width_of(text, font, size)
        for name, part in runs(text, font):
            self._canvas.setFont(name, size)
            self._canvas.drawString(x, self.y, part)
            self._remarks.add("" if name == font else remark(part, name))
            x += part_width(part, name, size)

    def rule(self, above: float, weight: float, *, until: float | None = None) -> None:
        """Draw a line `above` points over `y`, from the left margin to `until` or the right margin."""
        self._canvas.setLineWidth(weight)
        self._canvas.line(self.margin, self.y + above, until or self.right, self.y + above)

    def stamp(self, word: str, font: str, size: float) -> None:
        """Write a word large and pale across the page, below all else."""
        self._canvas.saveState()
        self._canvas.translate(self.width / 2, self.height / 2)
        self._canvas.rotate(45)
        self._canvas.setFillGray(0.9)
        self._canvas.setFont(font, size)
        self._canvas.drawCentredString(0, -size / 3, word)
        self._canvas.restoreState()

    def finish(self) -> None:
        """Number the pages and write the file."""
        self._keep()
        for number, (page, remarks) in enumerate(self._pages, start=1):
            self._canvas.__dict__.update(page)
            self.foot(number, len(self._pages))
            self.y -= _REMARK_SIZE + 3
            self.write(self.margin, " ".join(remarks), REGULAR, _REMARK_SIZE, grey=True)
            Canvas.showPage(self._canvas)
        self._canvas.save()


def wrapped(text: str, width: float, font: str, size: float, *, most: int = _MOST_LINES) -> list[str]:
    """Break a text into lines that fit; what takes more than `most` lines ends with an ellipsis."""
    if width_of(text, font, size) <= width:
        return [text]
    lines: list[str] = []
    line = ""
    for piece in _pieces(text, width, font, size):
        longer = f"{line} {piece}" if line else piece
        if line and width_of(longer, font, size) > width:
            lines.append(line)
            line = piece
        else:
            line = longer
    lines.append(line)
    if len(lines) > most:
        lines = lines[:most]
        lines[-1] = lines[-1][: max(len(lines[-1]) - 1, 1)] + "…"
    return lines


def _pieces(text: str, width: float, font: str, size: float) -> Iterator[str]:
    for word in text.split():
        left = word
        while width_of(left, font, size) > width and len(left) > 1:
            fits = 1
            while fits < len(left) and width_of(left[: fits + 1], font, size) <= width:
                fits += 1
            yield left[:fits]
            left = left[fits:]
        yield left
