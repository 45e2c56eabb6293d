"""A connection, with or without a stand-in server behind it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from billing.models import BusinessEntity
from billing.tenancy import current_tenant_id
from integrations import delivery, outbox, setup, webhooks
from integrations.connectors.netsuite import client as netsuite
from integrations.connectors.quickbooks import client as quickbooks
from integrations.connectors.xero import client as xero
from integrations.connectors.zoho import client as zoho
from integrations.documents import STAGES, Kind
from integrations.models import Connection, ConnectionStatus, OutboxItem, SyncMode
from integrations.sandbox.server import start_in_thread
from integrations.vault import Secrets
from tests.integrations import wire
from tests.integrations.xero.contract import check_request

QUICK = {"backoff_base": 0.02, "backoff_cap": 0.2, "settle_seconds": 0}


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What webhooks hand to workers, who hand it on to each connection that it concerns."""
    found: list[tuple[Any, ...]] = []

    def take(func: str, *arguments: Any, **options: Any) -> None:
        if func == "integrations.webhooks.hand_on":
            webhooks.hand_on(*arguments)
        else:
            found.append((func, *arguments))

    monkeypatch.setattr("integrations.webhooks.async_task", take)
    return found


@pytest.fixture(autouse=True)
def _every_wake_up_counts() -> None:
    outbox._last_wake.clear()


@pytest.fixture(autouse=True)
def _quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again soon for what comes due: tests back off for hundredths of a second."""
    monkeypatch.setattr(delivery, "_POLL", 0.02)


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Hold every request of the connectors against the vendor's contract; gives the operations that were asked for."""
    seen: set[str] = set()
    wrong: list[str] = []
    checks = {vendor: wire.contract(vendor).check for vendor in ("quickbooks", "netsuite", "zoho")}
    for client, check in (
        (quickbooks.Client, checks["quickbooks"]),
        (netsuite.Client, checks["netsuite"]),
        (zoho.Client, checks["zoho"]),
        (xero.Client, check_request),
    ):
        _checking(monkeypatch, client, lambda check=check: wire.Checking(check, seen, wrong))
    yield seen
    assert wrong == []


def _checking(monkeypatch: pytest.MonkeyPatch, client: Any, adapter: Callable[[], wire.Checking]) -> None:
    plain = client.__init__

    def checked(self: Any, wiring: Any) -> None:
        plain(self, wiring)
        self._session.mount("http://", adapter())

    monkeypatch.setattr(client, "__init__", checked)


@pytest.fixture
def connection(entity: BusinessEntity) -> Connection:
    """A connection that looks signed in, with nothing behind it."""
    return Connection.objects.create(
        business_entity=entity,
        erp="quickbooks",
        name="Books",
        sync_mode=SyncMode.JOURNAL_ENTRIES,
        status=ConnectionStatus.CONNECTED,
        realm_id="123",
        auth_url="http://erp.test",
        base_url="http://erp.test",
        throttled=False,
        options=QUICK,
        credentials=Secrets(
            client_id="id", client_secret="s3cret", access_token="old", refresh_token="r1", expires_at=9e9
        ),
    )


@pytest.fixture
def queue(connection: Connection) -> Callable[..., OutboxItem]:
    """Put an item into the outbox: `queue("invoice", 7, group=3)`."""

    def put(kind: str, subject: int, *, group: int | None = None, **columns: Any) -> OutboxItem:
        return OutboxItem.objects.create(
            tenant_id=current_tenant_id(),
            connection=connection,
            kind=kind,
            subject_id=subject,
            group_key=group,
            stage=STAGES[Kind(kind)],
            **columns,
        )

    return put


@pytest.fixture
def box() -> Iterator[Any]:
    """The QuickBooks sandbox, in a thread, with new books."""
    with start_in_thread("quickbooks", port=0, limits="off") as server:
        yield server


@pytest.fixture
def connect(entity: BusinessEntity, box: Any) -> Callable[..., Connection]:
    """Sign in to the sandbox: `connect(mode="documents", payments=True)`."""

    return connecting(entity, "quickbooks", box.url)


def connecting(entity: BusinessEntity, erp: str, url: str) -> Callable[..., Connection]:
    """Give the function that signs in to a stand-in server."""

    def sign_in(*, mode: str = "journal_entries", payments: bool = False, **options: Any) -> Connection:
        made, _ = setup.create_connection(business_entity=entity, erp=erp, mode=mode, send_payments=payments)
        made.options = {**QUICK, "read_timeout": 10.0, **options}
        return setup.connect_sandbox(made, url)

    return sign_in
