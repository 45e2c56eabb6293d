"""What reports cost on large books: trial balance and account balance, against the same figures in raw SQL."""

import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg

from benchmarks.company import Company
from benchmarks.report import Result
from billing.periods import add_months

ENTRIES, MONTHS, FEW = 1_000_000, 60, 200_000
FRESH = 100  # entries posted since the clock last summed up
START = date(2021, 1, 1)
LAST = add_months(START, MONTHS) - timedelta(days=1)
CHUNK = 50_000


def measure(url: str) -> Iterator[Result]:
    from benchmarks.company import make_company
    from billing.tenancy import tenant_scope

    for slug, entries, questions in (
        ("ledger-large", ENTRIES, _trial_balances), ("ledger-few", FEW, _control_account),
    ):  # fmt: skip
        company = make_company(slug)
        with tenant_scope(company.tenant_id), psycopg.connect(url, autocommit=True) as server:
            server.execute("SELECT set_config('counterfoil.tenant', %s, false)", [str(company.tenant_id)])
            accounts = _fill(server, company, entries)
            _floors(server, company)
            yield from questions(server, company, accounts)


def _fill(server: psycopg.Connection[Any], company: Company, count: int) -> list[int]:
    """Write entries of two lines, evenly over the months, through all guards; sum up all but the newest as the clock does."""
    from accounting.balances import sum_up
    from accounting.models import Account, AccountingPeriod, RuleVersion

    accounts = list(Account.objects.filter(is_group=False).order_by("code").values_list("id", flat=True))
    rule = RuleVersion.objects.order_by("id").values_list("id", flat=True)[0]
    for number in range(MONTHS):
        first = add_months(START, number)
        AccountingPeriod.objects.create(business_entity_id=company.entity_id, start=first, end=add_months(first, 1))
    known = {"tenant": company.tenant_id, "entity": company.entity_id, "rule": rule, "accounts": accounts}
    known |= {"start": START, "days": (LAST - START).days + 1, "count": count, "customer": company.customer_id}
    chunks = [(first, min(first + CHUNK, count - FRESH)) for first in range(0, count - FRESH, CHUNK)]
    for first, end in [*chunks, (count - FRESH, count)]:
        if end == count:
            sum_up()
        with server.transaction():
            server.execute(_EVENTS, known | {"first": first, "last": end - 1})
            server.execute(_ENTRIES, known)
            server.execute(_LINES, known)
            server.execute("DROP TABLE bench_fresh")
    for table in ("accounting_journalline", "accounting_journalentry", "accounting_dailybalance"):
        server.execute(f"VACUUM ANALYZE {table}")
    return accounts


_EVENTS = """
CREATE TEMP TABLE bench_fresh AS WITH event AS (
    INSERT INTO billing_businessevent (tenant_id, business_entity_id, kind, key, occurred_on, recorded_at, payload)
    SELECT %(tenant)s, %(entity)s, 'usage_recorded', 'ledger-' || n,
        %(start)s::date + (n::bigint * %(days)s / %(count)s)::int, now(), '{}'
    FROM generate_series(%(first)s::int, %(last)s::int) n RETURNING id, occurred_on
)
SELECT id AS event_id, occurred_on, nextval('accounting_journalentry_id_seq') AS entry_id FROM event
"""
_ENTRIES = """
INSERT INTO accounting_journalentry (id, tenant_id, business_entity_id, date, currency, kind, description, event_id, part,
    rule_version_id, line_count, posted_at)
SELECT entry_id, %(tenant)s, %(entity)s, occurred_on, 'USD', 'standard', 'Benchmark', event_id, 0, %(rule)s, 2, now()
FROM bench_fresh
"""
_LINES = """
INSERT INTO accounting_journalline (tenant_id, business_entity_id, entry_id, position, date, account_id, currency, debit,
    credit, base_debit, base_credit, role, resolved_by, customer_id)
SELECT %(tenant)s, %(entity)s, entry_id, side, occurred_on,
    (%(accounts)s::bigint[])[1 + (entry_id * 7 + side * (1 + entry_id %% 11)) %% cardinality(%(accounts)s::bigint[])], 'USD',
    amount * (2 - side), amount * (side - 1), amount * (2 - side), amount * (side - 1), 'cash', 'tenant',
    %(customer)s + entry_id %% 1000
FROM (SELECT *, (entry_id %% 9000 + 1000)::numeric / 100 AS amount FROM bench_fresh) f, generate_series(1, 2) side
"""


