"""Import, bill, finalize and post contracts: against the floor of all rows written, and how it grows.

Run as a module with a number of contracts it measures one run in a process of its own and prints JSON, so that peak
memory is that run's.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.database import Floor
from benchmarks.report import Result

CONTRACTS = 7_043
TABLES = (
    "billing_customer",
    "billing_contract",
    "billing_contractphase",
    "billing_contractitem",
    "billing_invoice",
    "billing_invoiceline",
    "billing_businessevent",
    "accounting_journalentry",
    "accounting_journalline",
    "accounting_recognitionschedule",
    "integrations_outboxitem",
)


def measure(url: str) -> Iterator[Result]:
    # The least of three on both sides: what else the machine does only ever adds.
    small = min((_in_own_process(CONTRACTS, turn) for turn in range(3)), key=lambda run: run["seconds"])
    floor = Floor(url, TABLES, small["tenant"])
    floor_seconds = min(floor.seconds(batches=8) for _ in range(3))
    detail = f"{small['seconds']:.1f} s for {floor.rows:,} rows; floor {floor_seconds:.2f} s"
    yield Result(
        "import, bill, finalize, post 7,043 contracts, times the floor",
        small["seconds"] / floor_seconds,
        "<=",
        8,
        detail,
    )
    large = _in_own_process(10 * CONTRACTS, 0)
    detail = f"{large['seconds']:.1f} s against {small['seconds']:.1f} s"
    yield Result("ten times the contracts, times the time", large["seconds"] / small["seconds"], "<=", 11, detail)
    detail = f"{large['peak_mb']:.0f} MB against {small['peak_mb']:.0f} MB"
    yield Result(
        "ten times the contracts, times the peak memory", large["peak_mb"] / small["peak_mb"], "<=", 1.5, detail
    )


def _in_own_process(contracts: int, turn: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.main_job", str(contracts), str(turn)],
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def run(contracts: int, turn: int) -> dict[str, float]:
    from benchmarks.company import column_map, make_company, write_contracts
    from billing.importing.column_map import load_column_map
    from billing.importing.contracts import import_contracts
    from billing.services.billing_run import run_billing
    from billing.tenancy import tenant_scope

    company = make_company(f"main-job-{contracts}-{turn}")
    with TemporaryDirectory() as name, tenant_scope(company.tenant_id):
        folder = Path(name)
        path, columns = write_contracts(folder, contracts), load_column_map(column_map(folder))
        started = time.perf_counter()
        import_contracts(path=path, columns=columns)
        run_billing(through=date(2026, 1, 1), finalize=True)
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"tenant": company.tenant_id, "seconds": seconds, "peak_mb": peak}


if __name__ == "__main__":
    import django

    django.setup()
    print(json.dumps(run(*map(int, sys.argv[1:]))))
