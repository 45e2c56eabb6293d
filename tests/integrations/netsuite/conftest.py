"""One NetSuite sandbox for the folder, with empty books for each test, and connectors that are signed in to it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from billing.models import BusinessEntity
from integrations.connectors.base import Call, Company, Wiring
from integrations.connectors.netsuite.connector import NetSuite
from integrations.connectors.netsuite.signing import CERTIFICATE, TOKEN_PATH, token_request
from integrations.models import Connection
from integrations.sandbox.server import RunningSandbox, start_in_thread
from tests.integrations.books import Books
from tests.integrations.conftest import connecting


class Login:
    """Sign-in without a database: gets tokens when asked, and counts them."""

    def __init__(self, url: str, entered: dict[str, str]) -> None:
        self._url, self._entered = url, entered
        self.asked = 0
        self._token = ""

    def token(self) -> str:
        return self._token or self.refresh(stale="")

    def refresh(self, *, stale: str) -> str:
        self.asked += 1
        where = f"{self._url}{TOKEN_PATH}"
        answer = requests.post(where, data=token_request(self._entered, {}, where).form, timeout=10)
        assert answer.status_code == 200, answer.text
        self._token = answer.json()["access_token"]
        return self._token

    def secrets(self) -> dict[str, str]:
        return self._entered


class Erp(Books):
    """The sandbox's books, and connectors to it."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url
        state = self.state()
        self.login = Login(url, state["sign_in"]["fields"])
        self.token_keys = {"account_id": state["realm_id"], **state["token"]}
        self.calls: list[Call] = []
        self.unread = Company("", "US", "", False, "", True)

    def connector(self, *, sign_in: str = CERTIFICATE, read: bool = True, **options: Any) -> NetSuite:
        access = self.login if sign_in == CERTIFICATE else Login(self.url, self.token_keys)
        wiring = Wiring(
            base_url=self.url,
            realm_id="1234567_SB1",
            company=self.unread,
            access=access,
            pace=lambda names: None,
            on_call=self.calls.append,
            connect_timeout=2.0,
            read_timeout=float(options.pop("read_timeout", 5.0)),
            sign_in=sign_in,
            options=options,
        )
        made = NetSuite(wiring)
        return NetSuite(replace(wiring, company=made.company())) if read else made

    def api(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """Call the record service as an application would."""
        sent = {"Authorization": f"Bearer {self.login.token()}", "X-NetSuite-PropertyNameValidation": "Error"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.request(method, f"{self.url}/services/rest{path}", json=body, headers=sent, timeout=10)

    def make(self, kind: str, **fields: Any) -> str:
        answer = self.api("POST", f"/record/v1/{kind}", fields)
        assert answer.status_code == 204, answer.text
        return answer.headers["Location"].rpartition("/")[2]

    def refused(self, method: str, path: str, body: Any, status: int = 400, **headers: str) -> tuple[str, str]:
        """Send what must be refused; give the error code and the words."""
        answer = self.api(method, path, body, **headers)
        assert answer.status_code == status, answer.text
        assert answer.json()["status"] == status
        detail = answer.json()["o:errorDetails"][0]
        return detail["o:errorCode"], detail["detail"]

    def get(self, path: str) -> str:
        """Read a page for people."""
        answer = requests.get(f"{self.url}{path}", timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.text

    def query(self, text: str) -> list[dict[str, str]]:
        answer = self.api("POST", "/query/v1/suiteql", {"q": text}, Prefer="transient")
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    def control(self, action: str, **body: Any) -> dict[str, Any]:
        answer = requests.post(f"{self.url}/_sandbox/{action}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def account(self, name: str) -> str:
        return self.query(f"SELECT id FROM account WHERE fullname = '{name}'")[0]["id"]

    def customer(self, name: str = "Acme", **fields: Any) -> str:
        return self.make("customer", companyName=name, subsidiary={"id": "1"}, **fields)

    def requests(self, part: str) -> list[dict[str, Any]]:
        return [each for each in self.state("?requests=1")["requests"] if part in f"{each['method']} {each['path']}"]


@pytest.fixture(scope="session")
def server() -> Iterator[RunningSandbox]:
    with start_in_thread("netsuite") as running:
        yield running


@pytest.fixture
def erp(server: RunningSandbox) -> Erp:
    requests.post(f"{server.url}/_sandbox/reset", timeout=5)
    fresh = Erp(server.url)
    fresh.prefer(JobSeconds=0)
    return fresh


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Put forward the clock by which the sandbox does its jobs: `later(60)`."""
    ahead = 0.0

    def put_forward(seconds: float) -> None:
        nonlocal ahead
        ahead += seconds

    monkeypatch.setattr(
        "integrations.sandbox.netsuite.jobs.time", SimpleNamespace(monotonic=lambda: time.monotonic() + ahead)
    )
    return put_forward


@pytest.fixture
def box(erp: Erp) -> Any:
    """Stand in for the other vendor's sandbox of the shared fixtures."""
    return erp


@pytest.fixture
def connect(entity: BusinessEntity, erp: Erp) -> Callable[..., Connection]:
    """Sign in to the sandbox: `connect(mode="documents", payments=True)`."""

    return connecting(entity, "netsuite", erp.url)
