"""The vendor's limits hold over all processes."""

import threading

import pytest
from django.db import connection as database

from billing.tenancy import tenant_scope
from integrations.connectors.base import TryLater
from integrations.throttle import Throttle

pytestmark = pytest.mark.django_db(transaction=True)


def test_slots_are_a_burst_then_evenly_spaced_over_all_workers(connection, tenant, monkeypatch) -> None:
    monkeypatch.setattr("integrations.throttle._LONGEST_WAIT", 10_000.0)
    waits: list[float] = []
    limits = {"hours": (25, 6000.0, 5)}  # So far apart that a slow machine does not blur them.

    def take() -> None:
        with tenant_scope(tenant.pk):
            throttle = Throttle(tenant_id=tenant.pk, connection_id=connection.pk, limits=limits)
            waits.extend(throttle.reserve("hours") for _ in range(5))
        database.close()

    threads = [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    waits.sort()
    assert [round(wait, -2) for wait in waits] == [0, 0, 0, 0, 0, 300, 600, 900, 1200, 1500]


def test_a_queue_that_is_too_long_takes_no_slot(connection, tenant) -> None:
    throttle = Throttle(tenant_id=tenant.pk, connection_id=connection.pk, limits={"batch": (3, 60.0, 1)})
    assert throttle.reserve("batch") == 0
    assert 20 < throttle.reserve("batch") <= 30
    with pytest.raises(TryLater):
        throttle.reserve("batch")
