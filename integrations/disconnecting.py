"""Disconnect: take the sign-in back at the vendor and forget the credentials. What was delivered stays, what waits waits.

Switching off is less: it keeps the credentials, and the connection goes on as it was when it is switched on again.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from django.db import transaction

from integrations.connectors.base import Call, DeliveryError, Leaves, Revocation
from integrations.models import Connection, ConnectionStatus, OAuthState, OutboxItem, OutboxState
from integrations.tokens import SignInError, way_of
from integrations.vault import Secrets, VaultError
from integrations.wiring import open_connector

_TIMEOUT = (5.0, 30.0)
_FORCE = "Nothing was changed. Try again in a moment, or forget the credentials without telling the vendor."
_NOT_READ = "The stored credentials cannot be read, so the vendor cannot be told. "


def disconnect(connection_id: int, *, by: str, even_untold: bool = False) -> str:
    """Revoke the sign-in at the vendor, forget all that was entered and given, and switch off; say in words what was done.

    Runs outside any transaction. Raises SignInError where the vendor cannot be told and `even_untold` is not set; then our
    side is as it was.
    """
    connection = Connection.objects.defer("credentials").get(pk=connection_id)
    way = way_of(connection)
    others = False
    try:
        others = _leave(Connection.objects.get(pk=connection_id))
    except (DeliveryError, VaultError) as error:
        if not even_untold:
            raise SignInError(f"{getattr(error, 'words', error)} {_FORCE}") from error
    with transaction.atomic():
        # No worker renews the tokens meanwhile: it would leave a sign-in behind that nobody knows of.
        locked = Connection.objects.select_for_update(no_key=True).defer("credentials").get(pk=connection_id)
        try:
            told = "" if others else _revoke(locked, way.revoke)
        except (SignInError, VaultError) as error:
            if not even_untold:
                raise SignInError(f"{error} {_FORCE}") from error
            told = f"The vendor was not told: {error} "
        words = told or (
            "The sign-in opens other companies of yours too and was left to them; this one was taken off it. "
            if others
            else ""
        )
        locked.credentials = Secrets()
        locked.status = ConnectionStatus.DISABLED
        locked.status_reason = f"Disconnected by {by}. {words}{way.by_hand}".strip()
        locked.save(update_fields=["credentials", "status", "status_reason", "updated_at"])
        OAuthState.objects.filter(connection=locked).delete()  # A sign-in that was begun ends with it.
    return f"{words}The credentials are forgotten. {way.by_hand}".strip()


def what_becomes(connection: Connection) -> str:
    """Say in words what becomes of what the connection has sent, and of what it has not."""
    open_states = (OutboxState.PENDING, OutboxState.IN_FLIGHT, OutboxState.APPROVAL, OutboxState.PARKED)
    waiting = OutboxItem.objects.filter(connection=connection, state__in=open_states).count()
    stays = "What was delivered stays in the ERP and is still shown here. Nothing more is sent or collected."
    if not waiting:
        return f"{stays} Nothing waits to be sent."
    return (
        f"{stays} {waiting:,} items that are not delivered stay in the outbox as they are; a request under way is looked for "
        "there before it is sent again. They go out when the same company is connected again, or you skip them with a reason."
    )


def _leave(connection: Connection) -> bool:
    """Take the company off the sign-in, where the vendor lets it go by itself; tell whether the sign-in opens others still."""
    if not connection.credentials.get("access_token") or not connection.realm_id:
        return False
    connector = open_connector(connection, on_call=_ignore)
    return connector.leave() if isinstance(connector, Leaves) else False


def _revoke(connection: Connection, revocation: Any) -> str:
    """Revoke the sign-in. Raises SignInError where the vendor gave no word, VaultError where ours cannot be read."""
    if revocation is None:
        return ""
    asked: Revocation | None = revocation(connection.credentials)
    if asked is None:
        return "There was no sign-in to revoke. "
    url = asked.url
    if connection.auth_url:  # A stand-in server serves the vendor's path.
        url = connection.auth_url.rstrip("/") + urlsplit(url).path
    body: Mapping[str, Any] = {"json": asked.json} if asked.json is not None else {"data": dict(asked.form)}
    try:
        answer = requests.post(
            url,
            params=dict(asked.params),
            auth=asked.basic,
            headers={"Accept": "application/json"},
            timeout=_TIMEOUT,
            allow_redirects=False,
            **body,
        )
    except requests.RequestException:  # Its text may hold the address, and the address the token.
        raise SignInError("The ERP's sign-in service cannot be reached.") from None
    if answer.status_code == 400 and "invalid_client" not in answer.text:
        return "The sign-in had ended at the vendor already. "
    if answer.status_code != 200:
        raise SignInError(f"The ERP's sign-in service refused to revoke the sign-in (HTTP {answer.status_code}).")
    return "The sign-in was revoked at the vendor. "


def _ignore(call: Call) -> None:
    """Disconnecting is not a delivery and is not logged as one."""
