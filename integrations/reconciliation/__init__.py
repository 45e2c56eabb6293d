"""Our books = their books: up to a date, both directions, per document and per account, to the cent.

Everything that should be in the ERP by its date is compared with everything that is there, read page by page. What has
not been sent yet is a difference like any other, with its cause.
"""

from datetime import date

from integrations.mapping import connector_of
from integrations.models import Connection, ConnectionStatus, Reconciliation, SyncMode
from integrations.reconciliation import documents, journals
from integrations.reconciliation.findings import Findings

_KEPT = 5000


class CannotReconcile(ValueError):
    """The ERP cannot be asked at this moment."""


def reconcile(connection: Connection, *, through: date) -> tuple[Reconciliation, Findings]:
    """Compare and keep the result. Raises CannotReconcile, DeliveryError."""
    if connection.status != ConnectionStatus.CONNECTED:
        raise CannotReconcile(f"{connection.name} is not connected: {connection.get_status_display().lower()}.")
    findings = Findings(connection)
    compare = journals.compare if connection.sync_mode == SyncMode.JOURNAL_ENTRIES else documents.compare
    compare(connection, connector_of(connection), through, findings)
    kept = Reconciliation.objects.create(
        connection=connection,
        through=through,
        compared=findings.compared,
        accounts=findings.accounts,
        differences=findings.differences[:_KEPT],
        difference_count=len(findings.differences),
    )
    return kept, findings
