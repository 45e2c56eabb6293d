"""Ageing and the deferred revenue waterfall over 100,000 invoices, against the same figures in raw SQL in the same run.

A year of service each, billed in January 2026 on 28 days, seven of ten paid, two months recognized: about 700,000 lines.
"""

import time
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg

from benchmarks.company import Company
from benchmarks.report import Result
from billing.events import AllocatedPart, BilledLine, InvoiceFinalized, PaymentReceived

INVOICES, CUSTOMERS = 100_000, 1_000
_AT = date(2026, 2, 28)

_AGEING = """
SELECT c.name, sum(open) FILTER (WHERE i.due_on >= %(at)s),
       sum(open) FILTER (WHERE i.due_on < %(at)s AND i.due_on >= %(at)s - 30),
       sum(open) FILTER (WHERE i.due_on < %(at)s - 30 AND i.due_on >= %(at)s - 60),
       sum(open) FILTER (WHERE i.due_on < %(at)s - 60 AND i.due_on >= %(at)s - 90),
       sum(open) FILTER (WHERE i.due_on < %(at)s - 90), sum(open)
FROM (SELECT customer_id, invoice_id, sum(base_debit - base_credit) AS open FROM accounting_journalline
      WHERE account_id = %(receivable)s AND date <= %(at)s GROUP BY 1, 2 HAVING sum(base_debit - base_credit) <> 0) o
JOIN billing_invoice i ON i.id = o.invoice_id JOIN billing_customer c ON c.id = o.customer_id GROUP BY c.id, c.name ORDER BY 1
"""
_MOVED = """
SELECT date_trunc('month', l.date), b.kind, sum(l.base_credit - l.base_debit) FROM accounting_journalline l
JOIN accounting_journalentry e ON e.id = l.entry_id JOIN billing_businessevent b ON b.id = e.event_id
WHERE l.account_id = %(deferred)s AND l.date <= %(at)s GROUP BY 1, 2 ORDER BY 1, 2
"""
# Everything is by days and recognized to the day: what is deferred is what lies in later months.
_RELEASE = """
WITH months AS (
    SELECT s.id, g::date AS month, s.amount, (g + interval '1 month')::date >= s.service_end AS is_last,
           round(s.amount * (least(s.service_end, (g + interval '1 month')::date) - greatest(s.service_start, g::date))
               / (s.service_end - s.service_start), 2) AS part
    FROM accounting_recognitionschedule s,
         generate_series(date_trunc('month', s.service_start), s.service_end - 1, interval '1 month') g
), parts AS (
    SELECT month, part FROM months WHERE NOT is_last
    UNION ALL SELECT max(month), max(amount) - coalesce(sum(part) FILTER (WHERE NOT is_last), 0) FROM months GROUP BY id
) SELECT month, sum(part) FROM parts WHERE month > %(at)s GROUP BY 1 ORDER BY 1
"""


def measure(url: str) -> Iterator[Result]:
    from accounting.models import Account
    from accounting.reports.asked import read
    from accounting.reports.catalog import REPORTS
    from billing.tenancy import tenant_scope

    company = _make_books()
    with tenant_scope(company.tenant_id), psycopg.connect(url) as raw:
        raw.execute("SELECT set_config('counterfoil.tenant', %s, false)", [str(company.tenant_id)])
        given = {
            "at": _AT,
            "receivable": Account.objects.get(code="1110").pk,
            "deferred": Account.objects.get(code="2300").pk,
        }

        def report(code: str, **asked: Any) -> Callable[[], Decimal]:
            def run() -> Decimal:
                kind = REPORTS[code]
                built = kind.build(read(kind.parameters, {name.rstrip("_"): str(each) for name, each in asked.items()}))
                rows = [list(table.rows) for table in built.tables]
                assert all(proof.holds for proof in built.proofs)
                # The last figure of the ageing's totals but one, or what the release adds up to.
                return built.tables[-1].totals.cells[-2] if len(rows) == 1 else built.tables[-1].totals.cells[1]

            return run

        def sql(*statements: str) -> Callable[[], Decimal]:
            def run() -> Decimal:
                found = [raw.execute(statement, given).fetchall() for statement in statements]
                return sum((row[-1] for row in found[-1]), Decimal(0))

            return run

        yield from _compare("ageing", report("ar-ageing", at=_AT), sql(_AGEING))
        ours = report("deferred-revenue", from_="2026-01-01", at=_AT)
        yield from _compare("deferred revenue waterfall", ours, sql(_MOVED, _RELEASE))


