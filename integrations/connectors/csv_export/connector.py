"""The connector of the import files: it puts rows into the connection's archive, and reads from there what came back."""

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime

from integrations.connectors.base import (
    Change,
    Company,
    CompanyChoice,
    Delivered,
    ErpDocument,
    ErpRow,
    Outcome,
    Parcel,
    Wiring,
)
from integrations.connectors.csv_export.rows import rows_of
from integrations.documents import Document, Kind


class CsvExport:
    """One set of books that is fed by files. Ids there are our references; accounts go by their numbers."""

    def __init__(self, wiring: Wiring) -> None:
        if wiring.archive is None:
            raise ValueError("Import files need an archive to be kept in.")
        self._archive = wiring.archive

    def companies(self) -> list[CompanyChoice]:
        """There is nothing to choose."""
        return []

    def encode(self, kind: Kind, document: Document) -> str:
        """Give the document's rows as JSON."""
        return json.dumps(rows_of(kind, document), ensure_ascii=False)

    def send(self, kind: Kind, request_id: str, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Put the rows into the archive; the same reference again changes nothing."""
        self._archive.put(kind, {parcel.reference: parcel.body for parcel in parcels})
        return [Delivered(parcel.reference, name=_name(parcel.body)) for parcel in parcels]

    def find(self, kind: Kind, parcels: Sequence[Parcel]) -> dict[str, Outcome]:
        """Give what is in the archive already."""
        held = self._archive.held(kind, [parcel.reference for parcel in parcels])
        return {
            each.reference: Delivered(each.reference, name=_name(each.body))
            for each in parcels
            if each.reference in held
        }

    def company(self) -> Company:
        """Say what any books can do; nobody can be asked."""
        return Company("Import files", "", "", True, "", True)

    def lists(self, *, since: datetime | None = None) -> Iterator[ErpRow]:
        """Give the chart that was uploaded or made here."""
        return iter(self._archive.rows())

    def create_account(self, *, request_id: str, name: str, number: str, account_type: str, subtype: str) -> ErpRow:
        """Use our own account number there."""
        return ErpRow("account", number or name[:50], name, number=number, type=account_type)

    def create_customer(self, *, request_id: str, name: str, note: str, subsidiary: str = "") -> ErpRow:
        """Use the name."""
        return ErpRow("customer", name[:50], name)

    def documents(self, kind: Kind, *, through: date, since: date | None = None) -> Iterator[ErpDocument]:
        """Give what the ERP's own export, uploaded by a person, says it holds."""
        return self._archive.reported(kind, through=through, since=since)

    def document(self, kind: Kind, external_id: str) -> ErpDocument | None:
        """Give one document of the uploaded export."""
        found = self._archive.reported(kind, through=date.max, since=None)
        return next((each for each in found if each.external_id == external_id), None)

    def changes(self, *, since: datetime) -> Iterator[Change]:
        """Nobody tells."""
        return iter(())


def _name(body: str) -> str:
    rows = json.loads(body)
    return str(rows[0].get("Name", "")) if rows else ""
