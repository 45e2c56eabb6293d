"""The peer: django-hordak posting two-line entries through its documented API, in a database of its own.

Run as `python -m benchmarks.hordak ENTRIES`; prints JSON with entries a second, in bulk and one by one.
"""

import json
import os
import sys
import time

from benchmarks.database import fresh_database


def main(entries: int) -> None:
    import dj_database_url
    import django
    from django.conf import settings

    settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", "mptt", "hordak"],
        DATABASES={"default": dj_database_url.parse(fresh_database("counterfoil_bench_hordak"))},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        SECRET_KEY=os.urandom(16).hex(),
        USE_TZ=True,
        DEFAULT_CURRENCY="USD",
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    print(json.dumps(measure(entries)))


def measure(entries: int) -> dict[str, float]:
    from django.db import transaction
    from hordak.models import Account, AccountType, Leg, Transaction
    from moneyed import Money

    receivable = Account.objects.create(name="AR", code="1", type=AccountType.asset, currencies=["USD"])
    deferred = Account.objects.create(name="Deferred", code="2", type=AccountType.liability, currencies=["USD"])
    amount = Money("64.76", "USD")

    started = time.perf_counter()
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
    in_bulk = entries / (time.perf_counter() - started)

    singles = 500
    started = time.perf_counter()
    for _ in range(singles):
        with transaction.atomic():
            each = Transaction.objects.create(description="Invoice")
            Leg.objects.create(transaction=each, account=receivable, debit=amount)
            Leg.objects.create(transaction=each, account=deferred, credit=amount)
    return {"bulk": in_bulk, "single": singles / (time.perf_counter() - started)}


if __name__ == "__main__":
    main(int(sys.argv[1]))
