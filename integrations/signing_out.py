"""Ending a sign-in: the vendor is told first, then its tokens are forgotten here. What waits, waits for another sign-in."""

import logging

import requests
from django.db import transaction

from integrations.connectors.base import BadCredentials, DeliveryError, SignIn, TryLater
from integrations.models import Connection, ConnectionStatus
from integrations.tokens import TOKENS, SignInError, endpoints, way_of
from integrations.vault import Secrets, VaultError
from integrations.wiring import open_connector

logger = logging.getLogger(__name__)
_TIMEOUT = (5.0, 30.0)
_TROUBLE = (
    "The ERP's sign-in service cannot be reached or has trouble of its own. Nothing was changed: try again in a moment."
)


def can_sign_out(connection: Connection) -> bool:
    """Tell whether the vendor can be told, and there is something to end."""
    way = way_of(connection)
    try:
        return bool(connection.credentials.get("refresh_token")) and bool(way.revocation or way.leaves)
    except VaultError:  # What cannot be read cannot be given back either.
        return False


def sign_out(connection: Connection, *, reason: str) -> None:
    """End a sign-in at the vendor and here. Raises SignInError where the vendor cannot be told, with nothing changed."""
    if way_of(connection).leaves:
        _leave(connection)
    with transaction.atomic():
        locked = Connection.objects.select_for_update(no_key=True).get(pk=connection.pk)
        if way_of(locked).revocation:  # Under the lock: nobody renews the token meanwhile.
            _revoke(locked, way_of(locked))
        kept = {name: value for name, value in locked.credentials.items() if name not in TOKENS}
        locked.credentials = Secrets(kept)
        locked.status, locked.status_reason = ConnectionStatus.RECONNECT_NEEDED, reason
        locked.save(update_fields=["credentials", "status", "status_reason", "updated_at"])


def _leave(connection: Connection) -> None:
    """Let go of the one company, where the vendor's revocation would end all that the person connected."""
    try:
        open_connector(connection, on_call=lambda call: None).leave()  # type: ignore[attr-defined]  # The way says so.
    except (BadCredentials, TryLater) as error:
        if isinstance(error, TryLater):
            raise SignInError(_TROUBLE) from error
        logger.info("The sign-in of %s had ended before.", connection.pk)
    except DeliveryError as error:
        raise SignInError(_TROUBLE) from error


def _revoke(connection: Connection, way: SignIn) -> None:
    assert way.revocation is not None
    request = way.revocation(connection.credentials)
    body = {"json" if request.as_json else "data": dict(request.form)}
    try:
        answer = requests.post(
            endpoints(connection).revoke,
            auth=request.basic,
            headers={"Accept": "application/json", **request.headers},
            timeout=_TIMEOUT,
            allow_redirects=False,
            **body,  # type: ignore[arg-type]  # One of two names that take a mapping.
        )
    except requests.RequestException as error:
        raise SignInError(_TROUBLE) from error
    if answer.status_code not in (200, 204, 400):  # 400: the vendor knows no such token any more.
        raise SignInError(_TROUBLE)
