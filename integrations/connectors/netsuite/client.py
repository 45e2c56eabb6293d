"""HTTP to NetSuite: one request, its sign-in, its slot, and what its answer means for us."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError

from integrations.connectors.base import Call, DeliveryError, TryLater, UnknownOutcome, Wiring
from integrations.connectors.jsontext import dumps, loads
from integrations.connectors.netsuite.faults import Fault, read_fault
from integrations.connectors.netsuite.setting import reference_field
from integrations.connectors.netsuite.signing import TOKEN, oauth1
from integrations.connectors.timing import clock_ahead, retry_after

logger = logging.getLogger(__name__)

RECORD = "/services/rest/record/v1"
SUITEQL = "/services/rest/query/v1/suiteql"
_BUSY_WAIT = 2.0  # Another request of the account ends soon; no header is documented to say when.
_LOGIN_WAIT = 60.0
_SETTLE = 30.0  # A request that timed out may still be at work there, up to 15 minutes.
# A misspelt field would otherwise be dropped and the call succeed.
_STRICT = {"X-NetSuite-PropertyNameValidation": "Error", "X-NetSuite-PropertyValueValidation": "Error"}
_JSON = "application/json"
_TRANSACTIONS = ("journalEntry", "invoice", "creditMemo", "customerPayment", "customerRefund", "check", "deposit")


@dataclass(frozen=True)
class Answer:
    """What came back, unless it speaks of the connection as a whole."""

    status: int
    body: Any
    location: str
    clock_ahead: float = 0.0  # Seconds by which NetSuite's clock is ahead of ours.

    @property
    def is_ok(self) -> bool:
        return self.status < 300

    @property
    def fault(self) -> Fault:
        return read_fault(self.status, self.body)

    @property
    def external_id(self) -> str:
        """Give the id at the end of the `Location`, where the vendor names what was made."""
        return self.location.rstrip("/").rpartition("/")[2].partition("?")[0]


class Client:
    """Requests to one account. Nothing is retried here except once after a token expired."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._session = requests.Session()
        self._root = wiring.base_url.rstrip("/")
        self._clock_ahead = 0.0  # Signatures say when they were made; known once a login was refused.

    def read(self, path: str, *, operation: str, params: Mapping[str, str] | None = None) -> Answer:
        """Read something. Raises TryLater, BadCredentials, UnknownOutcome."""
        return self.call("GET", path, operation=operation, params=params)

    def held(self, record: str, reference: str) -> dict[str, Any] | None:
        """Give the record that has an external id, or None. Raises DeliveryError.

        Where the connection names a custom field that carries it too, a transaction is found by that as well: of the
        external id there is one, and another application may have put its own there.
        """
        return self._read_one(record, f"eid:{reference}") or self._marked(record, reference)

    def _marked(self, record: str, reference: str) -> dict[str, Any] | None:
        field = reference_field(self._wiring.options)
        if not field or record not in _TRANSACTIONS:
            return None
        text = f"SELECT id FROM transaction WHERE {field} = '{reference}' ORDER BY id"
        answer = self.query(dumps({"q": text}), limit=1000, offset=0)
        if not answer.is_ok:
            raise answer.fault.as_error()
        rows = answer.body.get("items", []) if isinstance(answer.body, dict) else []
        return self._read_one(record, str(rows[0]["id"])) if rows else None

    def _read_one(self, record: str, key: str) -> dict[str, Any] | None:
        answer = self.read(f"{RECORD}/{record}/{key}", operation=record)
        if answer.status == 404:
            return None
        if not answer.is_ok:
            raise answer.fault.as_error()
        body: dict[str, Any] = answer.body
        return body

    def write(
        self, method: str, path: str, body: str, *, operation: str, params: Mapping[str, str] | None = None
    ) -> Answer:
        """Write a record, with the property names checked. Raises TryLater, BadCredentials, UnknownOutcome."""
        return self.call(method, path, operation=operation, params=params, body=body, headers=_STRICT)

    def submit(self, path: str, body: str, *, method: str, request_id: str, operation: str) -> Answer:
        """Hand in a batch to be done by itself; a repeat under the same id is refused with the first one's address."""
        headers = {
            **_STRICT,
            "Prefer": "respond-async",
            "Content-Type": "application/vnd.oracle.resource+json; type=collection",
            "X-NetSuite-Idempotency-Key": request_id,
        }
        return self.call(method, path, operation=operation, body=body, headers=headers, request_id=request_id)

    def query(self, body: str, *, limit: int, offset: int) -> Answer:
        """Ask one page of a SuiteQL query."""
        params = {"limit": str(limit), "offset": str(offset)}
        headers = {"Prefer": "transient"}
        return self.call("POST", SUITEQL, operation="suiteql", params=params, body=body, headers=headers)

    def call(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        params: Mapping[str, str] | None = None,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        request_id: str = "",
    ) -> Answer:
        """Do one request, and a second one with a new token or nonce when the login was refused.

        A second refusal is no reason to give the connection up: too many requests at once are answered that way too.
        Raises TryLater, BadCredentials, UnknownOutcome.
        """
        signed = self._wiring.sign_in == TOKEN
        token = "" if signed else self._wiring.access.token()
        for last in (False, True):
            request = {
                "method": method,
                "url": f"{self._root}{path}",
                "params": dict(params or {}),
                "data": body.encode() if body is not None else None,
                "headers": {"Accept": _JSON, "Content-Type": _JSON, **(headers or {})},
                "auth": oauth1(self._wiring.access.secrets(), self._clock_ahead) if signed else _Bearer(token),
            }
            answer = self._once(request, operation, request_id, body or "")
            if answer.status != 401:
                return answer
            self._clock_ahead = answer.clock_ahead
            if not last and not signed:
                token = self._wiring.access.refresh(stale=token)
        clock = f" Its clock differs from this machine's by {abs(self._clock_ahead):.0f} seconds: set it right."
        raise TryLater(
            f"NetSuite refuses the login ({answer.fault.words}). It says so too when the account is overloaded, so it is "
            "tried again by itself. If it goes on, look at the login audit trail in NetSuite."
            f"{clock if self._clock_ahead else ''}",
            after=_LOGIN_WAIT,
            whole_connection=True,
        )

    def _once(self, request: dict[str, Any], operation: str, request_id: str, body: str) -> Answer:
        wiring = self._wiring
        started = time.monotonic()
        response: requests.Response | None = None
        failure = ""
        try:
            with wiring.slot():
                response = self._session.request(
                    **request, timeout=(wiring.connect_timeout, wiring.read_timeout), allow_redirects=False
                )
        except requests.RequestException as error:
            failure = type(error).__name__
            raise _unanswered(error) from error
        finally:
            status = response.status_code if response is not None else None
            is_ok = status is not None and status < 300
            wiring.on_call(
                Call(
                    operation=operation,
                    request_id=request_id,
                    status=status,
                    outcome=failure or ("ok" if is_ok else f"http {status}"),
                    seconds=time.monotonic() - started,
                    request=body,
                    response=response.text if response is not None else "",
                )
            )
        return _read(response)


