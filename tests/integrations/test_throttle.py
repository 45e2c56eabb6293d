"""The vendor's limits hold over all processes."""

import threading

import pytest
from django.db import connection as database

from billing.tenancy import tenant_scope
from integrations.connectors.base import TryLater
from integrations.throttle import Throttle

pytestmark = pytest.mark.django_db(transaction=True)


def test_slots_are_a_burst_then_evenly_spaced_over_all_workers(connection, tenant) -> None:
    waits: list[float] = []

    def take() -> None:
        with tenant_scope(tenant.pk):
            throttle = Throttle(tenant_id=tenant.pk, connection_id=connection.pk, limits={"minute": (25, 60.0, 5)})
            waits.extend(throttle.reserve("minute") for _ in range(5))
        database.close()

    threads = [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    waits.sort()
    assert [round(wait) for wait in waits] == [0, 0, 0, 0, 0, 3, 6, 9, 12, 15]


def test_a_queue_that_is_too_long_takes_no_slot(connection, tenant) -> None:
    throttle = Throttle(tenant_id=tenant.pk, connection_id=connection.pk, limits={"batch": (3, 60.0, 1)})
    assert throttle.reserve("batch") == 0
    assert round(throttle.reserve("batch")) == 30
    with pytest.raises(TryLater):
        throttle.reserve("batch")
