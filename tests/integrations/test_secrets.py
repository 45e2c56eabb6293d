"""After a run no secret is anywhere but in its encrypted column: not in the database, logs, pages, attempts or the API."""

import base64
import itertools
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection as database
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from benchmarks.erp.workers import Workers
from billing.models import Membership, Role
from billing.services.api_keys import issue_key
from integrations import setup
from integrations.connectors import base
from integrations.delivery import drain
from integrations.models import Connection, ConnectionStatus, OutboxItem
from integrations.sandbox.server import start_in_thread
from integrations.tokens import way_of
from integrations.vault import VaultError
from tests.integrations.books import Books
from tests.integrations.conftest import QUICK
from tests.integrations.world import a_month, sell

pytestmark = pytest.mark.django_db(transaction=True)
NOT_SECRET = ("client_id", "expires_at", "refresh_expires_at", "refused", "data_centre", "account_id")
WEBHOOK_KEY = "w3bh00k-k3y-of-ours"
VENDORS = ("quickbooks", "xero", "netsuite", "zoho")
PAGES = ("change", "credentials", "mode", "history")


@pytest.fixture
def administrator(entity) -> Client:
    user = get_user_model().objects.create_user(username="ann", password="x", is_staff=True)
    Membership.objects.create(tenant=entity.tenant, user=user, role=Role.ADMIN)
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def secrets_now() -> set[str]:
    """Give what is secret of the connection at this moment, in the forms it could be written down in."""
    connection = Connection.objects.get()  # A client id is in the address of every sign-in page.
    open_fields = {each.name for each in way_of(connection).fields if not each.is_secret} | set(NOT_SECRET)
    held = {name: str(value) for name, value in connection.credentials.items() if name not in open_fields and value}
    assert held
    plain = {value for value in held.values() if "\n" not in value}
    lines = {line for value in held.values() for line in value.splitlines() if len(line) > 40}  # of a key in PEM
    basic = f"{held.get('client_id', '')}:{held.get('client_secret', '')}".encode()
    return plain | lines | {quote(value, safe="") for value in plain} | {base64.b64encode(basic).decode()}


def everything_stored() -> Iterator[tuple[str, str]]:
    """Give every row of every table, as the database writes it."""
    with database.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT coalesce(string_agg(t::text, ' '), '') FROM \"{table}\" t")
            yield table, cursor.fetchone()[0]


def everything_shown(administrator: Client, api: APIClient) -> Iterator[tuple[str, str]]:
    """Give the pages about the connection and its items, and every list of the API."""
    connection = Connection.objects.get()
    addresses = [reverse("admin:index"), reverse("admin:integrations_connection_changelist")]
    addresses += [reverse(f"admin:integrations_connection_{page}", args=[connection.pk]) for page in PAGES]
    addresses += [reverse("admin:integrations_outboxitem_changelist")]
    addresses += [
        reverse("admin:integrations_outboxitem_change", args=[pk])
        for pk in OutboxItem.objects.values_list("pk", flat=True)[:3]
    ]
    for address in addresses:
        answer = administrator.get(address, follow=True)
        assert answer.status_code == 200, (address, answer.content[:500])
        yield address, answer.content.decode()
    known = api.get("/api/v1/schema/", HTTP_ACCEPT="application/json").json()["paths"]
    for path in sorted(known):
        if "get" in known[path] and "{" not in path:
            yield path, api.get(path).content.decode(errors="replace")


@pytest.mark.parametrize("erp", VENDORS)
@pytest.mark.parametrize("mode", ["journal_entries", "documents"])
def test_no_secret_is_anywhere_after_a_run(entity, administrator, caplog, settings, erp, mode) -> None:
    caplog.set_level(logging.DEBUG)
    _, plain = issue_key(tenant_id=entity.tenant_id, name="reader", may_write=False)
    api = APIClient(raise_request_exception=False)
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {plain}")
    used: set[str] = {WEBHOOK_KEY, *settings.COUNTERFOIL_VAULT_KEYS}
    with start_in_thread(erp) as box:
        made, _ = setup.create_connection(business_entity=entity, erp=erp, mode=mode)
        made.options = {**QUICK, "read_timeout": 0.5}
        connection = setup.connect_sandbox(made, box.url)
        if base.get(erp).webhooks:
            connection.credentials = {**connection.credentials, "webhook_key": WEBHOOK_KEY}
            connection.save()
        caplog.clear()  # So far we were the person's browser too, whose addresses carry codes.
        used |= secrets_now()
        books = Books(box.url)
        a_month(customers=3)
        books.expire_tokens()  # In the middle: a 401, and new tokens.
        books.fail(rate=0.3, seed=3, hold_seconds=0.6, include_oauth=True)
        drain(connection.pk, until_empty=True, seconds=20)
        used |= secrets_now()
        books.heal()
        books.expire_tokens(**({} if erp == "netsuite" else {"refresh": True}))  # Then nobody lets us in any more.
        OutboxItem.objects.update(state="pending", request_id=None, request_body="", available_at="2026-01-01T00:00Z")
        drain(connection.pk, until_empty=True, seconds=5, patience=3)
        used |= secrets_now()
        found = [
            where
            for where, text in (
                *everything_stored(),
                *everything_shown(administrator, api),
                ("the log", caplog.text),
            )
            if any(secret in text for secret in used if len(secret) > 5)
        ]
    assert found == []
    assert connection.attempts.filter(http_status=401).exists()


