"""HTTP to Xero: one request, its token, its pace and slot, and what its answer means for all it carries."""

import hashlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
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

logger = logging.getLogger(__name__)

JsonObject = dict[str, Any]
_API = "/api.xro/2.0/"
_UNTOLD_WAIT = 1.5  # Xero tells how long to wait for minute and day only; else one to two seconds.
_UNTOLD_DAY = 3600.0
_OFFLINE_WAIT = 300.0
_REMAINING = {"minute": "X-MinLimit-Remaining", "day": "X-DayLimit-Remaining"}
_RECONNECT = "Xero no longer accepts this connection. Connect to Xero again."


@dataclass(frozen=True)
class Answer:
    """An answer that speaks of documents: 200 with a result for each, or 400 with what is wrong."""

    status: int
    body: JsonObject

    @property
    def is_ok(self) -> bool:
        return self.status == 200


class Client:
    """Requests to one organisation. Nothing is retried here except once after a token expired."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._session = requests.Session()
        root = wiring.base_url.rstrip("/")
        self._api = root + _API
        self._connections = (
            wiring.options.get("addresses", {}).get("connections", "").rstrip("/") or f"{root}/connections"
        )

    def get(self, path: str, *, since: datetime | None = None, **params: str) -> JsonObject | None:
        """Read; None where there is no such thing. Raises DeliveryError."""
        headers = {"If-Modified-Since": _utc_text(since)} if since else {}
        answer = self._call("GET", self._api + path, operation=path.split("/")[0], params=params, headers=headers)
        if answer is None or answer.is_ok:
            return answer.body if answer else None
        raise Rejected("refused", f"Xero refused to answer: {message_of(answer.body)}")

    def connections(self, **params: str) -> list[JsonObject]:
        """List what the sign-in opened."""
        answer = self._call("GET", self._connections, operation="connections", params=params, headers={})
        return list(answer.body["rows"]) if answer else []

    def disconnect(self, number: str) -> None:
        """End one connection of the sign-in; one that is gone already is no error. Raises DeliveryError."""
        self._call("DELETE", f"{self._connections}/{number}", operation="disconnect", params={}, headers={})

    def write(self, method: str, path: str, body: str, *, key: str, **params: str) -> Answer:
        """Send a body under an idempotency key that is this body's own. Raises DeliveryError."""
        digest = hashlib.blake2s(f"{method} {path} {body}".encode(), digest_size=8).hexdigest()
        headers = {"Idempotency-Key": f"{key}-{digest}", "Content-Type": "application/json"}
        answer = self._call(
            method, self._api + path, operation=path.split("/")[0], params=params, headers=headers, body=body
        )
        if answer is None:
            raise Rejected(
                "gone", f"Xero knows nothing at {path.split('/')[0]} that could be changed. It was deleted there."
            )
        return answer

    def delete(self, path: str) -> None:
        """Delete; what is gone already is no error. Raises DeliveryError."""
        answer = self._call("DELETE", self._api + path, operation=f"delete {path.split('/')[0]}", params={}, headers={})
        if answer and not answer.is_ok:
            raise Rejected("refused", f"Xero says: {message_of(answer.body)}")

    def _call(
        self,
        method: str,
        address: str,
        *,
        operation: str,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        body: str | None = None,
    ) -> Answer | None:
        """Do one request, and a second one with the same key if the token had expired; None for 404."""
        wiring = self._wiring
        token = wiring.access.token()
        for last in (False, True):
            wiring.pace(("minute",))
            response = self._once(method, address, operation, params, headers, body, token)
            if response.status_code != 401:
                return _read(response, operation)
            if not last:
                token = wiring.access.refresh(stale=token)
        # A scope or role that lacks is said with 401 as well as with 403.
        lacks = "AuthorizationUnsuccessful" in response.text
        raise BadCredentials(_forbidden(response, operation) if lacks else _RECONNECT)

    def _once(
        self,
        method: str,
        address: str,
        operation: str,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        body: str | None,
        token: str,
    ) -> requests.Response:
        wiring, started = self._wiring, time.monotonic()
        response: requests.Response | None = None
        failure = ""
        # A custom connection opens one organisation and names none.
        tenant = {"Xero-Tenant-Id": wiring.realm_id} if wiring.realm_id and wiring.sign_in != "custom" else {}
        try:
            with wiring.slot():
                response = self._session.request(
                    method,
                    address,
                    params=dict(params),
                    data=body.encode() if body is not None else None,
                    headers={"Authorization": f"Bearer {token}", "Accept": "application/json", **tenant, **headers},
                    timeout=(wiring.connect_timeout, wiring.read_timeout),
                    allow_redirects=False,
                )
            return response
        except requests.RequestException as error:
            failure = type(error).__name__
            raise _unanswered(error) from error
        finally:
            status = response.status_code if response is not None else None
            wiring.on_call(
                Call(
                    operation=operation,
                    request_id=headers.get("Idempotency-Key", "")[:50],
                    status=status,
                    outcome=failure or ("ok" if status == 200 else f"http {status}"),
                    seconds=time.monotonic() - started,
                    request=body or " ".join(params.values()),
                    response=response.text if response is not None else "",
                )
            )
            if response is not None:
                self._tell_limits(response)

    def _tell_limits(self, response: requests.Response) -> None:
        left = {name: response.headers.get(header, "") for name, header in _REMAINING.items()}
        told = {name: int(text) for name, text in left.items() if text.isdigit()}
        if told:
            self._wiring.on_limits(told)
        logger.debug("Xero answered %s, %s", response.status_code, response.headers.get("xero-correlation-id"))


