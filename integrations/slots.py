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


@contextmanager
def hold_slot(*, account: str, most: int) -> Iterator[None]:
    """Hold one of the `most` slots of an account. Raises TryLater when none comes free in time."""
    key = zlib.crc32(account.encode()) & 0x7FFF_FFFF
    slot = _take(key, most)
    try:
        yield
    finally:
        if database.connection is not None and not database.connection.closed:
            with database.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s::int, %s::int)", [slot, key])


def _take(key: int, most: int) -> int:
    deadline = time.monotonic() + _LONGEST_WAIT
    with database.cursor() as cursor:
        while True:
            for slot in range(_SPACE, _SPACE + most):
                cursor.execute("SELECT pg_try_advisory_lock(%s::int, %s::int)", [slot, key])
                if cursor.fetchone()[0]:
                    return slot
            if time.monotonic() > deadline:
                raise TryLater("Many requests to the ERP are waiting for their turn.", after=_LONGEST_WAIT)
            time.sleep(_POLL)
