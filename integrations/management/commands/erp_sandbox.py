"""Run a stand-in ERP server for trying out, demos and tests."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations.sandbox.server import LIMITS, VENDORS, start_in_thread


class Command(BaseCommand):
    """Serve until Ctrl-C or SIGTERM. Needs no database."""

    help = "Run a stand-in ERP server that speaks the vendor's own protocol and keeps its books in memory."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("vendor", choices=sorted(VENDORS))
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8800, help="port to listen on (default 8800; 0: any free one)")
        parser.add_argument("--limits", choices=LIMITS, default="off", help="keep to the vendor's rate limits")
        parser.add_argument(
            "--clock", type=float, default=1.0, help="their windows pass so many times faster (default 1)"
        )
        parser.add_argument("--latency", type=float, default=0.0, help="seconds that each answer takes at least")

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, say where, wait for a signal, stop."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        try:
            sandbox = start_in_thread(
                options["vendor"],
                port=options["port"],
                limits=options["limits"],
                host=options["host"],
                clock=options["clock"],
                latency=options["latency"],
            )
        except OSError as error:
            raise CommandError(
                f"Cannot listen on {options['host']}:{options['port']} ({error.strerror}). Choose another --port."
            ) from error
        with sandbox:
            self.stderr.write(f"{options['vendor']} sandbox at {sandbox.url} (state: {sandbox.url}/_sandbox/state)")
            stop.wait()
