"""Measure how much of each vendor's published limit is used while a backlog of journal entries exists.

    python -m benchmarks.erp.throughput                 all four vendors, about six minutes
    python -m benchmarks.erp.throughput netsuite xero

By the stand-in server's own count, over one whole window of the vendor's limit in real time (a minute), with answers that
take as long as the vendor's might. NetSuite publishes no rate but the number of requests at once: there the share is the
time that calls took, of the time that so many at once could have taken.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.database import drop_database, fresh_database
from benchmarks.report import Result

if TYPE_CHECKING:
    from benchmarks.erp.sandbox import Sandbox
    from integrations.models import Connection

_NAME = "counterfoil_throughput"
_ROOT = Path(__file__).resolve().parents[2]
_WANTED = 0.95
_BEGIN, _WINDOW = 20.0, 60.0  # Seconds until the burst at the beginning is over, and of the measurement.
_PATIENCE = 180.0


@dataclass(frozen=True)
class Case:
    """A vendor's limit that binds a back-fill of journals: the stand-in's name of it, and entries in one call."""

    limit: str
    batch: int
    call: str
    held: str
    backlog: int
    latency: float


CASES = {
    "quickbooks": Case("batch_per_minute", 30, "batch", "JournalEntry", 2400, 0.5),
    "xero": Case("minute", 50, "create ManualJournal", "ManualJournal", 6000, 0.5),
    "netsuite": Case("concurrent", 100, "batch journalEntry", "journalEntry", 9000, 2.0),
    "zoho": Case("per_minute", 1, "create Journal", "journals", 400, 0.5),
}


def measure(erp: str) -> Iterator[Result]:
    """Deliver a backlog of one vendor's; give the share of its limit, and how many entries a call took."""
    from benchmarks.erp.company import connect
    from benchmarks.erp.sandbox import serve
    from billing.tenancy import tenant_scope

    case = CASES[erp]
    with serve(erp, latency=case.latency) as sandbox:
        connection = connect(slug=erp, erp=erp, mode="journal_entries", url=sandbox.url)
        with tenant_scope(connection.tenant_id):
            _fill(connection, case.backlog)
            yield from _drain(erp, case, connection, sandbox)


def _fill(connection: "Connection", entries: int) -> None:
    """Post payments, one entry each."""
    from benchmarks.company import Company
    from benchmarks.pipeline import payment, post_events
    from billing.models import BusinessEntity

    entity = BusinessEntity.objects.get()
    post_events(Company(connection.tenant_id, entity.pk, 10**9, 0), payment, range(1, entries + 1))


def _drain(erp: str, case: Case, connection: "Connection", sandbox: "Sandbox") -> Iterator[Result]:
    from django_q.models import OrmQ

    from integrations import lanes
    from integrations.models import OutboxItem

    left = OutboxItem.objects.filter(connection=connection).exclude(state="delivered")
    OrmQ.objects.all().delete()  # Calls from while the outbox was filled, and to the vendor before.
    lanes.answer(connection.pk)
    lanes.call(tenant_id=connection.tenant_id, connection_id=connection.pk)
    with _at_work():
        _wait_for_the_first(case.call, sandbox)
        time.sleep(_BEGIN)
        before, started, had = sandbox.state(), time.monotonic(), left.count()
        time.sleep(_WINDOW)
        after, seconds, has = sandbox.state(), time.monotonic() - started, left.count()
    limits = {"before": before["limits"], "after": after["limits"]}
    most = limits["after"][case.limit]
    if case.limit == "concurrent":
        used = (limits["after"]["busy_seconds"] - limits["before"]["busy_seconds"]) / (most * seconds)
    else:
        used = (
            (limits["after"]["counted"][case.limit] - limits["before"]["counted"][case.limit])
            / most
            * _WINDOW
            / seconds
        )
    exceeded = sum(after["limits"]["exceeded"].values())
    detail = f"{had - has:,} entries in {seconds:.0f} s, {has:,} left, limits exceeded {exceeded} times"
    yield Result(
        f"{erp}: share of the limit {case.limit} ({most}) in use",
        used if has and not exceeded else 0.0,
        ">=",
        _WANTED,
        detail,
    )
    if case.batch > 1:
        ended = sandbox.state()  # The workers have finished what they had in hand.
        calls, sent = ended["calls"]["by_kind"].get(case.call, 0), ended["counts"][case.held]
        yield Result(
            f"{erp}: entries in one '{case.call}'",
            sent / max(calls, 1),
            ">=",
            case.batch * 0.99,
            f"{sent:,} by {calls}",
        )


def _wait_for_the_first(call: str, sandbox: "Sandbox") -> None:
    """Wait until workers that have just been started send something; on a busy machine that takes a while."""
    deadline = time.monotonic() + _PATIENCE
    while not sandbox.state()["calls"]["by_kind"].get(call) and time.monotonic() < deadline:
        time.sleep(0.5)


@contextmanager
def _at_work() -> Iterator[None]:
    """Run the workers as operations do: `manage.py work`, as many as it starts by itself."""
    process = subprocess.Popen(
        [sys.executable, str(_ROOT / "manage.py"), "work"],
        cwd=_ROOT,
        env={**os.environ, "COUNTERFOIL_LOG_LEVEL": "ERROR"},
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=90)


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("erp", nargs="*", choices=(*CASES, []), help="which vendors; all when none is named")
    asked = parser.parse_args()
    server = os.environ.get("DATABASE_URL", "")
    os.environ["DATABASE_URL"] = fresh_database(_NAME)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    call_command("migrate", verbosity=0)
    met = True
    for erp in asked.erp or CASES:
        connections.close_all()
        for result in measure(erp):
            met = met and result.met
            print(result, flush=True)
    connections.close_all()
    if server:
        drop_database(server, _NAME)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
