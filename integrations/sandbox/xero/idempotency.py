"""Idempotency-Key: for six minutes the same key gives the first answer, also when that was an error of the server."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from integrations.sandbox.messages import Request, Response
from integrations.sandbox.xero.errors import api_exception

LONGEST, KEPT_SECONDS = 128, 360.0


@dataclass(frozen=True)
class _Answer:
    at: float
    digest: bytes
    response: Response


class IdempotencyKeys:
    """Answers by key. The caller holds the lock, so a repeat waits for the first."""

    def __init__(self) -> None:
        self._answers: dict[str, _Answer] = {}

    def once(self, request: Request, work: Callable[[], Response]) -> Response:
        """Do the work, or give the answer it had. Raises Refused for the same key with another request."""
        key = request.headers.get("idempotency-key", "")
        if not key:
            return work()
        if len(key) > LONGEST:
            raise api_exception(14, "PostDataInvalidException", f"Idempotency-Key is longer than {LONGEST} characters")
        digest = hashlib.blake2b(
            f"{request.method} {request.target}\n".encode() + request.body, digest_size=16
        ).digest()
        known = self._answers.get(key)
        if known is None or time.monotonic() - known.at > KEPT_SECONDS:
            known = self._answers[key] = _Answer(time.monotonic(), digest, work())
        if known.digest != digest:
            raise api_exception(
                14, "PostDataInvalidException", f"The idempotency key '{key}' is used with a different request"
            )
        return known.response

    def forget(self) -> int:
        """Forget all; give how many there were."""
        count = len(self._answers)
        self._answers.clear()
        return count