class _Bearer(requests.auth.AuthBase):
    """Put the access token into the header, also where a .netrc file names the host."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _unanswered(error: requests.RequestException) -> DeliveryError:
    """Tell "never got there", which is certain, from "no answer came", which is not."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError):
        return TryLater("NetSuite cannot be reached. It is tried again by itself.", after=5.0)
    settle = _SETTLE if isinstance(error, requests.ReadTimeout) else 0.0
    words = "NetSuite did not answer in time or dropped the connection. It is checked and tried again."
    return UnknownOutcome(words, settle=settle)


def _read(response: requests.Response) -> Answer:
    status = response.status_code
    try:
        body = loads(response.text) if response.text else None
    except ValueError as error:
        if status >= 500 or status < 400:
            raise UnknownOutcome(f"NetSuite answered with something unreadable (HTTP {status}).") from error
        body = None
    answer = Answer(status, body, response.headers.get("Location", ""), clock_ahead(response.headers))
    if status == 429:
        after = retry_after(response.headers)
        words = "NetSuite's account is busy with other requests. It is tried again by itself."
        if after:
            raise TryLater(words, after=after, whole_connection=True)
        raise TryLater(words, after=_BUSY_WAIT)
    if status >= 500:
        raise answer.fault.as_error()
    if status in (408, 425):
        raise UnknownOutcome(f"NetSuite gave up on the request (HTTP {status}). It is checked and tried again.")
    if 300 <= status < 400:
        raise UnknownOutcome(f"NetSuite sent the request elsewhere (HTTP {status}). Check the SuiteTalk URL.")
    return answer
