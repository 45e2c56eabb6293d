"""The guard of the workers: what stands still or ends is started again, and stopping leaves nothing behind."""

import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection as database
from django.utils import timezone

from integrations.models import WorkerBeat
from integrations.workers import ENVIRONMENT, Guard, beat

pytestmark = pytest.mark.django_db(transaction=True)


def guarded(script: str, *, stale: float, until) -> list[str]:
    """Run a guard over a child until something holds, then stop it; give what it said."""
    said: list[str] = []
    guard = Guard(command=[sys.executable, "-c", script], stale=timedelta(seconds=stale), every=0.1, tell=said.append)

    def run() -> None:
        try:
            guard.run()
        finally:
            database.close()

    thread = threading.Thread(target=run)
    thread.start()
    deadline = time.monotonic() + 60
    while not until() and time.monotonic() < deadline:
        time.sleep(0.1)
    guard.stop.set()
    thread.join(timeout=60)
    assert not thread.is_alive()
    return said


def test_a_cluster_that_stands_still_is_killed_and_started_again(tmp_path: Path) -> None:
    started = tmp_path / "started"
    script = (
        f"import subprocess, sys, time; open({str(started)!r}, 'a').write('x');"
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); time.sleep(600)"
    )
    said = guarded(
        script,
        stale=1.0,
        until=lambda: WorkerBeat.objects.filter(restarts__gte=1).exists() and len(started.read_text()) > 1,
    )
    assert any("did nothing for" in words for words in said)
    assert not WorkerBeat.objects.exists()  # It took its leave.


def test_a_cluster_that_ends_is_started_again() -> None:
    said = guarded("raise SystemExit(3)", stale=60.0, until=lambda: WorkerBeat.objects.filter(restarts__gte=2).exists())
    assert any("ended with code 3" in words for words in said)


def test_a_task_is_a_sign_of_life(monkeypatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, "here 1")
    long_ago = timezone.now() - timedelta(hours=1)
    WorkerBeat.objects.create(cluster="here 1", host="here", started_at=long_ago, beat_at=long_ago)
    beat()
    assert WorkerBeat.objects.get().beat_at > long_ago + timedelta(minutes=59)