def _compare(what: str, ours: Callable[[], Decimal], floor: Callable[[], Decimal]) -> Iterator[Result]:
    assert ours() == floor(), f"{what}: {ours()} is not {floor()}"
    # Alternately, so that whatever else the machine does falls on both.
    times = [(_seconds(floor), _seconds(ours)) for _ in range(5)]
    floor_seconds, seconds = (min(each) for each in zip(*times, strict=True))
    detail = f"{seconds:.2f} s; raw SQL {floor_seconds:.2f} s"
    yield Result(
        f"{what} over {INVOICES:,} invoices, times the same in raw SQL", seconds / floor_seconds, "<=", 2, detail
    )


def _seconds(work: Callable[[], Decimal]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _make_books() -> Company:
    from django.db import connection

    from accounting.recognition import recognize_revenue
    from benchmarks.company import make_company
    from benchmarks.pipeline import post_events
    from billing.tenancy import tenant_scope

    company = make_company("reports")
    with tenant_scope(company.tenant_id):
        base = company.tenant_id * 10**9
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO billing_customer (id, tenant_id, business_entity_id, external_id, name, email, currency, address, "
                "country, tax_id, is_active, created_at) SELECT %s + n, %s, %s, n, 'Customer ' || n, '', 'USD', '', '', '', "
                "true, now() FROM generate_series(0, %s) n",
                [base, company.tenant_id, company.entity_id, CUSTOMERS - 1],
            )
            cursor.execute(
                "INSERT INTO billing_invoice (id, tenant_id, business_entity_id, customer_id, number, status, currency, "
                "issued_on, due_on, net, tax, total, settled, bill_to, void_reason, created_at) "
                "SELECT %s + n, %s, %s, %s + n %% %s, 'R-' || n, 'finalized', 'USD', day, day + 30, net, 0, net, 0, '', '', "
                "now() FROM (SELECT n, date '2026-01-01' + n %% 28 AS day, (n %% 9000 + 1000) / 100.0 AS net "
                "FROM generate_series(1, %s) n) v",
                [base, company.tenant_id, company.entity_id, base, CUSTOMERS, INVOICES],
            )
        post_events(company, _invoice, range(1, INVOICES + 1))
        post_events(company, _payment, range(1, INVOICES * 7 // 10 + 1))
        recognize_revenue(through=_AT)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return company


def _invoice(company: Company, number: int) -> InvoiceFinalized:
    net, base = Decimal(number % 9000 + 1000) / 100, company.tenant_id * 10**9
    start = date(2026, 1, number % 28 + 1)
    line = BilledLine(
        contract_id=base + number,
        contract_item_id=base + number,
        product_id=company.product_id,
        product_family_id=None,
        pricing_model="flat_fee",
        recognition_method="straight_line_days",
        line_id=base + number,
        net=net,
        tax=Decimal(0),
        tax_rate_id=None,
        period_start=start,
        period_end=start.replace(year=2027),
    )
    return InvoiceFinalized(
        tenant_id=company.tenant_id,
        business_entity_id=company.entity_id,
        occurred_on=start,
        currency="USD",
        key=f"reports-{number}",
        invoice_id=base + number,
        invoice_number=f"R-{number}",
        customer_id=base + number % CUSTOMERS,
        contract_id=base + number,
        due_on=start,
        net=net,
        tax=Decimal(0),
        total=net,
        lines=(line,),
    )


def _payment(company: Company, number: int) -> PaymentReceived:
    amount, base = Decimal(number % 9000 + 1000) / 100, company.tenant_id * 10**9
    part = AllocatedPart(allocation_id=base + number, invoice_id=base + number, allocated=amount)
    return PaymentReceived(
        tenant_id=company.tenant_id,
        business_entity_id=company.entity_id,
        occurred_on=date(2026, 2, number % 28 + 1),
        currency="USD",
        key=f"reports-{number}",
        payment_id=base + number,
        customer_id=base + number % CUSTOMERS,
        method="bank_transfer",
        amount=amount,
        unapplied=Decimal(0),
        lines=(part,),
    )
