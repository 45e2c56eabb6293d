"""Kill workers while the ERP fails, then prove that nothing is missing, nothing is there twice and no limit was broken.

    python -m benchmarks.erp.chaos                          all four vendors in both modes, 2,000 documents each
    python -m benchmarks.erp.chaos quickbooks --mode documents --documents 200

Prints one JSON verdict per run; ends with 1 when one is not ok. The data, the faults drawn and the workers chosen follow
from `--seed`; what they meet does not, for time is real. The windows of the limits pass `--clock` times faster than the
vendor's, and our pace with them, so that 2,000 documents at 100 calls a minute do not take an hour.
"""

import argparse
import json
import os
import random
import re
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.database import drop_database, fresh_database

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from benchmarks.erp.sandbox import Sandbox
    from integrations.models import Connection, OutboxItem

VENDORS = ("quickbooks", "xero", "netsuite", "zoho")
MODES = ("journal_entries", "documents")
# A kill costs what it met an attempt, and here there is one every second.
QUICK = {"backoff_base": 0.05, "backoff_cap": 1.0, "settle_seconds": 0.5, "read_timeout": 1.0, "max_attempts": 30}
_RATE = 0.2
_WORKERS = 3
_SHOWN = 5
_NEW_TOKENS_AT = (5, 25, 50)  # After so many kills the access token ends early; Zoho gives ten in ten minutes.
# What came in a later transaction need not go out before, whatever its stage (see `claims.claim`).
_OUT_OF_ORDER = """
SELECT count(*) FROM integrations_outboxitem late JOIN integrations_outboxitem early
       ON early.connection_id = late.connection_id AND early.group_key = late.group_key AND early.stage < late.stage
      AND early.created_at <= late.created_at
 WHERE late.connection_id = %s AND late.delivered_at < early.delivered_at
"""


@dataclass
class Verdict:
    """What a run shows. `twice` counts the references that more than one of the ERP's records carries."""

    erp: str
    mode: str
    documents: int = 0
    missing: int = 0
    twice: int = 0
    out_of_order: int = 0
    differences: int = 0
    parked: list[str] = field(default_factory=list)
    limits_exceeded: dict[str, int] = field(default_factory=dict)
    limits_peak: dict[str, int] = field(default_factory=dict)
    kills: int = 0
    calls: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        wrong = self.missing + self.twice + self.out_of_order + self.differences + len(self.parked)
        return not wrong and not any(self.limits_exceeded.values())

    def __str__(self) -> str:
        return json.dumps({"ok": self.ok, **asdict(self)}, ensure_ascii=False)


def run(
    connection: "Connection", sandbox: "Sandbox", *, seed: int, every: float, most_seconds: float, rate: float = _RATE
) -> Verdict:
    """Deliver what the outbox holds through workers that are killed; in the tenant's scope."""
    from benchmarks.erp.workers import Workers
    from integrations.models import OutboxItem

    verdict = Verdict(connection.erp, connection.sync_mode)
    started = time.monotonic()
    chance = random.Random(seed)
    hold = 1.2 * connection.option("read_timeout", 1.0)  # Longer than we wait, so that it is a time-out for us.
    sandbox.do("faults", rate=rate, hold_seconds=hold, seed=seed, include_oauth=True)
    if connection.erp == "quickbooks":
        # Intuit gives a refresh token a new value about once a day, the stand-in else at each use; nobody can sign in any more
        # when the answer with the new value is lost.
        sandbox.do("preferences", RotateRefreshTokens=False)
    waiting = OutboxItem.objects.filter(connection=connection).exclude(state__in=("delivered", "parked"))
    with Workers(connection, count=_WORKERS) as workers:
        asked = sandbox.calls()
        while _is_some(waiting) and time.monotonic() - started < most_seconds:
            time.sleep(every)
            if sandbox.calls() == asked:
                continue  # On a slow machine workers would be killed before they came to anything.
            workers.kill_one(chance)
            asked = sandbox.calls()
            if workers.kills in _NEW_TOKENS_AT:
                sandbox.do("expire_tokens")
        verdict.kills = workers.kills
    verdict.seconds = round(time.monotonic() - started, 1)
    counted = sandbox.state()
    verdict.calls, verdict.faults = counted["calls"]["total"], counted["calls"]["faults_injected"]
    if counted["limits"]["mode"] == "real":
        verdict.limits_exceeded, verdict.limits_peak = counted["limits"]["exceeded"], counted["limits"]["peaks"]
    sandbox.do("faults", rate=0)
    _judge(verdict, connection, sandbox)
    return verdict


