"""Kept balances are what the lines add up to, whatever is posted, summed, closed and reopened in between."""

import hashlib
import json
from datetime import date
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounting.balances import account_balance, balances, rebuild, sum_up
from accounting.checks import check_ledger
from accounting.models import (
    Account,
    AccountingPeriod,
    DailyBalance,
    JournalEntry,
    JournalLine,
    PeriodSeal,
    SealedBalance,
    SealedCustomerBalance,
    UnsummedEntries,
)
from accounting.periods import close_period, reopen_period
from accounting.recognition import recognize_revenue
from billing.models import BusinessEntity, Customer, Product
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.services.payments import receive_payment
from billing.tenancy import tenant_scope
from tests.company import make_company

JAN, FEB, MAR = (date(2026, month, 1) for month in (1, 2, 3))
NOON = timezone.now()


def by_role(entity, at):
    """Debit less credit per role of the chart, of accounts that do not stand at zero."""
    found = balances(business_entity_id=entity.pk, at=at)
    return {each.role: each.balance for each in found if each.balance}


def close(month):
    return close_period(period_id=AccountingPeriod.objects.get(start=month).pk, at=NOON)


@pytest.fixture
def quarter(entity, customer, sell):
    """100.00 a month, billed and earned January to March; January's and half of February's invoice paid."""
    sell(amount="100", start=JAN, terms={"term_months": 12})
    run_billing(through=date(2026, 3, 31), finalize=True)
    recognize_revenue(through=date(2026, 3, 31))
    receive_payment(customer_id=customer.pk, received_on=date(2026, 2, 10), amount=Decimal(150), currency="USD")
    return entity


def test_a_balance_is_the_same_before_and_after_summing_and_closing(quarter):
    expected = {
        date(2025, 12, 31): {},
        date(2026, 1, 31): {"accounts_receivable.customers": 100, "revenue": -100},
        date(2026, 2, 9): {"accounts_receivable.customers": 200, "deferred_revenue": -100, "revenue": -100},
        date(2026, 2, 28): {"accounts_receivable.customers": 50, "cash": 150, "revenue": -200},
        date(2026, 3, 31): {"accounts_receivable.customers": 150, "cash": 150, "revenue": -300},
    }  # fmt: skip

    def seen():
        return {day: by_role(quarter, day) for day in expected}

    assert DailyBalance.objects.count() == 0 and seen() == expected
    assert sum_up() == JournalEntry.objects.count() and UnsummedEntries.objects.count() == 0
    assert seen() == expected
    assert sum_up() == 0
    for month in (JAN, FEB):
        close(month)
        assert seen() == expected
    receivable = Account.objects.get(role="accounts_receivable.customers")
    for day, roles in expected.items():
        found = account_balance(business_entity_id=quarter.pk, account_id=receivable.pk, at=day)
        assert found == roles.get("accounts_receivable.customers", 0)


def test_closing_seals_balances_per_account_and_customer(quarter, customer):
    close(JAN)
    seal = close(FEB).seal
    sealed = {b.account.role: b.base_debit - b.base_credit for b in SealedBalance.objects.filter(seal=seal)}
    assert {role: balance for role, balance in sealed.items() if balance} == {
        "accounts_receivable.customers": 50, "cash": 150, "revenue": -200,
    }  # fmt: skip
    followed = SealedCustomerBalance.objects.get(seal=seal)
    assert (followed.role, followed.customer_id, followed.debit - followed.credit) == (
        "accounts_receivable.customers", customer.pk, 50,
    )  # fmt: skip
    # February: an invoice, revenue, a payment on two invoices.
    assert (seal.number, seal.entries, seal.base_debit) == (1, 3, 350)


def test_an_auditor_computes_the_digest_from_the_lines_alone(quarter):
    """As docs/ACCOUNTANTS.md says, with nothing of the database but the rows."""
    previous = ""
    for month in (JAN, FEB):
        seal = close(month).seal
        previous = _digest(month, seal.period.end, previous, seal.format)
        assert seal.digest == previous


def test_a_seal_of_the_first_format_is_still_proved(quarter):
    """Months that were sealed before lines named their refund and obligation."""
    seal = close(JAN).seal
    old = _digest(JAN, seal.period.end, "", 1)
    assert old != seal.digest
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE accounting_periodseal DISABLE TRIGGER USER")
        cursor.execute("UPDATE accounting_periodseal SET format = 1, digest = %s", [old])
        cursor.execute("ALTER TABLE accounting_periodseal ENABLE TRIGGER USER")
    close(FEB)
    assert [each.format for each in PeriodSeal.objects.order_by("id")] == [1, 2]
    assert check_ledger(quarter.tenant).problems == []


