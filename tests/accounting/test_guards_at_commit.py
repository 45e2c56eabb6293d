"""What only shows between transactions: an empty entry fails at commit, an old entry takes no lines, months do not close
under a post."""

from collections.abc import Callable
from datetime import date
from threading import Event, Thread
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounting.checks import check_ledger
from accounting.models import AccountingPeriod, JournalEntry, JournalLine
from accounting.periods import close_period
from billing.models import Invoice, Product, Tenant
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.services.invoices import finalize_invoices
from billing.tenancy import tenant_scope
from tests.company import make_globex

pytestmark = pytest.mark.django_db(transaction=True)

COPY_OF_ENTRY = (
    "INSERT INTO accounting_journalentry (id, tenant_id, business_entity_id, date, currency, kind, description, event_id, part, "
    "rule_version_id, line_count, posted_at) SELECT 9000001, tenant_id, business_entity_id, date, currency, kind, description, "
    "event_id, 77, rule_version_id, {count}, posted_at FROM accounting_journalentry ORDER BY id LIMIT 1"
)
COPY_OF_LINES = (
    "INSERT INTO accounting_journalline (tenant_id, business_entity_id, entry_id, position, date, account_id, currency, debit, "
    "credit, base_debit, base_credit, role, resolved_by) SELECT tenant_id, business_entity_id, {entry}, position, date, "
    "account_id, currency, debit, credit, base_debit, base_credit, role, resolved_by FROM accounting_journalline "
    "WHERE entry_id = (SELECT min(id) FROM accounting_journalentry)"
)


@pytest.fixture
def company() -> Tenant:
    """January billed, February a draft."""
    made, customer = make_globex()
    with tenant_scope(made.pk):
        product = Product.objects.create(code="pro", name="Pro plan")
        item = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "100"}}
        contract = draft_contract(customer=customer, number="K-1", start=date(2026, 1, 1), items=[item], term_months=12)
        start_contracts([contract.pk])
        run_billing(through=date(2026, 1, 1), finalize=True)
        run_billing(through=date(2026, 2, 1))
    return made


def _run(*statements: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def test_an_entry_without_lines_does_not_get_past_commit(company: Tenant) -> None:
    with tenant_scope(company.pk):
        for further in (
            [],
            ["DELETE FROM accounting_posting_under_way"],
            ["SELECT set_config('counterfoil.tenant', '', false)"],
        ):
            with pytest.raises(DatabaseError, match="has no lines"):
                _run(COPY_OF_ENTRY.format(count=2), *further)
            assert JournalEntry.objects.count() == 1


def test_an_entry_kept_open_takes_no_lines_in_a_later_transaction(company: Tenant) -> None:
    """Even the right number of balanced lines: the entry was posted by another transaction."""
    with tenant_scope(company.pk):
        first = JournalEntry.objects.get()
        with connection.cursor() as cursor:
            for table in ("accounting_journalline", "accounting_journalentry"):
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(COPY_OF_ENTRY.format(count=2))
            for table in ("accounting_journalline", "accounting_journalentry"):
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        with pytest.raises(DatabaseError, match="not those of one new entry"):
            _run(COPY_OF_LINES.format(entry=9000001))
        with pytest.raises(DatabaseError, match=r"line_position|not those of one new entry"):
            _run(COPY_OF_LINES.format(entry=first.pk))
        assert JournalLine.objects.count() == 2


def test_a_month_is_not_closed_under_a_post_that_is_under_way(company: Tenant) -> None:
    """A post holds its month until it commits; who closes it waits, and what comes after finds it closed."""
    posted, closed = Event(), Event()
    seen: list[Any] = []

    def close() -> None:
        try:
            with tenant_scope(company.pk):
                period = AccountingPeriod.objects.get(start=date(2026, 1, 1))
                posted.wait(timeout=20)
                close_period(period_id=period.pk, at=timezone.now())
                closed.set()
        finally:
            connection.close()

    closing = Thread(target=close)
    closing.start()
    with tenant_scope(company.pk):
        with transaction.atomic():
            _run(COPY_OF_ENTRY.format(count=2), COPY_OF_LINES.format(entry=9000001))
            posted.set()
            seen.append(closed.wait(timeout=0.5))
        closing.join(timeout=20)
        assert (seen, closed.is_set()) == ([False], True)
        with pytest.raises(DatabaseError, match="2026-01 is not open"):
            _run(
                COPY_OF_ENTRY.format(count=2).replace("9000001", "9000002").replace("77", "78"),
                COPY_OF_LINES.format(entry=9000002),
            )


def test_what_fails_in_the_books_undoes_the_document(company: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """One fact, one entry: an invoice whose entry cannot be posted stays a draft, and no event tells of it."""
    with tenant_scope(company.pk):
        draft = Invoice.objects.get(status="draft")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE accounting_account SET is_active = false WHERE role = 'deferred_revenue'")
        with pytest.raises(RuntimeError, match="deactivated"):
            finalize_invoices([draft.pk])
        draft.refresh_from_db()
        assert (draft.status, draft.number, JournalEntry.objects.count()) == ("draft", None, 1)
        assert check_ledger(company).problems == []
        with connection.cursor() as cursor:
            cursor.execute("UPDATE accounting_account SET is_active = true WHERE role = 'deferred_revenue'")
        assert [each.number for each in finalize_invoices([draft.pk])] == ["INV-000002"]


def _beside(company: Tenant, work: Callable[[], Any]) -> tuple[Thread, list[Any]]:
    """Do something in a session of its own; what it answers, or is refused with, comes into the list."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            with tenant_scope(company.pk):
                outcome.append(work())
        except DatabaseError as refused:
            outcome.append(str(refused))
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    return thread, outcome


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_month_is_not_sealed_by_who_does_not_see_what_was_just_posted(company: Tenant, level: str) -> None:
    with tenant_scope(company.pk):
        refused = pytest.raises(DatabaseError, match=f"not in a {level} one")
        with refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
            cursor.execute("SELECT count(*) FROM accounting_journalline")
            posting, _ = _beside(
                company, lambda: _run(COPY_OF_ENTRY.format(count=2), COPY_OF_LINES.format(entry=9000001))
            )
            posting.join(timeout=20)
            cursor.execute("UPDATE accounting_accountingperiod SET status = 'closed', closed_at = now()")
        assert JournalEntry.objects.count() == 2
        assert not AccountingPeriod.objects.exclude(status="open").exists()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE billing_invoiceline SET description = 'x' WHERE invoice_id = {draft}",
        "DELETE FROM billing_invoiceline WHERE invoice_id = {draft}",
        (
            "INSERT INTO billing_invoiceline (tenant_id, invoice_id, position, product_id, description, quantity, currency, "
            "unit_amount, net, tax_percent, tax, recognition_method) SELECT tenant_id, {draft}, 9, product_id, 'x', 1, currency, "
            "1, 1, 0, 0, recognition_method FROM billing_invoiceline WHERE invoice_id = {draft}"
        ),
    ],
)
def test_lines_do_not_change_under_an_invoice_that_is_being_finalized(company: Tenant, sql: str) -> None:
    """Who changes lines waits for the finalizing that is under way, and then finds the invoice final."""
    with tenant_scope(company.pk):
        draft = Invoice.objects.get(status="draft")
        with transaction.atomic():
            finalize_invoices([draft.pk])
            changing, outcome = _beside(company, lambda: _run(sql.format(draft=draft.pk)))
            changing.join(timeout=0.5)
            assert changing.is_alive()
        changing.join(timeout=20)
        assert "lines of a finalized invoice cannot change" in outcome[0]
