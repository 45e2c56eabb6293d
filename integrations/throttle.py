"""The vendor's published limits, kept per connection across all processes.

One row per limit holds the moment its next call may go out; one UPDATE reserves a slot, so two processes never share
one. Of a limit of N calls in a period, a burst B goes at once and N - B flow evenly: any window of the period then has
at most N calls.
"""

import time
from collections.abc import Mapping, Sequence

from django.db import connection as database

from integrations.connectors.base import TryLater

_LONGEST_WAIT = 30.0
_RESERVE = """
UPDATE integrations_throttlegate
   SET next_at = GREATEST(next_at, clock_timestamp() - %(burst)s::int * %(gap)s::float * interval '1 second')
                 + %(gap)s::float * interval '1 second'
 WHERE connection_id = %(connection)s AND name = %(name)s::text
   AND next_at < clock_timestamp() + %(longest)s::float * interval '1 second'
RETURNING EXTRACT(EPOCH FROM next_at - %(gap)s::float * interval '1 second' - clock_timestamp())
"""
_CREATE = """
INSERT INTO integrations_throttlegate (tenant_id, connection_id, name, next_at)
VALUES (%(tenant)s, %(connection)s, %(name)s, '2000-01-01') ON CONFLICT DO NOTHING
"""
# No turn is given further ahead than this. A later one is of before the server's clock was put back: what it stood for has gone
# out, the latest of it as far ahead as a turn can be.
_PUT_BACK = """
UPDATE integrations_throttlegate SET next_at = clock_timestamp() + %(longest)s::float * interval '1 second'
 WHERE connection_id = %(connection)s AND name = %(name)s::text
   AND next_at > clock_timestamp() + (%(longest)s::float + %(gap)s::float) * interval '1 second'
"""


class Throttle:
    """Slots of one connection. `limits`: name to (calls, seconds, of which at once)."""

    def __init__(self, *, tenant_id: int, connection_id: int, limits: Mapping[str, tuple[int, float, int]]) -> None:
        self._tenant_id = tenant_id
        self._connection_id = connection_id
        self._limits = limits

    def __call__(self, names: Sequence[str]) -> None:
        """Take one slot of each limit named and sleep until they have come. Raises TryLater when that is too far off."""
        wait = max(self.reserve(name) for name in names)
        if wait > 0:
            time.sleep(wait)

    def reserve(self, name: str) -> float:
        """Take the next slot of a limit; give the seconds until it. Raises TryLater without taking one."""
        calls, period, burst = self._limits[name]
        values: dict[str, int | float | str] = {
            "tenant": self._tenant_id,
            "connection": self._connection_id,
            "name": name,
            "burst": burst - 1,
            "gap": period / (calls - burst),
            "longest": _LONGEST_WAIT,
        }
        with database.cursor() as cursor:
            cursor.execute(_RESERVE, values)
            row = cursor.fetchone()
            if row is None:
                cursor.execute(_CREATE, values)
                cursor.execute(_RESERVE, values)
                row = cursor.fetchone()
            if row is None:
                cursor.execute(_PUT_BACK, values)
        if row is None:
            raise TryLater("Many requests to the ERP are waiting for their turn.", after=_LONGEST_WAIT)
        return max(0.0, float(row[0]))


def unthrottled(names: Sequence[str]) -> None:
    """Let everything through: for a sandbox without limits."""
