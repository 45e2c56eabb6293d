"""One shape for everything that goes wrong: `{"error": {"code", "message", "fields"?}}`."""

import logging
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, RequestDataTooBig
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError, IntegrityError
from django.db.models import ProtectedError
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response

from billing.errors import BillingError
from billing.refusals import LostRace, database_is_away, database_refusal

_log = logging.getLogger(__name__)

# By the stable code of a BillingError; any other code says that the document is not in the state for it.
_STATUS_OF_CODE = {"not_found": status.HTTP_404_NOT_FOUND, "invalid": status.HTTP_422_UNPROCESSABLE_ENTITY}
_UNIQUE_VIOLATION, _OUT_OF_RANGE = "23505", "22003"
_refusals: dict[type[Exception], tuple[int, str]] = {}

_AWAY = (
    "The database does not answer, or has no room left. Try again in a moment; what writes, under the same Idempotency-Key, so "
    "that it is not done twice."
)

# Every code that an answer can carry, by its status, and what it means: the OpenAPI document says it.
CODES: dict[int, dict[str, str]] = {
    400: {
        "invalid_request": "fields are missing, unknown or wrong; `fields` names each",
        "parse_error": "the body is no JSON",
    },
    401: {
        "not_authenticated": "no key was sent",
        "invalid_key": "there is no such key, or it was not sent as it should",
        "expired_key": "the key's time is over",
        "revoked_key": "somebody revoked the key",
    },
    403: {"permission_denied": "the key may only read, or may not reopen months"},
    404: {"not_found": "your company has no such record, or there is no such address"},
    405: {"method_not_allowed": "this is not done to this record; most are never deleted or replaced"},
    406: {"not_acceptable": "the answer is JSON, or the file that the address ends with"},
    409: {
        "wrong_state": "the record is not in a state that allows this",
        "duplicate": "there is one with this number, code, key or reference already",
        "in_use": "other records refer to it",
        "lost_race": "another request changed the same at the same moment; nothing was changed, send it again",
        "billed": "that time is billed already",
        "exceeds_due": "more than is due on the invoice",
        "exceeds_paid": "more than was paid",
        "exceeds_payment": "more than the payment",
        "exceeds_unapplied": "more than the payment has left",
        "exceeds_owed": "more than the gateway or the invoice owes",
        "exceeds_held": "more credits than the customer holds",
        "exceeds_balance": "more than the wallet has",
        "rate_differs": "another rate is recorded for that day; say that it is a correction",
    },
    413: {"too_large": "split the request"},
    415: {"unsupported_media_type": "send JSON, with `Content-Type: application/json`"},
    422: {
        "invalid": "what is asked contradicts itself or what is on record",
        "out_of_range": "an amount is too large for the books",
        "idempotency_key_reused": "the Idempotency-Key was used for another request",
    },
    500: {"server_error": "our side; nothing was changed"},
    503: {
        "unavailable": "the database does not answer; whether a write was done is told by sending it again under its key"
    },
}


class Conflict(exceptions.APIException):
    """The request is well formed but meets something that stands in its way."""

    status_code = status.HTTP_409_CONFLICT


class Unprocessable(exceptions.APIException):
    """The request is well formed but cannot be meant."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY


def answer_refusal(error: type[Exception], *, status: int, code: str, meaning: str) -> None:
    """Let an error of the domain that is no BillingError be answered in its own words; `meaning` is for the document."""
    _refusals[error] = (status, code)
    CODES[status][code] = meaning


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """Answer an error of a view; DRF's EXCEPTION_HANDLER. What nobody foresaw is logged and answered without details."""
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    if isinstance(error, BillingError):
        return _answer(_STATUS_OF_CODE.get(error.code, status.HTTP_409_CONFLICT), error.code, str(error))
    if isinstance(error, DjangoValidationError):
        return _mistakes(_of_model(error))
    if isinstance(error, Http404):
        return _of_framework(exceptions.NotFound())
    if isinstance(error, DjangoPermissionDenied):
        return _of_framework(exceptions.PermissionDenied())
    if isinstance(error, RequestDataTooBig):
        return _answer(status.HTTP_413_REQUEST_ENTITY_TOO_LARGE, "too_large", "The request is too large; split it.")
    if isinstance(error, ProtectedError):
        return _answer(status.HTTP_409_CONFLICT, "in_use", "Other records refer to it, so it is kept.")
    for known, (status_code, code) in _refusals.items():
        if isinstance(error, known):
            return _answer(status_code, code, str(error))
    return _of_database(error) or _unforeseen(error)


