"""Where a person's account lives: what the callback and the token answer tell, and whom it is believed."""

from urllib.parse import parse_qs, urlsplit

import pytest

from integrations import setup, sign_in, tokens
from integrations.connectors.zoho import places
from integrations.vault import Secrets


@pytest.mark.parametrize(
    ("callback", "answer", "kept"),
    [
        (
            {"location": "eu", "accounts-server": "https://accounts.zoho.eu"},
            {"api_domain": "https://www.zohoapis.eu"},
            {"accounts_server": "https://accounts.zoho.eu", "api_domain": "https://www.zohoapis.eu"},
        ),
        ({"location": "ca"}, {}, {"accounts_server": "https://accounts.zohocloud.ca"}),
        ({"location": "mars"}, {}, {}),
        ({"location": "in", "accounts-server": "https://accounts.zoho.in.evil.example"}, {}, {}),
        ({"accounts-server": "http://accounts.zoho.com"}, {}, {}),
        ({}, {"api_domain": "https://evil.example"}, {}),
    ],
)
def test_only_zohos_own_addresses_are_kept(callback, answer, kept) -> None:
    assert places.remember(callback, answer) == kept


@pytest.mark.parametrize(
    ("told", "api", "token"),
    [
        ({}, "https://www.zohoapis.com", "https://accounts.zoho.com/oauth/v2/token"),
        ({"data_centre": "in"}, "https://www.zohoapis.in", "https://accounts.zoho.in/oauth/v2/token"),
        (
            {"data_centre": "us", "accounts_server": "https://accounts.zoho.com.au"},
            "https://www.zohoapis.com.au",
            "https://accounts.zoho.com.au/oauth/v2/token",
        ),
        (
            {"accounts_server": "https://accounts.zoho.jp", "api_domain": "https://www.zohoapis.jp"},
            "https://www.zohoapis.jp",
            "https://accounts.zoho.jp/oauth/v2/token",
        ),
    ],
)
def test_what_the_sign_in_told_comes_before_what_was_entered(told, api, token) -> None:
    found = places.endpoints(told)
    assert (found.api, found.token) == (api, token)


@pytest.mark.django_db
def test_a_code_is_exchanged_where_the_callback_says(entity, monkeypatch) -> None:
    """Entered was the United States, but the person's account lives in Europe."""
    connection, _ = setup.create_connection(business_entity=entity, erp="zoho")
    connection.credentials = Secrets(client_id="1000.X", client_secret="y", data_centre="us")
    connection.save()
    asked = sign_in.begin(connection, redirect_uri="https://app.example.test/callback")
    assert asked.startswith("https://accounts.zoho.com/oauth/v2/auth?")
    query = parse_qs(urlsplit(asked).query)
    assert (query["access_type"], query["prompt"], query["response_type"]) == (["offline"], ["consent"], ["code"])
    posted = []

    def post(url, **request):
        posted.append((url, request))
        raise Halted

    monkeypatch.setattr(tokens.requests, "post", post)
    callback = {"location": "eu", "accounts-server": "https://accounts.zoho.eu", "code": "1000.c"}
    with pytest.raises(Halted):
        sign_in.complete({**callback, "state": query["state"][0]})
    ((url, request),) = posted
    assert url == "https://accounts.zoho.eu/oauth/v2/token"
    assert request["data"] == {
        "grant_type": "authorization_code",
        "code": "1000.c",
        "redirect_uri": "https://app.example.test/callback",
        "client_id": "1000.X",
        "client_secret": "y",
    }


class Halted(Exception):
    """The request would go out here."""
