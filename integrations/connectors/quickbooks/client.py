"""HTTP to QuickBooks Online: one request, its token, its pace, and what its answer means for us."""

import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError

from integrations.connectors.base import BadCredentials, Call, DeliveryError, Rejected, TryLater, UnknownOutcome, Wiring
from integrations.connectors.jsontext import loads
from integrations.connectors.quickbooks.faults import ADVICE, TOO_MUCH, Fault, read_faults
from integrations.connectors.timing import retry_after

logger = logging.getLogger(__name__)

MINOR_VERSION = "75"
PAGE = 1000
_THROTTLED = "ThrottleExceeded"  # It was told with 403 before 429, in XML too (quickbooks-ruby 338).
_THROTTLED_WAIT = 60.0  # Intuit: after a 429 wait a minute; a header that says more is not documented.


class Client:
    """Requests to one company. Nothing is retried here except once after a token expired."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._session = requests.Session()
        self._root = f"{wiring.base_url.rstrip('/')}/v3/company/{wiring.realm_id}"

    def query(self, text: str) -> dict[str, Any]:
        """Run a query and give its `QueryResponse`, which is empty when nothing was found."""
        answer = self.call("GET", "query", operation="query", params={"query": text})
        faults = read_faults(answer)
        if faults:
            raise faults[0].as_error()
        return answer.get("QueryResponse", {})

    def rows(self, entity: str, where: str = "") -> Iterator[dict[str, Any]]:
        """Read all pages of a query, smaller ones where QuickBooks finds them too much."""
        start, most = 1, PAGE
        while True:
            # A star and nothing else: the published grammar has no projections.
            text = " ".join(
                filter(None, (f"select * from {entity}", where, f"startposition {start} maxresults {most}"))
            )
            try:
                found = self.query(text).get(entity, [])
            except Rejected as error:
                if error.code != str(TOO_MUCH) or most == 1:
                    raise
                most //= 2
                continue
            yield from found
            if len(found) < most:
                return
            start += most

    def get(self, path: str) -> dict[str, Any]:
        """Read one object by its path."""
        answer = self.call("GET", path, operation=path.split("/")[0])
        faults = read_faults(answer)
        if faults:
            raise faults[0].as_error()
        return answer

    def write(self, path: str, body: str, *, request_id: str, operation: str = "", include: str = "") -> dict[str, Any]:
        """Post a body. A fault is left in the answer, for the caller knows what it means for each document."""
        params = {"requestid": request_id}
        if operation:
            params["operation"] = operation
        if include:
            params["include"] = include
        return self.call("POST", path, operation=operation or path, params=params, body=body)

    def call(
        self, method: str, path: str, *, operation: str, params: dict[str, str] | None = None, body: str | None = None
    ) -> dict[str, Any]:
        """Do one request, and a second one with the same request id if the token had expired.

        Raises TryLater, BadCredentials, UnknownOutcome, Rejected.
        """
        wiring = self._wiring
        limits: Sequence[str] = ("second", "minute", "batch") if path == "batch" else ("second", "minute")
        token = wiring.access.token()
        for last in (False, True):
            wiring.pace(limits)
            response = self._once(method, path, operation, params or {}, body, token)
            if response.status_code != 401:
                return _read(response)
            if last:
                break
            token = wiring.access.refresh(stale=token)
        raise BadCredentials("QuickBooks no longer accepts this connection. Connect to QuickBooks again.")

    def _once(
        self, method: str, path: str, operation: str, params: dict[str, str], body: str | None, token: str
    ) -> requests.Response:
        started = time.monotonic()
        response: requests.Response | None = None
        failure = ""
        try:
            with self._wiring.slot():
                response = self._session.request(
                    method,
                    f"{self._root}/{path}",
                    params={**params, "minorversion": MINOR_VERSION},
                    data=body.encode() if body is not None else None,
                    headers={
                        "Authorization": f"Bearer {token}",
                        "Accept": "application/json",
                        "Content-Type": "application/json",
                    },
                    timeout=(self._wiring.connect_timeout, self._wiring.read_timeout),
                    allow_redirects=False,
                )
            return response
        except requests.RequestException as error:
            failure = type(error).__name__
            raise _unanswered(error) from error
        finally:
            status = response.status_code if response is not None else None
            self._wiring.on_call(
                Call(
                    operation=operation,
                    request_id=params.get("requestid", ""),
                    status=status,
                    outcome=failure or ("ok" if status == 200 else f"http {status}"),
                    seconds=time.monotonic() - started,
                    request=body or params.get("query", ""),
                    response=response.text if response is not None else "",
                )
            )
            if response is not None:
                logger.debug("QuickBooks %s: %s, intuit_tid %s", operation, status, response.headers.get("intuit_tid"))


def _unanswered(error: requests.RequestException) -> DeliveryError:
    """Tell "never got there", which is certain, from "no answer came", which is not."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError):
        return TryLater("QuickBooks cannot be reached. It is tried again by itself.", after=5.0)
    return UnknownOutcome("QuickBooks did not answer in time or dropped the connection. It is checked and tried again.")


def _read(response: requests.Response) -> dict[str, Any]:
    status = response.status_code
    tid = response.headers.get("intuit_tid", "")
    if status == 429 or (status == 403 and _THROTTLED in response.text):
        wait = max(_THROTTLED_WAIT, retry_after(response.headers) or 0)
        raise TryLater("QuickBooks asks to slow down. It is tried again by itself.", after=wait, whole_connection=True)
    if status == 403 and not _says_why(response.text):
        raise BadCredentials(f"The person who connected QuickBooks lost access ({tid}). Connect to QuickBooks again.")
    if status >= 500 or status in (408, 425):
        named = ", ".join(filter(None, (f"HTTP {status}", tid)))
        raise UnknownOutcome(f"QuickBooks had an error of its own ({named}). It is checked and tried again.")
    try:
        answer = loads(response.text)
    except ValueError as error:
        if 400 <= status < 500:  # such as a gateway's page about an address that is too long: certainly not done
            raise Rejected(f"http_{status}", f"QuickBooks refused the request (HTTP {status}, {tid}).") from error
        answer = None
    if not isinstance(answer, dict):
        raise UnknownOutcome(f"QuickBooks answered with something unreadable (HTTP {status}, {tid}).")
    for fault in read_faults(answer):
        _raise_for_all(fault)
    if status != 200 and not read_faults(answer):
        raise Rejected(f"http_{status}", f"QuickBooks refused the request (HTTP {status}, {tid}).")
    return answer


def _says_why(text: str) -> bool:
    """Tell whether a refusal names something that signing in again does not mend, such as an ended subscription."""
    try:
        answer = loads(text)
    except ValueError:
        return False
    faults = read_faults(answer) if isinstance(answer, dict) else []
    return any(fault.code in ADVICE for fault in faults)


def _raise_for_all(fault: Fault) -> None:
    """Raise for the faults that speak of the connection or the server, not of one document."""
    error = fault.as_error()
    if isinstance(error, BadCredentials | TryLater | UnknownOutcome):
        raise error
