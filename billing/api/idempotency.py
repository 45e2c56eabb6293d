"""A write runs in one transaction and, under an Idempotency-Key, once: asked again, it gives the same answer."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from billing.api.errors import Unprocessable
from billing.models import ApiKey, IdempotencyRecord

HEADER = "Idempotency-Key"
REPLAY_HEADER = "Idempotent-Replay"
_MAX_LENGTH = 200


def run_once(request: Request, work: Callable[[], Response]) -> Response:
    """Do a write, all of it or nothing; its answer is kept in the same transaction.

    Only a success is kept: a refused request changed nothing and may be corrected under the same key. Of two requests at
    the same time the second waits for the first. Raises Unprocessable when the key came with another request before.
    """
    body = request.body  # Before anything parses it, so that the same bytes can be read twice.
    key = _key(request)
    if key is None:
        with transaction.atomic():
            return work()
    assert isinstance(request.auth, ApiKey)  # HasKey let nobody else pass.
    digest = _digest(request, body)
    with transaction.atomic():
        _wait_for_turn(request.auth, key)
        record = IdempotencyRecord.objects.filter(api_key=request.auth, key=key).first()
        if record is not None:
            return _replay(record, digest)
        response = work()
        IdempotencyRecord.objects.create(
            api_key=request.auth,
            key=key,
            request_digest=digest,
            status=response.status_code,
            body=_plain(response.data),
        )
        return response


def _key(request: Request) -> str | None:
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not (1 <= len(key) <= _MAX_LENGTH and key.isascii() and key.isprintable()):
        raise ValidationError({HEADER: [f"Use 1 to {_MAX_LENGTH} printable ASCII characters, such as a UUID."]})
    return key


def _digest(request: Request, body: bytes) -> str:
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    digest.update(body)
    return digest.hexdigest()


def _wait_for_turn(api_key: ApiKey, key: str) -> None:
    # The unique constraint would refuse the second of two writes only after all its work.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"idempotency:{api_key.pk}:{key}"])


def _replay(record: IdempotencyRecord, digest: str) -> Response:
    if record.request_digest != digest:
        raise Unprocessable(
            f"This {HEADER} was used for another request. Use a new key for a new request.",
            code="idempotency_key_reused",
        )
    return Response(record.body, status=record.status, headers={REPLAY_HEADER: "true"})


def _plain(data: Any) -> Any:
    return None if data is None else json.loads(json.dumps(data, cls=JSONEncoder))
