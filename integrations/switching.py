"""Switch what a connection sends, with nothing in flight: it would be sent in the wrong form, or not at all.

Whoever records a fact reads the mode once and writes the outbox with it; so a switch has to know that nobody is about to.
First it is announced: from then on writers read the mode under a share lock (`policy.targets`). Then those are waited for
that began before. Then it is made under a lock, where what is in flight shows.
"""

import time

from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from accounting.models import AccountingPolicy
from integrations.models import UNDELIVERED, Connection, OutboxItem, SummarizedEntry, SyncMode
from integrations.policy import SWITCHED_AT, SWITCHING
from integrations.setup import SetupError
from integrations.upkeep import set_options

_PATIENCE, _POLL = 10.0, 0.1  # Seconds.
_WRITING = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < %s AND backend_type = 'client backend'
"""


def change_mode(connection: Connection, *, mode: str, send_payments: bool, patience: float = _PATIENCE) -> None:
    """Switch what a connection sends. Raises SetupError, and then nothing is changed, with anything in flight.

    Runs outside any transaction; waits up to `patience` seconds for what is being recorded.
    """
    if database.in_atomic_block:
        raise RuntimeError("A switch is announced before it is made, so it cannot run inside a transaction.")
    if mode == connection.sync_mode and send_payments == connection.send_payments:
        return
    _refuse_in_flight(connection)
    set_options(connection.pk, {SWITCHING: True})
    try:
        _wait_for_writers(patience)
        with transaction.atomic():
            # In the order of writers who begin a month: they move the books' stamp before they read the mode.
            list(AccountingPolicy.objects.select_for_update(no_key=True).values_list("pk"))
            locked = Connection.objects.select_for_update(no_key=True).defer("credentials").get(pk=connection.pk)
            _refuse_in_flight(locked)
            if (
                mode != locked.sync_mode
            ):  # What the ERP has from before is in the other form; reconciliations need to know.
                locked.options[SWITCHED_AT] = timezone.now().isoformat()
            locked.sync_mode, locked.send_payments = mode, send_payments
            if mode != SyncMode.DOCUMENTS or send_payments:  # What is sent there is not taken over from there too.
                locked.options.pop("pull_payments", None)
            locked.save(update_fields=["sync_mode", "send_payments", "options", "updated_at"])
    finally:
        set_options(connection.pk, {SWITCHING: None})
    connection.refresh_from_db()


def _refuse_in_flight(connection: Connection) -> None:
    undelivered = OutboxItem.objects.filter(connection=connection, state__in=UNDELIVERED).count()
    if undelivered:
        raise SetupError(
            f"{undelivered} items wait for {connection.name}. Deliver or skip them first, then switch the mode."
        )
    collected = SummarizedEntry.objects.filter(connection=connection, summary=None).count()
    if collected:
        raise SetupError(
            f"{collected} entries wait for the sum of their day or month to be sent to {connection.name}. Let the day or month "
            "end, or send entries one by one and back-fill them, and deliver them first; then switch the mode."
        )


def _wait_for_writers(patience: float) -> None:
    announced, deadline = timezone.now(), time.monotonic() + patience
    while True:
        with database.cursor() as cursor:
            cursor.execute(_WRITING, [announced])
            if not cursor.fetchone()[0]:
                return
        if time.monotonic() > deadline:
            raise SetupError(
                "Something is being recorded at this moment, and might be sent in the old form. Wait until it is done (a "
                "billing run, an import), then switch the mode."
            )
        time.sleep(_POLL)
