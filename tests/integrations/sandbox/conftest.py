"""One QuickBooks sandbox for the folder, with empty books for each test, and a signed-in caller."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from integrations.sandbox.server import RunningSandbox, start_in_thread

CLIENT = ("sandbox-client", "sandbox-secret")
CALLBACK = "http://localhost/callback"


class Caller:
    """Speaks to the sandbox as an application would."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = requests.Session()
        self.realm = self.state()["realm_id"]
        self.tokens = self.sign_in()

    def code(self) -> str:
        asked = {
            "client_id": CLIENT[0],
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "com.intuit.quickbooks.accounting",
            "state": "xyz",
        }
        answer = self.http.post(f"{self.url}/connect/oauth2", data=asked, allow_redirects=False)
        assert answer.status_code == 302
        back = parse_qs(urlsplit(answer.headers["Location"]).query)
        assert back["state"] == ["xyz"]
        assert back["realmId"] == [self.realm]
        return back["code"][0]

    def token(self, **form: str) -> requests.Response:
        return self.http.post(f"{self.url}/oauth2/v1/tokens/bearer", data=form, auth=CLIENT)

    def sign_in(self) -> dict[str, Any]:
        answer = self.token(grant_type="authorization_code", code=self.code(), redirect_uri=CALLBACK)
        assert answer.status_code == 200
        return answer.json()

    def call(self, method: str, path: str, *, body: Any = None, **params: str) -> requests.Response:
        return self.http.request(
            method,
            f"{self.url}/v3/company/{self.realm}/{path}",
            params={**params, "minorversion": "75"},
            json=body,
            headers={"Authorization": f"Bearer {self.tokens['access_token']}", "Accept": "application/json"},
            timeout=10,
        )

    def post(self, path: str, body: Any, **params: str) -> requests.Response:
        return self.call("POST", path, body=body, **params)

    def refused(self, path: str, body: Any, **params: str) -> str:
        """Send what must be refused; give the fault's code."""
        answer = self.post(path, body, **params)
        assert answer.status_code == 400, answer.text
        return answer.json()["Fault"]["Error"][0]["code"]

    def make(self, entity: str, **fields: Any) -> dict[str, Any]:
        answer = self.post(entity.lower(), fields)
        assert answer.status_code == 200, answer.text
        return answer.json()[entity]

    def query(self, text: str) -> dict[str, Any]:
        answer = self.call("GET", "query", query=text)
        assert answer.status_code == 200, answer.text
        return answer.json()["QueryResponse"]

    def control(self, action: str, body: Any = None) -> dict[str, Any]:
        answer = self.http.post(f"{self.url}/_sandbox/{action}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def state(self, query: str = "") -> dict[str, Any]:
        return self.http.get(f"{self.url}/_sandbox/state{query}").json()

    def account(self, name: str) -> dict[str, Any]:
        return self.query(f"select * from Account where Name = '{name}'")["Account"][0]

    def ref(self, name: str) -> dict[str, str]:
        return {"value": self.account(name)["Id"]}

    def line(self, side: str, account: str, amount: Any, **detail: Any) -> dict[str, Any]:
        return {
            "Amount": amount,
            "DetailType": "JournalEntryLineDetail",
            "JournalEntryLineDetail": {"PostingType": side, "AccountRef": self.ref(account), **detail},
        }

    def journal(self, amount: Any = 100.5, **fields: Any) -> dict[str, Any]:
        lines = [self.line("Debit", "Deferred Revenue", amount), self.line("Credit", "Services", amount)]
        return {"TxnDate": "2026-10-31", "Line": lines, **fields}

    def sale(self, customer: str, amount: Any = 148.5, **fields: Any) -> dict[str, Any]:
        detail = {"ItemRef": {"value": "1"}, "Qty": 1, "UnitPrice": amount}
        line = {"Amount": amount, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail}
        return {"TxnDate": "2026-10-31", "CustomerRef": {"value": customer}, "Line": [line], **fields}


@pytest.fixture(scope="session")
def server() -> Iterator[RunningSandbox]:
    with start_in_thread("quickbooks") as running:
        yield running


@pytest.fixture
def qbo(server: RunningSandbox) -> Caller:
    requests.post(f"{server.url}/_sandbox/reset", timeout=5)
    return Caller(server.url)