def _of_framework(error: exceptions.APIException) -> Response:
    if isinstance(error, exceptions.ValidationError):
        return _mistakes(dict(_flat(error.detail)))
    code = error.get_codes()
    if isinstance(error, exceptions.MethodNotAllowed) and "DELETE" in error.detail:
        message = "This is not deleted. Where the record has is_active, set it to false instead."
    elif isinstance(error, exceptions.NotFound) and error.detail == exceptions.NotFound.default_detail:
        message = "There is no such record in your company."
    else:
        message = str(error.detail)
    challenge = getattr(error, "auth_header", None)
    headers = {"WWW-Authenticate": challenge} if challenge else {}
    return _answer(error.status_code, code if isinstance(code, str) else "invalid", message, headers=headers)


def _of_database(error: Exception) -> Response | None:
    if refusal := database_refusal(error):
        code = "lost_race" if isinstance(refusal, LostRace) else "wrong_state"
        return _answer(status.HTTP_409_CONFLICT, code, str(refusal))
    if database_is_away(error):
        _log.error("The database does not answer: %s", error)
        return _answer(status.HTTP_503_SERVICE_UNAVAILABLE, "unavailable", _AWAY, headers={"Retry-After": "5"})
    if not isinstance(error, IntegrityError | DataError):
        return None
    cause = error.__cause__
    if getattr(cause, "sqlstate", None) == _OUT_OF_RANGE:
        return _answer(
            status.HTTP_422_UNPROCESSABLE_ENTITY, "out_of_range", "An amount is too large to be kept in the books."
        )
    if getattr(cause, "sqlstate", None) == _UNIQUE_VIOLATION:
        return _answer(status.HTTP_409_CONFLICT, "duplicate", "There is such a record already.")
    return None


def _unforeseen(error: Exception) -> Response:
    _log.error("The API met an error that nobody foresaw.", exc_info=error)
    return _answer(
        status.HTTP_500_INTERNAL_SERVER_ERROR,
        "server_error",
        "Something went wrong on our side; nothing was changed. Try again, or tell your administrator the time.",
    )


def _mistakes(fields: dict[str, list[str]]) -> Response:
    names = ", ".join(fields)
    return _answer(
        status.HTTP_400_BAD_REQUEST, "invalid_request", f"The request has mistakes. See: {names}.", fields=fields
    )


def _of_model(error: DjangoValidationError) -> dict[str, list[str]]:
    if not hasattr(error, "error_dict"):
        return {"request": list(error.messages)}
    return {("request" if name == NON_FIELD_ERRORS else name): texts for name, texts in error.message_dict.items()}


def _flat(detail: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, list[str]]]:
    """Turn DRF's nest of errors into `items.0.price: [texts]`."""
    if isinstance(detail, dict):
        for name, below in detail.items():
            yield from _flat(below, path if name == "non_field_errors" else (*path, str(name)))
    elif isinstance(detail, list) and any(isinstance(each, dict | list) for each in detail):
        for place, below in enumerate(detail):
            yield from _flat(below, (*path, str(place)))
    elif detail:
        texts = detail if isinstance(detail, list) else [detail]
        yield ".".join(path) or "request", [str(text) for text in texts]


def _answer(
    status_code: int,
    code: str,
    message: str,
    *,
    fields: dict[str, list[str]] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    error: dict[str, Any] = {"code": code, "message": message}
    if fields:
        error["fields"] = fields
    return Response({"error": error}, status=status_code, headers=headers)
