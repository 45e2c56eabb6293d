"""Workers that are killed without warning, while Xero misbehaves as well."""

import os
import random
import signal
import time

import pytest

from integrations.delivery import drain
from integrations.models import OutboxItem
from integrations.reconciliation import reconcile
from tests.integrations.test_killed_workers import start_worker
from tests.integrations.world import JANUARY, a_month

KILLS = int(os.environ.get("COUNTERFOIL_TEST_KILLS", "3"))
CUSTOMERS = int(os.environ.get("COUNTERFOIL_TEST_CUSTOMERS", "60"))
FAULTS = ["500", "503", "429", "html_error", "drop", "drop_after_commit", "timeout_after_commit"]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["journal_entries", "documents"])
def test_killed_workers_lose_and_double_nothing(connect, books, mode) -> None:
    connection = connect(mode=mode)
    a_month(customers=CUSTOMERS)
    books._post("retry_after", {"told": False})
    books.fail(rate=0.2, kinds=FAULTS, hold_seconds=1.2)
    chance = random.Random(7)
    workers = [start_worker() for _ in range(3)]
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.8, 1.2))
        at = chance.randrange(3)
        workers[at].send_signal(signal.SIGKILL)
        workers[at].wait()
        workers[at] = start_worker()
    for worker in workers:
        worker.wait(timeout=300)
    drain(connection.pk, until_empty=True, seconds=240)
    left = OutboxItem.objects.exclude(state="delivered").values_list("kind", "state", "attempts", "reason")
    assert list(left) == []
    books.heal()
    _, findings = reconcile(connection, through=JANUARY)
    assert findings.differences == []
