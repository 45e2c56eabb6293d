"""Write many rows at once through the tenant walls.

PostgreSQL refuses COPY FROM into a table with row-level security, so a large batch is copied into a temporary table of
the same shape and moved over by one INSERT … SELECT; a small one is a single INSERT of several rows. Measured on
50,000 rows the detour costs about a quarter of a plain COPY and is several times faster than `bulk_create`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from django.db import connection, models, transaction

_FEW = 60
_written: dict[str, int] = defaultdict(int)
_analyze_at: dict[str, int] = defaultdict(lambda: 1000)


def reserve_ids(model: type[models.Model], count: int) -> list[int]:
    """Take the next ids of a table's sequence, so that rows can point at each other before they are written."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT nextval('{model._meta.db_table}_id_seq') FROM generate_series(1, %s)",
            [count],
        )
        return [row[0] for row in cursor.fetchall()]


def insert_rows(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows given as tuples in the order of the database columns named. Needs a transaction.

    Values go in as they are: no defaults of the model, no `save()`, no Django signals. Constraint violations come as
    `django.db.IntegrityError`, as from the ORM.
    """
    rows = rows if isinstance(rows, list) else list(rows)
    if not rows:
        return
    table = model._meta.db_table
    if len(rows) <= _FEW:
        one = "(" + ",".join(["%s"] * len(columns)) + ")"
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} ({_names(tuple(columns))}) VALUES {','.join([one] * len(rows))}",
                [value for row in rows for value in row],
            )
        return
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        stage = f"stage_{table}"
        cursor.execute(
            f"CREATE TEMP TABLE IF NOT EXISTS {stage} ON COMMIT DELETE ROWS AS SELECT * FROM {table} WITH NO DATA"
        )
        names = _names(tuple(columns))
        with (
            connection.wrap_database_errors,
            cursor.copy(f"COPY pg_temp.{stage} ({names}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)
        cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM pg_temp.{stage}")
        cursor.execute(f"TRUNCATE pg_temp.{stage}")
    _keep_statistics(table, len(rows))


def _keep_statistics(table: str, rows: int) -> None:
    """Let the planner know of a table that grows fast.

    Until autovacuum comes round, PostgreSQL takes a new tenant for a tiny one and joins its rows one by one. Each time a
    table has grown fourfold by this process is often enough; a lock that somebody holds is not waited for.
    """
    _written[table] += rows
    if _written[table] >= _analyze_at[table]:
        _analyze_at[table] = _written[table] * 4
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE (SKIP_LOCKED) {table}")


@cache
def _names(columns: tuple[str, ...]) -> str:
    return ",".join(f'"{column}"' for column in columns)
