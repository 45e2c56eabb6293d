"""How many workers serve one connection: as many lanes as keep the vendor's limit in use, and one call for more at a time.

A worker that enters a lane calls the next while there is work for both, and again when its turn is over before the work is.
So a backlog draws in every worker that has nothing else to do, and the queue holds one call per connection, however long the
backlog: calls of other companies have their turn. A lane is a session lock, which dies with its worker; a call that was lost
counts for a minute, then the clock may call again.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection as database
from django.db import transaction
from django_q.tasks import async_task

from billing.tenancy import tenant_scope
from integrations.connectors import base
from integrations.connectors.base import ConnectorSpec
from integrations.models import Connection
from integrations.slots import let_go, take_slot

_SPACE = 7_205_300  # Our own number space among advisory locks; lane n is _SPACE + n.
_POLLING = 7_205_400
_AT_ONCE = 5  # Requests worth having under way at a vendor that publishes only a rate.
_BETWEEN = 5  # Workers that build or record between two requests, while others have theirs under way.
_ONE_BY_ONE = 3  # Where each document is a request, a worker goes on from one to the next; more only share the pace.
_CALLED = 60.0
# The gate `workers`, beside those of the vendor's limits, holds until when a worker counts as called.
_CALL = """
INSERT INTO integrations_throttlegate (tenant_id, connection_id, name, next_at)
VALUES (%(tenant)s, %(connection)s, 'workers', clock_timestamp() + %(for)s::float * interval '1 second')
    ON CONFLICT (connection_id, name) DO UPDATE SET next_at = excluded.next_at
 WHERE integrations_throttlegate.next_at < clock_timestamp()
    -- Further ahead than any call counts: the server's clock was put back.
    OR integrations_throttlegate.next_at > clock_timestamp() + %(for)s::float * interval '1 second'
RETURNING id
"""
_ANSWER = """
UPDATE integrations_throttlegate SET next_at = clock_timestamp()
 WHERE connection_id = %s AND name = 'workers' AND next_at > clock_timestamp()
"""


def call(*, tenant_id: int, connection_id: int) -> bool:
    """Call a worker to a connection, unless one is called already; tell whether it was called now."""
    # In a transaction: outside of one django-q2 drops this thread's database connection, and with it every prepared statement.
    with tenant_scope(tenant_id), transaction.atomic(), database.cursor() as cursor:
        cursor.execute(_CALL, {"tenant": tenant_id, "connection": connection_id, "for": _CALLED})
        if cursor.fetchone() is None:
            return False
        async_task("integrations.tasks.drain_connection", tenant_id, connection_id, group="sync")
    return True


def answer(connection_id: int) -> None:
    """Be the worker that was called: from here on another may be."""
    with database.cursor() as cursor:
        cursor.execute(_ANSWER, [connection_id])


@contextmanager
def enter(connection: Connection) -> Iterator[bool]:
    """Hold a lane of a connection; False when all are taken."""
    with _held(_SPACE, connection.pk, _useful(base.get(connection.erp))) as is_held:
        yield is_held


@contextmanager
def alone(connection_id: int) -> Iterator[bool]:
    """Be the one that asks a connection's ERP what changed; False when another worker is."""
    with _held(_POLLING, connection_id, 1) as is_held:
        yield is_held


@contextmanager
def _held(space: int, connection_id: int, most: int) -> Iterator[bool]:
    key = connection_id % 2**31
    slot = take_slot(space=space, key=key, most=most)
    try:
        yield slot is not None
    finally:
        if slot is not None:
            let_go(slot, key=key)


def _useful(spec: ConnectorSpec) -> int:
    return _ONE_BY_ONE if spec.one_by_one else (spec.concurrency or _AT_ONCE) + _BETWEEN
