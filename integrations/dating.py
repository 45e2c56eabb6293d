"""What becomes of a document whose date the ERP has locked: what the connection's policy says."""

import dataclasses
from datetime import date
from typing import Any

from billing.periods import day_words
from integrations.connectors.base import Company, PeriodLocked, TryLater
from integrations.documents import CHANGES, Document, Kind, as_sent
from integrations.models import Connection
from integrations.policy import Policy, WhenLocked

_LOOK_AGAIN = 3600.0  # Locked books are looked at every hour.


def in_open_books(connection: Connection, kind: Kind, document: Document, to_first_open_day: bool) -> Document:
    """Give the document, with the first open day if a person or the policy wants that. Raises TryLater, PeriodLocked."""
    company = Company.from_json(connection.company)
    day: date | None = getattr(document, "date", None)
    lock = company.lock_on(as_sent(kind), day) if day else None
    if day is None or lock is None or kind in CHANGES:
        return document
    wanted = WhenLocked.FIRST_OPEN if to_first_open_day else Policy.of(connection.options).when_locked
    if wanted is WhenLocked.HOLD:
        words = f"The ERP's books are locked through {_words(lock.end)}. It is sent by itself when they are open again."
        raise TryLater(words, after=_LOOK_AGAIN)
    if wanted is WhenLocked.ASK:
        raise PeriodLocked(
            f"It is dated {day_words(day)}, but the ERP's books are locked through {_words(lock.end)}. Open them there "
            "and send it again, or send it with the first open day."
        )
    changed: Any = document
    moved: Document = dataclasses.replace(changed, date=company.first_open_day(as_sent(kind), day))
    return moved


def _words(day: str) -> str:
    return day_words(date.fromisoformat(day))
