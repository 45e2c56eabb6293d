"""What Xero's words mean. It has no codes for its rules, so the text of each message decides."""

from collections.abc import Sequence

from integrations.connectors.base import (
    DeliveryError,
    MissingMapping,
    NameTaken,
    PeriodLocked,
    Rejected,
    UnknownOutcome,
)
from integrations.connectors.duplicates import DUPLICATE
from integrations.connectors.xero.client import JsonObject

_TAKEN = ("must be unique", "contact number", "already exists")
_GONE = (
    "is not a valid code",
    "has been archived",
    "is archived",
    "has been deleted",
    "could not be found",
    "item code",
    "does not exist",
    "cannot be used with account code",
    "cannot be used for this type",
    "account code must be specified",
    "tracking",
)
_PAID = ("authorised documents", "exceeds the amount", "exceeds the remaining", "has a payment or credit note")


def error_of(messages: Sequence[str]) -> DeliveryError:
    """Say what the messages about one document mean."""
    said = "; ".join(dict.fromkeys(messages)) or "no reason was given"
    text = said.lower()
    if "lock date" in text:
        return PeriodLocked(
            f"Xero says: {said}. Its books are locked for this date: move the lock date back there (accounting settings, "
            "financial settings), then send the item again."
        )
    if "contact name" in text and "already assigned" in text:
        return NameTaken("name_taken", f"Xero says: {said}. Rename one of the two and send it again.")
    if any(each in text for each in _TAKEN):
        return Rejected(
            DUPLICATE,
            f"Xero says: {said}. It holds another one with this number that did not come from here. Give that one another "
            "number there, then send this one again.",
        )
    if "different request" in text:
        return UnknownOutcome("Xero has seen this request's key before. It is checked and tried again.", fresh_key=True)
    if "not subscribed to currency" in text:
        return Rejected(
            "currency", f"Xero says: {said}. Add the currency in Xero (settings, currencies), then send it again."
        )
    if any(each in text for each in _PAID):
        return Rejected(
            "settled",
            f"Xero says: {said}. What is open on this document differs there. Look at its payments and credits in Xero, then "
            "send this item again or skip it.",
        )
    if any(each in text for each in _GONE):
        return MissingMapping(
            "reference",
            None,
            f"Xero says: {said}. An account, contact, item, tax rate or tracking option that the mapping names is archived, "
            "gone or not allowed there. Read the lists again, mend the mapping and send the item again.",
        )
    return Rejected("validation", f"Xero says: {said}.")


def messages_of(element: JsonObject) -> list[str]:
    """Give the messages of one element; empty where it was taken."""
    words = [str(each.get("Message", "")) for each in element.get("ValidationErrors") or ()]
    if not words and str(element.get("StatusAttributeString", "")).upper() == "ERROR":
        return ["it was refused without a reason"]
    return words