def _floors(server: psycopg.Connection[Any], company: Company) -> None:
    """Make the floors: plain tables, without walls, of one row per account and month, and of all lines with a covering index."""
    server.execute("DROP TABLE IF EXISTS bench_months")
    server.execute(
        "CREATE TABLE bench_months AS SELECT account_id, date_trunc('month', date)::date AS month, sum(base_debit) AS debit, "
        "sum(base_credit) AS credit FROM accounting_journalline WHERE tenant_id = %s GROUP BY 1, 2",
        [company.tenant_id],
    )
    server.execute("ALTER TABLE bench_months ADD PRIMARY KEY (account_id, month)")
    server.execute("DROP TABLE IF EXISTS bench_lines")
    server.execute(
        "CREATE TABLE bench_lines AS SELECT account_id, date, base_debit AS debit, base_credit AS credit "
        "FROM accounting_journalline WHERE tenant_id = %s", [company.tenant_id],
    )  # fmt: skip
    server.execute("CREATE INDEX ON bench_lines (account_id, date) INCLUDE (debit, credit)")
    server.execute("VACUUM ANALYZE bench_months")
    server.execute("VACUUM ANALYZE bench_lines")


# MATERIALIZED: in a database of several companies the planner may add the lines up once for each account.
_BY_ACCOUNT = (
    "WITH s AS MATERIALIZED (SELECT account_id, sum(debit) - sum(credit) AS balance FROM {0} WHERE {1} GROUP BY account_id) "
    "SELECT a.id, a.code, a.name, s.balance FROM s JOIN accounting_account a ON a.id = s.account_id ORDER BY a.code"
)
_FROM_MONTHS = _BY_ACCOUNT.format("bench_months", "month <= %(at)s")
_FROM_LINES = _BY_ACCOUNT.format("bench_lines", "date <= %(at)s")


def _trial_balances(server: psycopg.Connection[Any], company: Company, accounts: list[int]) -> Iterator[Result]:
    from accounting.models import AccountingPeriod
    from accounting.periods import close_period
    from accounting.reports.trial_balance import trial_balance

    asked = {"at": LAST}
    expected = {row[0]: row[3] for row in server.execute(_FROM_LINES, asked)}

    def ours() -> None:
        shown = trial_balance(business_entity_id=company.entity_id, at=LAST)
        assert {each.account_id: each.debit - each.credit for each in shown.accounts} == expected

    floor = _median(lambda: server.execute(_FROM_LINES, asked).fetchall(), 9)
    seconds = _median(ours, 30)
    yield Result(
        f"trial balance, {ENTRIES:,} entries, none closed, times the sum over lines", seconds / floor, "<=", 1.5,
        f"{seconds * 1000:.2f} ms; floor {floor * 1000:.2f} ms",
    )  # fmt: skip
    started = time.perf_counter()
    for period in AccountingPeriod.objects.filter(start__lt=add_months(START, MONTHS - 1)).order_by("start"):
        close_period(period_id=period.pk, at=datetime.now(UTC))
    closing = time.perf_counter() - started
    floor = _median(lambda: server.execute(_FROM_MONTHS, asked).fetchall(), 30)
    seconds = _median(ours, 30)
    yield Result(
        f"trial balance, {ENTRIES:,} entries, all but the last of {MONTHS} closed, times the sum over months",
        seconds / floor, "<=", 3,
        f"{seconds * 1000:.2f} ms; floor {floor * 1000:.2f} ms; {closing / (MONTHS - 1):.2f} s to close a month",
    )  # fmt: skip


def _control_account(server: psycopg.Connection[Any], company: Company, accounts: list[int]) -> Iterator[Result]:
    from accounting.balances import account_balance

    chance = random.Random(7)
    days = [START + timedelta(days=chance.randrange((LAST - START).days)) for _ in range(500)]
    raw = "SELECT sum(debit) - sum(credit) FROM bench_months WHERE account_id = %s AND month <= %s"
    account = accounts[0]
    floor = _p99([lambda day=day: server.execute(raw, [account, day]).fetchone() for day in days])
    seconds = _p99(
        [
            lambda day=day: account_balance(business_entity_id=company.entity_id, account_id=account, at=day)
            for day in days
        ]
    )
    yield Result(
        f"balance of an account on any day, p99, {FEW:,} entries, times the sum over months", seconds / floor, "<=", 5,
        f"{seconds * 1000:.2f} ms; floor {floor * 1000:.2f} ms",
    )  # fmt: skip


def _times(questions: list[Callable[[], object]]) -> list[float]:
    for ask in questions[:8]:
        ask()  # plans
    times = []
    for ask in questions:
        started = time.perf_counter()
        ask()
        times.append(time.perf_counter() - started)
    return times


def _median(ask: Callable[[], object], count: int) -> float:
    return statistics.median(_times([ask] * count))


def _p99(questions: list[Callable[[], object]]) -> float:
    return statistics.quantiles(_times(questions), n=100)[98]
