"""Signing in, and how tokens end."""

from typing import Any

import pytest
import requests

from integrations.sandbox.quickbooks import oauth
from tests.integrations.sandbox.conftest import CLIENT

_CALLBACK = "http://localhost/callback"


def test_consent_page_names_the_company_and_refuses_bad_addresses(qbo: Any) -> None:
    asked = {
        "client_id": "sandbox-client",
        "redirect_uri": _CALLBACK,
        "response_type": "code",
        "scope": "com.intuit.quickbooks.accounting",
        "state": "a&b",
    }
    page = requests.get(f"{qbo.url}/connect/oauth2", params=asked, timeout=5)
    assert page.status_code == 200
    assert "Sandbox Company US" in page.text
    assert 'value="a&amp;b"' in page.text
    for change in (
        {"client_id": "other"},
        {"redirect_uri": ""},
        {"response_type": "token"},
        {"scope": "x"},
        {"state": ""},
    ):
        bad = requests.get(f"{qbo.url}/connect/oauth2", params=asked | change, timeout=5)
        assert bad.status_code == 400, change


def test_code_works_once(qbo: Any) -> None:
    code = qbo.code()
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": _CALLBACK}
    assert qbo.token(**form).status_code == 200
    second = qbo.token(**form)
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")


def test_refresh_token_changes_and_the_old_one_stops_working(qbo: Any) -> None:
    first = qbo.tokens["refresh_token"]
    fresh = qbo.token(grant_type="refresh_token", refresh_token=first).json()
    assert fresh["refresh_token"] != first
    assert (fresh["expires_in"], fresh["x_refresh_token_expires_in"], fresh["token_type"]) == (
        3600,
        8_640_000,
        "bearer",
    )
    again = qbo.token(grant_type="refresh_token", refresh_token=first)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert qbo.token(grant_type="refresh_token", refresh_token=fresh["refresh_token"]).status_code == 200


def test_refresh_token_keeps_its_value_for_a_day_where_the_company_says_so(
    qbo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    qbo.control("preferences", {"RotateRefreshTokens": False})
    first = qbo.tokens["refresh_token"]
    assert qbo.token(grant_type="refresh_token", refresh_token=first).json()["refresh_token"] == first
    monkeypatch.setattr(oauth, "_OLDEST_UNCHANGED", -1)
    assert qbo.token(grant_type="refresh_token", refresh_token=first).json()["refresh_token"] != first
    assert qbo.token(grant_type="refresh_token", refresh_token=first).status_code == 400


def test_wrong_client_is_refused_and_hard_expiry_comes_when_asked(qbo: Any) -> None:
    url = f"{qbo.url}/oauth2/v1/tokens/bearer"
    form = {"grant_type": "refresh_token", "refresh_token": qbo.tokens["refresh_token"]}
    assert requests.post(url, data=form, auth=("sandbox-client", "wrong"), timeout=5).status_code == 401
    header = {"x-include-refresh-token-hard-expires-in": "true"}
    answer = requests.post(url, data=form, auth=("sandbox-client", "sandbox-secret"), headers=header, timeout=5)
    assert answer.json()["x_refresh_token_hard_expires_in"] > 0


def test_expired_and_revoked_tokens_get_the_gateways_401(qbo: Any) -> None:
    qbo.control("expire_tokens")
    answer = qbo.call("GET", "preferences")
    assert answer.status_code == 401
    assert answer.json()["fault"]["error"][0]["code"] == "3200"
    qbo.tokens = qbo.token(grant_type="refresh_token", refresh_token=qbo.tokens["refresh_token"]).json()
    assert qbo.call("GET", "preferences").status_code == 200
    revoke = f"{qbo.url}/v2/oauth2/tokens/revoke"
    auth = ("sandbox-client", "sandbox-secret")
    assert requests.post(revoke, json={"token": qbo.tokens["refresh_token"]}, auth=auth, timeout=5).status_code == 200
    assert qbo.call("GET", "preferences").status_code == 401
    assert qbo.token(grant_type="refresh_token", refresh_token=qbo.tokens["refresh_token"]).status_code == 400


def test_other_company_and_xml_are_refused(qbo: Any) -> None:
    token = {"Authorization": f"Bearer {qbo.tokens['access_token']}", "Accept": "application/json"}
    other = requests.get(f"{qbo.url}/v3/company/1/preferences", headers=token, timeout=5)
    assert (other.status_code, other.json()["fault"]["error"][0]["code"]) == (403, "3100")
    assert other.headers["intuit_tid"]
    url = f"{qbo.url}/v3/company/{qbo.realm}/preferences"
    assert requests.get(url, headers=token | {"Accept": "*/*"}, timeout=5).status_code == 400


def test_discovery_names_its_own_addresses(qbo: Any) -> None:
    found = requests.get(f"{qbo.url}/.well-known/openid_sandbox_configuration", timeout=5).json()
    assert found["token_endpoint"] == f"{qbo.url}/oauth2/v1/tokens/bearer"
    assert found["authorization_endpoint"] == qbo.state()["oauth"]["authorize_url"]


def test_tokens_are_given_for_forms_only(qbo: Any) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": qbo.tokens["refresh_token"]}
    refused = qbo.http.post(f"{qbo.url}/oauth2/v1/tokens/bearer", json=form, auth=CLIENT)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert qbo.token(**form).status_code == 200
