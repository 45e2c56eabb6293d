"""The whole way: set up, bill, send, reconcile, in both modes; and workers that are killed while NetSuite misbehaves."""

import json

import pytest
from django.core.management import call_command
from django.utils import timezone

from integrations.delivery import drain
from integrations.mapping import import_lists, refresh_lists
from integrations.models import Connection, ConnectionStatus, OutboxItem
from integrations.upkeep import token_health
from tests.integrations.world import a_month

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("mode", ["journal_entries", "documents"])
def test_one_command_makes_a_tenant_that_is_ready_to_send(erp, capsys, mode) -> None:
    arguments = ("globex", "--currency", "USD", "--erp", "netsuite", "--mode", mode, "--erp-url", erp.url, "--json")
    call_command("create_tenant", *arguments)
    first = json.loads(capsys.readouterr().out)
    assert (first["tenant"], first["status"], first["to_do"]) == ("globex", "connected", [])
    before = erp.state()["calls"]
    call_command("create_tenant", *arguments)
    assert json.loads(capsys.readouterr().out)["connection_created"] is False
    assert erp.state()["calls"] == before


def test_a_back_fill_of_journals_takes_one_batch_per_hundred(connect, erp) -> None:
    connection = connect()
    a_month(customers=100)
    before = erp.state()["calls"]["by_kind"]
    drain(connection.pk, until_empty=True, seconds=180)
    kinds = erp.state()["calls"]["by_kind"]
    assert erp.count("journalEntry") == 200
    assert kinds["batch journalEntry"] - before.get("batch journalEntry", 0) == 2
    assert kinds.get("create journalEntry", 0) == before.get("create journalEntry", 0)


def test_a_job_that_takes_its_time_is_waited_for(connect, erp, monkeypatch) -> None:
    monkeypatch.setattr("integrations.connectors.netsuite.connector._JOB_SOON", 0.1)
    monkeypatch.setattr("integrations.connectors.netsuite.connector._JOB_LATER", 0.1)
    connection = connect()
    erp.prefer(JobSeconds=0.5)
    a_month(customers=3)
    assert drain(connection.pk, until_empty=True, seconds=180).waiting == 0
    assert (erp.count("journalEntry"), erp.state()["calls"]["by_kind"]["batch journalEntry"]) == (6, 1)


def test_the_certificates_last_day_is_known_and_nothing_secret_is_stored_in_clear(connect, erp) -> None:
    connection = connect()
    a_month(customers=1)
    drain(connection.pk, until_empty=True)
    health = token_health(Connection.objects.get())
    assert health.missing == ()
    assert 363 <= (health.certificate_until - timezone.now()).days <= 365
    key = erp.login.secrets()["private_key"].splitlines()[1]
    from_database = Connection.objects.values_list("options", "company", "realm_id").get()
    assert key not in str(from_database)
    assert not [each for each in connection.attempts.all() if key in f"{each.request}{each.response}"]


def test_lists_are_refreshed(connect, erp) -> None:
    connection = connect(mode="documents")
    erp.customer("New one")
    assert refresh_lists(Connection.objects.get()) >= 1
    assert connection.records.filter(kind="customer", name="New one").exists()
    assert import_lists(Connection.objects.get()) > 50


def test_a_refused_login_pauses_and_does_not_disconnect(connect, erp) -> None:
    connection = connect()
    a_month(customers=1)
    erp.control("refuse_logins", times=1000)
    drain(connection.pk, until_empty=True, seconds=3, patience=1)
    assert Connection.objects.get().status == ConnectionStatus.CONNECTED
    erp.control("refuse_logins", times=0)
    Connection.objects.update(paused_until=None)
    OutboxItem.objects.update(available_at="2026-01-01T00:00Z")
    assert drain(connection.pk, until_empty=True, seconds=180).waiting == 0