def _digest(since, until, previous, written):
    digests = []
    for e in JournalEntry.objects.filter(date__gte=since, date__lt=until).order_by("date", "id"):
        lines = [
            [
                x.position, str(x.date), x.account_id, x.currency, x.debit, x.credit, x.base_debit, x.base_credit,
                x.role, x.resolved_by, x.customer_id, x.contract_id, x.contract_item_id, x.product_id, x.invoice_id,
                x.credit_note_id, x.payment_id, x.tax_rate_id, *([x.refund_id, x.obligation_id] if written == 2 else []),
            ]
            for x in e.lines.order_by("position")
        ]  # fmt: skip
        row = [
            e.id, str(e.date), e.currency, e.kind, e.description, e.event_id, e.part, e.rule_version_id,
            e.reverses_id, lines,
        ]  # fmt: skip
        digests.append(hashlib.sha256(_json(row).encode()).hexdigest())
    return hashlib.sha256((previous + "".join(digests)).encode()).hexdigest()


def _json(value):
    if isinstance(value, list):
        return f"[{', '.join(_json(each) for each in value)}]"
    return f"{value:.4f}" if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def test_the_digest_is_the_same_under_every_setting_of_a_connection(quarter):
    period = close(JAN)
    assert period.seal.format == 2
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL datestyle = 'German, DMY'")
        cursor.execute("SET LOCAL timezone = 'Asia/Tokyo'")
        cursor.execute("SELECT counterfoil_period_digest(%s, %s, %s, '', 2)", [quarter.pk, period.start, period.end])
        assert cursor.fetchone()[0] == period.seal.digest


def test_a_reopened_period_keeps_its_old_seal_and_gets_a_new_one(quarter, customer):
    close(JAN)
    first = AccountingPeriod.objects.get(start=JAN).seal
    reopen_period(period_id=first.period_id, reason="A payment was forgotten", at=timezone.now())
    assert AccountingPeriod.objects.get(start=JAN).seal is None
    receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 15), amount=Decimal(30), currency="USD")
    second = close(JAN).seal
    assert [seal.number for seal in PeriodSeal.objects.order_by("number")] == [1, 2]
    assert first.digest != second.digest and second.entries == first.entries + 1
    assert by_role(quarter, date(2026, 1, 31))["cash"] == 30
    assert check_ledger(quarter.tenant).problems == []


def test_the_second_seal_stands_on_the_first(quarter):
    close(JAN)
    close(FEB)
    january, february = (AccountingPeriod.objects.get(start=month).seal for month in (JAN, FEB))
    assert (january.previous_digest, february.previous_digest) == ("", january.digest)


def test_a_period_without_entries_between_is_closed_with_the_next(entity, customer):
    for day in (date(2026, 1, 5), date(2026, 4, 5)):
        receive_payment(customer_id=customer.pk, received_on=day, amount=Decimal(10), currency="USD")
    close(JAN)
    close(date(2026, 4, 1))
    assert list(AccountingPeriod.objects.order_by("start").values_list("start__month", "status")) == [
        (1, "closed"), (2, "closed"), (3, "closed"), (4, "closed"),
    ]  # fmt: skip
    assert check_ledger(entity.tenant).problems == []


def test_balances_made_anew_are_the_same(quarter):
    sum_up()
    before = list(DailyBalance.objects.order_by("account", "date").values_list("account", "date", "debit", "credit"))
    rebuild()
    after = list(DailyBalance.objects.order_by("account", "date").values_list("account", "date", "debit", "credit"))
    assert before == after and check_ledger(quarter.tenant).problems == []


def test_entries_whose_ids_interleave_with_anothers_are_noted_once_each(quarter):
    """Two processes took ids from the sequence at the same time."""
    old = JournalEntry.objects.filter(lines__role="cash").distinct().get()
    sum_up()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounting_journalentry (id, tenant_id, business_entity_id, date, currency, kind, description, "
            "event_id, part, rule_version_id, line_count, posted_at) SELECT n, tenant_id, business_entity_id, date, currency, "
            "kind, description, event_id, n - 9000000000, rule_version_id, line_count, now() FROM accounting_journalentry, "
            "unnest(ARRAY[9000000007, 9000000001, 9000000002, 9000000005]) n WHERE id = %s", [old.pk],
        )  # fmt: skip
        cursor.execute(
            "INSERT INTO accounting_journalline (tenant_id, business_entity_id, entry_id, position, date, account_id, "
            "currency, debit, credit, base_debit, base_credit, role, resolved_by) SELECT tenant_id, business_entity_id, n, "
            "position, date, account_id, currency, debit, credit, base_debit, base_credit, role, resolved_by FROM "
            "accounting_journalline, unnest(ARRAY[9000000007, 9000000001, 9000000002, 9000000005]) n WHERE entry_id = %s",
            [old.pk],
        )
    notes = UnsummedEntries.objects.order_by("first_entry").values_list("first_entry", "last_entry")
    assert [(first - 9000000000, last - 9000000000) for first, last in notes] == [(1, 2), (5, 5), (7, 7)]
    assert by_role(quarter, date(2026, 3, 31))["cash"] == 5 * 150
    assert sum_up() == 4
    assert by_role(quarter, date(2026, 3, 31))["cash"] == 5 * 150


