"""Serve the demo: the web and a worker as child processes, each stopped with all its own children."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 10.0


class PortTaken(ValueError):
    """Something else listens on a port that the demo needs."""


def check_free(port: int, *, option: str) -> None:
    """Raise PortTaken where a port of this machine is in use."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortTaken(
                f"Port {port} is in use ({error.strerror}), perhaps by a demo in another window. "
                f'Stop that, or choose another port: make demo ARGS="{option} N"'
            ) from error


def serve(*, port: int, ready: Callable[[], None], stopping: Callable[[], None]) -> int:
    """Run the web server and a worker until Ctrl-C, SIGTERM, or one of them ends; give the exit code."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    web = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
    children = [
        _start([*web, "--threads", "4", "--no-control-socket"]),
        _start([sys.executable, "manage.py", "work"]),
    ]
    try:
        if _answers(port, children, stop):
            ready()
        while not stop.wait(0.5):
            if any(child.poll() is not None for child in children):
                return 1
        return 0
    finally:
        stopping()
        _end(children)


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    # A group of its own, so that Ctrl-C in the terminal reaches the parent alone, which then ends each whole group.
    return subprocess.Popen(
        command,
        cwd=_ROOT,
        env={**os.environ, "COUNTERFOIL_LOG_LEVEL": os.environ.get("COUNTERFOIL_LOG_LEVEL", "WARNING")},
        start_new_session=True,
    )


def _answers(port: int, children: Sequence[subprocess.Popen[bytes]], stop: threading.Event) -> bool:
    while not stop.wait(0.1) and all(child.poll() is None for child in children):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
    return False


def _end(children: Sequence[subprocess.Popen[bytes]]) -> None:
    for child in children:
        child.terminate()  # It ends its own workers.
    deadline = time.monotonic() + _PATIENCE
    for child in children:
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(child.pid, signal.SIGKILL)  # Whatever is left of its group.
        except ProcessLookupError:
            pass
        child.wait()
