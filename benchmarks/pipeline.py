"""Events → rules → accounts → entries, lines, event records and outbox rows; and one invoice alone."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from statistics import median

from benchmarks.company import Company
from benchmarks.database import Floor
from benchmarks.hordak import Hordak
from benchmarks.report import Result
from billing.events import AllocatedPart, BilledLine, Event, InvoiceFinalized, PaymentReceived

EVENTS, BATCH, ROUNDS = 20_000, 1_000, 5
AT_A_TIME, TURNS = 50, 20
TABLES = (
    "billing_businessevent",
    "accounting_journalentry",
    "accounting_journalline",
    "accounting_recognitionschedule",
    "integrations_outboxitem",
)


def measure(url: str) -> Iterator[Result]:
    """Take turns with the floor and with the peer, and give the median of the rounds: the machine's pace changes."""
    with Hordak() as hordak:
        hordak.seconds("in_bulk", BATCH)
        hordak.seconds("alone", 50)
        for what, make_event in (("payments", payment), ("invoices with their schedules", invoice)):
            yield from _in_batches(url, hordak, what, make_event)
        yield _alone(hordak)


def _in_batches(url: str, hordak: Hordak, what: str, make_event: Callable[[Company, int], Event]) -> Iterator[Result]:
    from benchmarks.company import make_company
    from billing.tenancy import tenant_scope

    each = EVENTS // ROUNDS
    warm, company = make_company(f"warm-{make_event.__name__}"), make_company(make_event.__name__)
    with tenant_scope(warm.tenant_id):
        post_events(warm, make_event, range(1, EVENTS + 1))  # plans, statistics, and the rows of the floor
    floor = Floor(url, TABLES, warm.tenant_id)
    ours, floors, peers = [], [], []
    for place in range(ROUNDS):
        with tenant_scope(company.tenant_id):
            ours.append(post_events(company, make_event, range(place * each + 1, (place + 1) * each + 1)))
        floors.append(floor.seconds(batches=each // BATCH, part=place, parts=ROUNDS))
        peers.append(hordak.seconds("in_bulk", each))
    rate = each / median(ours)
    yield Result(
        f"events posted in batches ({what}), share of the COPY floor",
        _median_ratio(floors, ours),
        ">=",
        0.4,
        f"{rate:,.0f} events/s; floor {each / median(floors):,.0f}",
    )
    yield Result(
        f"events posted in batches ({what}), times hordak in bulk",
        _median_ratio(peers, ours),
        ">=",
        2,
        f"{rate:,.0f} events/s; hordak in bulk {each / median(peers):,.0f}",
    )


def _alone(hordak: Hordak) -> Result:
    """Finalize drafts through the service, each alone in its transaction."""
    from benchmarks.company import make_company, sell_contracts
    from billing.models import Invoice
    from billing.services.billing_run import run_billing
    from billing.services.invoices import finalize_invoices
    from billing.tenancy import tenant_scope

    company = make_company("single")
    with tenant_scope(company.tenant_id):
        sell_contracts((TURNS + 1) * AT_A_TIME)
        run_billing(through=date(2026, 1, 1))
        drafts = list(Invoice.objects.filter(status="draft").values_list("id", flat=True))
        ours, peers = [], []
        for start in range(0, len(drafts), AT_A_TIME):
            started = time.perf_counter()
            for invoice_id in drafts[start : start + AT_A_TIME]:
                finalize_invoices([invoice_id])
            ours.append(time.perf_counter() - started)
            peers.append(hordak.seconds("alone", AT_A_TIME))
    ours, peers = ours[1:], peers[1:]  # the first is for plans and statistics
    detail = f"{AT_A_TIME / median(ours):,.0f} invoices/s; hordak, the entry alone, {AT_A_TIME / median(peers):,.0f}"
    return Result("one invoice finalized alone, times hordak", _median_ratio(peers, ours), ">=", 1, detail)


def _median_ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    return median(their / our for their, our in zip(theirs, ours, strict=True))


def post_events(company: Company, make_event: Callable[[Company, int], Event], numbers: range) -> float:
    """Publish events in batches; everything that follows happens in the same transactions. Answers seconds."""
    from django.db import transaction

    from billing.publishing import publish

    batches = [
        [make_event(company, number) for number in numbers[start : start + BATCH]]
        for start in range(0, len(numbers), BATCH)
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
