"""Disconnecting ends the sign-in at the vendor, forgets what was entered, and leaves everything else as it is."""

from typing import Any

import pytest
import requests

from billing.models import BusinessEntity, Change
from integrations import disconnecting, setup, upkeep
from integrations.connectors.base import BadCredentials
from integrations.delivery import drain
from integrations.models import Connection, ConnectionStatus, ExternalReference, OAuthState, OutboxItem
from integrations.sandbox.server import start_in_thread
from integrations.tokens import ConnectionAccess, SignInError
from tests.integrations.conftest import QUICK
from tests.integrations.world import a_month, sell

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def box(request: Any):
    with start_in_thread(request.param, port=0, limits="off") as server:
        yield request.param, server


@pytest.fixture
def connection(box: Any, entity: BusinessEntity) -> Connection:
    made, _ = setup.create_connection(business_entity=entity, erp=box[0], mode="documents")
    made.options = QUICK
    return setup.connect_sandbox(made, box[1].url)


def refused(erp: str, url: str, credentials: dict[str, Any]) -> bool:
    """Tell whether the vendor takes the tokens no more that the connection had."""
    calls = {
        "quickbooks": ("/v3/company/9130350000000000001/query?query=select * from Account", "Bearer"),
        "xero": ("/api.xro/2.0/Organisation", "Bearer"),
        "zoho": ("/books/v3/organizations", "Zoho-oauthtoken"),
    }
    path, scheme = calls[erp]
    header = {"Authorization": f"{scheme} {credentials['access_token']}", "Accept": "application/json"}
    if erp == "xero":  # Its token may open others still; of this organisation it says that it is not connected.
        header["xero-tenant-id"] = requests.get(f"{url}/_sandbox/state", timeout=5).json()["realm_id"]
    return requests.get(url + path, headers=header, timeout=5).status_code in (401, 403)


@pytest.mark.parametrize("box", ["quickbooks", "xero", "zoho"], indirect=True)
def test_the_sign_in_ends_at_the_vendor_and_nothing_of_it_is_kept(box: Any, connection: Connection) -> None:
    erp, server = box
    a_month(customers=1)
    drain(connection.pk, until_empty=True, seconds=60)
    sent = ExternalReference.objects.count()
    sell("Y-1")
    waiting = OutboxItem.objects.filter(state="pending").count()
    assert sent and waiting
    had = dict(Connection.objects.get().credentials)
    assert not refused(erp, server.url, had)
    words = disconnecting.disconnect(connection.pk, by="ann")
    assert "ended at the vendor" in words
    assert refused(erp, server.url, had)
    after = Connection.objects.get()
    assert (dict(after.credentials), after.status) == ({}, ConnectionStatus.DISABLED)
    assert after.status_reason.startswith("Disconnected by ann. The sign-in was ended at the vendor.")
    assert (ExternalReference.objects.count(), OutboxItem.objects.filter(state="pending").count()) == (sent, waiting)
    assert f"{waiting} items that are not delivered stay in the outbox" in disconnecting.what_becomes(after)
    assert drain(connection.pk, until_empty=True, seconds=5).delivered == 0
    with pytest.raises(BadCredentials):
        ConnectionAccess(connection.pk).refresh(stale="")
    assert disconnecting.disconnect(connection.pk, by="ann") == "The credentials are forgotten."
    upkeep.switch_on(connection.pk)
    assert Connection.objects.get().status == ConnectionStatus.NEW
    again = setup.connect_sandbox(Connection.objects.get(), server.url)
    assert drain(again.pk, until_empty=True, seconds=60).parked == 0
    assert ExternalReference.objects.count() == sent + waiting


@pytest.mark.parametrize("box", ["quickbooks"], indirect=True)
def test_a_vendor_that_cannot_be_told_changes_nothing_unless_asked(
    box: Any, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*args: Any, **options: Any) -> None:
        raise requests.ConnectionError("no")

    monkeypatch.setattr(requests, "post", gone)
    before = dict(Connection.objects.get().credentials)
    with pytest.raises(SignInError, match=r"Nothing was changed.*without telling"):
        disconnecting.disconnect(connection.pk, by="ann")
    kept = Connection.objects.get()
    assert (dict(kept.credentials), kept.status) == (before, ConnectionStatus.CONNECTED)
    words = disconnecting.disconnect(connection.pk, by="ann", even_untold=True)
    assert "The vendor could not be told" in words
    assert dict(Connection.objects.get().credentials) == {}


@pytest.mark.parametrize("box", ["netsuite"], indirect=True)
def test_where_the_vendor_revokes_nothing_it_says_where_a_person_does(box: Any, connection: Connection) -> None:
    words = disconnecting.disconnect(connection.pk, by="ann")
    assert "The credentials are forgotten." in words and "there (Setup >" in words
    assert dict(Connection.objects.get().credentials) == {}
    upkeep.switch_on(connection.pk)
    assert Connection.objects.get().status == ConnectionStatus.NEW


@pytest.mark.parametrize("box", ["xero"], indirect=True)
def test_of_a_sign_in_that_may_open_others_one_organisation_is_let_go(box: Any, connection: Connection) -> None:
    had = dict(Connection.objects.get().credentials)
    words = disconnecting.disconnect(connection.pk, by="ann")
    assert "ended at the vendor" in words
    listed = requests.get(
        f"{box[1].url}/connections", headers={"Authorization": f"Bearer {had['access_token']}"}, timeout=5
    )
    assert listed.json() == []


@pytest.mark.parametrize("box", ["quickbooks"], indirect=True)
def test_it_is_in_the_audit_trail_without_a_secret_and_ends_sign_ins_under_way(
    box: Any, connection: Connection
) -> None:
    assert OAuthState.objects.exists()
    disconnecting.disconnect(connection.pk, by="ann")
    assert not OAuthState.objects.exists()
    change = Change.objects.filter(model="integrations.connection").order_by("-id")[0]
    assert "credentials" in str(change.after)
    assert "disabled" in str(change.after)
