"""Run statements on Django's connection for a third of what a cursor costs, and open transactions on the way.

A document is often finalized alone: three statements, of which one has a hundred values. A cursor reads the text of a statement
for its placeholders each time and asks of each value its type; BEGIN is a round trip of its own. Here a text is prepared
once for each connection, values travel as text that the server reads as its columns' types, and a BEGIN that is due goes
off together with the first statement.

psycopg has no public way to do that. A statement of twelve values in a transaction of its own took 50 µs here, 83 µs by a
`RawCursor` and 196 µs in a psycopg pipeline. So this stands on psycopg's own store of prepared statements (in `_run`) and on
`generators`, neither of which is promised to stay: a test says when they change.
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
    from psycopg.abc import PQGen
    from psycopg.pq.abc import PGconn, PGresult


class Statement(NamedTuple):
    """A statement with %s for its values; a doubled percent sign is one."""

    sql: str
    parameters: Sequence[Any]


class _Query(NamedTuple):
    """A statement as psycopg's store of prepared statements knows it; without types, for the server decides them."""

    query: bytes
    types: tuple[int, ...] = ()


def execute(
    sql: str, parameters: Sequence[Any], *, answers: bool = True, wrappers: int = 0, commits: bool = False
) -> list[tuple[Any, ...]]:
    """Run a statement. Gives its rows, none where it does not `answer`.

    The server decides a value's type by its place: cast it where the place does not tell. Errors come as `django.db` errors.
    Where queries are logged, wrapped by more than the caller's own `wrappers`, or travel in a pipeline, this is Django's way
    or psycopg's.

    `commits`: it is the last statement of the outermost `atomic` block, so COMMIT may go off together with it. Where it does
    not, Django commits as ever.
    """
    return execute_together([Statement(sql, parameters)], answers=answers, wrappers=wrappers, commits=commits)[0]


def execute_together(
    statements: Sequence[Statement], *, answers: bool = True, wrappers: int = 0, commits: bool = False
) -> list[list[tuple[Any, ...]]]:
    """Run statements one after the other in one round trip, like `execute`; give the rows of each."""
    connection = connections[DEFAULT_DB_ALIAS]  # Asked once: each access through the proxy costs a microsecond.
    connection.ensure_connection()
    if connection.queries_logged or len(connection.execute_wrappers) > wrappers:
        with connection.cursor() as cursor:
            return [_by_cursor(cursor, statement, answers) for statement in statements]
    driver = connection.connection
    with connection.wrap_database_errors:
        if driver.pgconn.pipeline_status or driver.isolation_level is not None:
            return [
                _by_cursor(RawCursor(driver), (_numbered(each.sql), each.parameters), answers) for each in statements
            ]
        with driver.lock:
            return _run(driver, statements, answers=answers, commits=commits)


def _by_cursor(cursor: Any, statement: tuple[Any, Sequence[Any]], answers: bool) -> list[tuple[Any, ...]]:
    cursor.execute(*statement)
    return cursor.fetchall() if answers else []


def _run(
    driver: "psycopg.Connection[Any]", statements: Sequence[Statement], *, answers: bool, commits: bool
) -> list[list[tuple[Any, ...]]]:
    pgconn = driver.pgconn
    transformer = Transformer(driver)
    # psycopg forgets what it has prepared after a rollback to a savepoint and tells the server so: its store is the one to ask.
    store: Any = driver._prepared
    sends, queries = [], []
    for sql, parameters in statements:
        query = _Query(_numbered(sql))
        values = transformer.dump_sequence(parameters, [PyFormat.TEXT] * len(parameters))
        prepare, name = store.get(query)
        if prepare is Prepare.SHOULD:
            _answers(driver, [partial(pgconn.send_prepare, name, query.query)])
        if prepare is Prepare.NO:
            sends.append(partial(pgconn.send_query_params, query.query, values))
        else:
            sends.append(partial(pgconn.send_query_prepared, name, values))
        queries.append((query, prepare, name))
    results = _answers(driver, sends, commits=commits)
    rows: list[list[tuple[Any, ...]]] = []
    for (query, prepare, name), result in zip(queries, results, strict=True):
        if key := store.maybe_add_to_cache(query, prepare, name):
            store.validate(key, prepare, name, [result])
            driver.wait(store.maintain_gen(driver))
        if answers:
            transformer.set_pgresult(result)
            rows.append(transformer.load_rows(0, result.ntuples, tuple))
        else:
            rows.append([])
    return rows


def _answers(
    driver: "psycopg.Connection[Any]", sends: Sequence[Callable[[], None]], *, commits: bool = False
) -> "list[PGresult]":
    """Send and wait for the results; with BEGIN where Django means to be in a transaction and is not yet, and with COMMIT."""
    pgconn = driver.pgconn
    begins = not driver.autocommit and pgconn.transaction_status == pq.TransactionStatus.IDLE
    if len(sends) == 1 and not begins and not commits:
        sends[0]()
        return [_checked(pgconn, driver.wait(generators.execute(pgconn)))]
    pgconn.enter_pipeline_mode()
    try:
        if begins:
            pgconn.send_query_params(b"BEGIN", None)
        for send in sends:
            send()
        if commits:
            pgconn.send_query_params(b"COMMIT", None)
        pgconn.pipeline_sync()
        # One result for each, and one for the end of the pipeline.
        found = driver.wait(_results(pgconn, len(sends) + begins + commits + 1))
    finally:
        pgconn.exit_pipeline_mode()
    return [_checked(pgconn, results) for results in found[:-1]][begins : begins + len(sends)]


def _results(pgconn: "PGconn", count: int) -> "PQGen[list[list[PGresult]]]":
    yield from generators.send(pgconn)
    found: list[list[PGresult]] = []
    while len(found) < count:
        found.append((yield from generators.fetch_many(pgconn)))
    return found


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