def test_an_error_nobody_thought_of_shows_no_secret(entity, administrator, monkeypatch, caplog, settings) -> None:
    """The page says nothing, and the log's traceback has no values in it."""
    settings.DEBUG = False
    with start_in_thread("xero") as box:
        made, _ = setup.create_connection(business_entity=entity, erp="xero", mode="documents")
        made.options = QUICK
        connection = setup.connect_sandbox(made, box.url)
        used = secrets_now()

    def fail(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("Something nobody thought of")

    monkeypatch.setattr("integrations.upkeep.way_of", fail)
    answer = administrator.get(reverse("admin:integrations_connection_change", args=[connection.pk]))
    assert answer.status_code == 500
    assert "Something nobody thought of" in caplog.text
    assert not [secret for secret in used if secret in answer.content.decode() or secret in caplog.text]


@pytest.mark.parametrize("debug", [True, False])
def test_a_page_that_fails_repeats_no_secret_that_was_typed(
    entity, administrator, monkeypatch, caplog, settings, debug
) -> None:
    settings.DEBUG = debug
    made, _ = setup.create_connection(business_entity=entity, erp="xero", mode="documents")
    # Made here: a line of a program is shown as it is written, and this file is one.
    kept, typed = ({name: secrets.token_hex(8) for name in ("client_id", "client_secret")} for _ in range(2))
    code = secrets.token_hex(8)
    made.credentials = kept
    made.save()

    def fail(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("Something nobody thought of")

    monkeypatch.setattr(Connection, "save", fail)
    page = reverse("admin:integrations_connection_credentials", args=[made.pk])
    answer = administrator.post(f"{page}?code={code}", typed)
    assert answer.status_code == 500
    shown = answer.content.decode()
    assert ("Something nobody thought of" in shown) is debug
    told = [*kept.values(), *typed.values(), code]
    assert not [secret for secret in told if secret in shown or secret in caplog.text]


def sealed() -> bytes:
    """Give the connection's credentials as the database holds them."""
    with database.cursor() as cursor:
        cursor.execute("SELECT credentials FROM integrations_connection")
        return cursor.fetchone()[0].encode()


def test_keys_are_rotated_while_workers_run(entity, settings) -> None:
    """As OPERATIONS says, one machine after the other: the new key behind, in front, the texts rewritten, then it is alone."""
    old, new = list(settings.COUNTERFOIL_VAULT_KEYS), Fernet.generate_key().decode()
    numbers = itertools.count()

    with start_in_thread("xero") as box:
        made, _ = setup.create_connection(business_entity=entity, erp="xero", mode="journal_entries")
        made.options = QUICK
        connection = setup.connect_sandbox(made, box.url)
        books = Books(box.url)

        def workers_write(before_they_do: Callable[[], object] = lambda: None) -> None:
            """Wait until a worker has written new tokens, for which it needs something to send."""
            token = Connection.objects.get().credentials["access_token"]
            books.expire_tokens()
            before_they_do()
            sell(f"R-{next(numbers)}")
            deadline = time.monotonic() + 60
            while Connection.objects.get().credentials["access_token"] == token:
                assert time.monotonic() < deadline, "No worker asked for new tokens."
                time.sleep(0.02)

        settings.COUNTERFOIL_VAULT_KEYS = [*old, new]
        with Workers(connection, count=1) as not_restarted_yet:
            workers_write()
            Fernet(old[0]).decrypt(sealed())
            settings.COUNTERFOIL_VAULT_KEYS = [new, *old]
            with Workers(connection, count=1):
                for _ in range(3):
                    workers_write()
                not_restarted_yet.end()
                workers_write()
                Fernet(new).decrypt(sealed())
                for _ in range(3):
                    workers_write(lambda: call_command("rotate_vault_keys", "--json"))
        settings.COUNTERFOIL_VAULT_KEYS = [new]
        assert drain(connection.pk, until_empty=True, seconds=60).waiting == 0
        assert Connection.objects.get().status == ConnectionStatus.CONNECTED
        assert OutboxItem.objects.filter(kind="journal_entry", state="delivered").count() == next(numbers)
        settings.COUNTERFOIL_VAULT_KEYS = old
        with pytest.raises(VaultError):
            Connection.objects.get()
