"""NetSuite's error answers: reading them, and what each means for delivery."""

import re
from dataclasses import dataclass
from typing import Any

from integrations.connectors.base import (
    DeliveryError,
    MissingMapping,
    NameTaken,
    PeriodLocked,
    Rejected,
    UnknownOutcome,
)

IN_USE = "IDEMPOTENCY_ERROR"
NOT_THERE = "NONEXISTENT_ID"
_PREFIX = "Error while accessing a resource. "
# Wording and code of a closed period are not documented, so any words about a closed or locked period count.
_PERIOD = re.compile(
    r"period\b.*\b(closed|locked)|\b(closed|locked)\b.*\bperiod|date range of your accounting period", re.I | re.S
)
_TAKEN = re.compile(
    r"already (exists|been used|in use)|must be unique|unique (customer|item|name)|uniqueness|duplicate", re.I
)
_NAME = re.compile(r"customer (id|record)|entity ?id|item name|itemid|account (name|number)|name|companyname", re.I)
_REFERENCE = re.compile(
    r"invalid field value|invalid .{0,40}reference key|is inactive|nonexistent|does not exist", re.I
)


@dataclass(frozen=True)
class Fault:
    """One error of an answer, with the field that it speaks of where the vendor says so."""

    status: int
    code: str
    detail: str
    path: str = ""

    @property
    def words(self) -> str:
        """Give the vendor's own words."""
        text = self.detail.removeprefix(_PREFIX).strip() or self.code or f"HTTP {self.status}"
        return f"{text.rstrip('.')} ({self.path})" if self.path else text.rstrip(".")

    @property
    def is_taken(self) -> bool:
        """Tell something that must be unique and is not: an external id or a name."""
        return self.status < 500 and bool(_TAKEN.search(self.detail))

    @property
    def is_name_taken(self) -> bool:
        """Tell a name that is another record's."""
        return self.is_taken and bool(_NAME.search(f"{self.detail} {self.path}"))

    def as_error(self) -> DeliveryError:
        """Say what this fault means for the document it was given for."""
        if self.status >= 500 or self.code == "UNEXPECTED_ERROR":
            return UnknownOutcome(f"NetSuite had an error of its own ({self.words}). It is checked and tried again.")
        if _PERIOD.search(self.detail):
            return PeriodLocked(
                f"NetSuite says: {self.words}. Open the period there (Setup > Accounting > Manage Accounting Periods), "
                "then send the item again."
            )
        if self.is_name_taken:
            return NameTaken("name_taken", f"NetSuite says: {self.words}. Rename one of the two and send it again.")
        if self.is_taken:
            return Rejected("duplicate", f"NetSuite says: {self.words}.")
        if self.status == 403 or "PERMISSION" in self.code:
            return Rejected(
                "permission",
                f"NetSuite says: {self.words}. Give the connection's role the permission for this record there, then send "
                "the item again.",
            )
        if self.code == NOT_THERE or _REFERENCE.search(self.detail):
            return MissingMapping(
                "reference",
                None,
                f"NetSuite says: {self.words}. A record that the mapping names is inactive or gone, or may not be used in "
                "this subsidiary or currency. Import the lists again, mend the mapping and send the item again.",
            )
        return Rejected(self.code or f"http_{self.status}", f"NetSuite says: {self.words}.")


def read_fault(status: int, body: Any) -> Fault:
    """Read an error answer; one that is no JSON still tells its status."""
    details = body.get("o:errorDetails") if isinstance(body, dict) else None
    first = details[0] if isinstance(details, list) and details and isinstance(details[0], dict) else {}
    title = str(body.get("title", "")) if isinstance(body, dict) else ""
    return Fault(
        status=status,
        code=str(first.get("o:errorCode", "")),
        detail=str(first.get("detail") or title),
        path=str(first.get("o:errorPath", "")),
    )
