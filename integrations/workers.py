"""Workers that are seen to be alive: a guard around django-q2's cluster, and the heartbeat that it watches.

A killed idle worker stops such a cluster for ever, without any process ending: the dead one holds the queue's lock. So the
guard puts a heartbeat task into the queue again and again; a cluster that has not done any task for a while is stopped
with all its processes and started anew. What it had in hand is in the outbox and in the queue table, and is done then.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.db import DatabaseError, close_old_connections
from django.utils import timezone
from django_q.tasks import async_task

from integrations.models import WorkerBeat

ENVIRONMENT = "COUNTERFOIL_CLUSTER"
STALE = timedelta(
    seconds=150
)  # Longer than a turn and a request; with several clusters each gets only some of the beats.
_EVERY = 10.0
_STOP_SECONDS = 75.0  # A task under way is finished first.
_FORGET = timedelta(days=2)
_ROOT = Path(__file__).resolve().parents[1]


def beat() -> None:
    """Say that this cluster works. Run as a task, and at the start of the others."""
    cluster = os.environ.get(ENVIRONMENT, f"{socket.gethostname()} (unguarded)")
    now = timezone.now()
    done = WorkerBeat.objects.filter(cluster=cluster).update(beat_at=now)
    if not done:
        WorkerBeat.objects.get_or_create(
            cluster=cluster, defaults={"host": socket.gethostname(), "started_at": now, "beat_at": now}
        )


class Guard:
    """Keeps one cluster running until it is told to stop."""

    def __init__(
        self,
        *,
        command: list[str] | None = None,
        stale: timedelta = STALE,
        every: float = _EVERY,
        tell: Callable[[str], None] = print,
    ) -> None:
        self.cluster = f"{socket.gethostname()} {os.getpid()}"
        self.stop = threading.Event()
        self._command = command or [sys.executable, str(_ROOT / "manage.py"), "qcluster"]
        self._stale, self._every, self._tell = stale, every, tell
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Start the cluster, watch it, and start it again whenever it ends or shows no life."""
        self._note(restarted="")
        self._start()
        next_beat = 0.0
        try:
            while not self.stop.wait(min(1.0, self._every)):
                if time.monotonic() >= next_beat:
                    next_beat = time.monotonic() + self._every
                    self._look()
        finally:
            self._end(patience=_STOP_SECONDS)
            self._safely(lambda: WorkerBeat.objects.filter(cluster=self.cluster).delete())

    def _look(self) -> None:
        assert self._child is not None
        trouble = ""
        if self._child.poll() is not None:
            trouble = f"It ended with code {self._child.returncode}."
        elif self._safely(self._is_stale):
            trouble = f"It did nothing for {int(self._stale.total_seconds())} seconds."
        if trouble:
            self._tell(f"{self.cluster}: {trouble} It is started again.")
            self._end(patience=0.0)
            self._note(restarted=trouble)
            self._start()
        self._safely(lambda: async_task("integrations.workers.beat", group="beat"))

    def _is_stale(self) -> bool:
        # A beat of a later time than it is was made before the clock was put back, and says nothing.
        now = timezone.now()
        near = (now - self._stale, now + self._stale)
        return not WorkerBeat.objects.filter(cluster=self.cluster, beat_at__range=near).exists()

    def _note(self, *, restarted: str) -> None:
        def write() -> None:
            now = timezone.now()
            WorkerBeat.objects.filter(beat_at__lt=now - _FORGET).delete()
            mine, _ = WorkerBeat.objects.get_or_create(
                cluster=self.cluster, defaults={"host": socket.gethostname(), "started_at": now, "beat_at": now}
            )
            mine.beat_at = now  # The new one has its time to begin.
            if restarted:
                mine.restarts, mine.last_trouble = mine.restarts + 1, restarted[:200]
            mine.save()

        self._safely(write)

    def _safely(self, do: Callable[[], object]) -> object:
        """A database that is away for a moment must not end the guard; the cluster then has no life to show either."""
        close_old_connections()
        try:
            return do()
        except DatabaseError as error:
            self._tell(f"{self.cluster}: the database does not answer ({type(error).__name__}).")
            return None

    def _start(self) -> None:
        # A group of its own, so that it can be stopped with every process that it started.
        self._child = subprocess.Popen(
            self._command, cwd=_ROOT, env={**os.environ, ENVIRONMENT: self.cluster}, start_new_session=True
        )

    def _end(self, *, patience: float) -> None:
        child = self._child
        if child is None:
            return
        if patience and child.poll() is None:
            child.terminate()
            try:
                child.wait(patience)
            except subprocess.TimeoutExpired:
                self._tell(f"{self.cluster}: it did not stop by itself.")
        try:
            os.killpg(child.pid, signal.SIGKILL)  # Whatever is left of its group.
        except ProcessLookupError:
            pass
        child.wait()
