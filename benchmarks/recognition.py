"""Month end: what 10,000 contracts have earned in the month, computed and posted, against one INSERT … SELECT of the rows."""

import time
from collections.abc import Iterator
from datetime import date

import psycopg

from benchmarks.company import make_company, sell_contracts
from benchmarks.report import Result

CONTRACTS = 10_000
_END = date(2026, 1, 31)

# What the run writes, and nothing else: the share of the month, its event, entry and two lines, the outbox row, and the new
# state of the schedule. The tables have our columns and indexes, but no walls, guards or foreign keys.
_FLOOR = """
WITH earned AS (
    SELECT s.*, row_number() OVER (ORDER BY s.id) AS place,
        CASE WHEN s.service_end <= %(end)s::date + 1 THEN s.amount
            ELSE round(s.amount * (%(end)s::date + 1 - s.service_start) / (s.service_end - s.service_start), 2) END AS share
    FROM plain_accounting_recognitionschedule s WHERE s.service_start <= %(end)s AND s.recognized <> s.amount AND NOT s.is_void
), events AS (
    INSERT INTO plain_billing_businessevent (id, tenant_id, business_entity_id, kind, key, occurred_on, recorded_at, payload)
    SELECT e.id, e.tenant_id, e.business_entity_id, e.kind, e.key, e.occurred_on, e.recorded_at, e.payload
    FROM billing_businessevent e WHERE e.kind = 'revenue_recognized'
), entries AS (
    INSERT INTO plain_accounting_journalentry SELECT j.* FROM accounting_journalentry j
    JOIN billing_businessevent e ON e.id = j.event_id WHERE e.kind = 'revenue_recognized'
), lines AS (
    INSERT INTO plain_accounting_journalline SELECT l.* FROM accounting_journalline l
    JOIN accounting_journalentry j ON j.id = l.entry_id
    JOIN billing_businessevent e ON e.id = j.event_id WHERE e.kind = 'revenue_recognized'
), outbox AS (
    INSERT INTO plain_integrations_outboxitem SELECT o.* FROM integrations_outboxitem o
    JOIN accounting_journalentry j ON j.id = o.subject_id
    JOIN billing_businessevent e ON e.id = j.event_id WHERE e.kind = 'revenue_recognized'
)
UPDATE plain_accounting_recognitionschedule s SET recognized = earned.share, released = earned.share, postings = 1,
    recognized_until = %(end)s::date + 1 FROM earned WHERE earned.id = s.id
"""
_TABLES = ("billing_businessevent", "accounting_journalentry", "accounting_journalline", "integrations_outboxitem")


def measure(url: str) -> Iterator[Result]:
    from accounting.recognition import recognize_revenue
    from billing.services.billing_run import run_billing
    from billing.tenancy import tenant_scope

    warm, company = make_company("warm-recognition"), make_company("recognition")
    for each, count in ((warm, 1000), (company, CONTRACTS)):
        with tenant_scope(each.tenant_id):
            sell_contracts(each, count)
            run_billing(through=date(2026, 1, 1), finalize=True)
    with psycopg.connect(url) as connection:
        before = _copied_schedules(connection, company.tenant_id)
    with tenant_scope(warm.tenant_id):
        recognize_revenue(through=_END)
    with tenant_scope(company.tenant_id):
        started = time.perf_counter()
        run = recognize_revenue(through=_END)
        seconds = time.perf_counter() - started
    with psycopg.connect(url) as connection:
        floor = min(_floor(connection, company.tenant_id) for _ in range(3))
    assert run.entries == before == CONTRACTS
    detail = f"{seconds:.2f} s, {run.entries / seconds:,.0f} entries/s; floor {floor:.2f} s"
    yield Result(
        "10,000 recognition entries computed and posted, times one INSERT … SELECT", seconds / floor, "<=", 2, detail
    )


def _copied_schedules(connection: psycopg.Connection, tenant_id: int) -> int:
    connection.execute("SELECT set_config('counterfoil.tenant', %s, false)", [str(tenant_id)])
    for table in (*_TABLES, "accounting_recognitionschedule"):
        connection.execute(f"DROP TABLE IF EXISTS plain_{table}")
        connection.execute(f"CREATE TABLE plain_{table} (LIKE {table} INCLUDING INDEXES)")
    connection.execute("CREATE TABLE untouched_schedules AS SELECT * FROM accounting_recognitionschedule")
    row = connection.execute("SELECT count(*) FROM untouched_schedules").fetchone()
    assert row is not None
    return int(row[0])


def _floor(connection: psycopg.Connection, tenant_id: int) -> float:
    connection.execute("SELECT set_config('counterfoil.tenant', %s, false)", [str(tenant_id)])
    for table in (*_TABLES, "accounting_recognitionschedule"):
        connection.execute(f"TRUNCATE plain_{table}")
    connection.execute("INSERT INTO plain_accounting_recognitionschedule SELECT * FROM untouched_schedules")
    connection.execute("ANALYZE plain_accounting_recognitionschedule")
    connection.commit()
    started = time.perf_counter()
    connection.execute(_FLOOR, {"end": _END})
    connection.commit()
    return time.perf_counter() - started
