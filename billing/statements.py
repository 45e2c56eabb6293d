"""Run statements on Django's connection for a third of what a cursor costs, and open transactions on the way.

A document is often finalized alone: three statements, of which one has a hundred values. A cursor reads the text of a statement
for its placeholders each time and asks of each value its type; BEGIN is a round trip of its own. Here a text is prepared
once for each connection, values travel as text that the server reads as its columns' types, and a BEGIN that is due goes
off together with the first statement.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import RawCursor, generators, pq
from psycopg._preparing import Prepare
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult


class _Statement(NamedTuple):
    """A statement as psycopg's store of prepared statements knows it; without types, for the server decides them."""

    query: bytes
    types: tuple[int, ...] = ()


def execute(
    sql: str, parameters: Sequence[Any], *, answers: bool = True, wrappers: int = 0, commits: bool = False
) -> list[tuple[Any, ...]]:
    """Run a statement with %s for its values; a doubled percent sign is one. Gives its rows, none where it does not `answer`.

    The server decides a value's type by its place: cast it where the place does not tell. Errors come as `django.db` errors.
    Where queries are logged, wrapped by more than the caller's own `wrappers`, or travel in a pipeline, this is Django's way
    or psycopg's.

    `commits`: it is the last statement of the outermost `atomic` block, so COMMIT may go off together with it. Where it does
    not, Django commits as ever.
    """
    connection = connections[DEFAULT_DB_ALIAS]  # Asked once: each access through the proxy costs a microsecond.
    connection.ensure_connection()
    if connection.queries_logged or len(connection.execute_wrappers) > wrappers:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if answers else []
    driver = connection.connection
    with connection.wrap_database_errors:
        if driver.pgconn.pipeline_status or driver.isolation_level is not None:
            raw = RawCursor(driver).execute(_numbered(sql), parameters)
            return raw.fetchall() if answers else []
        with driver.lock:
            return _run(driver, _Statement(_numbered(sql)), parameters, answers, commits)


def _run(
    driver: "psycopg.Connection[Any]", statement: _Statement, parameters: Sequence[Any], answers: bool, commits: bool
) -> list[tuple[Any, ...]]:
    pgconn = driver.pgconn
    transformer = Transformer(driver)
    values = transformer.dump_sequence(parameters, [PyFormat.TEXT] * len(parameters))
    # psycopg forgets what it has prepared after a rollback to a savepoint and tells the server so: its store is the one to ask.
    store: Any = driver._prepared
    prepare, name = store.get(statement)
    if prepare is Prepare.SHOULD:
        _answer(driver, partial(pgconn.send_prepare, name, statement.query))
    if prepare is Prepare.NO:
        result = _answer(driver, partial(pgconn.send_query_params, statement.query, values), commits)
    else:
        result = _answer(driver, partial(pgconn.send_query_prepared, name, values), commits)
    if key := store.maybe_add_to_cache(statement, prepare, name):
        store.validate(key, prepare, name, [result])
        driver.wait(store.maintain_gen(driver))
    if not answers:
        return []
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, tuple)


def _answer(driver: "psycopg.Connection[Any]", send: Callable[[], None], commits: bool = False) -> "PGresult":
    """Send and wait for the result; with BEGIN where Django means to be in a transaction and is not yet, and with COMMIT."""
    pgconn = driver.pgconn
    begins = not driver.autocommit and pgconn.transaction_status == pq.TransactionStatus.IDLE
    if not begins and not commits:
        send()
        return _checked(pgconn, driver.wait(generators.execute(pgconn)))
    pgconn.enter_pipeline_mode()
    try:
        if begins:
            pgconn.send_query_params(b"BEGIN", None)
        send()
        if commits:
            pgconn.send_query_params(b"COMMIT", None)
        pgconn.pipeline_sync()
        driver.wait(generators.send(pgconn))
        # One result for each, and one for the end of the pipeline.
        found = [driver.wait(generators.fetch_many(pgconn)) for _ in range(2 + begins + commits)]
    finally:
        pgconn.exit_pipeline_mode()
    return [_checked(pgconn, results) for results in found[:-1]][begins]


def _checked(pgconn: "PGconn", results: "Sequence[PGresult]") -> "PGresult":
    result = results[-1]
    if result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
        raise error_from_result(result, encoding=pgconn._encoding)
    return result


def array(values: Iterable[object]) -> str:
    """Write numbers or dates as an array's text, which costs less than psycopg's reading of a list."""
    return "{" + ",".join(map(str, values)) + "}"


@lru_cache(maxsize=500)
def _numbered(sql: str) -> bytes:
    first, *others = sql.split("%s")
    numbered = "".join([first, *(f"${place}{text}" for place, text in enumerate(others, start=1))])
    return numbered.replace("%%", "%").encode()
