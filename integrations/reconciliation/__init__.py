"""Our books = their books: up to a date, both directions, per document and per account, to the cent.

Everything that should be in the ERP by its date is compared with everything that is there, read page by page. What has
not been sent yet is a difference like any other, with its cause.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from integrations.mapping import connector_of
from integrations.models import Connection, ConnectionStatus, Reconciliation, SyncMode
from integrations.reconciliation import documents, journals
from integrations.reconciliation.findings import Findings

_KEPT = 5000


class CannotReconcile(ValueError):
    """The ERP cannot be asked at this moment."""


def reconcile(connection: Connection, *, through: date, since: date | None = None) -> tuple[Reconciliation, Findings]:
    """Compare everything dated up to `through`, from `since` on where given, and keep the result.

    Else from the beginning; of a connection that brought nothing along, that is the day on which it went live. Raises
    CannotReconcile, DeliveryError.
    """
    if connection.status != ConnectionStatus.CONNECTED:
        raise CannotReconcile(f"{connection.name} is not connected: {connection.get_status_display().lower()}.")
    findings = Findings(connection, through=through)
    compare = journals.compare if connection.sync_mode == SyncMode.JOURNAL_ENTRIES else documents.compare
    began = connection.option("reconcile_from", None)
    compare(
        connection, connector_of(connection), through, findings, since or (date.fromisoformat(began) if began else None)
    )
    kept = Reconciliation.objects.create(
        connection=connection,
        since=since,
        through=through,
        compared=findings.compared,
        accounts=findings.accounts,
        customers=findings.customers[:_KEPT],
        differences=findings.differences[:_KEPT],
        difference_count=len(findings.differences),
    )
    return kept, findings


def sign_off(reconciliation: Reconciliation, *, user: Any, note: str) -> None:
    """Let a person stand for a comparison: what still differs is explained by `note`. Raises ValueError without one."""
    note = note.strip()
    if reconciliation.difference_count and not note:
        raise ValueError("Say why the differences may stay: an auditor will ask.")
    done = Reconciliation.objects.filter(pk=reconciliation.pk, signed_off_at=None).update(
        signed_off_at=timezone.now(), signed_off_by=user, sign_off_note=note
    )
    if not done:
        raise ValueError("This reconciliation is signed off already.")


def signed_off_through(connections: Iterable[Connection]) -> dict[int, date]:
    """Give, by connection, the last day that signed-off comparisons cover from the beginning on, each from where one ended."""
    rows = Reconciliation.objects.filter(connection__in=list(connections)).exclude(signed_off_at=None)
    covered: dict[int, date] = {}
    for pk, since, through in rows.order_by("through").values_list("connection", "since", "through"):
        before = covered.get(pk)
        if since is None or (before is not None and since <= before + timedelta(days=1)):
            covered[pk] = max(before or through, through)
    return covered
