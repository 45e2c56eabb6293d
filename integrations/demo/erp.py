"""The demo companies' ERP: a stand-in server each, everything delivered but one entry, and the books compared."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import requests

from accounting.models import Account
from billing.models import Contract
from billing.periods import first_of_month
from integrations.delivery import DrainResult, drain
from integrations.demo.companies import UNMAPPED_ACCOUNT
from integrations.demo.story import months_told
from integrations.models import Connection, ConnectionStatus, Mapping, MappingKind, OutboxItem, OutboxState, SyncMode
from integrations.reconciliation import reconcile
from integrations.setup import connect_sandbox

_DOCUMENTS = {
    "JournalEntry": "journal entries",
    "Invoice": "invoices",
    "CreditMemo": "credit memos",
    "Payment": "payments",
}


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of a company's items, and by last day compared how much differs."""

    connection: Connection
    drained: DrainResult
    parked: list[str]
    compared: dict[date, tuple[int, list[dict[str, Any]]]]
    held: dict[str, int]


def sync(*, url: str) -> Synced | None:
    """Sign in to the stand-in server, deliver, compare. None where a person has switched the connection off.

    The server's books live in its memory: one that was started again is empty, and gets everything anew.
    """
    connection = Connection.objects.exclude(status=ConnectionStatus.DISABLED).order_by("id").first()
    if connection is None:
        return None
    connection = _connect(connection, url)
    drained = drain(connection.pk, until_empty=True, patience=15.0)
    first_month = first_of_month(Contract.objects.order_by("start").values_list("start", flat=True)[0])
    compared: dict[date, tuple[int, list[dict[str, Any]]]] = {}
    for day in months_told(first_month):
        _, findings = reconcile(connection, through=day)
        compared[day] = findings.compared, findings.differences
    parked = OutboxItem.objects.filter(connection=connection, state=OutboxState.PARKED)
    return Synced(connection, drained, list(parked.values_list("reason", flat=True)), compared, _held(url))


def _connect(connection: Connection, url: str) -> Connection:
    account = Account.objects.filter(code=UNMAPPED_ACCOUNT, business_entity=connection.business_entity_id).first()
    mapping = Mapping.objects.filter(
        connection=connection, kind=MappingKind.ACCOUNT, internal_id=account.pk if account else None
    )
    mended = mapping.exists()
    connection = connect_sandbox(connection, url)
    if connection.sync_mode == SyncMode.JOURNAL_ENTRIES and account and not mended:
        mapping.delete()  # Left for the person who tries the demo: its entries are parked with the reason.
    return connection


def _held(url: str) -> dict[str, int]:
    counts = requests.get(f"{url}/_sandbox/state", timeout=30).json()["counts"]
    return {words: counts[name] for name, words in _DOCUMENTS.items() if counts.get(name)}
