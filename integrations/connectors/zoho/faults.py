"""Zoho's refusals: a status, a code and a message, and what they mean for delivery.

The status decides first, known codes second; duplicates and locks have no published code and are told by the words.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from integrations.connectors.base import (
    DeliveryError,
    MissingMapping,
    NameTaken,
    PeriodLocked,
    Rejected,
    TryLater,
    UnknownOutcome,
)
from integrations.connectors.duplicates import DUPLICATE

GONE = "gone"
_SLOW_DOWN = 60.0
_NO_SUCH_RECORD = 1002
_LOCK = re.compile(r"\block(ed|ing)?\b|closed (accounting )?period|period (is|has been) closed", re.IGNORECASE)
_TAKEN = re.compile(r"already exist|already been (used|created|taken)|duplicate", re.IGNORECASE)
_OUT_OF_USE = re.compile(r"\binactive\b|Invalid value passed for \w*_id\b", re.IGNORECASE)
_OF_A_DAY = re.compile(r"\bday\b|\bdaily\b|24 hours", re.IGNORECASE)


def as_error(status: int, answer: dict[str, Any], *, names: bool = False) -> DeliveryError:
    """Say what a refusal means for the document it was given for; `names` is set where names must be unique."""
    code, words = answer.get("code", 0), str(answer.get("message") or f"HTTP {status}").strip().rstrip(".")
    said = f"Zoho Books says: {words} (code {code})."
    if status >= 500:
        return UnknownOutcome(f"Zoho Books had an error of its own: {words}. It is checked and tried again.")
    if status == 404 or code == _NO_SUCH_RECORD:
        return Rejected(GONE, f"{said} Somebody deleted it there, or it belongs to another organisation.")
    if _LOCK.search(words):
        return PeriodLocked(
            f"{said} Its books are locked for this date: unlock them there (Accountant, Transaction Locking), then send "
            "the item again."
        )
    if _TAKEN.search(words) and names:
        return NameTaken("name_taken", f"{said} Rename one of the two and send it again.")
    if _TAKEN.search(words):
        return Rejected(
            DUPLICATE,
            f"{said} It holds another document with this number that did not come from here. Give that one another number "
            "there, then send this one again.",
        )
    if _OUT_OF_USE.search(words):
        return MissingMapping(
            "reference",
            None,
            f"{said} An account, customer, item or tax that the mapping names is inactive or gone. Read the lists again, "
            "mend the mapping and send the item again.",
        )
    if "X-Unique-Identifier" in words:
        return Rejected(
            "unique_field",
            f"{said} Create the custom field that the connection names in this module of Zoho Books and let it refuse "
            "duplicates, or leave the field's name empty on the connection; then send the item again.",
        )
    return Rejected(str(code), said)


def slow_down(answer: dict[str, Any], told: float | None, time_zone: str) -> TryLater:
    """Say how long to wait after a 429: as long as was told, until tomorrow for a day's limit, else a minute."""
    words = str(answer.get("message", ""))
    if told:
        return TryLater("Zoho Books asks to slow down. It is tried again by itself.", after=told, whole_connection=True)
    if _OF_A_DAY.search(words):
        return TryLater(
            "The Zoho Books plan allows no more calls today. Sending goes on tomorrow by itself; a larger plan allows more.",
            after=_until_tomorrow(time_zone),
            whole_connection=True,
        )
    return TryLater(
        "Zoho Books asks to slow down. It is tried again by itself.", after=_SLOW_DOWN, whole_connection=True
    )


def _until_tomorrow(time_zone: str) -> float:
    try:
        zone = ZoneInfo(time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    now = datetime.now(UTC).astimezone(zone)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=5, second=0, microsecond=0)
    return (midnight - now).total_seconds()
