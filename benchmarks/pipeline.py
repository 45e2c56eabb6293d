"""Events → rules → accounts → entries, lines, event records and outbox rows; and one invoice alone."""

import time
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal

from benchmarks.company import Company
from benchmarks.database import Floor
from benchmarks.report import Result
from billing.events import AllocatedPart, BilledLine, Event, InvoiceFinalized, PaymentReceived

EVENTS, BATCH = 20_000, 1_000
TABLES = (
    "billing_businessevent",
    "accounting_journalentry",
    "accounting_journalline",
    "accounting_recognitionschedule",
    "integrations_outboxitem",
)


def measure(url: str, hordak: dict[str, float]) -> Iterator[Result]:
    from benchmarks.company import make_company
    from billing.tenancy import tenant_scope

    for what, make_event in (("payments", payment), ("invoices with their schedules", invoice)):
        warm = make_company(f"warm-{make_event.__name__}")
        with tenant_scope(warm.tenant_id):
            post_events(warm, make_event, BATCH)  # plans and statistics
        company = make_company(make_event.__name__)
        with tenant_scope(company.tenant_id):
            seconds = post_events(company, make_event, EVENTS)
        floor = Floor(url, TABLES, company.tenant_id)
        floor_seconds = min(floor.seconds(batches=EVENTS // BATCH) for _ in range(3))
        rate = EVENTS / seconds
        detail = f"{rate:,.0f} events/s; floor {EVENTS / floor_seconds:,.0f}"
        yield Result(
            f"events posted in batches ({what}), share of the COPY floor", floor_seconds / seconds, ">=", 0.4, detail
        )
        detail = f"{rate:,.0f} events/s; hordak in bulk {hordak['bulk']:,.0f}"
        yield Result(f"events posted in batches ({what}), times hordak in bulk", rate / hordak["bulk"], ">=", 2, detail)
    company = make_company("single")
    with tenant_scope(company.tenant_id):
        single = finalize_one_by_one(company)
    detail = f"{single:,.0f} invoices/s; hordak, the entry alone, {hordak['single']:,.0f}"
    yield Result("one invoice finalized alone, times hordak", single / hordak["single"], ">=", 1, detail)


def post_events(company: Company, make_event: Callable[[Company, int], Event], count: int) -> float:
    """Publish events in batches; everything that follows happens in the same transactions. Answers seconds."""
    from django.db import transaction

    from billing.publishing import publish

    batches = [
        [make_event(company, number) for number in range(start + 1, start + BATCH + 1)]
        for start in range(0, count, BATCH)
    ]
    started = time.perf_counter()
    for batch in batches:
        with transaction.atomic():
            publish(batch)
    return time.perf_counter() - started


def payment(company: Company, number: int) -> PaymentReceived:
    """A payment that settles one invoice."""
    amount = Decimal(number % 9000 + 1000) / 100
    return PaymentReceived(
        tenant_id=company.tenant_id,
        business_entity_id=company.entity_id,
        occurred_on=date(2026, 1, number % 28 + 1),
        currency="USD",
        key=f"bench-{number}",
        payment_id=company.tenant_id * 10**9 + number,
        customer_id=company.customer_id + number % 1000,
        method="bank_transfer",
        amount=amount,
        unapplied=Decimal(0),
        lines=(
            AllocatedPart(
                allocation_id=company.tenant_id * 10**9 + number,
                invoice_id=company.tenant_id * 10**9 + number,
                allocated=amount,
            ),
        ),
    )


def invoice(company: Company, number: int) -> InvoiceFinalized:
    """An invoice of one line for a month of service."""
    net = Decimal(number % 9000 + 1000) / 100
    return InvoiceFinalized(
        tenant_id=company.tenant_id,
        business_entity_id=company.entity_id,
        occurred_on=date(2026, 1, number % 28 + 1),
        currency="USD",
        key=f"bench-{number}",
        invoice_id=company.tenant_id * 10**9 + number,
        invoice_number=f"INV-{number:06d}",
        customer_id=company.customer_id + number % 1000,
        contract_id=None,
        due_on=date(2026, 1, 31),
        net=net,
        tax=Decimal(0),
        total=net,
        lines=(
            BilledLine(
                contract_id=None,
                contract_item_id=None,
                product_id=company.product_id,
                product_family_id=None,
                pricing_model="flat_fee",
                recognition_method="straight_line_days",
                line_id=company.tenant_id * 10**9 + number,
                net=net,
                tax=Decimal(0),
                tax_rate_id=None,
                period_start=date(2026, 1, 1),
                period_end=date(2026, 2, 1),
            ),
        ),
    )


def finalize_one_by_one(company: Company, count: int = 500) -> float:
    """Finalize drafts through the service, each alone in its transaction; answers invoices a second."""
    from benchmarks.company import sell_contracts
    from billing.models import Invoice
    from billing.services.billing_run import run_billing
    from billing.services.invoices import finalize_invoices

    sell_contracts(company, count + 50)
    run_billing(through=date(2026, 1, 1))
    ids = list(Invoice.objects.filter(status="draft").values_list("id", flat=True))
    for invoice_id in ids[:50]:
        finalize_invoices([invoice_id])
    started = time.perf_counter()
    for invoice_id in ids[50:]:
        finalize_invoices([invoice_id])
    return len(ids[50:]) / (time.perf_counter() - started)
