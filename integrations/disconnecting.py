"""Disconnect: end the sign-in at the vendor and forget the credentials. What was delivered stays, what waits waits.

Switching off is less: it keeps the credentials, and the connection goes on as it was when it is switched on again.
"""

from django.db import transaction

from integrations.models import Connection, ConnectionStatus, OAuthState, OutboxItem, OutboxState
from integrations.signing_out import can_sign_out, sign_out
from integrations.tokens import SignInError, way_of
from integrations.vault import Secrets

_FORCE = "Or forget the credentials without telling the vendor, and end the sign-in there by hand."
_OPEN = (OutboxState.PENDING, OutboxState.IN_FLIGHT, OutboxState.APPROVAL, OutboxState.PARKED)


def disconnect(connection_id: int, *, by: str, even_untold: bool = False) -> str:
    """End the sign-in at the vendor, forget all that was entered and given, and switch off; say in words what was done.

    Raises SignInError where the vendor cannot be told and `even_untold` is not set; then nothing is changed.
    """
    connection = Connection.objects.defer("credentials").get(pk=connection_id)
    words = ""
    try:
        if can_sign_out(connection):
            sign_out(connection, reason=f"Disconnected by {by}.")
            words = "The sign-in was ended at the vendor. "
    except SignInError as error:
        if not even_untold:
            raise SignInError(f"{error} {_FORCE}") from error
        words = "The vendor could not be told: end the sign-in there by hand. "
    with transaction.atomic():
        locked = Connection.objects.select_for_update(no_key=True).defer("credentials").get(pk=connection_id)
        locked.credentials, locked.status = Secrets(), ConnectionStatus.DISABLED
        locked.status_reason = f"Disconnected by {by}. {words}{way_of(locked).by_hand}".strip()
        locked.save(update_fields=["credentials", "status", "status_reason", "updated_at"])
        OAuthState.objects.filter(connection=locked).delete()  # A sign-in that was begun ends with it.
    return f"{words}The credentials are forgotten. {way_of(connection).by_hand}".strip()


def what_becomes(connection: Connection) -> str:
    """Say in words what becomes of what the connection has sent, and of what it has not."""
    waiting = OutboxItem.objects.filter(connection=connection, state__in=_OPEN).count()
    stays = "What was delivered stays in the ERP and is still shown here. Nothing more is sent or collected."
    if not waiting:
        return f"{stays} Nothing waits to be sent."
    return (
        f"{stays} {waiting:,} items that are not delivered stay in the outbox as they are; a request under way is looked for "
        "there before it is sent again. They go out when the same company is connected again, or you skip them with a reason."
    )
