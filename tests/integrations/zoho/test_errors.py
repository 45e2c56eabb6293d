"""Every documented answer of Zoho's that is not success, and what it means for the document it was given for."""

import json
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from integrations.connectors.base import (
    BadCredentials,
    Company,
    DeliveryError,
    MissingMapping,
    NameTaken,
    PeriodLocked,
    Rejected,
    TryLater,
    UnknownOutcome,
)
from integrations.connectors.zoho.client import Client


def answer(status: int, code: int | None, words: str, **headers: str) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made._content = (words if code is None else json.dumps({"code": code, "message": words})).encode()
    made.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return made


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Write to a Zoho Books that gives these answers; gives what was read of it, and the tokens that were used."""

    def run(*answers: requests.Response, names: bool = False) -> tuple[Any, list[str]]:
        left, used = list(answers), []
        access = SimpleNamespace(token=lambda: "first", refresh=lambda stale: "second")
        wiring = SimpleNamespace(
            access=access,
            pace=lambda names: None,
            slot=nullcontext,
            base_url="http://zoho",
            realm_id="10234695",
            company=Company("Acme", "US", "USD", True, "", True, time_zone="America/Los_Angeles"),
        )

        def once(self: Client, method: str, path: str, query: Any, body: Any, headers: Any, token: str, *_: Any) -> Any:
            assert query["organization_id"] == "10234695"
            used.append(token)
            return left.pop(0)

        monkeypatch.setattr(Client, "_once", once)
        return Client(wiring).call("POST", "journals", body="{}", names=names), used  # type: ignore[arg-type]

    return run


def test_a_token_is_renewed_once_then_a_person_is_asked(ask: Any) -> None:
    expired, fine = answer(401, 57, "You are not authorized to perform this operation"), answer(201, 0, "success")
    assert ask(expired, fine)[1] == ["first", "second"]
    with pytest.raises(BadCredentials, match="data centre"):
        ask(expired, expired)


@pytest.mark.parametrize(
    ("given", "meaning", "words"),
    [
        (answer(400, 2, "Invalid value passed for account_id"), MissingMapping, "mapping"),
        (answer(400, 2, "Invalid value passed for amount"), Rejected, "code 2"),
        (answer(400, 15, "Please ensure that the notes has less than 500 characters."), Rejected, "code 15"),
        (answer(400, 1038, "JSON is not well formed"), Rejected, "code 1038"),
        (answer(400, 1001, "The invoice number 'INV-1' already exists."), Rejected, "did not come from here"),
        (answer(400, 4711, "This invoice number has already been used."), Rejected, "did not come from here"),
        (answer(400, 8, "You cannot edit this as the transactions have been locked."), PeriodLocked, "unlock"),
        (answer(400, 8, "The period is closed for this date, the books are locked."), PeriodLocked, "unlock"),
        (answer(400, 9, "The account Sales is inactive."), MissingMapping, "inactive or gone"),
        (answer(400, 4242, "Something new"), Rejected, "Something new"),
        (answer(200, 4242, "Something new"), Rejected, "Something new"),
        (answer(404, 1002, "Invoice does not exist."), Rejected, "deleted it there"),
        (answer(404, 5, "Invalid URL Passed"), Rejected, "Invalid URL"),
        (answer(405, 37, "The HTTP method is not allowed"), Rejected, "not allowed"),
        (answer(500, 1000, "Internal error"), UnknownOutcome, "an error of its own"),
        (answer(502, None, "<html>Bad Gateway</html>"), UnknownOutcome, "unreadable"),
        (answer(200, None, "<html>Maintenance</html>"), UnknownOutcome, "unreadable"),
        (answer(400, None, "<html>Bad Request</html>"), Rejected, "HTTP 400"),
        (answer(408, 1, "Timeout"), UnknownOutcome, "an error of its own"),
    ],
)
def test_other_answers(ask: Any, given: requests.Response, meaning: type[DeliveryError], words: str) -> None:
    with pytest.raises(DeliveryError, match=words) as raised:
        ask(given)
    assert type(raised.value) is meaning


def test_a_name_that_is_taken_is_told_from_a_number_that_is(ask: Any) -> None:
    with pytest.raises(NameTaken):
        ask(answer(400, 3062, 'The contact "Ann" already exists. Please specify a different name.'), names=True)


@pytest.mark.parametrize(
    ("code", "words", "headers", "least", "most"),
    [
        (44, "For security reasons you have been blocked for some time.", {}, 60, 60),
        (1070, "The maximum number of in process requests allowed is 10.", {}, 60, 60),
        (99, "Too many requests", {"Retry_After": "7"}, 7, 7),
        (45, "You have crossed the maximum call rate limit of 2500 calls per day.", {}, 300, 90_000),
        (45, "The daily limit is over.", {"Retry_After": "3600"}, 3600, 3600),
    ],
)
def test_every_429_slows_down_whatever_its_code(
    ask: Any, code: int, words: str, headers: dict[str, str], least: float, most: float
) -> None:
    with pytest.raises(TryLater) as raised:
        ask(answer(429, code, words, **headers))
    assert raised.value.whole_connection
    assert least <= raised.value.after <= most
