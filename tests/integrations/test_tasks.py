"""The clock and the wake-ups: what django-q2 runs delivers, also what a dead worker left."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection as database
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ, Schedule

from accounting.models import DailyBalance
from billing.every_tenant import in_every_tenant
from billing.models import Tenant
from billing.services.tenants import create_tenant
from billing.tenancy import current_tenant_id
from integrations import lanes, tasks
from integrations.models import Connection, DeliveryAttempt, OutboxItem
from integrations.schedules import ensure_schedules
from integrations.upkeep import set_options
from tests.integrations.world import a_month

pytestmark = pytest.mark.django_db(transaction=True)


def undelivered() -> int:
    return OutboxItem.objects.exclude(state="delivered").count()


def test_a_wake_up_delivers(connect, tenant) -> None:
    connection = connect()
    a_month(customers=2)
    tasks.drain_connection(tenant.pk, connection.pk)
    assert undelivered() == 0


@contextmanager
def held_elsewhere(space: int, connection: Connection) -> Iterator[None]:
    """Another session is at work at a connection."""
    other = database.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s::int, %s::int)", [space, connection.pk])
    try:
        yield
    finally:
        with other.cursor() as cursor:  # The server lets go of a closed session's lock only when it notices.
            cursor.execute("SELECT pg_advisory_unlock(%s::int, %s::int)", [space, connection.pk])
        other.close()


def called(name: str = "drain_connection") -> list[str]:
    """The calls of workers that wait in the queue."""
    return [each.func() for each in OrmQ.objects.all() if each.func().endswith(name)]


def poll_as_called() -> int:
    """Let the clock call, and do what it called for; how many connections that was."""
    tasks.poll()
    calls = [each.task for each in OrmQ.objects.all() if each.func().endswith("poll_connection")]
    OrmQ.objects.all().delete()
    for call in calls:
        import_string(call["func"])(*call["args"])
    return len(calls)


def test_the_clock_asks_every_live_erp_what_changed(connect) -> None:
    connection = connect()
    set_options(connection.pk, {"setting_up": True})
    assert poll_as_called() == 0
    set_options(connection.pk, {"setting_up": False})
    assert poll_as_called() == 1
    assert Connection.objects.get().polled_at is not None


def test_one_worker_at_a_time_asks_an_erp_what_changed(connect, tenant) -> None:
    """Another session is at it; the clock's next call finds it so and goes away."""
    connection = connect()
    with held_elsewhere(lanes._POLLING, connection):
        tasks.poll_connection(tenant.pk, connection.pk)
        assert Connection.objects.get().polled_at is None
    tasks.poll_connection(tenant.pk, connection.pk)
    assert Connection.objects.get().polled_at is not None


@pytest.fixture
def quiet(connect) -> Connection:
    """A connection with something to deliver, to which no worker is called."""
    connection = connect()
    a_month(customers=20)
    OrmQ.objects.all().delete()
    lanes.answer(connection.pk)
    return connection


def test_the_clock_finds_what_a_dead_worker_held(quiet, tenant) -> None:
    OutboxItem.objects.update(state="in_flight", worker_id=5, attempts=1, leased_until=timezone.now())
    tasks.drain_all()
    assert called() == ["integrations.tasks.drain_connection"]
    tasks.drain_connection(tenant.pk, quiet.pk)
    assert undelivered() == 0
    OrmQ.objects.all().delete()
    tasks.drain_all()
    assert called() == []


def test_one_call_waits_at_a_time_until_a_worker_answers_it(quiet, tenant) -> None:
    assert lanes.call(tenant_id=tenant.pk, connection_id=quiet.pk)
    assert not lanes.call(tenant_id=tenant.pk, connection_id=quiet.pk)
    lanes.answer(quiet.pk)
    assert lanes.call(tenant_id=tenant.pk, connection_id=quiet.pk)
    assert len(called()) == 2


def test_a_call_that_was_lost_counts_for_a_minute_only(quiet, tenant, monkeypatch) -> None:
    monkeypatch.setattr(lanes, "_CALLED", 0.0)
    assert lanes.call(tenant_id=tenant.pk, connection_id=quiet.pk)
    assert lanes.call(tenant_id=tenant.pk, connection_id=quiet.pk)


def test_a_worker_calls_the_next_while_there_is_more_than_it_takes(quiet, tenant, monkeypatch) -> None:
    """Forty entries are two requests: the first worker calls a second, who finds nothing and calls nobody."""
    tasks.drain_connection(tenant.pk, quiet.pk)
    assert (undelivered(), len(called())) == (0, 1)
    tasks.drain_connection(tenant.pk, quiet.pk)
    assert len(called()) == 1


def test_a_worker_whose_turn_is_over_before_the_work_is_calls_another(quiet, tenant, monkeypatch) -> None:
    monkeypatch.setattr(tasks, "_TURN", 0.0)
    monkeypatch.setattr(tasks, "holds_more_than_one_takes", lambda connection: False)
    tasks.drain_connection(tenant.pk, quiet.pk)
    assert (undelivered(), len(called())) == (40, 1)


def test_no_more_workers_than_are_useful_are_at_one_connection(quiet, tenant, monkeypatch) -> None:
    """Another session holds every lane: the worker that was called goes away, and calls nobody."""
    monkeypatch.setattr(lanes, "_useful", lambda spec: 1)
    with held_elsewhere(lanes._SPACE, quiet):
        tasks.drain_connection(tenant.pk, quiet.pk)
        assert (undelivered(), called()) == (40, [])
    tasks.drain_connection(tenant.pk, quiet.pk)
    assert undelivered() == 0


def test_schedules_are_made_once_and_mended(tenant) -> None:
    ensure_schedules()
    Schedule.objects.filter(name="integrations.tasks.drain_all").update(minutes=99)
    ensure_schedules()
    assert dict(Schedule.objects.values_list("func", "minutes")) == {
        "accounting.tasks.post_scheduled_all": None,
        "accounting.tasks.sum_up_all": 1,
        "billing.tasks.forget_all": None,
        "integrations.tasks.drain_all": 1,
        "integrations.tasks.poll": 10,
        "integrations.tasks.prune": None,
        "integrations.tasks.summarize": None,
        "integrations.tasks.warn": 5,
    }


def test_all_that_the_clock_calls_is_there_and_runs(connect) -> None:
    connect()
    a_month(customers=1)
    ensure_schedules()
    for func in Schedule.objects.values_list("func", flat=True):
        import_string(func)()
    assert DailyBalance.objects.exists()
    assert len(called("poll_connection")) == 1


def test_trouble_with_one_company_holds_up_no_other(tenant) -> None:
    create_tenant(slug="first-in-line", name="First in line", currency="USD")
    create_tenant(slug="last-in-line", name="Last in line", currency="USD")
    seen = []

    def work() -> None:
        seen.append(current_tenant_id())
        if current_tenant_id() == tenant.pk:
            raise RuntimeError("unforeseen")

    with pytest.raises(RuntimeError, match="unforeseen"):
        in_every_tenant(work)
    assert sorted(seen) == sorted(Tenant.objects.values_list("id", flat=True))
    assert len(seen) == 3


def test_old_attempts_are_forgotten(connection) -> None:
    long_ago = timezone.now() - timedelta(days=settings.COUNTERFOIL_KEEP_ATTEMPTS_DAYS + 1)
    for at in (long_ago, timezone.now()):
        DeliveryAttempt.objects.create(connection=connection, at=at, operation="batch", outcome="ok", seconds=0.1)
    tasks.prune()
    assert DeliveryAttempt.objects.count() == 1