def _is_some(waiting: "QuerySet[OutboxItem]") -> bool:
    """Tell whether something waits; a machine too busy to let us into the database says nothing about that."""
    from django.db import OperationalError

    try:
        return waiting.exists()
    except OperationalError:
        return True


def _judge(verdict: Verdict, connection: "Connection", sandbox: "Sandbox") -> None:
    """Compare our outbox with what the ERP holds: by its own records, and by the reconciliation."""
    from django.db import connection as database

    from benchmarks.erp.company import END
    from integrations.models import OutboxItem
    from integrations.reconciliation import reconcile

    items = OutboxItem.objects.filter(connection=connection)
    verdict.documents = items.exclude(kind__in=("customer", "product")).count()
    left = items.exclude(state="delivered").values_list("kind", "state", "attempts", "available_at", "reason")
    verdict.parked = [" · ".join(map(str, each)) for each in left[:_SHOWN]]
    held = _holders(sandbox.state("?objects=1")["objects"], connection.reference_prefix)
    sent = connection.references.exclude(kind__in=_CHANGES).values_list("reference", flat=True)
    verdict.missing = items.exclude(state="delivered").count() + sum(1 for each in sent if not held[each])
    verdict.twice = sum(1 for count in held.values() if count > 1)
    with database.cursor() as cursor:
        cursor.execute(_OUT_OF_ORDER, [connection.pk])
        verdict.out_of_order = cursor.fetchone()[0]
    _, findings = reconcile(connection, through=END)
    verdict.differences = len(findings.differences)


_CHANGES = ("payment_update", "credit_allocation", "payment_void", "credit_note_void", "invoice_void")


def _holders(objects: dict[str, list[dict[str, Any]]], prefix: str) -> Counter[str]:
    """Count, by our reference, the ERP's records that carry it in a field of their own."""
    pattern = re.compile(rf"{re.escape(prefix)}-[A-Z]\d+")
    held: Counter[str] = Counter()
    for records in objects.values():
        for record in records:
            own = {name: value for name, value in record.items() if isinstance(value, str)}
            held.update(set(pattern.findall(json.dumps(own))))
    return held


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("erp", nargs="*", choices=(*VENDORS, []), help="which vendors; all when none is named")
    parser.add_argument("--mode", choices=MODES, help="one mode instead of both")
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two kills")
    parser.add_argument("--clock", type=float, default=10.0, help="the limits' windows pass so many times faster")
    parser.add_argument("--minutes", type=float, default=20.0, help="the longest that one run may take")
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    server = os.environ.get("DATABASE_URL", "")
    os.environ["DATABASE_URL"] = fresh_database("counterfoil_chaos")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("COUNTERFOIL_LOG_LEVEL", "CRITICAL")
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    call_command("migrate", verbosity=0)
    good = True
    for erp in asked.erp or VENDORS:
        for mode in [asked.mode] if asked.mode else MODES:
            connections.close_all()
            verdict = _one(erp, mode, asked)
            good = good and verdict.ok
            print(verdict, flush=True)
    connections.close_all()
    if server:
        drop_database(server, "counterfoil_chaos")
    return 0 if good else 1


def _one(erp: str, mode: str, asked: argparse.Namespace) -> Verdict:
    from benchmarks.erp.company import connect, do_business
    from benchmarks.erp.sandbox import serve
    from billing.tenancy import tenant_scope

    with serve(erp, clock=asked.clock) as sandbox:
        connection = connect(slug=f"{erp}-{mode}".replace("_", "-"), erp=erp, mode=mode, url=sandbox.url, **QUICK)
        with tenant_scope(connection.tenant_id):
            do_business(connection, documents=asked.documents)
            return run(connection, sandbox, seed=asked.seed, every=asked.every, most_seconds=asked.minutes * 60)


if __name__ == "__main__":
    sys.exit(main())
