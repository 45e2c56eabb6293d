"""Fonts of what is printed: every name a customer can have comes out as letters, never as boxes.

Noto Sans has Latin, Greek, Cyrillic and Devanagari, FiraGO Hebrew, Arabic, Thai and Georgian letters; both come as a
package and are embedded. What they lack comes from the fonts named in COUNTERFOIL_PDF_FONTS, embedded too. Without one,
Chinese, Japanese and Korean use the fonts that PDF readers bring, and the page says so (`remark`): no package on PyPI that
is looked after has a font for them that the PDF library can read. Letters stand in the order they are written; joined-up
Arabic is beyond this.
"""

from functools import cache
from io import BytesIO
from itertools import groupby

import pymupdf_fonts
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont

REGULAR, BOLD = "NotoSans", "NotoSans-Bold"
_FURTHER = "FiraGO"
_JAPANESE, _CHINESE, _KOREAN = "HeiseiKakuGo-W5", "STSong-Light", "HYSMyeongJo-Medium"
_READERS = frozenset({_JAPANESE, _CHINESE, _KOREAN})
_BORROWED = "Chinese, Japanese and Korean letters on this page are shown in the fonts of your PDF reader."
_BOXES = "Letters that no font here has are printed as boxes."
_KANA, _HAN, _HANGUL = (0x3040, 0x30FF), (0x2E80, 0x9FFF), (0xAC00, 0xD7AF)


@cache
def register_fonts() -> None:
    """Make the fonts known to the PDF library, once a process. Unpacking them takes a tenth of a second."""
    for name, code in ((REGULAR, "notos"), (BOLD, "notosbo"), (_FURTHER, "figo")):
        pdfmetrics.registerFont(TTFont(name, BytesIO(pymupdf_fonts.myfont(code))))
    for name in _READERS:
        pdfmetrics.registerFont(UnicodeCIDFont(name))
    for place, path in enumerate(settings.COUNTERFOIL_PDF_FONTS):
        try:
            pdfmetrics.registerFont(TTFont(_given(place), path, subfontIndex=0))
        except (TTFError, OSError) as error:
            raise ImproperlyConfigured(
                f"COUNTERFOIL_PDF_FONTS names {path}, which cannot be used ({error}). Name files of TrueType fonts (.ttf, .ttc)."
            ) from error


def _given(place: int) -> str:
    return f"Given-{place}"


def remark(part: str, font: str) -> str:
    """Say what a reader should know about a part as `runs` gives it; mostly nothing."""
    if font in _READERS:
        return _BORROWED
    return _BOXES if font == _FURTHER and any(ord(letter) not in _letters(font) for letter in part) else ""


def runs(text: str, font: str = REGULAR) -> list[tuple[str, str]]:
    """Cut a text into parts of one font each: (font, part)."""
    if text.isascii():
        return [(font, text)]
    asian = _JAPANESE if any(_KANA[0] <= ord(letter) <= _KANA[1] for letter in text) else _CHINESE
    return [(name, "".join(part)) for name, part in groupby(text, key=lambda letter: _font_of(letter, font, asian))]


def width_of(text: str, font: str, size: float) -> float:
    """Measure a text in points."""
    return sum(part_width(part, name, size) for name, part in runs(text, font))


def part_width(part: str, font: str, size: float) -> float:
    """Measure a part of one font, as `runs` gives it, in points."""
    return float(pdfmetrics.stringWidth(part, font, size))


@cache
def _letters(font: str) -> frozenset[int]:
    return frozenset(pdfmetrics.getFont(font).face.charToGlyph)


def _font_of(letter: str, font: str, asian: str) -> str:
    code = ord(letter)
    for name in (font, _FURTHER, *map(_given, range(len(settings.COUNTERFOIL_PDF_FONTS)))):
        if code in _letters(name):
            return name
    if _HANGUL[0] <= code <= _HANGUL[1]:
        return _KOREAN
    if _HAN[0] <= code <= _HAN[1] or 0xF900 <= code <= 0xFFEF:
        return asian
    return _FURTHER
