"""The peer: django-hordak posting two-line entries through its documented API, in a database and a process of its own.

It posts when it is told to, so that a measurement can take turns with it: a machine whose pace changes is the same for both.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from benchmarks.database import fresh_database

_DATABASE = "counterfoil_bench_hordak"


class Hordak:
    """django-hordak at work in another process, as a context."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.hordak"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answer()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def seconds(self, way: str, entries: int) -> float:
        """Post so many entries `in_bulk`, a thousand in a transaction, or each `alone` in its own."""
        assert self._process.stdin
        print(way, entries, file=self._process.stdin, flush=True)
        return float(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("django-hordak has stopped; its error stands above.")
        return answer


def main() -> None:
    import dj_database_url
    import django
    from django.conf import settings

    settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", "mptt", "hordak"],
        DATABASES={"default": dj_database_url.parse(fresh_database(_DATABASE))},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        SECRET_KEY=os.urandom(16).hex(),
        USE_TZ=True,
        DEFAULT_CURRENCY="USD",
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    ways = _ways()
    print("ready", flush=True)
    for line in sys.stdin:
        way, entries = line.split()
        started = time.perf_counter()
        ways[way](int(entries))
        print(time.perf_counter() - started, flush=True)


def _ways() -> dict[str, Callable[[int], None]]:
    from django.db import transaction
    from hordak.models import Account, AccountType, Leg, Transaction
    from moneyed import Money

    receivable = Account.objects.create(name="AR", code="1", type=AccountType.asset, currencies=["USD"])
    deferred = Account.objects.create(name="Deferred", code="2", type=AccountType.liability, currencies=["USD"])
    amount = Money("64.76", "USD")

    def in_bulk(entries: int) -> None:
        for _ in range(entries // 1000):
            with transaction.atomic():
                posted = Transaction.objects.bulk_create([Transaction(description="Invoice") for _ in range(1000)])
                Leg.objects.bulk_create(
                    leg
                    for each in posted
                    for leg in (
                        Leg(transaction=each, account=receivable, debit=amount),
                        Leg(transaction=each, account=deferred, credit=amount),
                    )
                )

    def alone(entries: int) -> None:
        for _ in range(entries):
            with transaction.atomic():
                each = Transaction.objects.create(description="Invoice")
                Leg.objects.create(transaction=each, account=receivable, debit=amount)
                Leg.objects.create(transaction=each, account=deferred, credit=amount)

    return {"in_bulk": in_bulk, "alone": alone}


if __name__ == "__main__":
    main()
