"""Reading the books set-wise: small helpers that every report shares."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from django.db import connection

from accounting.reports.structure import Row

_CHUNK = 2000
Parameters = Sequence[Any] | Mapping[str, Any]


def fetch(sql: str, parameters: Parameters) -> list[tuple[Any, ...]]:
    """Run one statement and give all its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


class Queried:
    """Rows that are read from the database as they are needed, so that a long report needs no memory.

    `make` turns a row of the statement into a row of the report. The statement must order its rows.
    """

    def __init__(self, sql: str, parameters: Parameters, make: Callable[[tuple[Any, ...]], Row], count: int) -> None:
        self._sql, self._parameters, self._make, self._count = sql, parameters, make, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Row]:
        with connection.chunked_cursor() as cursor:
            cursor.execute(self._sql, self._parameters)
            while chunk := cursor.fetchmany(_CHUNK):
                yield from map(self._make, chunk)

    def part(self, offset: int, limit: int) -> list[Row]:
        # Both are whole numbers of ours, so they may stand in the statement.
        return [self._make(row) for row in fetch(f"{self._sql} LIMIT {limit:d} OFFSET {offset:d}", self._parameters)]
