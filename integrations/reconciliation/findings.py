"""What a comparison found, in plain objects with the cause in words."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any, TypeVar

from integrations.connectors import base
from integrations.connectors.base import Connector, ErpDocument
from integrations.documents import Kind, as_sent, reference_of
from integrations.models import Connection, ExternalReference, OutboxItem, OutboxState
from integrations.reconciliation.files import NOT_IN_EXPORT, Carried

CHUNK = 500
_LOOK_UPS = 50
NOT_SENT, PARKED, SKIPPED = "not sent yet", "parked", "skipped"
NEVER_QUEUED = "never put in the outbox"
GONE = "deleted or dated later in the ERP"
DELETED = "deleted in the ERP"
DATED_LATER = "dated later in the ERP"
VOIDED = "voided in the ERP"
APPROVAL = "waits for approval"
WAITS_FOR_SUM = "waits for the sum of its day or month"
ROUNDING = "rounding"
RATE = "another exchange rate"
ERP_MADE = "made in the ERP"
TWICE = "there twice"
UNKNOWN = "unknown here"
CHANGED = "changed in the ERP"
BEYOND = "entered on receivables beside the documents"
OTHER = "sent by another installation"
OTHER_MODE = "sent in the other mode"

_CAUSES = {
    OutboxState.PENDING: NOT_SENT,
    OutboxState.IN_FLIGHT: NOT_SENT,
    OutboxState.PARKED: PARKED,
    OutboxState.SKIPPED: SKIPPED,
    OutboxState.DELIVERED: GONE,
    OutboxState.APPROVAL: APPROVAL,
}
_EXPLAINED = (PARKED, SKIPPED, DATED_LATER, CHANGED)
_REFERENCE = re.compile(r"[0-9A-Z]{4,8}-[A-Z]{1,2}\d+")  # As any installation writes them.
T = TypeVar("T")


class Findings:
    """Collects differences. `compared` counts documents that were looked at on either side."""

    def __init__(self, connection: Connection, *, through: date) -> None:
        self._connection, self._through = connection, through
        self.carried = Carried(connection)
        self.reads = base.get(connection.erp).reads
        self.compared = 0
        self._looked_up = 0
        self.customers: list[dict[str, Any]] = []
        self.accounts: list[dict[str, Any]] = []
        self.differences: list[dict[str, Any]] = []

    def add(
        self,
        kind: str,
        document: str,
        cause: str,
        *,
        ours: Any = None,
        theirs: Any = None,
        external_id: str = "",
        detail: str = "",
    ) -> None:
        """Note a difference of one document."""
        found = {"kind": kind, "document": document, "cause": cause, "ours": _plain(ours), "theirs": _plain(theirs)}
        if external_id:
            found["erp_id"] = external_id
        if detail:
            found["detail"] = detail
        self.differences.append(found)

    def account(
        self, *, name: str, external_id: str, currency: str, ours: Decimal, theirs: Decimal, is_repeat: bool = False
    ) -> None:
        """Note an account's movement on both sides; a difference where they differ, unless it repeats what others say."""
        row = {
            "account": name,
            "erp_id": external_id,
            "currency": currency,
            "ours": _plain(ours),
            "theirs": _plain(theirs),
            "difference": _plain(theirs - ours),
        }
        self.accounts.append(row)
        if ours != theirs and not is_repeat:
            self.differences.append({"kind": "account", "document": name, "cause": "balances differ", **row})

    def customer(self, *, name: str, external_id: str, currency: str, ours: Decimal, theirs: Decimal) -> None:
        """Note what a customer owes by the documents on both sides."""
        self.customers.append(
            {
                "customer": name,
                "erp_id": external_id,
                "currency": currency,
                "ours": _plain(ours),
                "theirs": _plain(theirs),
                "difference": _plain(theirs - ours),
            }
        )

    def unfinished(self, kind: Kind, names: Mapping[int, str]) -> None:
        """Note items of a kind that are not delivered, where the document they concern is there: half of it is missing."""
        items = OutboxItem.objects.filter(connection=self._connection, kind=kind, subject_id__in=list(names))
        rows = items.exclude(state=OutboxState.DELIVERED).values_list("subject_id", "state", "reason")
        for subject, state, reason in rows:
            self.add(kind.value, names[subject], _CAUSES[OutboxState(state)], detail=reason)

    def waiting(self, kind: Kind | None, subject_id: int) -> tuple[str, str] | None:
        """Give cause and reason where an item of this kind has not been delivered, which would have changed the document."""
        items = OutboxItem.objects.filter(connection=self._connection, kind=kind or "", subject_id=subject_id)
        found = items.exclude(state=OutboxState.DELIVERED).values_list("state", "reason").first()
        return (_CAUSES[OutboxState(found[0])], found[1]) if found else None

    def missing(self, kind: Kind, subjects: Sequence[tuple[int, str, Decimal | None]], *, connector: Connector) -> None:
        """Note documents of ours (id, name, amount) that the ERP does not show, with what the outbox knows.

        What was delivered is looked up by its id, as long as it is not many: was it deleted, voided or dated later?
        """
        prefix = self._connection.reference_prefix
        ids = [subject for subject, _, _ in subjects]
        items = OutboxItem.objects.filter(connection=self._connection, kind=kind, subject_id__in=ids)
        known = {
            subject: (state, reason) for subject, state, reason in items.values_list("subject_id", "state", "reason")
        }
        rows = ExternalReference.objects.filter(connection=self._connection, kind=kind, subject_id__in=ids)
        references = dict(rows.values_list("subject_id", "external_id"))
        carried = self.carried.causes(kind, references.values())
        for subject, name, amount in subjects:
            state, reason = known.get(subject, (None, ""))
            cause = _CAUSES[OutboxState(state)] if state else NEVER_QUEUED
            external_id = references.get(subject, "")
            if cause == GONE and self.carried.by_files:
                cause = carried.get(external_id, NOT_IN_EXPORT)
            elif cause == GONE and external_id and self._looked_up < _LOOK_UPS:
                self._looked_up += 1
                cause, reason = self._fate(connector.document(as_sent(kind), external_id))
            detail = reason if cause in _EXPLAINED else ""
            self.add(
                kind.value,
                name or reference_of(prefix, kind, subject),
                cause,
                ours=amount,
                external_id=external_id,
                detail=detail,
            )

    def _fate(self, document: ErpDocument | None) -> tuple[str, str]:
        """Say what became of a document that was delivered and is not among those read, and in which way it was changed."""
        if document is None:
            return DELETED, ""
        if document.status == "void":
            return VOIDED, ""
        if document.date[:10] > self._through.isoformat():
            return DATED_LATER, f"There it is dated {document.date[:10]}."
        if not document.reference.startswith(f"{self._connection.reference_prefix}-"):
            return CHANGED, f"There its reference is “{document.reference}” now."
        return CHANGED, f"There it is dated {document.date[:10]}."


