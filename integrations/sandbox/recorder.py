"""Counts every call and keeps the newest requests, so that a test can prove what was sent and what was not."""

from collections import Counter, deque

from integrations.sandbox.messages import Json, Request

_KEPT_BYTES = 256 * 1024 * 1024
_OVERHEAD = 600  # headers and the rest of a record, roughly
_SECRET = ("authorization", "cookie")


class Recorded:
    """One request as it came, and the status it was answered with; None when the connection was just closed.

    Of the headers those with credentials are left out.
    """

    __slots__ = ("body", "headers", "method", "size", "status", "target")

    def __init__(self, request: Request) -> None:
        self.method, self.target, self.body = request.method, request.target, request.body
        self.headers = {name: value for name, value in request.headers.items() if name not in _SECRET}
        self.size = len(request.target) + len(request.body) + _OVERHEAD
        self.status: int | None = None


class Recorder:
    """Counters, and the newest requests up to a total size in bytes."""

    def __init__(self, kept_bytes: int = _KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self.clear()

    def clear(self) -> None:
        """Start again at zero."""
        self.total = 0
        self._by_kind: Counter[str] = Counter()
        self._by_status: Counter[str] = Counter()
        self._injected: Counter[str] = Counter()
        self._kept: deque[Recorded] = deque()
        self._size = 0
        self._dropped = 0

    def begin(self, kind: str, request: Request) -> Recorded:
        """Count a call that came in."""
        self.total += 1
        self._by_kind[kind] += 1
        recorded = Recorded(request)
        self._kept.append(recorded)
        self._size += recorded.size
        while self._size > self._kept_bytes:
            self._size -= self._kept.popleft().size
            self._dropped += 1
        return recorded

    def end(self, recorded: Recorded, *, status: int | None, injected: str | None) -> None:
        """Note how a call was answered."""
        recorded.status = status
        self._by_status["none" if status is None else str(status)] += 1
        if injected:
            self._injected[injected] += 1

    def describe(self) -> Json:
        """Give the counters."""
        return {
            "total": self.total,
            "by_kind": dict(self._by_kind),
            "by_status": dict(self._by_status),
            "faults_injected": dict(self._injected),
        }

    def requests(self) -> Json:
        """Give the kept requests, oldest first."""
        kept = [
            {
                "method": one.method,
                "path": one.target,
                "headers": one.headers,
                "body": one.body.decode("utf-8", "replace"),
                "status": one.status,
            }
            for one in self._kept
        ]
        return {"requests": kept, "requests_dropped": self._dropped}
