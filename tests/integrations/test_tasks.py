"""The clock and the wake-ups: what django-q2 runs delivers, also what a dead worker left."""

import pytest
from django.utils import timezone
from django_q.models import Schedule

from integrations import tasks
from integrations.models import DeliveryAttempt, OutboxItem
from integrations.schedules import ensure_schedules
from tests.integrations.world import a_month

pytestmark = pytest.mark.django_db(transaction=True)


def undelivered() -> int:
    return OutboxItem.objects.exclude(state="delivered").count()


def test_a_wake_up_delivers(connect, tenant) -> None:
    connection = connect()
    a_month(customers=2)
    tasks.drain_connection(tenant.pk, connection.pk)
    assert undelivered() == 0


def test_the_clock_finds_what_a_dead_worker_held(connect) -> None:
    connect()
    a_month(customers=1)
    OutboxItem.objects.update(state="in_flight", worker_id=5, attempts=1, leased_until=timezone.now())
    tasks.drain_all()
    assert undelivered() == 0


def test_schedules_are_made_once_and_mended(tenant) -> None:
    ensure_schedules()
    Schedule.objects.filter(name="integrations.tasks.drain_all").update(minutes=99)
    ensure_schedules()
    found = (
        Schedule.objects.filter(name__startswith="integrations.tasks").order_by("name").values_list("name", "minutes")
    )
    assert dict(found) == {
        "integrations.tasks.drain_all": 1,
        "integrations.tasks.poll": 10,
        "integrations.tasks.prune": None,
        "integrations.tasks.summarize": None,
        "integrations.tasks.warn": 5,
    }


def test_old_attempts_are_forgotten(connection) -> None:
    long_ago = timezone.now() - 2 * tasks._KEEP_ATTEMPTS
    for at in (long_ago, timezone.now()):
        DeliveryAttempt.objects.create(connection=connection, at=at, operation="batch", outcome="ok", seconds=0.1)
    tasks.prune()
    assert DeliveryAttempt.objects.count() == 1