@pytest.mark.django_db(transaction=True)
def test_posting_summing_and_reading_at_once_agree():
    """Three post, two sum up, one reads: no balance is ever out of balance, none is lost or counted twice."""
    company = make_company("busy")
    with tenant_scope(company.pk):
        entity = BusinessEntity.objects.get()
        customer = Customer.objects.create(business_entity=entity, external_id="C", name="C", currency="USD")
        receive_payment(customer_id=customer.pk, received_on=JAN, amount=Decimal(1), currency="USD")
        cash = Account.objects.get(role="cash")
    together, wrong, rounds = Barrier(6), [], 15

    def work(act):
        try:
            together.wait(timeout=20)
            with tenant_scope(company.pk):
                for _ in range(rounds):
                    act()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            wrong.append(repr(error))
        finally:
            connection.close()

    def post():
        receive_payment(customer_id=customer.pk, received_on=JAN, amount=Decimal(1), currency="USD")

    def read():
        found = balances(business_entity_id=entity.pk, at=JAN)
        if sum(each.balance for each in found):
            wrong.append(str(found))

    threads = [Thread(target=work, args=(act,)) for act in (post, post, post, sum_up, sum_up, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    with tenant_scope(company.pk):
        assert wrong == []
        assert account_balance(business_entity_id=entity.pk, account_id=cash.pk, at=JAN) == 1 + 3 * rounds
        assert check_ledger(company).problems == []


@pytest.mark.django_db(transaction=True)
def test_two_closers_make_one_seal():
    company = make_company("two")
    with tenant_scope(company.pk):
        entity = BusinessEntity.objects.get()
        customer = Customer.objects.create(business_entity=entity, external_id="C", name="C", currency="USD")
        receive_payment(customer_id=customer.pk, received_on=JAN, amount=Decimal(1), currency="USD")
    together, answers = Barrier(2), []

    def closer():
        try:
            together.wait(timeout=20)
            with tenant_scope(company.pk):
                close(JAN)
                answers.append("closed")
        except ValueError as error:
            answers.append(str(error))
        finally:
            connection.close()

    threads = [Thread(target=closer) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(answers) == ["January 2026 is closed already.", "closed"]
    with tenant_scope(company.pk):
        assert PeriodSeal.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_month_is_not_reopened_while_the_next_is_being_closed():
    """Each alone would be right; together they would leave an open month before a closed one."""
    company = make_company("race")
    with tenant_scope(company.pk):
        entity = BusinessEntity.objects.get()
        customer = Customer.objects.create(business_entity=entity, external_id="C", name="C", currency="USD")
        for day in (JAN, FEB):
            receive_payment(customer_id=customer.pk, received_on=day, amount=Decimal(1), currency="USD")
        close(JAN)
        january = AccountingPeriod.objects.get(start=JAN)
    answers = []

    def reopen():
        try:
            with tenant_scope(company.pk), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE accounting_accountingperiod SET status = 'open', reopened_at = now(), reopen_reason = 'x' "
                    "WHERE id = %s",
                    [january.pk],
                )
                answers.append("reopened")
        except DatabaseError as error:
            answers.append(str(error))
        finally:
            connection.close()

    with tenant_scope(company.pk), transaction.atomic():
        close(FEB)
        other = Thread(target=reopen)
        other.start()
        other.join(timeout=1)
        assert answers == []
    other.join(timeout=20)
    assert len(answers) == 1 and "reopen it first" in answers[0]


def test_a_contract_of_many_lines_is_summed_in_few_rows(entity, customer):
    product = Product.objects.create(code="pro", name="Pro")
    items = [{"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "1"}} for _ in range(50)]
    start_contracts([draft_contract(customer=customer, number="K", start=JAN, items=items, term_months=1).pk])
    run_billing(through=JAN, finalize=True)
    sum_up()
    assert (JournalLine.objects.count(), DailyBalance.objects.count()) == (51, 2)
