"""HTTP to Zoho Books: one request, its token, its pace, and what its answer means for us."""

import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError

from integrations.connectors.base import (
    BadCredentials,
    Call,
    DeliveryError,
    Rejected,
    TryLater,
    UnknownOutcome,
    Wiring,
)
from integrations.connectors.jsontext import loads
from integrations.connectors.timing import retry_after
from integrations.connectors.zoho.faults import GONE, as_error, slow_down

logger = logging.getLogger(__name__)

PAGE = 200
_LONGEST_READ = 60.0  # Longer than any answer takes; a batch has to end within its lease.
_RECONNECT = (
    "Zoho Books no longer accepts this connection: the sign-in was withdrawn, lacks a scope, or belongs to another data "
    "centre. Connect to Zoho Books again."
)

_ALSO_CALLED = {
    "customerpayments": "customer_payments"
}  # The contract's name of the list; the first is what is answered.

# Some organisations have none of these, and answer with something else.
_NOT_ALWAYS = ("transactions", "account_transactions")

JsonObject = dict[str, Any]


class Client:
    """Requests to one organisation. Nothing is retried here except once after a token expired."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._session = requests.Session()
        self._root = f"{wiring.base_url.rstrip('/')}/books/v3"
        self._organization = {"organization_id": wiring.realm_id} if wiring.realm_id else {}

    def get(self, path: str, **params: str) -> JsonObject:
        """Read. Raises DeliveryError."""
        return self.call("GET", path, params=params)

    def pages(self, path: str, rows: str, *, inside: str = "", **params: str) -> Iterator[JsonObject]:
        """Read every row of a list, which may stand in an object of the answer. Raises DeliveryError."""
        number = 1
        while True:
            answer = self.get(path, **params, page=str(number), per_page=str(PAGE))
            told = (answer.get(inside) or {}) if inside else answer
            found = told.get(rows, told.get(_ALSO_CALLED.get(rows, rows)))
            if found is None and rows in _NOT_ALWAYS:
                raise Rejected(GONE, f"Zoho Books does not list its {rows}.")
            yield from found if isinstance(found, list) else ()
            if not found or not _has_more(answer.get("page_context"), len(found)):
                return
            number += 1

    def optional(self, path: str, rows: str, *, paged: bool = True) -> list[JsonObject]:
        """Read a list that an organisation's plan or sign-in may lack; then it is empty. Raises DeliveryError.

        `paged`: whether the contract gives the list pages; one that it gives none has all of its rows in one answer.
        """
        try:
            return list(self.pages(path, rows) if paged else self.get(path).get(rows) or ())
        except (Rejected, BadCredentials) as error:
            logger.info("Zoho Books gives no %s: %s", path, error.words)
            return []

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        reference: str = "",
        names: bool = False,
    ) -> JsonObject:
        """Do one request, and once more if the token had expired. Raises DeliveryError for everything but success."""
        token = self._wiring.access.token()
        # The contract wants the organisation with the list of organisations too, where one is known.
        query = {**self._organization, **(params or {})}
        for last in (False, True):
            self._wiring.pace(("minute",))
            with self._wiring.slot():
                response = self._once(method, path, query, body, {**(headers or {})}, token, reference)
            if response.status_code != 401:
                return self._read(response, names=names)
            if not last:
                token = self._wiring.access.refresh(stale=token)
        raise BadCredentials(_RECONNECT)

    def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: str | None,
        headers: dict[str, str],
        token: str,
        reference: str,
    ) -> requests.Response:
        started = time.monotonic()
        response: requests.Response | None = None
        failure = ""
        headers |= {"Authorization": f"Zoho-oauthtoken {token}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            response = self._session.request(
                method,
                f"{self._root}/{path}",
                params=dict(query),
                data=body.encode() if body is not None else None,
                headers=headers,
                timeout=(self._wiring.connect_timeout, min(self._wiring.read_timeout, _LONGEST_READ)),
                allow_redirects=False,
            )
            return response
        except requests.RequestException as error:
            failure = type(error).__name__
            raise _unanswered(error) from error
        finally:
            status = response.status_code if response is not None else None
            done = status in (200, 201)
            self._wiring.on_call(
                Call(
                    operation=f"{method} {path}",
                    request_id=reference,
                    status=status,
                    outcome=failure or ("ok" if done else f"http {status}"),
                    seconds=time.monotonic() - started,
                    request=body or "&".join(f"{name}={value}" for name, value in query.items()),
                    response=response.text if response is not None else "",
                )
            )

    def _read(self, response: requests.Response, *, names: bool) -> JsonObject:
        status = response.status_code
        try:
            answer: Any = loads(response.text)
        except ValueError:
            answer = None
        if status == 429:
            known = answer if isinstance(answer, dict) else {}
            raise slow_down(known, retry_after(response.headers), self._wiring.company.time_zone)
        if not isinstance(answer, dict):
            if 400 <= status < 500 and status not in (408, 425):
                raise Rejected(f"http_{status}", f"Zoho Books refused the request (HTTP {status}).")
            raise UnknownOutcome(
                f"Zoho Books answered with something unreadable (HTTP {status}). It is checked and tried again."
            )
        if status in (200, 201) and answer.get("code") == 0:
            return answer
        raise as_error(status if status not in (408, 425) else 500, answer, names=names)


def is_gone(error: DeliveryError) -> bool:
    """Tell whether the record asked for is not there."""
    return isinstance(error, Rejected) and error.code == GONE


def _has_more(context: Any, count: int) -> bool:
    """Tell whether another page follows; the contract has the context as an object, as a list of one, or empty."""
    told = context[0] if isinstance(context, list) and context else context
    more = told.get("has_more_page") if isinstance(told, dict) else None
    return count >= PAGE if more is None else bool(more)


def _unanswered(error: requests.RequestException) -> DeliveryError:
    """Tell "never got there", which is certain, from "no answer came", which is not."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError):
        return TryLater("Zoho Books cannot be reached. It is tried again by itself.", after=5.0)
    return UnknownOutcome("Zoho Books did not answer in time or dropped the connection. It is checked and tried again.")
