"""Workers that are killed without warning, while the ERP misbehaves as well."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection as database

from integrations.delivery import drain
from integrations.models import OutboxItem
from integrations.reconciliation import reconcile
from tests.integrations.books import Books
from tests.integrations.world import JANUARY, a_month

KILLS = int(os.environ.get("COUNTERFOIL_TEST_KILLS", "3"))


def database_url() -> str:
    """Name the test database for another process."""
    known = database.settings_dict
    login = quote(known["USER"]) + (f":{quote(known['PASSWORD'])}" if known["PASSWORD"] else "")
    port = f":{known['PORT']}" if known["PORT"] else ""
    return f"postgresql://{login}@{quote(known['HOST'], safe='')}{port}/{known['NAME']}"


def start_worker() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "sync_erp", "--tenant", "acme"],
        env={**os.environ, "DATABASE_URL": database_url(), "COUNTERFOIL_LOG_LEVEL": "ERROR"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["journal_entries", "documents"])
def test_killed_workers_lose_and_double_nothing(connect, box, mode) -> None:
    connection = connect(mode=mode)
    books = Books(box.url)
    a_month(customers=150)
    books.fail(rate=0.1, kinds=["500", "429", "drop", "drop_after_commit", "timeout_after_commit"], hold_seconds=1.2)
    chance = random.Random(7)
    for _ in range(KILLS):
        before = books.state()["calls"]["total"]
        worker = start_worker()
        while worker.poll() is None and books.state()["calls"]["total"] <= before:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.15))
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    drain(connection.pk, until_empty=True, seconds=120)
    assert not OutboxItem.objects.exclude(state="delivered").exists()
    books.heal()
    _, findings = reconcile(connection, through=JANUARY)
    assert findings.differences == []