def message_of(body: JsonObject) -> str:
    """Give the vendor's own words of an error, whatever its shape."""
    words = [
        str(error.get("Message", ""))
        for each in body.get("Elements") or ()
        for error in each.get("ValidationErrors") or ()
    ]
    return "; ".join(dict.fromkeys(word for word in words if word)) or str(
        body.get("Message") or body.get("Detail") or body.get("Title") or "no reason given"
    )


def _utc_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _unanswered(error: requests.RequestException) -> DeliveryError:
    """Tell "never got there", which is certain, from "no answer came", which is not."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError):
        return TryLater("Xero cannot be reached. It is tried again by itself.", after=5.0)
    return UnknownOutcome("Xero did not answer in time or dropped the connection. It is checked and tried again.")


def _read(response: requests.Response, operation: str) -> Answer | None:
    status = response.status_code
    if status == 429:
        raise _throttled(response)
    if status == 403:
        raise BadCredentials(_forbidden(response, operation))
    if status >= 500 or status in (408, 425):
        raise _their_error(response)
    if status == 404:
        return None
    if status == 204:
        return Answer(200, {})
    body = _parsed(response)
    if status not in (200, 400):
        raise Rejected(f"http_{status}", f"Xero refused the request (HTTP {status}): {message_of(body)}")
    return Answer(status, body)


def _parsed(response: requests.Response) -> JsonObject:
    """Read the JSON of an answer. Raises DeliveryError for anything else."""
    status = response.status_code
    try:
        body = loads(response.text)
    except ValueError as error:
        if 400 <= status < 500:  # such as a request that is too large: told in plain text, and never done
            raise Rejected(f"http_{status}", f"Xero refused the request (HTTP {status}).") from error
        body = None
    if isinstance(body, list):
        return {"rows": body}
    if not isinstance(body, dict):
        raise UnknownOutcome(f"Xero answered with something unreadable (HTTP {status}). It is checked and tried again.")
    return body


def _throttled(response: requests.Response) -> TryLater:
    problem = response.headers.get("X-Rate-Limit-Problem", "")
    words, untold = "Xero asks to slow down. It is tried again by itself.", _UNTOLD_WAIT
    if problem.lower() == "day":
        words = "Xero's limit of calls for this day is used up. It goes on by itself when Xero allows calls again."
        untold = _UNTOLD_DAY
    return TryLater(words, after=retry_after(response.headers) or untold, whole_connection=True)


def _forbidden(response: requests.Response, operation: str) -> str:
    # "AuthenticationUnsuccessful" is said of an organisation that is not connected (any more).
    if operation == "ManualJournals" and "AuthenticationUnsuccessful" not in response.text:
        return (
            "Xero does not let the person who connected it post manual journals. Give that person the reporting permission "
            "in Xero, or connect with somebody who has it."
        )
    detail = " ".join(response.text.split())[:200]
    return f"The connection was removed in Xero, or does not cover this ({detail}). Connect to Xero again."


def _their_error(response: requests.Response) -> DeliveryError:
    if response.status_code == 503 and "offline" in response.text.lower():
        return TryLater(
            "The organisation is offline in Xero for some minutes.", after=_OFFLINE_WAIT, whole_connection=True
        )
    words = f"Xero had an error of its own (HTTP {response.status_code}). It is checked and tried again."
    # Xero keeps its own 500 under the idempotency key for six minutes: another try needs another key.
    return UnknownOutcome(words, fresh_key=response.status_code == 500)
