"""Every documented answer of Xero's that is not success, and what it means for all that a request carries."""

import json
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from integrations.connectors.base import BadCredentials, DeliveryError, Rejected, TryLater, UnknownOutcome
from integrations.connectors.xero import client
from integrations.connectors.xero.client import Client

EXPIRED = {
    "Type": None,
    "Title": "Unauthorized",
    "Status": 401,
    "Detail": "TokenExpired: token expired at 11/05/2026 10:12:00",
    "Instance": "3f1e",
    "Extensions": {},
}


def answer(status: int, body: Any = "", **headers: str) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made._content = (body if isinstance(body, str) else json.dumps(body)).encode()
    made.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return made


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Write to a Xero that gives these answers; gives the client, the keys it sent and how often it renewed its token."""

    def run(*answers: requests.Response, path: str = "Invoices") -> tuple[Any, list[str]]:
        left, keys = list(answers), []
        renewed = iter(["second", "third"])
        access = SimpleNamespace(token=lambda: "first", refresh=lambda stale: next(renewed))
        wiring = SimpleNamespace(
            access=access, pace=lambda names: None, slot=nullcontext, base_url="http://xero", options={}
        )

        def once(self: Client, method: str, path: str, operation: str, params: Any, headers: Any, *rest: Any) -> Any:
            keys.append((headers["Idempotency-Key"], rest[-1]))
            return left.pop(0)

        monkeypatch.setattr(Client, "_once", once)
        return Client(wiring).write("PUT", path, "{}", key="k"), keys  # type: ignore[arg-type]

    return run


def test_a_token_that_expired_is_renewed_once_under_the_same_key(ask: Any) -> None:
    found, keys = ask(answer(401, EXPIRED), answer(200, {"Invoices": []}))
    assert found.is_ok
    assert [token for _, token in keys] == ["first", "second"]
    assert len({key for key, _ in keys}) == 1
    with pytest.raises(BadCredentials, match="Connect to Xero again"):
        ask(answer(401, EXPIRED), answer(401, EXPIRED))


def test_what_is_wrong_with_elements_is_left_to_them(ask: Any) -> None:
    body = {
        "ErrorNumber": 10,
        "Type": "ValidationException",
        "Message": "A validation exception occurred",
        "Elements": [],
    }
    found, _ = ask(answer(400, body))
    assert (found.is_ok, found.body["ErrorNumber"]) == (False, 10)


@pytest.mark.parametrize(
    ("given", "meaning", "words"),
    [
        (answer(403, {"Detail": "AuthenticationUnsuccessful"}), BadCredentials, "removed in Xero"),
        (answer(404, "The resource you're looking for cannot be found"), Rejected, "deleted there"),
        (answer(405, "Method not allowed"), Rejected, "HTTP 405"),
        (answer(412, {"ErrorNumber": 14, "Message": "If-Modified-Since is not a date"}), Rejected, "is not a date"),
        (answer(413, "The request is too large"), Rejected, "HTTP 413"),
        (answer(400, "<html>Bad Request</html>"), Rejected, "HTTP 400"),
        (answer(200, "<html>Bad Gateway</html>"), UnknownOutcome, "unreadable"),
        (answer(408), UnknownOutcome, "an error of its own"),
        (answer(502, "<html>Bad Gateway</html>"), UnknownOutcome, "an error of its own"),
        (answer(503, "Service unavailable"), UnknownOutcome, "an error of its own"),
        (answer(504), UnknownOutcome, "an error of its own"),
        (answer(503, "The Organisation is offline"), TryLater, "offline"),
    ],
)
def test_other_answers(ask: Any, given: requests.Response, meaning: type[DeliveryError], words: str) -> None:
    with pytest.raises(meaning, match=words):
        ask(given)


def test_an_error_of_its_own_is_kept_under_the_key_so_the_next_try_needs_another(ask: Any) -> None:
    for status, fresh in ((500, True), (502, False), (503, False), (504, False)):
        with pytest.raises(UnknownOutcome) as raised:
            ask(answer(status))
        assert raised.value.fresh_key is fresh


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"X_Rate_Limit_Problem": "minute", "Retry_After": "27"}, 27),
        ({"X_Rate_Limit_Problem": "Day", "Retry_After": "40000"}, 40000),
        ({"X_Rate_Limit_Problem": "day"}, client._UNTOLD_DAY),
        ({"X_Rate_Limit_Problem": "concurrent"}, client._UNTOLD_WAIT),
        ({}, client._UNTOLD_WAIT),
    ],
)
def test_too_many_calls_pause_the_connection(ask: Any, headers: dict[str, str], wait: float) -> None:
    with pytest.raises(TryLater) as raised:
        ask(answer(429, "Rate limit exceeded", **headers))
    assert (raised.value.after, raised.value.whole_connection) == (wait, True)


@pytest.mark.parametrize("status", [401, 403])
def test_a_role_that_may_not_post_journals_is_said(ask: Any, status: int) -> None:
    lacks = answer(status, {"Title": "Unauthorized", "Detail": "AuthorizationUnsuccessful"})
    with pytest.raises(BadCredentials, match="reporting permission"):
        ask(lacks, lacks, path="ManualJournals")
    with pytest.raises(BadCredentials, match="does not cover this"):
        ask(lacks, lacks)
