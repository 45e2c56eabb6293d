"""What the database refuses by itself: raw SQL as the application's own role, against a company with posted books.

Each row of the tables in `attempts` is refused with a sentence, and nothing has changed.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from accounting.balances import sum_up
from accounting.models import Account, AccountingPeriod, DefaultAccount, JournalEntry, JournalLine
from accounting.periods import close_period
from accounting.recognition import recognize_revenue
from accounting.setup import set_up_books
from billing.models import (
    BusinessEntity,
    BusinessEvent,
    CreditNote,
    CreditNoteLine,
    Customer,
    Invoice,
    Payment,
    PaymentAllocation,
    Product,
    Tenant,
)
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.services.credit_notes import issue_credit_note
from billing.services.payments import receive_payment
from billing.services.tenants import add_business_entity
from billing.tenancy import tenant_scope
from tests.accounting.attempts import BALANCE, FINAL, GOOD, NEW, PLACES, Attempt, entry
from tests.accounting.attempts_at_seals import SEALS
from tests.accounting.attempts_below import BELOW
from tests.company import make_company

pytestmark = pytest.mark.django_db

D = Decimal


@pytest.fixture(scope="module")
def books(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[str, Any]]:
    """Two companies with posted books; the ids of what there is, by the names that the attempts use."""
    with django_db_blocker.unblock(), transaction.atomic():
        foreign = _company("initech")
        with tenant_scope(foreign.pk):
            names = {
                "foreign": foreign.pk,
                "foreign_entity": BusinessEntity.objects.get().pk,
                "foreign_cash": Account.objects.get(role="cash").pk,
                "foreign_event": BusinessEvent.objects.order_by("id")[0].pk,
                "foreign_entry": (posted := JournalEntry.objects.order_by("id")[0]).pk,
                "foreign_rule": posted.rule_version_id,
            }
        company = _company("globex")
        with tenant_scope(company.pk):
            other = add_business_entity(tenant=company, code="east", name="East", currency="USD")
            set_up_books(business_entity=other)
            connection.check_constraints()  # what would have run at commit; TRUNCATE waits for nothing
            yield names | _names(company, other)
        transaction.set_rollback(True)


def _company(slug: str) -> Tenant:
    """January closed, February open: two invoices of which one is paid in part and one credited in part, and a draft."""
    company = make_company(slug, name=slug)
    with tenant_scope(company.pk):
        entity = BusinessEntity.objects.get()
        customer = Customer.objects.create(business_entity=entity, external_id="C-1", name="Globex", currency="USD")
        Customer.objects.create(business_entity=entity, external_id="C-2", name="Other", currency="USD")
        product = Product.objects.create(code="pro", name="Pro plan")
        item = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "100"}}
        contract = draft_contract(customer=customer, number="K-1", start=date(2026, 1, 1), items=[item], term_months=12)
        start_contracts([contract.pk])
        run_billing(through=date(2026, 2, 1), finalize=True)
        recognize_revenue(through=date(2026, 1, 31))
        receive_payment(customer_id=customer.pk, received_on=date(2026, 2, 1), amount=D("40.00"), currency="USD")
        second = Invoice.objects.get(issued_on=date(2026, 2, 1))
        credited = {second.lines.get().pk: D("30.00")}
        issue_credit_note(invoice_id=second.pk, lines=credited, on=date(2026, 2, 2), reason="Goodwill")
        run_billing(through=date(2026, 3, 1))
        close_period(period_id=AccountingPeriod.objects.get(start=date(2026, 1, 1)).pk, at=timezone.now())
        sum_up()
    return company


def _names(company: Tenant, other: BusinessEntity) -> dict[str, Any]:
    entity = BusinessEntity.objects.get(code="main")
    invoice = Invoice.objects.get(issued_on=date(2026, 1, 1))
    assert [PaymentAllocation.objects.count(), CreditNoteLine.objects.count(), Payment.objects.count()] == [1, 1, 1]
    posted = JournalEntry.objects.filter(event__kind="payment_received").get()
    accounts = Account.objects.filter(business_entity=entity)
    closed = AccountingPeriod.objects.get(start=date(2026, 1, 1))
    return {
        "tenant": company.pk,
        "entity": entity.pk,
        "other_entity": other.pk,
        "cash": accounts.get(role="cash").pk,
        "receivable": accounts.get(role="accounts_receivable.customers").pk,
        "group": accounts.filter(is_group=True)[0].pk,
        "other_cash": Account.objects.get(business_entity=other, role="cash").pk,
        "event": posted.event_id,
        "entry": posted.pk,
        "entry_date": posted.date,
        "line": posted.lines.order_by("id")[0].pk,
        "rule_version": posted.rule_version_id,
        "invoice": invoice.pk,
        "draft": Invoice.objects.get(status="draft").pk,
        "other_customer": Customer.objects.get(external_id="C-2").pk,
        "closed": closed.pk,
        "seal": closed.seal_id,
        "open": AccountingPeriod.objects.get(start=date(2026, 2, 1)).pk,
    }


_WATCHED = [
    model._meta.db_table
    for model in (
        JournalEntry, JournalLine, BusinessEvent, Invoice, CreditNote, CreditNoteLine, Payment, PaymentAllocation,
        AccountingPeriod, Account, DefaultAccount,
    )
] + [
    "billing_invoiceline", "accounting_ruleversion", "accounting_posting_under_way", "accounting_unsummedentries",
    "accounting_dailybalance", "accounting_periodseal", "accounting_sealedbalance", "accounting_sealedcustomerbalance",
]  # fmt: skip


def _fingerprint() -> list[Any]:
    """Everything in the watched tables, as one digest each."""
    digests = ", ".join(f"(SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t)" for table in _WATCHED)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {digests}")
        return list(cursor.fetchone())


@contextmanager
def _nothing_changes() -> Iterator[None]:
    before = _fingerprint()
    yield
    assert _fingerprint() == before


def _try(attempt: Attempt, names: dict[str, Any]) -> str:
    """Make the attempt up to where a commit would be. Answers the database's refusal."""
    statements = [attempt.sql] if isinstance(attempt.sql, str) else attempt.sql
    # After a sentence about a refusal nothing of it may be left, not even what came before it.
    with pytest.raises(DatabaseError) as refused, transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.format(**names))
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return str(refused.value)


@pytest.mark.parametrize("attempt", [*BALANCE, *PLACES, *FINAL, *SEALS, *BELOW], ids=lambda attempt: attempt.sentence)
def test_the_database_refuses(books: dict[str, Any], attempt: Attempt) -> None:
    with _nothing_changes():
        refusal = _try(attempt, books)
    assert re.search(attempt.refusal, refusal), refusal


def test_a_right_entry_by_hand_is_taken(books: dict[str, Any]) -> None:
    """The attempts above fail for their one fault, not because nothing could ever succeed."""
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in (entry(), GOOD):
            cursor.execute(statement.format(**books))
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        assert JournalEntry.objects.get(pk=NEW).lines.count() == 2
        cursor.execute("SELECT count(*) FROM accounting_posting_under_way")
        assert cursor.fetchone()[0] == 0
        transaction.set_rollback(True)


def test_an_unused_account_may_change(books: dict[str, Any]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE accounting_account SET category = 'assets' WHERE role = 'disputes'")
        assert cursor.rowcount == 2
        transaction.set_rollback(True)
