"""Signing in at the accounts server, and the limits on tokens."""

from typing import Any

import pytest
import requests


def test_the_callback_names_location_and_accounts_server(zoho: Any) -> None:
    back = zoho.code()
    assert (back["state"], back["location"], back["accounts-server"]) == ("xyz", "us", zoho.url)


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "other"},
        {"redirect_uri": ""},
        {"response_type": "token"},
        {"scope": "ZohoBooks.everything.ALL"},
        {"state": ""},
        {"access_type": "never"},
    ],
)
def test_bad_addresses_are_refused(zoho: Any, change: dict[str, str]) -> None:
    assert zoho.authorize(**change).status_code == 400


def test_the_consent_page_names_the_organisation(zoho: Any) -> None:
    asked = {
        "client_id": "1000.SANDBOXCLIENT",
        "redirect_uri": "http://localhost/callback",
        "response_type": "code",
        "scope": "ZohoBooks.invoices.READ,ZohoBooks.contacts.READ",
        "state": "a&b",
        "access_type": "offline",
    }
    page = requests.get(f"{zoho.url}/oauth/v2/auth", params=asked, timeout=5)
    assert "Sandbox Organisation" in page.text
    assert 'value="a&amp;b"' in page.text


def test_a_code_works_once_and_only_offline_access_gives_a_refresh_token(zoho: Any) -> None:
    code = zoho.code(access_type="online")["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": "http://localhost/callback"}
    first = zoho.token(**form).json()
    assert "refresh_token" not in first
    assert (first["api_domain"], first["expires_in"], first["token_type"]) == (zoho.url, 3600, "Bearer")
    second = zoho.token(**form)
    assert (second.status_code, second.json()) == (200, {"error": "invalid_code"})


def test_the_refresh_token_stays_the_same(zoho: Any) -> None:
    refresh = zoho.tokens["refresh_token"]
    for _ in range(2):
        answer = zoho.token(grant_type="refresh_token", refresh_token=refresh).json()
        assert "refresh_token" not in answer
        assert answer["access_token"] != zoho.tokens["access_token"]
    assert zoho.token(grant_type="refresh_token", refresh_token=refresh, client_secret="no").json() == {
        "error": "invalid_client"
    }


def test_ten_access_tokens_in_ten_minutes_and_then_no_more(zoho: Any) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": zoho.tokens["refresh_token"]}
    for _ in range(9):
        assert zoho.token(**form).status_code == 200
    over = zoho.token(**form)
    assert (over.status_code, over.json()["error"]) == (400, "Access Denied")
    zoho.control("forget_tokens_made")
    assert zoho.token(**form).status_code == 200


def test_the_21st_sign_in_ends_the_first(zoho: Any) -> None:
    first = zoho.tokens
    for _ in range(20):
        zoho.tokens = zoho.sign_in()
    zoho.get("contacts")
    zoho.tokens = first
    assert zoho.call("GET", "contacts").status_code == 401
    assert (
        zoho.token(grant_type="refresh_token", refresh_token=first["refresh_token"]).json()["error"] == "invalid_code"
    )


@pytest.mark.parametrize("header", ["Bearer {}", "Zoho-oauthtoken x{}", "{}"])
def test_only_the_vendors_own_header_opens_the_api(zoho: Any, header: str) -> None:
    answer = zoho.call("GET", "contacts", headers={"Authorization": header.format(zoho.tokens["access_token"])})
    assert (answer.status_code, answer.json()["code"]) == (401, 57)


def test_a_scope_that_was_not_granted_is_missed(zoho: Any) -> None:
    zoho.tokens = zoho.sign_in(scope="ZohoBooks.contacts.READ")
    zoho.get("contacts")
    assert zoho.call("POST", "contacts", {"contact_name": "x"}).status_code == 401
    assert zoho.call("GET", "journals").status_code == 401
