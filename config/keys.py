"""The two secrets: Django's key, and the keys of the vault that encrypts ERP credentials.

Production names them in the environment. For trying out they are made once and kept in a folder git ignores.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

from config import env

_SHORTEST_SECRET = 40


def secret_key(*, keep_in: Path | None) -> str:
    """Give Django's SECRET_KEY; without a folder to keep one in, it must be in the environment and long."""
    given = env.text("SECRET_KEY")
    if not given and keep_in:
        return _kept(keep_in / "secret_key", get_random_secret_key)
    value = env.required("SECRET_KEY", "Production needs a long random text, the same in every process.")
    if keep_in is None and (len(value) < _SHORTEST_SECRET or value.startswith("django-insecure")):
        raise ImproperlyConfigured(
            f"SECRET_KEY is too weak for production; set at least {_SHORTEST_SECRET} random characters."
        )
    return value


def vault_keys(*, keep_in: Path | None) -> list[str]:
    """Give the Fernet keys of the vault, newest first; the first encrypts, all decrypt."""
    keys = env.words("COUNTERFOIL_VAULT_KEYS")
    if not keys and keep_in:
        keys = [_kept(keep_in / "vault_key", lambda: Fernet.generate_key().decode())]
    if not keys:
        raise ImproperlyConfigured(
            "COUNTERFOIL_VAULT_KEYS is not set. Production needs at least one Fernet key to encrypt ERP "
            "credentials (several are separated by commas, the newest first). Back it up: without it the "
            "credentials are lost."
        )
    for position, key in enumerate(keys, start=1):
        try:
            Fernet(key)
        except ValueError as error:
            raise ImproperlyConfigured(
                f"Key {position} of COUNTERFOIL_VAULT_KEYS is not a Fernet key (32 random bytes, base64)."
            ) from error
    return keys


def _kept(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Linked into place when complete, so that two processes starting at once agree on one secret.
        # mkstemp gives it mode 600.
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(handle, "w") as file:
                file.write(make())
            os.link(draft, path)
        except FileExistsError:
            pass  # The other process was first; its secret holds.
        finally:
            Path(draft).unlink()
    return path.read_text().strip()
