"""Worker processes that can be killed without warning, and are at work a moment after they were started.

They are forked from a process that has loaded everything, so that a kill every second leaves them time to work. What they
run is what `manage.py sync_erp` and the workers of `manage.py work` run: `delivery.drain`.
"""

import multiprocessing
import random
import time
from multiprocessing.process import BaseProcess

from django.db import OperationalError, connections

from billing.tenancy import tenant_scope
from integrations.delivery import drain
from integrations.models import Connection

_FORK = multiprocessing.get_context("fork")
_PAUSE = 0.2


class Workers:
    """A number of workers at one connection; a context manager that ends them."""

    def __init__(self, connection: Connection, *, count: int) -> None:
        self._tenant_id, self._connection_id = connection.tenant_id, connection.pk
        self.kills = 0
        connections.close_all()  # Two processes must not share one.
        self._running = [self._start() for _ in range(count)]

    def kill_one(self, chance: random.Random) -> None:
        """Kill one with SIGKILL, and start another in its place."""
        at = chance.randrange(len(self._running))
        self._running[at].kill()
        self._running[at].join()
        self.kills += 1
        connections.close_all()
        self._running[at] = self._start()

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Kill them all."""
        for process in self._running:
            process.kill()
        for process in self._running:
            process.join()

    def _start(self) -> BaseProcess:
        process = _FORK.Process(target=_work, args=(self._tenant_id, self._connection_id), daemon=True)
        process.start()
        return process


def let_go_of_connections() -> None:
    """Forget, in a forked child, the database connections of its parent; they stay open there.

    `close_all` in the parent is not enough: an event loop running there, such as a browser's, does not come along, and without
    it Django keeps its connections elsewhere: there may be one from before the loop, which all children would share.
    """
    for inherited in connections.all(initialized_only=True):
        inherited.connection = None


def _work(tenant_id: int, connection_id: int) -> None:
    let_go_of_connections()
    with tenant_scope(tenant_id):
        while True:
            try:
                drain(connection_id, until_empty=True)
            except OperationalError:  # The machine was too busy to let us into the database.
                connections.close_all()
            time.sleep(_PAUSE)
