"""The Zoho Books sandbox with empty books for each test, and a signed-in caller."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from billing.models import BusinessEntity
from integrations.models import Connection
from integrations.sandbox.server import RunningSandbox, start_in_thread
from tests.integrations.books import Books
from tests.integrations.conftest import connecting

CLIENT = {"client_id": "1000.SANDBOXCLIENT", "client_secret": "sandbox-secret"}
CALLBACK = "http://localhost/callback"
SCOPE = "ZohoBooks.fullaccess.all"


class Caller:
    """Speaks to the sandbox as an application would."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = requests.Session()
        self.organization = self.state()["realm_id"]
        self.tokens = self.sign_in()

    def authorize(self, **changes: str) -> requests.Response:
        asked = {
            "client_id": CLIENT["client_id"],
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": SCOPE,
            "state": "xyz",
            "access_type": "offline",
        }
        return self.http.post(f"{self.url}/oauth/v2/auth", data=asked | changes, allow_redirects=False)

    def code(self, **changes: str) -> dict[str, str]:
        answer = self.authorize(**changes)
        assert answer.status_code == 302
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}

    def token(self, **form: str) -> requests.Response:
        return self.http.post(f"{self.url}/oauth/v2/token", data={**CLIENT, **form})

    def sign_in(self, **changes: str) -> dict[str, Any]:
        code = self.code(**changes)["code"]
        return self.token(grant_type="authorization_code", code=code, redirect_uri=CALLBACK).json()

    def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **params: str
    ) -> requests.Response:
        return self.http.request(
            method,
            f"{self.url}/books/v3/{path}",
            params={"organization_id": self.organization, **params},
            json=body,
            headers={"Authorization": f"Zoho-oauthtoken {self.tokens['access_token']}", **(headers or {})},
            timeout=10,
        )

    def get(self, path: str, **params: str) -> dict[str, Any]:
        answer = self.call("GET", path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json(parse_float=Decimal)

    def post(self, path: str, body: Any = None, **params: str) -> dict[str, Any]:
        answer = self.call("POST", path, body, **params)
        assert answer.status_code in (200, 201), answer.text
        return answer.json(parse_float=Decimal)

    def refused(self, method: str, path: str, body: Any = None, **params: str) -> str:
        """Send what must be refused; give the vendor's words."""
        answer = self.call(method, path, body, **params)
        assert answer.status_code == 400, answer.text
        assert answer.json()["code"] != 0
        return answer.json()["message"]

    def put(self, path: str, value: str, body: Any, *, upsert: str = "true", **params: str) -> requests.Response:
        headers = {
            "X-Unique-Identifier-Key": "cf_counterfoil_id",
            "X-Unique-Identifier-Value": value,
            "X-Upsert": upsert,
        }
        return self.call("PUT", path, body, headers=headers, **params)

    def control(self, action: str, body: Any = None) -> dict[str, Any]:
        answer = self.http.post(f"{self.url}/_sandbox/{action}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def state(self, query: str = "") -> dict[str, Any]:
        return self.http.get(f"{self.url}/_sandbox/state{query}").json()

    def account(self, name: str) -> str:
        (found,) = self.get("chartofaccounts", account_name=name)["chartofaccounts"]
        return found["account_id"]

    def currency(self, code: str) -> str:
        rows = self.get("settings/currencies", per_page="200")["currencies"]
        return next(each["currency_id"] for each in rows if each["currency_code"] == code)

    def item(self) -> str:
        return self.get("items")["items"][0]["item_id"]

    def customer(self, name: str = "Ann", **fields: Any) -> str:
        return self.post("contacts", {"contact_name": name, **fields})["contact"]["contact_id"]

    def journal(self, amount: Any = 100.5, **fields: Any) -> dict[str, Any]:
        lines = [
            {"account_id": self.account("Deferred Revenue"), "debit_or_credit": "debit", "amount": amount},
            {"account_id": self.account("Sales"), "debit_or_credit": "credit", "amount": amount},
        ]
        return {"journal_date": "2026-10-31", "line_items": lines, **fields}

    def invoice(self, customer: str, amount: Any = 148.5, **fields: Any) -> dict[str, Any]:
        line = {"item_id": self.item(), "rate": amount, "quantity": 1}
        return {"customer_id": customer, "date": "2026-10-31", "line_items": [line], **fields}

    def balance(self, name: str) -> Decimal:
        """Sum an account's lines, debits above zero."""
        rows = self.get("chartofaccounts/accounttransactions", account_id=self.account(name), per_page="200")
        return sum(
            (Decimal(each["debit_amount"] or 0) - Decimal(each["credit_amount"] or 0) for each in rows["transactions"]),
            Decimal(0),
        )


@pytest.fixture(scope="session")
def zoho_server() -> Iterator[RunningSandbox]:
    with start_in_thread("zoho") as running:
        yield running


@pytest.fixture
def zoho(zoho_server: RunningSandbox) -> Caller:
    requests.post(f"{zoho_server.url}/_sandbox/reset", timeout=5)
    return Caller(zoho_server.url)


@pytest.fixture
def box() -> Iterator[RunningSandbox]:
    """A Zoho Books sandbox of its own, for tests that deliver."""
    with start_in_thread("zoho") as running:
        yield running


@pytest.fixture
def books(box: RunningSandbox) -> Books:
    return Books(box.url)


@pytest.fixture
def connect(entity: BusinessEntity, box: RunningSandbox) -> Callable[..., Connection]:
    """Sign in to the sandbox: `connect(mode="documents", payments=True)`."""

    return connecting(entity, "zoho", box.url)
