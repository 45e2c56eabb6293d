"""QuickBooks' faults: reading them wherever they hide, and what each means for delivery."""

from dataclasses import dataclass
from typing import Any

from integrations.connectors.base import (
    BadCredentials,
    DeliveryError,
    MissingMapping,
    NameTaken,
    PeriodLocked,
    Rejected,
    TryLater,
    UnknownOutcome,
)
from integrations.connectors.duplicates import DUPLICATE

STALE, TOO_MUCH = 5010, 10100
_DUPLICATE_NUMBER, _DUPLICATE_NAME = 6140, 6240
_CLOSED = 6200, 6210
_GONE = 610, 2500, 6250
_LOST_ACCESS = 120, 3100, 3200
_THROTTLED = 3001
_SERVER, _ID_IN_USE = (10000,), 600
_LONGEST_WORK = 120.0  # Seconds after which Intuit gives a request up.

ADVICE = {
    6190: "The QuickBooks subscription has ended. Renew it, then send the item again.",
    5020: "The person who connected QuickBooks may not do this. Connect with an administrator and send it again.",
    5030: "This feature is not part of the company's QuickBooks plan.",
}


@dataclass(frozen=True)
class Fault:
    """One error of a fault. `code` is a number, as the vendor writes it with and without leading zeros."""

    code: int
    message: str
    detail: str
    type: str

    @property
    def words(self) -> str:
        """Give the vendor's own words."""
        text = self.detail or self.message
        return f"{self.message}: {self.detail}" if self.message and self.detail else text or f"error {self.code}"

    @property
    def is_duplicate_number(self) -> bool:
        """Tell a number already taken; Intuit prints 6210 for it in places, so the message counts too."""
        return self.code == _DUPLICATE_NUMBER or "duplicate document number" in self.message.lower()

    def as_error(self) -> DeliveryError:
        """Say what this fault means for the document it was given for."""
        if self.code == _DUPLICATE_NAME:
            return NameTaken("name_taken", f"QuickBooks says: {self.words}. Rename one of the two and send it again.")
        if self.is_duplicate_number:
            return Rejected(
                DUPLICATE,
                f"QuickBooks says: {self.words}. It holds another document with this number that did not come from "
                "here. Give that one another number there, then send this one again.",
            )
        if self.code in _LOST_ACCESS or self.type.upper().startswith("AUTHENTICATION"):
            return BadCredentials(f"QuickBooks no longer accepts this connection ({self.words}). Connect to it again.")
        if self.code == _THROTTLED:
            return TryLater(
                "QuickBooks asks to slow down. It is tried again by itself.", after=60.0, whole_connection=True
            )
        if self.code == _ID_IN_USE:
            # By an earlier request that may still be at work, or by another one altogether: once nothing can be at work any
            # more it is looked up, and what is not there is sent under another id.
            words = f"QuickBooks has seen this request's id before ({self.words}). It is checked and tried again."
            return UnknownOutcome(words, fresh_key=True, settle=_LONGEST_WORK)
        if self.code == TOO_MUCH:
            return Rejected(str(self.code), f"QuickBooks says: {self.words}. It was asked for too much at once.")
        if self.code in _SERVER or self.type == "SystemFault" or self.type.upper() == "SERVICE":
            return UnknownOutcome(f"QuickBooks had an error of its own ({self.words}). It is checked and tried again.")
        if self.code in _GONE:
            return MissingMapping(
                "reference",
                None,
                f"QuickBooks says: {self.words}. An account, customer, item or tax code that the mapping names is "
                "inactive or gone. Read the lists again, mend the mapping and send the item again.",
            )
        if self.code in _CLOSED:
            return PeriodLocked(
                f"QuickBooks says: {self.words}. Its books are closed for this date: reopen them there (closing date "
                "in the company's advanced settings), then send the item again.",
            )
        return Rejected(str(self.code), f"QuickBooks says: {self.words}. {ADVICE.get(self.code, '')}".strip())


def read_faults(answer: dict[str, Any]) -> list[Fault]:
    """Give the errors of an answer, whether it came as 200 or not, in either of the vendor's spellings."""
    fault = answer.get("Fault") or answer.get("fault")
    if not fault:
        return []
    errors = fault.get("Error") or fault.get("error") or [{}]
    kind = str(fault.get("type", ""))
    return [
        Fault(
            code=_number(error.get("code", "")),
            message=str(error.get("Message") or error.get("message") or ""),
            detail=str(error.get("Detail") or error.get("detail") or ""),
            type=kind,
        )
        for error in errors
    ]


def _number(code: Any) -> int:
    text = str(code).strip()
    return int(text) if text.isdigit() else 0
