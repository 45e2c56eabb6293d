"""A fresh database on the same server for each run, and the floor: COPY of the same rows into plain tables."""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit

import psycopg

from config import embedded_postgres

NAME = "counterfoil_bench"
_PATIENCE = 20  # seconds


def fresh_database(name: str = NAME) -> str:
    """Create an empty database of this name and give its URL."""
    server = os.environ.get("DATABASE_URL") or embedded_postgres.ensure_running()
    with psycopg.connect(server, autocommit=True) as connection:
        for patience in range(_PATIENCE, -1, -1):
            # An autovacuum worker of the server's own may be in it, which nobody but its superuser may send away.
            try:
                connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
                break
            except psycopg.errors.InsufficientPrivilege:
                if not patience:
                    raise
                time.sleep(1)
        connection.execute(f"CREATE DATABASE {name}")
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def drop_database(server: str, name: str = NAME) -> None:
    with suppress(psycopg.Error), psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


class Floor:
    """Plain tables with the same columns, keys and indexes as ours, without walls, guards or foreign keys."""

    def __init__(self, url: str, tables: Sequence[str], tenant_id: int) -> None:
        self._connection = psycopg.connect(url)
        self._tables = tables
        self._rows: dict[str, list[bytes]] = {}
        self._connection.execute("SELECT set_config('counterfoil.tenant', %s, false)", [str(tenant_id)])
        for table in tables:
            # Read out as COPY text beforehand, so that the floor pays for the server's work alone.
            with self._connection.cursor().copy(f"COPY (SELECT * FROM {table} ORDER BY id) TO STDOUT") as copy:
                self._rows[table] = b"".join(bytes(part) for part in copy).splitlines(keepends=True)
            self._connection.execute(f"CREATE TABLE IF NOT EXISTS plain_{table} (LIKE {table} INCLUDING INDEXES)")
        self._connection.commit()

    @property
    def rows(self) -> int:
        return sum(len(rows) for rows in self._rows.values())

    def seconds(self, *, batches: int, part: int = 0, parts: int = 1) -> float:
        """COPY one of so many parts of the rows, in as many transactions as ours had, and give the time it took."""
        if part == 0:
            for table in self._tables:
                self._connection.execute(f"TRUNCATE plain_{table}")
            self._connection.commit()
        chunks = []
        for number in range(part * batches, (part + 1) * batches):
            chunk = []
            for table, rows in self._rows.items():
                size = -(-len(rows) // (batches * parts))
                chunk.append((table, b"".join(rows[number * size : (number + 1) * size])))
            chunks.append(chunk)
        started = time.perf_counter()
        for chunk in chunks:
            for table, data in chunk:
                with self._connection.cursor().copy(f"COPY plain_{table} FROM STDIN") as copy:
                    copy.write(data)
            self._connection.commit()
        return time.perf_counter() - started
