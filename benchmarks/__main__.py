"""Run all measurements, or those whose module is named: `make bench ARGS="pipeline"`."""

import os
import sys

from benchmarks.database import drop_database, fresh_database


def main(chosen: list[str]) -> int:
    server = os.environ.get("DATABASE_URL", "")
    os.environ["DATABASE_URL"] = url = fresh_database()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from benchmarks import engine, ledger, main_job, pipeline, recognition, replay, reports

    suites = {
        "pipeline": lambda: pipeline.measure(url),
        "main_job": lambda: main_job.measure(url),
        "recognition": lambda: recognition.measure(url),
        "engine": engine.measure,
        "replay": lambda: replay.measure(url),
        "reports": lambda: reports.measure(url),
        # Last: the server writes its million entries away for minutes after, beside whatever is measured then.
        "ledger": lambda: ledger.measure(url),
    }
    results = []
    for name in chosen or suites:
        for result in suites[name]():
            print(result, flush=True)
            results.append(result)
    from django.db import connections

    connections.close_all()
    if server:
        drop_database(server)
    return 0 if all(result.met for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
