"""Encryption of ERP credentials at rest, and redaction of whatever might carry them.

The keys are apart from Django's SECRET_KEY (`settings.COUNTERFOIL_VAULT_KEYS`, newest first), so both can be rotated on
their own. The first key writes; all keys read.
"""

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import models

_HIDDEN = "[hidden]"
_NAMES = (
    r"access_token|refresh_token|client_secret|client_id|id_token|token|password|client_assertion|private_key|"
    r"consumer_key|consumer_secret|token_id|token_secret|oauth_\w+"
)
_PATTERNS = (
    # As a header, or long enough for a token: a product may be called “Basic plan”.
    re.compile(
        r"(?i)\b(authorization\W{1,4}(?:bearer|basic)|(?:bearer|basic)(?=\s+[A-Za-z0-9._~+/=-]{20}))\s+[A-Za-z0-9._~+/=-]+"
    ),
    # A text may be cut in the middle of a secret, and a secret may hold the other sort of quotation mark.
    re.compile(rf"""(?is)(["']?\b(?:{_NAMES})["']?\s*[:=]\s*)(["'])(?:\\.|(?!\2).)*\2?"""),
    re.compile(rf"(?i)\b((?:{_NAMES}|code|state)=)[^&\s\"']+"),
)


class VaultError(RuntimeError):
    """Stored credentials cannot be read with the keys at hand."""


class Secrets(dict[str, Any]):
    """Credentials in clear, for use only: neither printing nor logging shows more than the names."""

    def __repr__(self) -> str:
        return f"<secrets: {', '.join(sorted(self)) or 'none'}>"

    __str__ = __repr__


def _fernet() -> MultiFernet:
    keys = list(getattr(settings, "COUNTERFOIL_VAULT_KEYS", []))
    if not keys:
        raise ImproperlyConfigured(
            "COUNTERFOIL_VAULT_KEYS is empty: ERP credentials cannot be encrypted without a key."
        )
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured(
            "COUNTERFOIL_VAULT_KEYS must hold Fernet keys (32 bytes, URL-safe base64); make one with "
            "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'."
        ) from error


def seal(secrets: Mapping[str, Any]) -> str:
    """Encrypt credentials with the newest key."""
    return _fernet().encrypt(json.dumps(dict(secrets)).encode()).decode()


def unseal(text: str) -> Secrets:
    """Decrypt credentials. Raises VaultError when no present key fits."""
    if not text:
        return Secrets()
    try:
        return Secrets(json.loads(_fernet().decrypt(text.encode())))
    except InvalidToken as error:
        raise VaultError(
            "The stored credentials cannot be read with the present vault keys. Put the earlier key back into "
            "COUNTERFOIL_VAULT_KEYS, or connect to the ERP again."
        ) from error


def rotate(text: str) -> str:
    """Encrypt anew with the newest key. Raises VaultError when no present key fits."""
    if not text:
        return text
    try:
        return _fernet().rotate(text.encode()).decode()
    except InvalidToken as error:
        raise VaultError("These credentials were encrypted with a key that is no longer configured.") from error


class EncryptedField(models.TextField):
    """A JSON object that is encrypted in the database and `Secrets` in Python. It cannot be searched."""

    if TYPE_CHECKING:
        _pyi_private_set_type: Mapping[str, Any]  # type: ignore[assignment]
        _pyi_private_get_type: Secrets  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", Secrets)
        kwargs.setdefault("blank", True)
        kwargs["editable"] = False
        super().__init__(*args, **kwargs)

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Secrets:
        return unseal(value or "")

    def to_python(self, value: Any) -> Secrets:
        return value if isinstance(value, Secrets) else Secrets(value or {})

    def get_prep_value(self, value: Any) -> str:
        return seal(value) if value else ""

    def value_to_string(self, obj: models.Model) -> str:
        raise FieldError("Credentials are never exported.")

    def get_lookup(self, lookup_name: str) -> Any:
        raise FieldError("Credentials are encrypted and cannot be searched.")


def redact(text: str) -> str:
    """Hide tokens, secrets and codes in a text that goes to a log, an error or the database."""
    text = _PATTERNS[0].sub(rf"\1 {_HIDDEN}", text)
    text = _PATTERNS[1].sub(rf"\1\2{_HIDDEN}\2", text)
    return _PATTERNS[2].sub(rf"\1{_HIDDEN}", text)
