"""How far documents have come that a person carries over in import files: the last step before the ERP's own word."""

from collections.abc import Iterable
from datetime import datetime

from integrations.documents import Kind, as_sent
from integrations.models import Connection, ExportedDocument, ReportUpload
from integrations.tokens import is_fed_by_files

WAITS_FOR_FILE = "waits for the next import files"
NOT_IMPORTED = "in import files that are not marked as imported"
NO_EXPORT = "no export was uploaded since it was imported"
NOT_IN_EXPORT = "not in the ERP's export"


class Carried:
    """The way of documents into an ERP that is fed by files; nothing is said of any other connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.by_files = is_fed_by_files(connection)
        rows = ReportUpload.objects.filter(connection=connection) if self.by_files else ReportUpload.objects.none()
        self._uploaded: dict[str, datetime] = dict(rows.values_list("kind", "at"))

    def causes(self, kind: Kind, references: Iterable[str], *, told_by: Kind | None = None) -> dict[str, str]:
        """Say why the ERP's export may not show delivered documents (or, `told_by` another kind, their effect) yet.

        One query; empty where the export should show them by now, and for an ERP that is not fed by files.
        """
        if not self.by_files:
            return {}
        rows = ExportedDocument.objects.filter(
            connection=self._connection, kind=as_sent(kind).value, reference__in=list(references)
        )
        found: dict[str, str] = {}
        for reference, file, imported_at in rows.values_list("reference", "file", "file__imported_at"):
            uploaded = self._uploaded.get(as_sent(told_by or kind).value)
            if file is None:
                found[reference] = WAITS_FOR_FILE
            elif imported_at is None:
                found[reference] = NOT_IMPORTED
            elif uploaded is None or uploaded < imported_at:
                found[reference] = NO_EXPORT
        return found
