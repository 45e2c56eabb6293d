"""What the headers of an answer say about time: how long to wait, and what the server's clock shows."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

CLOCK = "clock_ahead"  # Among credentials: seconds by which the server's clock is ahead of ours; never stored.
_NOTABLE = 30.0  # Seconds; answers take some on their way, and no vendor minds them.


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Give the seconds of a `Retry-After` (RFC 9110: a number of seconds, or a date); None where nothing usable is said.

    A date is measured from the answer's own `Date`, for the server's clock need not be ours.
    """
    told = headers.get("Retry-After", "").strip()
    try:
        seconds = float(told) if told.replace(".", "", 1).isdecimal() else _until(told, headers)
    except (ValueError, TypeError, OverflowError):
        return None
    return seconds if seconds > 0 else None


def clock_ahead(headers: Mapping[str, str]) -> float:
    """Give by how many seconds the server's clock is ahead of ours (below zero: behind); 0 for none to speak of."""
    try:
        ahead = (_moment(headers.get("Date", "")) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return ahead if abs(ahead) >= _NOTABLE else 0.0


def _until(told: str, headers: Mapping[str, str]) -> float:
    moment = _moment(told)
    try:
        now = _moment(headers.get("Date", ""))
    except (ValueError, TypeError):
        now = datetime.now(UTC)
    return (moment - now).total_seconds()


def _moment(text: str) -> datetime:
    moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
