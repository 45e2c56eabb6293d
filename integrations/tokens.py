"""Access tokens: getting them, and keeping them alive without ever losing the newest one.

A refresh token may change and the old one stop working, so a refresh happens under a row lock, starts from what is
stored at that moment, and is committed before the new token is used.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from django.db import transaction
from django.utils import timezone

from billing.tenancy import Actor, current_tenant_id, tenant_scope
from integrations.connectors import base
from integrations.connectors.base import BadCredentials, Endpoints, SignIn, SignInKind, TryLater
from integrations.connectors.timing import CLOCK, clock_ahead, retry_after
from integrations.models import Connection, ConnectionStatus
from integrations.vault import Secrets

_TIMEOUT = (5.0, 30.0)
_EARLY = timedelta(seconds=60)
_RECONNECT = "The ERP no longer accepts this connection. Connect to it again."
TOKENS = ("access_token", "refresh_token", "former_refresh_token", "expires_at", "refresh_expires_at", "refused")


class SignInError(ValueError):
    """The sign-in was not completed; nothing was changed. It may be tried again in `after` seconds."""

    def __init__(self, words: str, *, after: float = 5.0) -> None:
        super().__init__(words)
        self.after = after


def way_of(connection: Connection) -> SignIn:
    """Give the way of signing in that the connection uses."""
    return base.get(connection.erp).sign_in(connection.sign_in)


def is_fed_by_files(connection: Connection) -> bool:
    """Tell whether a person carries the documents over, for want of anything to call."""
    return way_of(connection).kind is SignInKind.NONE


def endpoints(connection: Connection, found: Mapping[str, Any] | None = None) -> Endpoints:
    """Give where to call and to sign in: the vendor's addresses, or another server's with the vendor's paths.

    What `options["addresses"]` names is used as it stands there.
    """
    wanted = way_of(connection).endpoints({**connection.credentials, **(found or {})})
    if connection.base_url:
        wanted = replace(wanted, api=connection.base_url)
    if root := connection.auth_url.rstrip("/"):
        own = {name: root + urlsplit(getattr(wanted, name)).path for name in ("authorize", "token", "revoke")}
        wanted = replace(wanted, **own)
    return replace(wanted, **connection.option("addresses", {}))


class ConnectionAccess:
    """The tokens of one connection; see `connectors.base.Access`."""

    def __init__(self, connection_id: int) -> None:
        self._connection_id = connection_id
        self._token = ""
        self._good_until = timezone.now()

    def token(self) -> str:
        """Give the access token in force, refreshed shortly before it ends. Raises BadCredentials, TryLater."""
        if not self._token or timezone.now() >= self._good_until:
            self._remember(self.secrets())
            if self._token and timezone.now() >= self._good_until:
                return self.refresh(stale=self._token)
        if not self._token:
            raise BadCredentials("This connection has not been connected yet. Connect to the ERP first.")
        return self._token

    def refresh(self, *, stale: str) -> str:
        """Give another access token than the stale one: a colleague's, else a new one. Raises BadCredentials, TryLater."""
        refused = False
        # Nobody's change, whoever's work needed it: the audit trail keeps those of people. Durable: the new tokens are
        # committed before anyone uses them, and a refusal is remembered.
        with tenant_scope(current_tenant_id(), actor=Actor()), transaction.atomic(durable=True):
            locked = Connection.objects.select_for_update(no_key=True).get(pk=self._connection_id)
            if locked.credentials.get("access_token") == stale:
                refused = not _renew(locked)
            credentials, lost = locked.credentials, locked.status == ConnectionStatus.RECONNECT_NEEDED
            lost = lost or not credentials.get("access_token")  # Disconnected meanwhile.
        if lost:
            raise BadCredentials(_RECONNECT)
        if refused:
            raise TryLater("The ERP refused to renew the sign-in. It is tried once more.", after=1.0)
        self._remember(credentials)
        return self._token

    def secrets(self) -> Secrets:
        """Give the credentials as they are stored now."""
        return Connection.objects.only("credentials").get(pk=self._connection_id).credentials

    def _remember(self, credentials: Secrets) -> None:
        self._token = str(credentials.get("access_token", ""))
        expires = float(credentials.get("expires_at", 0))
        self._good_until = datetime.fromtimestamp(expires, tz=UTC) - _EARLY


def _renew(locked: Connection) -> bool:
    """Refresh the tokens of a locked connection; False when the ERP refused, the second time for good."""
    try:
        answer = _asked_with(locked)
    except SignInError as error:
        raise TryLater(str(error), after=error.after, whole_connection=True) from error
    if answer is not None:
        keep(locked, answer, found={"former_refresh_token": locked.credentials.get("refresh_token", "")})
        return True
    if locked.credentials.get("refused"):
        locked.status, locked.status_reason = ConnectionStatus.RECONNECT_NEEDED, _RECONNECT
    locked.credentials = Secrets({**locked.credentials, "refused": True})
    locked.save(update_fields=["credentials", "status", "status_reason", "updated_at"])
    return False


