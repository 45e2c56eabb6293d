"""The demo: the same every time, told once, everything delivered but what is left for a person."""

import re
from datetime import UTC, date, datetime
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from accounting.checks import check_ledger
from accounting.models import AccountingPeriod, JournalEntry, JournalLine, Level, PeriodStatus
from billing.models import (
    BusinessEvent,
    Contract,
    ContractItem,
    CreditNote,
    Invoice,
    InvoiceStatus,
    PaymentAllocation,
    PhaseKind,
    Tenant,
)
from billing.pricing import CHOICES
from billing.tenancy import tenant_scope
from integrations import outbox
from integrations.demo import erp
from integrations.demo.companies import COMPANIES, UNMAPPED_ACCOUNT, DemoCompany
from integrations.demo.generator import generate, units_used
from integrations.demo.offers import OFFERS
from integrations.demo.serving import PortTaken, check_free
from integrations.demo.story import tell
from integrations.models import OutboxItem, OutboxState
from integrations.sandbox.server import start_in_thread

TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CUSTOMERS = 14


@pytest.fixture(autouse=True)
def _no_wake_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "wake", lambda **ids: None)


def test_same_seed_same_customers() -> None:
    first = generate(seed="x", customers=30, first_month=date(2026, 8, 1))
    assert first == generate(seed="x", customers=30, first_month=date(2026, 8, 1))
    assert first != generate(seed="y", customers=30, first_month=date(2026, 8, 1))
    assert len({plan.name for plan in first}) == len({plan.external_id for plan in first}) == 30
    assert {plan.email.rpartition(".")[2] for plan in first} == {"example"}
    day = date(2026, 8, 6)
    used = units_used(seed="x", offer="storage", item="K-1", day=day)
    assert used == units_used(seed="x", offer="storage", item="K-1", day=day) > 0


def test_offers_have_every_pricing_model_and_cadence() -> None:
    assert {offer.pricing_model for offer in OFFERS.values()} == {code for code, _ in CHOICES}
    assert {offer.interval_months for offer in OFFERS.values()} == {1, 3, 12}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("company", COMPANIES, ids=lambda company: company.slug)
def test_story(company: DemoCompany) -> None:
    tenant = tell(company, today=TODAY, now=NOW, customers=CUSTOMERS)
    assert check_ledger(tenant).problems == []
    with tenant_scope(tenant.pk):
        _shows_every_feature(abroad=company.sells_abroad)
        with start_in_thread("quickbooks") as box:
            synced = erp.sync(url=box.url)
        assert synced is not None
        assert synced.drained.waiting == 0
        assert [differences for _, differences in synced.compared.values()][:2] == [[], []]
        journals = company.mode == "journal_entries"
        assert synced.drained.parked == len(synced.parked) == (1 if journals else 0)
        if journals:
            assert UNMAPPED_ACCOUNT in synced.parked[0]
            assert synced.held == {"journal entries": JournalEntry.objects.count() - 1}
        else:
            assert synced.held["invoices"] == Invoice.objects.exclude(status=InvoiceStatus.DRAFT).count()
            assert synced.held["credit memos"] == 1


def _shows_every_feature(*, abroad: bool) -> None:
    kinds = set(BusinessEvent.objects.values_list("kind", flat=True))
    assert kinds == {
        "contract_started", "contract_renewed", "usage_recorded", "invoice_finalized", "invoice_voided",
        "credit_note_issued", "payment_received", "payment_captured", "payment_allocated", "payout_received",
        "revenue_recognized", *(("foreign_balances_revalued", "foreign_revaluation_reversed") if abroad else ()),
    }  # fmt: skip
    assert JournalLine.objects.filter(role__startswith="fx_", role__endswith="_realized").exists() == abroad
    statuses = set(Invoice.objects.values_list("status", flat=True))
    assert statuses == {status.value for status in InvoiceStatus} - {InvoiceStatus.WRITTEN_OFF}
    void = Invoice.objects.get(status=InvoiceStatus.VOID)
    again = Invoice.objects.filter(contract=void.contract, issued_on=void.issued_on).exclude(pk=void.pk)
    assert [invoice.total for invoice in again] == [void.total]
    assert CreditNote.objects.count() == 1
    assert PaymentAllocation.objects.filter(payment__unapplied__gte=0).exists()
    assert Contract.objects.filter(phases__kind=PhaseKind.TRIAL).exists()
    assert ContractItem.objects.filter(is_metered=True).exists()
    assert Contract.objects.exclude(start__day=1).exists()
    assert Invoice.objects.filter(status=InvoiceStatus.FINALIZED, due_on__lt=TODAY).exists()
    assert [each.start for each in AccountingPeriod.objects.filter(status=PeriodStatus.CLOSED)] == [date(2026, 8, 1)]
    assert JournalLine.objects.filter(resolved_by=Level.PRODUCT, role="revenue").exists()
    assert JournalEntry.objects.filter(rule_version__rule__code="payment-captured").exists()


@pytest.mark.django_db(transaction=True)
def test_command_twice_adds_nothing() -> None:
    out = StringIO()
    call_command("demo", "--once", "--customers", str(CUSTOMERS), stdout=out, stderr=StringIO())
    before = _rows()
    again, said = StringIO(), StringIO()
    call_command("demo", "--once", stdout=again, stderr=said)
    assert _rows() == before
    assert "nothing is added" in said.getvalue()
    # The second stand-in holds what the first did.
    assert re.findall(r"holds .*", again.getvalue()) == re.findall(r"holds .*", out.getvalue()) != []
    assert again.getvalue().count("check_ledger   clean") == len(COMPANIES)


def _rows() -> list[tuple[int, ...]]:
    rows = []
    for tenant in Tenant.objects.order_by("slug"):
        with tenant_scope(tenant.pk):
            delivered = OutboxItem.objects.filter(state=OutboxState.DELIVERED).count()
            rows.append(
                (BusinessEvent.objects.count(), JournalLine.objects.count(), OutboxItem.objects.count(), delivered)
            )
    return rows


@pytest.mark.django_db
def test_not_in_production(settings: object) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="trying out"):
        call_command("demo", "--once")


def test_a_taken_port_is_said() -> None:
    with (
        start_in_thread("quickbooks") as box,
        pytest.raises(PortTaken, match=rf"Port {box.port} is in use .* make demo ARGS=\"--port N\""),
    ):
        check_free(box.port, option="--port")
