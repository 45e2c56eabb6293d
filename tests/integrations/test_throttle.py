"""The vendor's limits hold over all processes."""

import threading
from datetime import timedelta

import pytest
from django.db import connection as database
from django.db.models.functions import Now
from django.utils import timezone

from billing.tenancy import tenant_scope
from integrations import lanes
from integrations.connectors.base import TryLater
from integrations.models import ThrottleGate
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


def test_a_clock_that_is_put_back_does_not_stop_the_flow(connection, tenant) -> None:
    """The gates hold moments. After the clock went back an hour, those of before are not waited for."""
    limits = {"minute": (60, 60.0, 5)}
    throttle = Throttle(tenant_id=tenant.pk, connection_id=connection.pk, limits=limits)
    throttle.reserve("minute")
    later = Now() + timedelta(hours=1)
    gate = ThrottleGate.objects.filter(connection=connection)
    gate.update(next_at=later)
    with pytest.raises(TryLater):
        throttle.reserve("minute")
    # What went out before the clock was put back counts in full, so the next turn is as far off as one can be.
    assert 28 < (gate.get().next_at - timezone.now()).total_seconds() <= 30
    gate.update(next_at=Now() + timedelta(seconds=20))
    assert 18 < throttle.reserve("minute") <= 20
    assert lanes.call(tenant_id=tenant.pk, connection_id=connection.pk)
    assert not lanes.call(tenant_id=tenant.pk, connection_id=connection.pk)
    gate.update(next_at=later)
    assert lanes.call(tenant_id=tenant.pk, connection_id=connection.pk)