def _asked_with(locked: Connection) -> dict[str, Any] | None:
    """Ask for new tokens with the newest refresh token, and where that is refused with the one before it.

    Vendors let that one count for a while, for answers that got lost. It is also the way out where the request of a worker
    that was killed reaches the ERP late: taken for a repetition, it takes back what was given out since.
    """
    if way_of(locked).kind is not SignInKind.CODE:
        return exchange(locked, {})
    known = locked.credentials
    newest, former = known.get("refresh_token", ""), known.get("former_refresh_token", "")
    answer = exchange(locked, {"grant_type": "refresh_token", "refresh_token": newest})
    if answer is None and former and former != newest:
        answer = exchange(locked, {"grant_type": "refresh_token", "refresh_token": former})
    return answer


def exchange(
    connection: Connection, form: Mapping[str, str], *, found: Mapping[str, str] | None = None
) -> dict[str, Any] | None:
    """Ask the token address; None when it refused. `found` is what the callback told. Raises SignInError without an answer."""
    way, secrets = way_of(connection), {**connection.credentials, **(found or {})}
    url = endpoints(connection, found).token
    response = _asked(way, secrets, form, url)
    answer = _answer(way, response)
    if way.kind is not SignInKind.CLIENT:
        return answer
    ahead = clock_ahead(response.headers)
    if answer is None and ahead:
        # An assertion says when it was made; by the server's clock it may be one of yesterday, or of tomorrow.
        secrets[CLOCK] = ahead
        answer = _answer(way, _asked(way, secrets, form, url))
    vendors = way.endpoints(secrets).token
    if answer is None and vendors != url:
        # It also says for whom it was made: behind an address that hands on to the vendor, for the vendor's own.
        answer = _answer(way, _asked(way, secrets, form, url, meant_for=vendors))
    return answer


def _asked(
    way: SignIn, secrets: Mapping[str, Any], form: Mapping[str, str], url: str, *, meant_for: str = ""
) -> requests.Response:
    try:
        request = way.token_request(secrets, form, meant_for or url)
    except ValueError as error:  # A key or certificate that cannot be read or used.
        raise SignInError(f"The credentials cannot be used: {error}") from error
    try:
        return requests.post(
            url,
            data=dict(request.form),
            auth=request.basic,
            headers={"Accept": "application/json", **request.headers},
            timeout=_TIMEOUT,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise SignInError("The ERP's sign-in service cannot be reached. Try again in a moment.") from error


def _answer(way: SignIn, response: requests.Response) -> dict[str, Any] | None:
    """Read what the token address says; None for a refusal. Raises SignInError for what is neither that nor tokens."""
    if response.status_code >= 500 or response.status_code in (408, 425, 429):
        raise SignInError(
            "The ERP's sign-in service has trouble of its own. Try again in a moment.",
            after=retry_after(response.headers) or 5.0,
        )
    try:
        answer = response.json()
    except ValueError as error:  # A gateway's page refuses no sign-in, whatever its status.
        if response.status_code != 200 and "html" not in response.headers.get("Content-Type", ""):
            return None
        raise SignInError("The ERP's sign-in service answered with something unreadable.") from error
    if not isinstance(answer, dict):
        return None
    wait = way.busy(response.status_code, answer)
    if wait:
        raise SignInError("The ERP's sign-in service was asked too often. It is asked again by itself.", after=wait)
    return answer if response.status_code == 200 and answer.get("access_token") else None


def keep(connection: Connection, answer: Mapping[str, Any], *, found: Mapping[str, str] | None = None) -> None:
    """Store new tokens beside what was entered, and what was told with them. A refresh token left out stays as it was."""
    now = timezone.now()
    before = connection.credentials
    tokens = {
        "access_token": answer["access_token"],
        "refresh_token": answer.get("refresh_token") or before.get("refresh_token", ""),
        "expires_at": (now + timedelta(seconds=int(answer.get("expires_in", 3600)))).timestamp(),
    }
    if tokens["refresh_token"]:
        lives = float(answer.get("x_refresh_token_expires_in") or way_of(connection).refresh_days * 86_400)
        ends = float(answer.get("x_refresh_token_hard_expires_in") or lives)  # Used or not, from then on it is refused.
        tokens["refresh_expires_at"] = (now + timedelta(seconds=min(lives, ends))).timestamp()
    entered = {name: value for name, value in before.items() if name not in TOKENS}
    connection.credentials = Secrets({**entered, **(found or {}), **tokens})
    connection.save(update_fields=["credentials", "realm_id", "status", "status_reason", "updated_at"])
