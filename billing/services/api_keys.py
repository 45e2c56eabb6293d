"""Issue, recognize and revoke the keys with which a company's own systems use the REST API."""

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import NamedTuple

from django.contrib.auth import get_user_model
from django.db import transaction

from billing.errors import BillingError, NotFound
from billing.models import ApiKey

_MARK = "cf"
_PREFIX_BYTES = 6
_SECRET_BYTES = 32


class IssuedKey(NamedTuple):
    """A new key. `plain` is shown once and kept nowhere."""

    key: ApiKey
    plain: str


class KeyRefused(BillingError):
    """The key opens nothing; the text says whether it is unknown, expired or revoked."""

    code = "invalid_key"


@transaction.atomic
def issue_key(
    *,
    tenant_id: int,
    name: str,
    may_write: bool = True,
    may_reopen: bool = False,
    expires_at: datetime | None = None,
) -> IssuedKey:
    """Make a key `cf_<prefix>_<secret>` of 256 random bits with a service user of its own, so that audits can name it.

    `may_reopen`: it may open closed months again, which in the admin only administrators may. Raises BillingError without a
    name, and for a key that may reopen but not write.
    """
    if not name.strip():
        raise BillingError("Name the key after the system that will use it, such as “web shop”.")
    if may_reopen and not may_write:
        raise BillingError("A key that may reopen months must be allowed to change things.")
    prefix = secrets.token_hex(_PREFIX_BYTES)
    plain = f"{_MARK}_{prefix}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    user = get_user_model().objects.create_user(username=f"api-{prefix}", password=None)
    key = ApiKey.objects.create(
        tenant_id=tenant_id,
        user=user,
        name=name.strip(),
        prefix=prefix,
        digest=_digest(plain),
        may_write=may_write,
        may_reopen=may_reopen,
        expires_at=expires_at,
    )
    return IssuedKey(key, plain)


def find_key(plain: str, *, at: datetime) -> ApiKey:
    """Find the key that a request shows. Raises KeyRefused; an unknown prefix and a wrong secret are not told apart."""
    mark, _, rest = plain.partition("_")
    prefix, _, secret = rest.partition("_")
    key = None
    if mark == _MARK and secret and len(prefix) == 2 * _PREFIX_BYTES and plain.isascii() and plain.isprintable():
        key = ApiKey.objects.select_related("user", "tenant").filter(prefix=prefix).first()
    if not hmac.compare_digest(_digest(plain), key.digest if key else "") or key is None:
        raise KeyRefused("This API key is not known. Check that all of it was copied.")
    if key.revoked_at is not None or not key.user.is_active:
        raise KeyRefused("This API key was revoked. Ask your administrator for a new one.", code="revoked_key")
    if key.expires_at is not None and key.expires_at <= at:
        raise KeyRefused("This API key has expired. Ask your administrator for a new one.", code="expired_key")
    return key


@transaction.atomic
def revoke_key(*, key_id: int, at: datetime) -> ApiKey:
    """Make a key useless from now on; a revoked one stays as it is. Raises NotFound."""
    key = ApiKey.objects.select_for_update(no_key=True).filter(pk=key_id).first()
    if key is None:
        raise NotFound(f"There is no API key with the id {key_id}.")
    if key.revoked_at is None:
        key.revoked_at = at
        key.save(update_fields=["revoked_at"])
    return key


def _digest(plain: str) -> str:
    # 256 random bits cannot be guessed, so a fast digest is enough; a slow one would tax every request.
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
