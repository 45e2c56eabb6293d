"""OAuth 2: signing in, and keeping the tokens alive without ever losing the newest one.

The refresh token changes and the old one stops working, so a refresh happens under a row lock, starts from what is
stored at that moment, and is committed before the new token is used.
"""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import requests
from django.db import transaction
from django.utils import timezone

from integrations.connectors import base
from integrations.connectors.base import BadCredentials, OAuthEndpoints, TryLater
from integrations.models import Connection, ConnectionStatus, OAuthState
from integrations.vault import Secrets

_STATE_LIVES = timedelta(minutes=15)
_TIMEOUT = (5.0, 30.0)
_EARLY = timedelta(seconds=60)
_RECONNECT = "The ERP no longer accepts this connection. Connect to it again."


class SignInError(ValueError):
    """The sign-in was not completed; nothing was changed."""


def endpoints(connection: Connection) -> OAuthEndpoints:
    """Give where to sign in: the vendor's, or a stand-in server's with the vendor's paths."""
    spec = base.get(connection.erp)
    if not connection.auth_url:
        return spec.oauth
    root = connection.auth_url.rstrip("/")
    return OAuthEndpoints(
        authorize=f"{root}/connect/oauth2", token=f"{root}/oauth2/v1/tokens/bearer", scope=spec.oauth.scope
    )


def begin(connection: Connection, *, redirect_uri: str) -> str:
    """Begin a sign-in; give the address to send the person to. Raises SignInError without a client id."""
    client_id = connection.credentials.get("client_id")
    if not client_id:
        raise SignInError("Enter the app's client id and secret first; the ERP's developer portal shows them.")
    nonce = secrets.token_urlsafe(32)
    OAuthState.objects.create(
        connection=connection,
        digest=_digest(nonce),
        redirect_uri=redirect_uri,
        expires_at=timezone.now() + _STATE_LIVES,
    )
    where = endpoints(connection)
    query = {
        "client_id": client_id,
        "response_type": "code",
        "scope": where.scope,
        "redirect_uri": redirect_uri,
        "state": nonce,
    }
    return f"{where.authorize}?{urlencode(query)}"


def complete(*, state: str, code: str, realm_id: str) -> Connection:
    """Finish a sign-in from the callback's parameters. Raises SignInError in words."""
    now = timezone.now()
    found = OAuthState.objects.filter(digest=_digest(state)).select_related("connection").first()
    used = OAuthState.objects.filter(digest=_digest(state), used_at=None, expires_at__gt=now).update(used_at=now)
    if found is None or not used:
        raise SignInError("This sign-in has expired or was used already. Start it again from the connection.")
    connection = found.connection
    if connection.realm_id and connection.realm_id != realm_id:
        raise SignInError(
            f"This connection belongs to the company {connection.realm_name or connection.realm_id}, but another one was "
            "chosen. Sign in again and choose the same company, or make a new connection."
        )
    answer = _exchange(
        connection, {"grant_type": "authorization_code", "code": code, "redirect_uri": found.redirect_uri}
    )
    if answer is None:
        raise SignInError("The ERP did not accept the sign-in. Check the client id and secret, then start it again.")
    with transaction.atomic():
        locked = Connection.objects.select_for_update(no_key=True).get(pk=connection.pk)
        locked.realm_id = realm_id
        locked.status, locked.status_reason = ConnectionStatus.CONNECTED, ""
        _keep(locked, answer)
    return locked


class ConnectionAccess:
    """The tokens of one connection; see `connectors.base.Access`."""

    def __init__(self, connection_id: int) -> None:
        self._connection_id = connection_id
        self._token = ""
        self._good_until = timezone.now()

    def token(self) -> str:
        """Give the access token in force, refreshed shortly before it ends. Raises BadCredentials, TryLater."""
        if not self._token or timezone.now() >= self._good_until:
            self._remember(Connection.objects.only("credentials").get(pk=self._connection_id).credentials)
            if self._token and timezone.now() >= self._good_until:
                return self.refresh(stale=self._token)
        if not self._token:
            raise BadCredentials("This connection has not been connected yet. Connect to the ERP first.")
        return self._token

    def refresh(self, *, stale: str) -> str:
        """Give another access token than the stale one: a colleague's, else a new one. Raises BadCredentials, TryLater."""
        refused = False
        # Durable: the new tokens are committed before anyone uses them, and a refusal is remembered.
        with transaction.atomic(durable=True):
            locked = Connection.objects.select_for_update(no_key=True).get(pk=self._connection_id)
            if locked.credentials.get("access_token") == stale:
                refused = not _renew(locked)
            credentials, lost = locked.credentials, locked.status == ConnectionStatus.RECONNECT_NEEDED
        if lost:
            raise BadCredentials(_RECONNECT)
        if refused:
            raise TryLater("The ERP refused to renew the sign-in. It is tried once more.", after=1.0)
        self._remember(credentials)
        return self._token

    def _remember(self, credentials: Secrets) -> None:
        self._token = str(credentials.get("access_token", ""))
        expires = float(credentials.get("expires_at", 0))
        self._good_until = datetime.fromtimestamp(expires, tz=UTC) - _EARLY


def _renew(locked: Connection) -> bool:
    """Refresh the tokens of a locked connection; False when the ERP refused, the second time for good."""
    try:
        answer = _exchange(
            locked, {"grant_type": "refresh_token", "refresh_token": locked.credentials.get("refresh_token", "")}
        )
    except SignInError as error:
        raise TryLater(str(error), after=5.0) from error
    if answer is not None:
        _keep(locked, answer)
        return True
    if locked.credentials.get("refused"):
        locked.status, locked.status_reason = ConnectionStatus.RECONNECT_NEEDED, _RECONNECT
    locked.credentials = Secrets({**locked.credentials, "refused": True})
    locked.save(update_fields=["credentials", "status", "status_reason", "updated_at"])
    return False


def _exchange(connection: Connection, form: dict[str, str]) -> dict[str, Any] | None:
    """Ask the token address; None when it refused the grant. Raises SignInError when it could not be asked."""
    credentials = connection.credentials
    try:
        response = requests.post(
            endpoints(connection).token,
            data=form,
            auth=(str(credentials.get("client_id", "")), str(credentials.get("client_secret", ""))),
            headers={"Accept": "application/json"},
            timeout=_TIMEOUT,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise SignInError("The ERP's sign-in service cannot be reached. Try again in a moment.") from error
    if response.status_code >= 500 or response.status_code == 429:
        raise SignInError("The ERP's sign-in service has trouble of its own. Try again in a moment.")
    if response.status_code != 200:
        return None
    try:
        answer = response.json()
    except ValueError as error:
        raise SignInError("The ERP's sign-in service answered with something unreadable.") from error
    return answer if answer.get("access_token") and answer.get("refresh_token") else None


def _keep(connection: Connection, answer: dict[str, Any]) -> None:
    now = timezone.now()
    connection.credentials = Secrets(
        {
            "client_id": connection.credentials.get("client_id", ""),
            "client_secret": connection.credentials.get("client_secret", ""),
            "access_token": answer["access_token"],
            "refresh_token": answer["refresh_token"],
            "expires_at": (now + timedelta(seconds=int(answer.get("expires_in", 3600)))).timestamp(),
            "refresh_expires_at": (
                now + timedelta(seconds=int(answer.get("x_refresh_token_expires_in", 8_640_000)))
            ).timestamp(),
        }
    )
    connection.save(update_fields=["credentials", "realm_id", "status", "status_reason", "updated_at"])


def _digest(nonce: str) -> str:
    return hashlib.sha256(nonce.encode()).hexdigest()
