"""Signing in to the Xero sandbox, and how tokens end: as strict as the vendor."""

import base64
import json
from typing import Any

import pytest
import requests

from integrations.sandbox.xero import grants
from tests.integrations.xero.caller import APP, CALLBACK, CUSTOM, SCOPE, VERIFIER, Caller, challenge


@pytest.fixture
def xero(box: Any) -> Caller:
    return Caller(box.url)


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "other"},
        {"redirect_uri": ""},
        {"redirect_uri": "http://127.0.0.1/callback"},
        {"redirect_uri": "http://example.test/callback"},
        {"response_type": "token"},
        {"scope": "offline_access accounting.transactions"},
        {"code_challenge": "abc"},
        {"code_challenge": "abc", "code_challenge_method": "plain"},
    ],
)
def test_a_bad_address_gets_no_consent_page(xero: Caller, changes: dict[str, str]) -> None:
    address = f"{xero.url}/identity/connect/authorize"
    page = requests.get(address, params=xero.asked(), timeout=5)
    assert page.status_code == 200
    assert "Sandbox Company (Xero)" in page.text
    assert 'value="x&amp;y"' in page.text
    assert requests.get(address, params=xero.asked(**changes), timeout=5).status_code == 400


def test_a_code_works_once_and_only_with_its_verifier(xero: Caller) -> None:
    code = xero.code(code_challenge=challenge(VERIFIER), code_challenge_method="S256")
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    assert xero.token(**form, code_verifier="w" * 43).json() == {"error": "invalid_grant"}
    code = xero.code(code_challenge=challenge(VERIFIER), code_challenge_method="S256")
    form["code"] = code
    assert xero.token(**form, code_verifier=VERIFIER).status_code == 200
    assert xero.token(**form, code_verifier=VERIFIER).json() == {"error": "invalid_grant"}
    pkce = {"code_challenge": challenge(VERIFIER), "code_challenge_method": "S256"}
    for form["code"] in (xero.code(), xero.code(**pkce)):
        refused = xero.token(("sandbox-client", "wrong"), **form, code_verifier=VERIFIER)
        assert refused.json() == {"error": "invalid_client"}
        in_form = {"client_id": APP[0], "client_secret": APP[1]}
        assert xero.token(None, **form, **in_form, code_verifier=VERIFIER).json() == {"error": "invalid_client"}


def test_an_access_token_lives_thirty_minutes_and_names_its_consent(xero: Caller) -> None:
    told = claims(xero.tokens["access_token"])
    assert (xero.tokens["expires_in"], xero.tokens["token_type"]) == (1800, "Bearer")
    assert told["exp"] - told["nbf"] == 1800
    (found,) = xero.http.get(
        f"{xero.url}/connections",
        params={"authEventId": told["authentication_event_id"]},
        headers={"Authorization": f"Bearer {xero.tokens['access_token']}"},
    ).json()
    assert (found["tenantId"], found["tenantType"]) == (xero.tenant, "ORGANISATION")
    assert set(found) == {
        "id", "authEventId", "tenantId", "tenantType", "tenantName", "createdDateUtc", "updatedDateUtc",
    }  # fmt: skip
    assert "refresh_token" not in xero.sign_in(scope=SCOPE.replace("offline_access ", ""))


def test_a_refresh_token_is_replaced_and_the_old_one_lives_on_only_while_the_answer_was_lost(xero: Caller) -> None:
    first = xero.tokens["refresh_token"]
    lost = xero.token(grant_type="refresh_token", refresh_token=first).json()
    again = xero.token(grant_type="refresh_token", refresh_token=first).json()
    assert again["refresh_token"] not in (first, lost["refresh_token"])
    xero.tokens = again
    assert xero.call("GET", "Organisation").status_code == 200
    assert xero.token(grant_type="refresh_token", refresh_token=first).json() == {"error": "invalid_grant"}
    assert xero.token(grant_type="refresh_token", refresh_token=lost["refresh_token"]).status_code == 400


def test_the_grace_ends(xero: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    first = xero.tokens["refresh_token"]
    xero.token(grant_type="refresh_token", refresh_token=first)
    monkeypatch.setattr(grants, "GRACE_SECONDS", -1)
    assert xero.token(grant_type="refresh_token", refresh_token=first).json() == {"error": "invalid_grant"}


def test_a_custom_connection_needs_no_tenant_and_has_no_refresh_token(xero: Caller) -> None:
    assert xero.token(APP, grant_type="client_credentials", scope="accounting.settings").json() == {
        "error": "invalid_client"
    }
    answer = xero.token(CUSTOM, grant_type="client_credentials", scope="accounting.settings").json()
    assert "refresh_token" not in answer
    assert "authentication_event_id" not in claims(answer["access_token"])
    xero.tokens = answer
    assert xero.call("GET", "Organisation", headers={"xero-tenant-id": None}).status_code == 200
    assert xero.call("GET", "Organisation", headers={"xero-tenant-id": ""}).status_code == 200
    assert xero.call("GET", "Organisation", headers={"xero-tenant-id": "other"}).status_code == 403
    assert xero.call("GET", "Invoices", headers={"xero-tenant-id": None}).status_code == 403
    bearer = {"Authorization": f"Bearer {answer['access_token']}"}
    assert xero.http.get(f"{xero.url}/connections", headers=bearer).json() == []


def test_who_may_not_gets_the_vendors_words(xero: Caller) -> None:
    assert xero.call("GET", "Organisation", headers={"xero-tenant-id": None}).status_code == 403
    assert xero.call("GET", "Organisation", headers={"xero-tenant-id": "other"}).status_code == 403
    assert xero.call("GET", "Organisation", headers={"Accept": "*/*"}).status_code == 400
    xero.control("expire_tokens")
    answer = xero.call("GET", "Organisation")
    assert (answer.status_code, set(answer.json())) == (
        401,
        {"Type", "Title", "Status", "Detail", "Instance", "Extensions"},
    )
    assert answer.json()["Detail"].startswith("TokenExpired")
    xero.tokens = xero.token(grant_type="refresh_token", refresh_token=xero.tokens["refresh_token"]).json()
    assert xero.call("GET", "Organisation").status_code == 200


def test_disconnecting_and_revoking_end_the_sign_in(xero: Caller) -> None:
    bearer = {"Authorization": f"Bearer {xero.tokens['access_token']}"}
    (found,) = xero.http.get(f"{xero.url}/connections", headers=bearer).json()
    assert xero.http.delete(f"{xero.url}/connections/{found['id']}", headers=bearer).status_code == 204
    assert xero.call("GET", "Organisation").status_code == 403
    xero.tokens = xero.sign_in()
    assert xero.call("GET", "Organisation").status_code == 200
    revoked = xero.http.post(f"{xero.url}/connect/revocation", data={"token": xero.tokens["refresh_token"]}, auth=APP)
    assert (revoked.status_code, revoked.text) == (200, "")
    assert xero.call("GET", "Organisation").status_code == 401
