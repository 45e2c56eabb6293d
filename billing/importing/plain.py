"""How a field of any file is read: one way to write a day and an amount, so that nothing is guessed and nothing is cut."""

import re
from datetime import date
from decimal import Decimal

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{0,30})?")
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)
# Controls, and what turns the reading direction of all that follows: a text with it shows something else than it is.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


def day(text: str) -> date | None:
    """Read a day written as 2026-01-31, of a year that adding terms to cannot leave the calendar; None for all else."""
    if not _DAY.fullmatch(text):
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if _FIRST_DAY <= found <= _LAST_DAY else None


def number(text: str) -> Decimal | None:
    """Read a number of plain digits with a point, such as 1234.50; None for all else.

    A spreadsheet's 1.2E+03 has lost its last digits already, and thousands may be parted by a comma, a point or a blank.
    """
    if not _NUMBER.fullmatch(text):
        return None
    return Decimal(text) or Decimal(0)  # -0 is zero


def unfit(text: str) -> str:
    """Name the first character of a text that nobody can see or that hides others; empty where there is none."""
    found = _UNFIT.search(text)
    if found is None:
        return ""
    if found[0] == "\x00":
        return "a NUL character"
    return f"an unprintable control character (U+{ord(found[0]):04X})"