def subject_of(connection: Connection, kind: Kind, document: ErpDocument) -> int | None:
    """Give our id that a document's reference names, or None when it is not ours."""
    lead = reference_of(connection.reference_prefix, kind, 0)[:-1]
    rest = document.reference.removeprefix(lead)
    return int(rest) if document.reference.startswith(lead) and rest.isdigit() else None


def recognized(connection: Connection, kind: Kind, documents: Iterable[ErpDocument]) -> Iterator[ErpDocument]:
    """Give documents of the ERP with our reference also where we know them by their id only: adopted ones carry none."""
    kinds = [each for each in Kind if as_sent(each) is kind]
    for page in chunks(documents):
        plain = [document.external_id for document in page if not document.reference]
        rows = ExternalReference.objects.filter(connection=connection, kind__in=kinds, external_id__in=plain)
        known = dict(rows.values_list("external_id", "reference")) if plain else {}
        for document in page:
            reference = "" if document.reference else known.get(document.external_id, "")
            yield replace(document, reference=reference, is_marked=False) if reference else document


def foreign_cause(connection: Connection, document: ErpDocument) -> str:
    """Say where a document comes from that is not one of ours of its kind: people there write references too."""
    if document.reference.startswith(f"{connection.reference_prefix}-"):
        return UNKNOWN
    return OTHER if _REFERENCE.fullmatch(document.reference) else ERP_MADE


def chunks(rows: Iterable[T]) -> Iterator[list[T]]:
    """Give the rows in lists."""
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        text = f"{value:f}".rstrip("0") if "." in f"{value:f}" else f"{value:f}."
        return text + "0" * (2 - len(text.rpartition(".")[2]))
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value
