"""Secrets stay secret: encrypted at rest, rotated, never printed."""

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.db import connection as database

from integrations.models import Connection
from integrations.vault import Secrets, VaultError, redact, seal, unseal


def stored(pk: int) -> str:
    with database.cursor() as cursor:
        cursor.execute("SELECT credentials FROM integrations_connection WHERE id = %s", [pk])
        return cursor.fetchone()[0]


def test_credentials_are_encrypted_at_rest(connection: Connection) -> None:
    assert "s3cret" not in stored(connection.pk)
    assert Connection.objects.get().credentials["client_secret"] == "s3cret"


def test_secrets_do_not_print_their_values() -> None:
    secrets = Secrets(client_secret="s3cret")
    assert "s3cret" not in f"{secrets!r} {secrets} {[secrets]}"


def test_credentials_cannot_be_searched(connection: Connection) -> None:
    with pytest.raises(FieldError):
        Connection.objects.filter(credentials="x").exists()


def test_rotation_makes_the_old_key_unnecessary(connection: Connection, settings, capsys) -> None:
    old, new = settings.COUNTERFOIL_VAULT_KEYS, Fernet.generate_key().decode()
    settings.COUNTERFOIL_VAULT_KEYS = [new, *old]
    assert Connection.objects.get().credentials["client_secret"] == "s3cret"
    call_command("rotate_vault_keys", "--json")
    assert '"rotated": 1' in capsys.readouterr().out
    settings.COUNTERFOIL_VAULT_KEYS = [new]
    assert Connection.objects.get().credentials["client_secret"] == "s3cret"
    settings.COUNTERFOIL_VAULT_KEYS = old
    with pytest.raises(VaultError, match="connect to the ERP again"):
        Connection.objects.get()


def test_sealing_twice_gives_different_texts() -> None:
    assert seal({"a": 1}) != seal({"a": 1})
    assert unseal(seal({"a": 1})) == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abc.def-123",
        '{"access_token": "abc.def-123", "x": 1}',
        "{'refresh_token': 'abc.def-123'}",
        "https://x/callback?code=abc.def-123&state=abc.def-123",
        "client_secret=abc.def-123",
        '{"x": 1, "access_token": "abc.def-123',
        """{"password": "it's abc.def-123", "x": 1}""",
        '{"password": "say \\"abc.def-123", "x": 1}',
    ],
)
def test_redaction_hides_tokens(text: str) -> None:
    assert "abc.def-123" not in redact(text)


def test_redaction_leaves_products_alone_that_are_called_basic() -> None:
    assert redact('{"Description": "Basic plan, bearer bonds"}') == '{"Description": "Basic plan, bearer bonds"}'
    hidden = redact("Basic c2FuZGJveC1jbGllbnQ6c2VjcmV0, bearer 0123456789abcdefghij")
    assert "c2Fu" not in hidden and "0123" not in hidden


def test_redaction_leaves_the_vendors_error_code_alone() -> None:
    assert redact('{"code": "6140", "SyncToken": "3"}') == '{"code": "6140", "SyncToken": "3"}'
