"""A second set of books in temporary tables that hide the real ones. What works on the books works on it, unchanged."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection, transaction

from billing.bulk import ids_apart

# What measuring and posting write, and what persons report.
STATE = (
    "accounting_recognitionschedule",
    "accounting_schedulepart",
    "accounting_schedulerevision",
    "accounting_progressreport",
    "accounting_contractcommitment",
    "accounting_correctionsplit",
    "accounting_carryingamount",
    "accounting_performanceobligation",
    "accounting_obligationitem",
    "accounting_journalentry",
    "accounting_journalline",
    "accounting_unmatchedevent",
)
# What an accountant sets: it has been otherwise before.
SETTINGS = (
    "accounting_account",
    "accounting_defaultaccount",
    "accounting_accountingrule",
    "accounting_ruleversion",
    "accounting_accountingpolicy",
    "accounting_accountingperiod",
)
# Far above what any real sequence will reach: nobody can take a shadow's id for a real one.
FIRST_ID = 4 * 10**18


@contextmanager
def shadow_books() -> Iterator[str]:
    """Hide the books behind empty ones; give the schema of the real tables. Everything is gone at the end.

    The transaction is read only, which leaves temporary tables: PostgreSQL itself refuses to post. Called outside a
    transaction, all of it sees the database as it was at the start, whatever others post meanwhile.
    """
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        with connection.cursor() as cursor:
            if is_outermost:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = %s::regclass", [STATE[0]])
            schema = cursor.fetchone()[0]
            for table in (*STATE, *SETTINGS):
                cursor.execute(
                    f"CREATE TEMPORARY TABLE {table} (LIKE {schema}.{table} INCLUDING DEFAULTS INCLUDING INDEXES) "
                    "ON COMMIT DROP"
                )
                cursor.execute(f"CREATE TEMPORARY SEQUENCE {table}_id_seq START {FIRST_ID}")
                cursor.execute(f"ALTER TABLE pg_temp.{table} ALTER id SET DEFAULT nextval('pg_temp.{table}_id_seq')")
            cursor.execute(
                "CREATE TEMPORARY TABLE replay_difference (event_id bigint, part int, position int, posted jsonb, again jsonb) "
                "ON COMMIT DROP"
            )
            cursor.execute("CREATE TEMPORARY TABLE replay_changed (event_id bigint PRIMARY KEY) ON COMMIT DROP")
            # A rate is known from when it was recorded; `know_rates` moves that moment.
            cursor.execute(
                f"CREATE TEMPORARY VIEW accounting_exchangerate AS SELECT * FROM {schema}.accounting_exchangerate "
                "WHERE recorded_at <= current_setting('counterfoil.replay_at')::timestamptz"
            )
            cursor.execute("SELECT set_config('counterfoil.replay_at', 'infinity', true)")
            # Named first, so that also statements planned before find the shadow.
            cursor.execute("SELECT set_config('search_path', 'pg_temp, ' || current_setting('search_path'), true)")
            cursor.execute("SET LOCAL transaction_read_only = on")
        with ids_apart((*STATE, *SETTINGS)):
            yield schema
        transaction.set_rollback(True)


def know_rates(at: datetime) -> None:
    """Let the shadow know the exchange rates that were recorded by a moment."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('counterfoil.replay_at', %s, true)", [at.isoformat()])
