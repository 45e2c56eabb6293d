"""Requests at once to one account of a vendor, counted over all processes by session locks that die with theirs."""

import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection as database

from integrations.connectors.errors import TryLater

_SPACE = 7_205_200  # Our own number space among advisory locks; slot n is _SPACE + n.
_LONGEST_WAIT = 30.0
_POLL = 0.02
# One after the other until one is free: a function scan stops at the limit.
_TAKE = """
SELECT slot FROM generate_series(%(first)s::int, %(last)s::int) AS slot
 WHERE pg_try_advisory_lock(slot, %(key)s::int) LIMIT 1
"""


@contextmanager
def hold_slot(*, account: str, most: int) -> Iterator[None]:
    """Hold one of the `most` slots of an account. Raises TryLater when none comes free in time."""
    key = zlib.crc32(account.encode()) & 0x7FFF_FFFF
    deadline = time.monotonic() + _LONGEST_WAIT
    while (slot := take_slot(space=_SPACE, key=key, most=most)) is None:
        if time.monotonic() > deadline:
            raise TryLater("Many requests to the ERP are waiting for their turn.", after=_LONGEST_WAIT)
        time.sleep(_POLL)
    try:
        yield
    finally:
        let_go(slot, key=key)


def take_slot(*, space: int, key: int, most: int) -> int | None:
    """Take one of the `most` slots of a key, in a number space of its own; None when all are taken."""
    with database.cursor() as cursor:
        cursor.execute(_TAKE, {"first": space, "last": space + most - 1, "key": key})
        row = cursor.fetchone()
    return int(row[0]) if row else None


def let_go(slot: int, *, key: int) -> None:
    """Give a slot back; a lost database session has given it back by itself."""
    if database.connection is not None and not database.connection.closed:
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s::int, %s::int)", [slot, key])
