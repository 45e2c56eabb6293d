"""Tokens: one refresh at a time, the newest is kept, and when to ask a person."""

import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
from django.db import connection as database

from billing.tenancy import tenant_scope
from integrations import sign_in
from integrations.connectors.base import BadCredentials, TryLater
from integrations.models import Connection, ConnectionStatus, OAuthState
from integrations.tokens import ConnectionAccess, SignInError

pytestmark = pytest.mark.django_db(transaction=True)

TOKEN_URL = "http://erp.test/oauth2/v1/tokens/bearer"
FRESH = {"access_token": "new", "refresh_token": "r2", "expires_in": 3600}


@pytest.fixture
def erp():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def test_two_workers_refresh_once_and_share_the_token(connection, tenant, erp) -> None:
    def answer(request):
        time.sleep(0.2)
        return 200, {}, '{"access_token": "new", "refresh_token": "r2", "expires_in": 3600}'

    erp.add_callback("POST", TOKEN_URL, callback=answer)
    got: list[str] = []

    def refresh() -> None:
        with tenant_scope(tenant.pk):
            got.append(ConnectionAccess(connection.pk).refresh(stale="old"))
        database.close()

    threads = [threading.Thread(target=refresh) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == ["new", "new"]
    assert len(erp.calls) == 1
    assert Connection.objects.get().credentials["refresh_token"] == "r2"


def test_a_refused_refresh_is_tried_once_more_then_a_person_is_asked(connection, erp) -> None:
    erp.post(TOKEN_URL, json={"error": "invalid_grant"}, status=400)
    access = ConnectionAccess(connection.pk)
    with pytest.raises(TryLater):
        access.refresh(stale="old")
    assert Connection.objects.get().status == ConnectionStatus.CONNECTED
    with pytest.raises(BadCredentials):
        access.refresh(stale="old")
    assert Connection.objects.get().status == ConnectionStatus.RECONNECT_NEEDED


def test_trouble_on_their_side_loses_no_token(connection, erp) -> None:
    erp.post(TOKEN_URL, status=503)
    with pytest.raises(TryLater):
        ConnectionAccess(connection.pk).refresh(stale="old")
    kept = Connection.objects.get()
    assert kept.credentials["refresh_token"] == "r1"
    assert kept.status == ConnectionStatus.CONNECTED


@pytest.mark.parametrize(("told", "days"), [({}, 100), ({"x_refresh_token_hard_expires_in": 20 * 86_400}, 20)])
def test_a_sign_in_that_ends_for_good_is_known_to_end(connection, erp, told, days) -> None:
    erp.post(TOKEN_URL, json=FRESH | {"x_refresh_token_expires_in": 100 * 86_400} | told)
    ConnectionAccess(connection.pk).refresh(stale="old")
    assert erp.calls[0].request.headers["x-include-refresh-token-hard-expires-in"] == "true"
    left = Connection.objects.get().credentials["refresh_expires_at"] - time.time()
    assert days - 1 < left / 86_400 <= days


def test_a_token_about_to_expire_is_refreshed_before_use(connection, erp) -> None:
    connection.credentials["expires_at"] = time.time() + 30
    connection.save()
    erp.post(TOKEN_URL, json=FRESH)
    assert ConnectionAccess(connection.pk).token() == "new"


def test_sign_in_needs_the_state_that_was_given_out_and_only_once(connection, erp) -> None:
    erp.post(TOKEN_URL, json=FRESH)
    address = sign_in.begin(connection, redirect_uri="http://localhost/back/")
    state = parse_qs(urlsplit(address).query)["state"][0]
    assert state not in OAuthState.objects.get().digest
    with pytest.raises(SignInError):
        sign_in.complete({"state": "guessed", "code": "c", "realmId": "123"})
    assert sign_in.complete({"state": state, "code": "c", "realmId": "123"}).status == ConnectionStatus.CONNECTED
    with pytest.raises(SignInError, match="used already"):
        sign_in.complete({"state": state, "code": "c", "realmId": "123"})


def test_another_company_is_refused(connection, erp) -> None:
    address = sign_in.begin(connection, redirect_uri="http://localhost/back/")
    state = parse_qs(urlsplit(address).query)["state"][0]
    with pytest.raises(SignInError, match="another one was chosen"):
        sign_in.complete({"state": state, "code": "c", "realmId": "999"})
