"""Statements that go past Django's cursors behave as if they did not."""

from datetime import date
from decimal import Decimal
from inspect import getsource, signature

import psycopg
import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from psycopg import pq
from psycopg._preparing import Prepare, PrepareManager

from billing.statements import array, execute

_OFTEN_ENOUGH_TO_BE_PREPARED = 5


def test_psycopg_keeps_prepared_statements_as_statements_py_expects() -> None:
    """It is private there, so an upgrade may change it without a word."""
    used = {
        "get": ["query", "prepare"],
        "maybe_add_to_cache": ["query", "prep", "name"],
        "validate": ["key", "prep", "name", "results"],
        "maintain_gen": ["conn"],
    }
    found = {name: [*signature(getattr(PrepareManager, name)).parameters][1:] for name in used}
    kinds = [each.name for each in Prepare]
    assert (found, kinds, getsource(PrepareManager.key).count("query.")) == (used, ["NO", "YES", "SHOULD"], 2), (
        f"psycopg {psycopg.__version__} keeps its prepared statements in another way. Read psycopg/_preparing.py beside "
        "_run in billing/statements.py, and mend that or stay with the version before."
    )


@pytest.mark.django_db
def test_values_come_back_as_the_columns_types_say() -> None:
    rows = execute(
        "SELECT %s::bigint, %s::numeric, %s::date, %s::text, %s::boolean, %s::int[]",
        [2**40, Decimal("0.10"), date(2026, 2, 28), "5 %, “ü”", None, array([1, 2])],
    )
    assert rows == [(2**40, Decimal("0.10"), date(2026, 2, 28), "5 %, “ü”", None, [1, 2])]


@pytest.mark.django_db
def test_a_doubled_percent_sign_is_one() -> None:
    assert execute("SELECT 7 %% 4, %s::int", [1]) == [(3, 1)]


@pytest.mark.django_db
def test_a_logged_statement_is_seen_by_django() -> None:
    with CaptureQueriesContext(connection) as seen:
        assert execute("SELECT %s::int", [1]) == [(1,)]
    assert len(seen) == 1


@pytest.mark.django_db(transaction=True)
def test_the_first_statement_opens_the_transaction_and_its_error_undoes_it() -> None:
    for _ in range(_OFTEN_ENOUGH_TO_BE_PREPARED):
        with transaction.atomic():
            execute("CREATE TEMP TABLE IF NOT EXISTS once (id int PRIMARY KEY) ON COMMIT DROP", [], answers=False)
            assert connection.connection.pgconn.transaction_status == pq.TransactionStatus.INTRANS
            execute("INSERT INTO once VALUES (%s)", [1], answers=False)
            assert execute("SELECT count(*) FROM once", []) == [(1,)]
    with pytest.raises(IntegrityError), transaction.atomic():
        execute("CREATE TEMP TABLE once (id int PRIMARY KEY)", [], answers=False)
        execute("INSERT INTO once VALUES (%s), (%s)", [1, 1], answers=False)
    assert execute("SELECT to_regclass('once') IS NULL", []) == [(True,)]
    assert connection.connection.pgconn.transaction_status == pq.TransactionStatus.IDLE


@pytest.mark.django_db
def test_statements_outlive_a_rollback_to_a_savepoint() -> None:
    """psycopg drops all it has prepared then; a name kept past that would fail every statement after it."""
    for _ in range(_OFTEN_ENOUGH_TO_BE_PREPARED):
        execute("SELECT %s::int", [1])
    with pytest.raises(IntegrityError), transaction.atomic():
        execute("CREATE TEMP TABLE twice (id int PRIMARY KEY)", [], answers=False)
        execute("INSERT INTO twice VALUES (%s), (%s)", [1, 1], answers=False)
    for _ in range(_OFTEN_ENOUGH_TO_BE_PREPARED):
        assert execute("SELECT %s::int", [1]) == [(1,)]


@pytest.mark.django_db(transaction=True)
def test_commit_travels_with_the_last_statement_and_fails_with_it() -> None:
    execute("CREATE TABLE committed (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)", [], answers=False)
    done = []
    try:
        for number in range(_OFTEN_ENOUGH_TO_BE_PREPARED):
            with transaction.atomic():
                transaction.on_commit(lambda: done.append(1))
                execute("INSERT INTO committed VALUES (%s)", [number], answers=False, commits=True)
                assert connection.connection.pgconn.transaction_status == pq.TransactionStatus.IDLE
                assert len(done) == number
        assert len(done) == _OFTEN_ENOUGH_TO_BE_PREPARED
        with pytest.raises(IntegrityError), transaction.atomic():
            execute("INSERT INTO committed VALUES (%s)", [0], answers=False, commits=True)
        with pytest.raises(DataError), transaction.atomic():
            execute("INSERT INTO committed VALUES (%s)", ["no number"], answers=False, commits=True)
        assert execute("SELECT count(*) FROM committed", []) == [(_OFTEN_ENOUGH_TO_BE_PREPARED,)]
    finally:
        execute("DROP TABLE committed", [], answers=False)
