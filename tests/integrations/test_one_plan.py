"""Statements run with one plan for all values; those that should read a partial index can, with such a plan."""

import re
from collections.abc import Sequence

import pytest
from django.db import connection
from django.db.models import Q, QuerySet

from accounting import schedules
from billing.fields import Literal
from billing.models import Dispute, InvoiceLine, Payment, RecognitionMethod, Refund
from billing.services import duplicates
from integrations.models import UNDELIVERED, OutboxItem, OutboxState

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tenant")]


def _plan(rows: QuerySet) -> str:  # type: ignore[type-arg]
    return _plan_of(*rows.order_by().query.sql_with_params())


def _plan_of(sql: str, values: Sequence[object]) -> str:
    """Give the plan that serves all values, where a scan of the whole table is the last choice."""
    for place in range(1, len(values) + 1):
        sql = sql.replace("%s", f"${place}", 1)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"PREPARE looked_at AS {sql}")
        cursor.execute(f"EXPLAIN EXECUTE looked_at({', '.join(repr(value) for value in values)})")
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("DEALLOCATE looked_at")
    return plan


@pytest.mark.parametrize(
    ("rows", "index"),
    [
        (lambda: InvoiceLine.objects.filter(recognition_method=RecognitionMethod.AS_CONSUMED), "line_sells_credits"),
        (lambda: OutboxItem.objects.filter(connection=1, state__in=UNDELIVERED), "outbox_undelivered"),
        (lambda: OutboxItem.objects.filter(connection=1, state=OutboxState.PARKED), "outbox_undelivered"),
        (lambda: OutboxItem.objects.filter(connection=1, state=OutboxState.IN_FLIGHT), "outbox_in_flight"),
    ],
)
def test_a_member_of_an_enumeration_chooses_the_index_of_its_rows(rows: object, index: str) -> None:
    assert callable(rows)
    assert index in _plan(rows())


def test_a_recognition_run_goes_through_what_is_unfinished_only() -> None:
    """The statement says word for word what the index's condition says."""
    assert "schedule_unfinished" in _plan_of(schedules.UNFINISHED_IN_ORDER, [0, "2026-01-31", 10])


@pytest.mark.parametrize("model", [Payment, Refund, Dispute])
def test_a_reference_is_looked_up_by_the_index_that_keeps_it_unique(
    model: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[QuerySet] = []  # type: ignore[type-arg]
    monkeypatch.setattr(QuerySet, "exists", lambda self: asked.append(self) or False)
    assert not duplicates.is_recorded(model, value="WIRE-1")
    assert re.search(r"_reference_once", _plan(asked[0]))


def test_what_comes_from_outside_stays_a_value() -> None:
    typed = OutboxItem.objects.filter(Q(state="parked") | Q(state__in=["pending'; --"])).query.sql_with_params()
    assert "parked" not in typed[0]
    assert {"parked", "pending'; --"} <= set(typed[1])


def test_a_literal_is_quoted() -> None:
    odd = Literal("50 % o'clock")
    assert list(Payment.objects.annotate(odd=odd).filter(odd=odd)) == []
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {odd.as_sql(None, connection)[0]}, %s", [1])
        assert cursor.fetchone() == ("50 % o'clock", 1)
