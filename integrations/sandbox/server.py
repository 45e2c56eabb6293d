"""Run a sandbox: one vendor, its books in memory behind one lock, on one port."""

import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from integrations.sandbox.control import PREFIX, Control
from integrations.sandbox.faults import SILENT, UNPROCESSED
from integrations.sandbox.limits import Limits
from integrations.sandbox.messages import Call, Request, Response, Vendor
from integrations.sandbox.quickbooks.app import QuickBooksSandbox
from integrations.sandbox.recorder import Recorder
from integrations.sandbox.web import SandboxHTTPServer, Silence

LIMITS = ("off", "real")
_WINDOWS: Mapping[str, Mapping[str, tuple[float, int]]] = {
    "quickbooks": {"per_minute": (60, 500), "per_second": (1, 10), "batch_per_minute": (60, 40)},
}
_CONCURRENT = {"quickbooks": 10}
VENDORS: Mapping[str, Callable[[], Vendor]] = {"quickbooks": QuickBooksSandbox}


class Site:
    """Takes every request: controls, pages, or a call that is counted, limited, perhaps made to fail, and done."""

    def __init__(self, vendor: Vendor, limits: Limits) -> None:
        self._vendor, self._limits = vendor, limits
        self._recorder = Recorder()
        self._control = Control(vendor, self._recorder, limits)
        self._lock = threading.RLock()

    def answer(self, request: Request) -> Response | Silence:
        """Answer one request."""
        if request.path == PREFIX or request.path.startswith(f"{PREFIX}/"):
            with self._lock:
                return self._control.answer(request)
        call = self._vendor.classify(request)
        if call.group == "page":
            with self._lock:
                return self._vendor.page(request)
        return self._counted(call, request)

    def _counted(self, call: Call, request: Request) -> Response | Silence:
        limited = call.group == "api"
        with self._lock:
            recorded = self._recorder.begin(call.kind, request)
            admitted = not limited or self._limits.enter(is_batch=call.is_batch)
            plan = self._control.plan
            fault = plan.pick(group=call.group, line=f"{request.method} {request.target}") if admitted else None
        try:
            with self._lock:
                answer = self._decide(request, admitted, fault)
                if fault in SILENT:
                    answer = Silence(plan.hold_seconds if fault == "timeout_after_commit" else 0)
                status = None if isinstance(answer, Silence) else answer.status
                self._recorder.end(recorded, status=status, injected=fault)
            return answer
        finally:
            if limited:
                with self._lock:
                    self._limits.leave()

    def _decide(self, request: Request, admitted: bool, fault: str | None) -> Response | Silence:
        if not admitted:
            return self._vendor.failure("429")
        if fault == "drop":
            return Silence()
        if fault in UNPROCESSED:
            return self._vendor.failure(str(fault))
        return self._vendor.handle(request)


class RunningSandbox:
    """A sandbox that serves in a thread; also a context manager that stops it."""

    def __init__(self, server: SandboxHTTPServer, host: str) -> None:
        self._server = server
        self.port = server.server_port
        self.url = f"http://{host}:{self.port}"
        self._thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True, name="sandbox")
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close every connection."""
        self._server.close()
        self._thread.join(timeout=5)

    def wait(self) -> None:
        """Block until it is stopped."""
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_in_thread(vendor: str, *, port: int = 0, limits: str = "off", host: str = "127.0.0.1") -> RunningSandbox:
    """Start a vendor's sandbox; port 0 takes a free one. Raises ValueError for an unknown vendor or limits mode."""
    if vendor not in VENDORS:
        raise ValueError(f"There is no sandbox for {vendor}. There is one for: {', '.join(VENDORS)}.")
    if limits not in LIMITS:
        raise ValueError(f"limits must be one of {', '.join(LIMITS)}.")
    meter = Limits(enforced=limits == "real", windows=_WINDOWS[vendor], concurrent=_CONCURRENT[vendor])
    site = Site(VENDORS[vendor](), meter)
    return RunningSandbox(SandboxHTTPServer((host, port), site.answer), host)
