import signal
from typing import Any

from django.core.management.base import BaseCommand

from integrations.schedules import ensure_schedules
from integrations.workers import Guard


class Command(BaseCommand):
    """Run background workers until Ctrl-C or SIGTERM, under a guard that starts them again when they stand still."""

    help = (
        "Run the background workers of this machine (COUNTERFOIL_WORKERS processes) and watch that they work. Any number of "
        "machines may run it on one database."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Guard a cluster."""
        ensure_schedules()
        guard = Guard(tell=self.stderr.write)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: guard.stop.set())
        guard.run()
