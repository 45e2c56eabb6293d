"""Run a sandbox: one vendor, its books in memory behind one lock, on one port."""

import importlib
import pkgutil
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from integrations.sandbox.control import PREFIX, Control
from integrations.sandbox.faults import SILENT, UNPROCESSED
from integrations.sandbox.limits import Limits
from integrations.sandbox.messages import Call, Request, Response, Vendor
from integrations.sandbox.recorder import Recorder
from integrations.sandbox.web import SandboxHTTPServer, Silence

LIMITS = ("off", "real")


def _discover() -> dict[str, Callable[[], Vendor]]:
    """Find the vendors: every package beside this module names its class `SANDBOX` in its `app` module."""
    package = importlib.import_module(__package__ or "integrations.sandbox")
    names = sorted(each.name for each in pkgutil.iter_modules(package.__path__) if each.ispkg)
    return {name: importlib.import_module(f"{package.__name__}.{name}.app").SANDBOX for name in names}


VENDORS: Mapping[str, Callable[[], Vendor]] = _discover()


class Site:
    """Takes every request: controls, pages, or a call that is counted, limited, perhaps made to fail, and done."""

    def __init__(self, vendor: Vendor, limits: Limits, latency: float = 0.0) -> None:
        self._vendor, self._limits, self._latency = vendor, limits, latency
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
            over = self._limits.enter(is_batch=call.is_batch, window=call.window) if limited else ""
            admitted = not over
            plan = self._control.plan
            fault = plan.pick(group=call.group, line=f"{request.method} {request.target}") if admitted else None
        try:
            if limited and self._latency:
                time.sleep(self._latency)
            with self._lock:
                answer = self._vendor.refuse(over) if over else self._decide(request, fault)
                if limited and not isinstance(answer, Silence):
                    answer = self._vendor.finish(answer, self._limits.left())
                if fault in SILENT:
                    answer = Silence(plan.hold_seconds if fault == "timeout_after_commit" else 0)
                status = None if isinstance(answer, Silence) else answer.status
                self._recorder.end(recorded, status=status, injected=fault)
            return answer
        finally:
            if limited:
                with self._lock:
                    self._limits.leave()

    def _decide(self, request: Request, fault: str | None) -> Response | Silence:
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


def start_in_thread(
    vendor: str,
    *,
    port: int = 0,
    limits: str = "off",
    host: str = "127.0.0.1",
    clock: float = 1.0,
    latency: float = 0.0,
) -> RunningSandbox:
    """Start a vendor's sandbox; port 0 takes a free one. Raises ValueError for an unknown vendor or limits mode.

    `clock`: the windows of the limits pass so many times faster than the vendor's, for measurements that would take hours.
    `latency`: seconds that each answer takes at least.
    """
    if vendor not in VENDORS:
        raise ValueError(f"There is no sandbox for {vendor}. There is one for: {', '.join(VENDORS)}.")
    if limits not in LIMITS:
        raise ValueError(f"limits must be one of {', '.join(LIMITS)}.")
    made = VENDORS[vendor]()
    windows = {name: (seconds / clock, calls) for name, (seconds, calls) in made.windows.items()}
    site = Site(made, Limits(enforced=limits == "real", windows=windows, concurrent=made.concurrent), latency)
    return RunningSandbox(SandboxHTTPServer((host, port), site.answer), host)
