"""Three workers at a time that are killed without warning, while Zoho Books misbehaves in every way it knows."""

import os
import random
import signal
import time

import pytest

from integrations.delivery import drain
from integrations.models import OutboxItem
from integrations.reconciliation import reconcile
from tests.integrations.test_killed_workers import KILLS, start_worker
from tests.integrations.world import JANUARY, a_month

CUSTOMERS = int(os.environ.get("COUNTERFOIL_TEST_CHAOS_CUSTOMERS", "60"))
SECONDS = float(os.environ.get("COUNTERFOIL_TEST_KILL_EVERY", "2.5"))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["journal_entries", "documents"])
def test_killed_workers_lose_and_double_nothing(connect, books, mode) -> None:
    connection = connect(mode=mode)
    a_month(customers=CUSTOMERS)
    books.fail(rate=0.2, hold_seconds=1.2)
    chance = random.Random(7)
    workers = [start_worker() for _ in range(3)]
    for _ in range(3 * KILLS):
        time.sleep(SECONDS * chance.uniform(0.5, 1.5))
        victim = workers.pop(0)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        if OutboxItem.objects.exclude(state="delivered").exists():
            workers.append(start_worker())
    for worker in workers:
        worker.kill()
        worker.wait()
    drain(connection.pk, until_empty=True, seconds=240)
    left = OutboxItem.objects.exclude(state="delivered").values_list("kind", "state", "attempts", "reason")
    assert list(left) == []
    books.heal()
    _, findings = reconcile(connection, through=JANUARY)
    assert findings.differences == []
    entity, expected = ("journals", 2 * CUSTOMERS) if mode == "journal_entries" else ("invoices", CUSTOMERS)
    assert len({each["reference_number"] for each in books.objects(entity)}) == books.count(entity) == expected
    assert "draft" not in {each["status"] for each in books.objects(entity)}
