"""Xero replaces the refresh token at every use: racing processes refresh once, and an answer that was lost loses nothing."""

import multiprocessing
import time

import pytest
from django.db import connections

from benchmarks.erp.workers import let_go_of_connections
from billing.models import Change
from billing.tenancy import Actor, tenant_scope
from integrations.connectors.base import TryLater
from integrations.delivery import drain
from integrations.models import Connection, ConnectionStatus, OutboxItem
from integrations.tokens import ConnectionAccess, exchange
from tests.integrations.world import a_month

pytestmark = pytest.mark.django_db(transaction=True)
_FORK = multiprocessing.get_context("fork")
TOKEN_ADDRESS = "/connect/token"


def refresh(connection: Connection, stale: str, start, got) -> None:
    """What a worker process does whose call was answered with 401."""
    let_go_of_connections()
    with tenant_scope(connection.tenant_id):
        access = ConnectionAccess(connection.pk)
        start.wait()
        got.put(access.refresh(stale=stale))
    connections.close_all()


def race(connection: Connection, count: int = 4) -> set[str]:
    stale = Connection.objects.get().credentials["access_token"]
    connections.close_all()
    start, got = _FORK.Event(), _FORK.Queue()
    racers = [_FORK.Process(target=refresh, args=(connection, stale, start, got)) for _ in range(count)]
    for racer in racers:
        racer.start()
    start.set()
    tokens = {got.get(timeout=30) for _ in racers}
    for racer in racers:
        racer.join()
    return tokens


def test_racing_processes_refresh_once_and_use_the_same_token(connect, books) -> None:
    connection = connect()
    for round_ in range(1, 4):
        before = books.state()["calls"]["by_kind"]["oauth token"]
        books.expire_tokens()
        (token,) = race(connection)
        assert token == Connection.objects.get().credentials["access_token"]
        assert books.state()["calls"]["by_kind"]["oauth token"] == before + 1, round_
    a_month(customers=1)
    assert drain(connection.pk, until_empty=True, seconds=180).waiting == 0


@pytest.mark.parametrize("fault", ["drop_after_commit", "timeout_after_commit"])
def test_an_answer_with_new_tokens_that_was_lost_is_asked_for_again(connect, books, monkeypatch, fault) -> None:
    """The old refresh token works for half an hour more, as long as nobody used what it was exchanged for."""
    monkeypatch.setattr("integrations.tokens._TIMEOUT", (1.0, 0.3))
    connection = connect()
    books.expire_tokens()
    books.fail(faults={fault: 1}, times=1, only=TOKEN_ADDRESS, include_oauth=True, hold_seconds=0.5)
    stale = Connection.objects.get().credentials["access_token"]
    with pytest.raises(TryLater):
        ConnectionAccess(connection.pk).refresh(stale=stale)
    assert Connection.objects.get().credentials["access_token"] == stale
    assert ConnectionAccess(connection.pk).refresh(stale=stale) != stale
    a_month(customers=1)
    assert drain(connection.pk, until_empty=True, seconds=180).waiting == 0
    assert Connection.objects.get().status == ConnectionStatus.CONNECTED


def test_a_worker_killed_while_it_refreshes_leaves_the_others_going(connect, books) -> None:
    connection = connect()
    a_month(customers=1)
    books.expire_tokens()
    books.fail(faults={"timeout_after_commit": 1}, times=1, only=TOKEN_ADDRESS, include_oauth=True, hold_seconds=20)
    before = books.state()["calls"]["by_kind"]["oauth token"]
    stale = Connection.objects.get().credentials["access_token"]
    connections.close_all()
    start = _FORK.Event()
    victim = _FORK.Process(target=refresh, args=(connection, stale, start, _FORK.Queue()))
    victim.start()
    start.set()
    deadline = time.monotonic() + 30
    while books.state()["calls"]["by_kind"]["oauth token"] == before:
        assert victim.is_alive() and time.monotonic() < deadline, "The worker has not asked for tokens."
        time.sleep(0.01)
    victim.kill()
    victim.join()
    assert drain(connection.pk, until_empty=True, seconds=180).waiting == 0
    assert not OutboxItem.objects.exclude(state="delivered").exists()


def test_a_dead_workers_request_that_comes_late_does_not_end_the_sign_in(connect, books) -> None:
    """Taken for a repetition, it takes back the tokens that another worker got meanwhile and has not used yet."""
    connection = connect()
    dead_workers = Connection.objects.get()
    form = {"grant_type": "refresh_token", "refresh_token": dead_workers.credentials["refresh_token"]}
    access = ConnectionAccess(connection.pk)
    taken_back = access.refresh(stale=dead_workers.credentials["access_token"])
    assert exchange(dead_workers, form) is not None
    assert exchange(dead_workers, {**form, "refresh_token": access.secrets()["refresh_token"]}) is None
    a_month(customers=1)
    assert drain(connection.pk, until_empty=True, seconds=180).waiting == 0
    assert access.secrets()["access_token"] != taken_back
    assert Connection.objects.get().status == ConnectionStatus.CONNECTED


def test_renewing_is_nobodys_change_whoever_was_at_work(connect, books, django_user_model) -> None:
    connection = connect()
    person = django_user_model.objects.create(username="ann")
    rows = Change.objects.count()
    books.expire_tokens()
    with tenant_scope(connection.tenant_id, actor=Actor(person.pk, "admin")):
        stale = Connection.objects.get().credentials["access_token"]
        ConnectionAccess(connection.pk).refresh(stale=stale)
        assert Change.objects.count() == rows
        Connection.objects.update(name="Theirs")
    assert Change.objects.latest("id").user == person
