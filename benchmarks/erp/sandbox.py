"""A stand-in server in a process of its own, its limits enforced, and what it counted."""

import multiprocessing
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection as Pipe
from typing import Any

import requests

from integrations.connectors import base
from integrations.sandbox.server import start_in_thread

_FORK = multiprocessing.get_context("fork")


class Sandbox:
    """What is asked of a stand-in server, by its control addresses."""

    def __init__(self, url: str) -> None:
        self.url = url

    def state(self, query: str = "") -> dict[str, Any]:
        """Give what it counted, with `?objects=1` what it holds."""
        answer: dict[str, Any] = requests.get(f"{self.url}/_sandbox/state{query}", timeout=120).json()
        return answer

    def calls(self) -> int:
        """Give how many calls it counted."""
        return int(self.state()["calls"]["total"])

    def do(self, action: str, **body: Any) -> None:
        """Do a control action."""
        requests.post(f"{self.url}/_sandbox/{action}", json=body, timeout=10).raise_for_status()


@contextmanager
def serve(erp: str, *, clock: float = 1.0, latency: float = 0.0) -> Iterator[Sandbox]:
    """Run a stand-in with the vendor's limits enforced; start it before this process has threads or a database open.

    `clock`: the windows of its limits pass so many times faster, and our pace is set to that. `latency`: seconds that
    each of its answers takes.
    """
    spec = base.get(erp)
    limits = {name: (calls, seconds / clock, burst) for name, (calls, seconds, burst) in spec.limits.items()}
    ours, theirs = _FORK.Pipe()
    process = _FORK.Process(target=_serve, args=(erp, clock, latency, theirs), daemon=True)
    process.start()
    base.register(replace(spec, limits=limits))
    try:
        yield Sandbox(ours.recv())
    finally:
        base.register(spec)
        process.kill()
        process.join()


def _serve(erp: str, clock: float, latency: float, pipe: Pipe) -> None:
    pipe.send(start_in_thread(erp, limits="real", clock=clock, latency=latency).url)
    threading.Event().wait()
