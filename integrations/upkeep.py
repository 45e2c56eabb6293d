"""What a person changes about a connection by hand: its credentials, switching it off and on again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError, Q

from integrations import certificates
from integrations.connectors.base import SignInKind
from integrations.models import Connection, ConnectionStatus
from integrations.setup import SetupError
from integrations.tokens import way_of
from integrations.vault import Secrets, VaultError


@dataclass(frozen=True, slots=True)
class TokenHealth:
    """What may be told about credentials: never they themselves. `trouble` is in words when they cannot be read."""

    missing: tuple[str, ...] = ()
    access_until: datetime | None = None
    sign_in_until: datetime | None = None
    certificate_until: datetime | None = None
    trouble: str = ""


@transaction.atomic
def enter_credentials(connection_id: int, *, given: Mapping[str, str]) -> None:
    """Keep what is entered for signing in; whoever was signed in with others has to sign in again."""
    locked = Connection.objects.select_for_update(no_key=True).defer("credentials").get(pk=connection_id)
    try:
        before = dict(locked.credentials)
    except VaultError:  # Unreadable ones are replaced: entering them anew is the way out.
        before = {}
    signing = {each.name for each in way_of(locked).fields}
    changed = any(before.get(name) != value for name, value in given.items() if name in signing)
    if changed and locked.status == ConnectionStatus.CONNECTED:
        locked.status = ConnectionStatus.RECONNECT_NEEDED
        locked.status_reason = "The credentials were changed. Sign in again with them."
    locked.credentials = Secrets({**before, **given})
    locked.save(update_fields=["credentials", "status", "status_reason", "updated_at"])


@transaction.atomic
def set_options(connection_id: int, given: Mapping[str, Any]) -> None:
    """Keep what a person decided about a connection; None or an empty text takes the default back."""
    locked = Connection.objects.select_for_update(no_key=True).defer("credentials").get(pk=connection_id)
    options = {**locked.options, **given}
    locked.options = {name: value for name, value in options.items() if value not in (None, "", False)}
    locked.save(update_fields=["options", "updated_at"])


@transaction.atomic
def compare_from(connection_id: int, first: date) -> None:
    """Let reconciliations begin no later than this day: everything dated from it on was brought along."""
    locked = Connection.objects.select_for_update(no_key=True).defer("credentials").get(pk=connection_id)
    if locked.options.get("reconcile_from", "") > first.isoformat():
        set_options(connection_id, {"reconcile_from": first.isoformat()})


def token_health(connection: Connection) -> TokenHealth:
    """Say what is entered and how long it lasts."""
    try:
        credentials = connection.credentials
    except VaultError as error:
        return TokenHealth(trouble=str(error))
    return TokenHealth(
        missing=tuple(
            each.label for each in way_of(connection).fields if not each.is_optional and not credentials.get(each.name)
        ),
        access_until=_moment(credentials.get("expires_at") if credentials.get("access_token") else None),
        sign_in_until=_moment(credentials.get("refresh_expires_at")),
        certificate_until=certificates.ends(way_of(connection), credentials),
    )


def _moment(seconds: float | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, tz=UTC) if seconds else None


@transaction.atomic
def switch_off(connection_id: int, *, reason: str) -> None:
    """Stop sending and stop collecting; what waits is kept. A request under way is finished."""
    locked = Connection.objects.select_for_update(no_key=True).defer("credentials").get(pk=connection_id)
    locked.status, locked.status_reason = ConnectionStatus.DISABLED, reason
    locked.save(update_fields=["status", "status_reason", "updated_at"])


def forget(connection_id: int) -> None:
    """Take back a connection that came to nothing. One that something was collected for meanwhile is switched off instead."""
    try:
        with transaction.atomic():
            Connection.objects.get(pk=connection_id).delete()
    except ProtectedError:
        switch_off(connection_id, reason="It could not be connected.")


@transaction.atomic
def switch_on(connection_id: int) -> None:
    """Use a connection again, as the one it was: what it delivered before is not sent twice. Raises SetupError."""
    locked = Connection.objects.select_for_update(no_key=True).get(pk=connection_id)
    same_books = Q(business_entity_id=locked.business_entity_id)
    other = Connection.objects.exclude(status=ConnectionStatus.DISABLED).filter(same_books).defer("credentials").first()
    if other is not None and other.pk != locked.pk:
        raise SetupError(f"{other.name} is connected to the same books. Switch that connection off first.")
    signed_in = bool(locked.realm_id) and (
        bool(locked.credentials.get("refresh_token"))
        if way_of(locked).kind is SignInKind.CODE
        else not token_health(locked).missing
    )
    locked.status = ConnectionStatus.CONNECTED if signed_in else ConnectionStatus.NEW
    locked.status_reason = ""
    locked.save(update_fields=["status", "status_reason", "updated_at"])
