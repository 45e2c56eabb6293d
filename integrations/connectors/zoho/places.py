"""Zoho's data centres: where people sign in, where the API answers, where the books are seen.

The callback names the accounts server and the token answer the API's host; both are used only if they are Zoho's own.
Sources: zoho.com/accounts/protocol/oauth/multi-dc.html. Books' hosts in the United Kingdom and the Emirates are not
published; what the sign-in tells is used there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from integrations.connectors.base import Endpoints, TokenRequest


@dataclass(frozen=True)
class DataCentre:
    """One of Zoho's regions."""

    label: str
    accounts: str
    api: str
    app: str


DATA_CENTRES = {
    "us": DataCentre("United States", "accounts.zoho.com", "www.zohoapis.com", "books.zoho.com"),
    "eu": DataCentre("Europe", "accounts.zoho.eu", "www.zohoapis.eu", "books.zoho.eu"),
    "in": DataCentre("India", "accounts.zoho.in", "www.zohoapis.in", "books.zoho.in"),
    "au": DataCentre("Australia", "accounts.zoho.com.au", "www.zohoapis.com.au", "books.zoho.com.au"),
    "jp": DataCentre("Japan", "accounts.zoho.jp", "www.zohoapis.jp", "books.zoho.jp"),
    "ca": DataCentre("Canada", "accounts.zohocloud.ca", "www.zohoapis.ca", "books.zohocloud.ca"),
    "sa": DataCentre("Saudi Arabia", "accounts.zoho.sa", "www.zohoapis.sa", "books.zoho.sa"),
    "cn": DataCentre("China", "accounts.zoho.com.cn", "www.zohoapis.com.cn", "books.zoho.com.cn"),
    "uk": DataCentre("United Kingdom", "accounts.zoho.uk", "www.zohoapis.uk", "books.zoho.uk"),
    "ae": DataCentre("United Arab Emirates", "accounts.zoho.ae", "www.zohoapis.ae", "books.zoho.ae"),
}
_ACCOUNTS = {each.accounts for each in DATA_CENTRES.values()}
_APIS = {each.api for each in DATA_CENTRES.values()}
_BLOCKED = 120.0  # Seconds; how much of the ten minutes is left is not told.
APPS = {each.api: each.app for each in DATA_CENTRES.values()}

Secrets = Mapping[str, Any]


def endpoints(secrets: Secrets) -> Endpoints:
    """Give the addresses that the sign-in told, else those of the data centre that was entered, else the first one's."""
    told = str(secrets.get("accounts_server") or "")
    entered = DATA_CENTRES.get(str(secrets.get("data_centre", "")), DATA_CENTRES["us"])
    centre = next((each for each in DATA_CENTRES.values() if told == f"https://{each.accounts}"), entered)
    accounts = told or f"https://{centre.accounts}"
    api = str(secrets.get("api_domain") or f"https://{centre.api}")
    token = f"{accounts}/oauth/v2/token"
    return Endpoints(api=api, authorize=f"{accounts}/oauth/v2/auth", token=token, revoke=f"{token}/revoke")


def revocation(secrets: Secrets) -> TokenRequest:
    """End the sign-in, which is one of the twenty that a person has."""
    return TokenRequest({"token": str(secrets.get("refresh_token", ""))})


def token_request(secrets: Secrets, form: Mapping[str, str], token_url: str) -> TokenRequest:
    """Name the app in the form: Zoho knows no HTTP Basic there."""
    app = {name: str(secrets.get(name, "")) for name in ("client_id", "client_secret")}
    return TokenRequest({**form, **app})


def remember(callback: Mapping[str, str], answer: Mapping[str, Any]) -> Mapping[str, str]:
    """Keep where the person's account lives and where its API is; an address that is not Zoho's is not kept.

    A callback that names the location alone (us, eu, in) is understood too.
    """
    server, centre = callback.get("accounts-server", ""), DATA_CENTRES.get(callback.get("location", "").lower())
    if not server and centre:
        server = f"https://{centre.accounts}"
    told = {
        "accounts_server": _known(server, _ACCOUNTS),
        "api_domain": _known(str(answer.get("api_domain", "")), _APIS),
    }
    return {name: address for name, address in told.items() if address}


def _known(address: str, hosts: set[str]) -> str:
    parts = urlsplit(address)
    return f"https://{parts.hostname}" if parts.scheme == "https" and parts.hostname in hosts else ""


def busy(status: int, answer: Mapping[str, Any]) -> float:
    """Wait where ten access tokens were made in ten minutes: Zoho then makes none for the rest of them."""
    return _BLOCKED if status == 400 and answer.get("error") == "Access Denied" else 0.0
