"""A replay of the stored events gives the ledger again, line for line, whatever has changed meanwhile; a tampered one differs."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounting.models import (
    Account,
    AccountingPeriod,
    AccountingRule,
    DefaultAccount,
    JournalEntry,
    JournalLine,
    Level,
    RuleVersion,
)
from accounting.netting import net_contracts
from accounting.periods import close_period, reopen_period
from accounting.recognition import recognize_revenue
from accounting.replay.shadow import shadow_books
from accounting.replaying import replay_ledger
from accounting.reversing import reverse_entry
from accounting.unmatched import post_unmatched
from billing.models import BusinessEvent, CreditNote, Customer, Invoice, Payment
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.services.credit_notes import issue_credit_note
from billing.services.invoices import void_invoice
from billing.services.payments import receive_payment
from billing.services.undoing import void_credit_note, void_payment
from tests.accounting.test_manual_entries import person, post

JAN = date(2026, 1, 1)
FEB = date(2026, 2, 1)
MAR = date(2026, 3, 1)


def agrees():
    report = replay_ledger()
    assert report.differences == []
    assert report.entries == JournalEntry.objects.count()
    return report


@pytest.fixture
def told(sell, entity, customer):
    """January and February billed, recognized, credited, paid and voided."""
    sell(amount="100", start=JAN, terms={"term_months": 12})
    sell(amount="50", start=JAN, number="K-2", terms={"term_months": 12})
    run_billing(through=FEB, finalize=True)
    recognize_revenue(through=date(2026, 2, 10))
    first, _, third, _ = Invoice.objects.order_by("id")
    issue_credit_note(
        invoice_id=first.pk, lines={first.lines.get().pk: Decimal(30)}, on=date(2026, 2, 11), reason="Late"
    )
    receive_payment(customer_id=customer.pk, received_on=FEB, amount=Decimal(60), currency="USD")
    void_invoice(invoice_id=third.pk, on=date(2026, 2, 12), reason="Wrong")


def test_the_replay_of_a_story_gives_its_ledger(told):
    report = agrees()
    assert report.events == BusinessEvent.objects.count()


def test_nothing_is_written_and_the_books_go_on_as_before(told, sell):
    before = (JournalEntry.objects.count(), JournalLine.objects.count(), RuleVersion.objects.count())
    agrees()
    agrees()
    assert before == (JournalEntry.objects.count(), JournalLine.objects.count(), RuleVersion.objects.count())
    sell(amount="70", start=JAN, number="K-9", terms={"term_months": 1})
    run_billing(through=MAR, finalize=True)
    recognize_revenue(through=date(2026, 3, 31))
    assert max(JournalEntry.objects.values_list("id", flat=True)) < 10**15
    agrees()


def test_what_was_set_otherwise_then_is_as_it_was_then(told, entity):
    """A default, an account, a rule and a policy changed between two months: each month keeps its own."""
    Account.objects.create(
        business_entity=entity, code="2399", name="Deferred B", category="liabilities", normal_balance="credit"
    )
    default = DefaultAccount.objects.get(role="deferred_revenue")
    default.account_code = "2399"
    default.save()
    special = DefaultAccount.objects.create(
        role="revenue", level=Level.ENTITY, business_entity=entity, account_code=default.account_code
    )
    standard = AccountingRule.objects.get(code="invoice-finalized").versions.get()
    # It holds from before what is posted already; what is posted stays.
    RuleVersion.objects.create(
        rule=standard.rule, number=2, effective_from=JAN, description="New way", lines=standard.lines
    )
    run_billing(through=MAR, finalize=True)
    recognize_revenue(through=MAR)
    special.delete()
    recognize_revenue(through=date(2026, 3, 15))
    assert set(JournalEntry.objects.filter(event__kind="invoice_finalized").values_list("description", flat=True)) == {
        "Invoice finalized",
        "New way",
    }
    agrees()


def test_late_postings_go_again_to_the_day_that_was_open_then(told, sell, entity):
    january = AccountingPeriod.objects.get(start=JAN)
    close_period(period_id=january.pk, at=timezone.now())
    sell(amount="10", start=JAN, number="K-3", terms={"term_months": 3})
    run_billing(through=FEB, finalize=True)
    reopen_period(period_id=january.pk, reason="Forgot something", at=timezone.now())
    sell(amount="20", start=JAN, number="K-4", terms={"term_months": 3})
    run_billing(through=FEB, finalize=True)
    close_period(period_id=january.pk, at=timezone.now())
    late = JournalEntry.objects.filter(description__contains="is closed")
    assert late.exists()
    agrees()


def test_entries_by_hand_and_their_reversals_happen_again(told):
    by_hand = post(person("ann"), person("bob"))
    posted = JournalEntry.objects.get(kind="manual", date=by_hand.date)
    reverse_entry(entry_id=posted.pk, on=date(2026, 2, 3), reason="Twice")
    agrees()


def test_what_persons_undo_happens_again(told):
    void_credit_note(credit_note_id=CreditNote.objects.get().pk, on=date(2026, 2, 13), reason="Not agreed")
    void_payment(payment_id=Payment.objects.get().pk, on=date(2026, 2, 14), reason="Typed twice")
    recognize_revenue(through=date(2026, 2, 28))
    agrees()


def test_netting_and_its_reversal_happen_again(customer, product, told):
    net_contracts(at=date(2026, 2, 28))
    agrees()


def test_events_posted_by_a_later_rule_are_posted_later_again(sell):
    standard = RuleVersion.objects.get(rule__code="invoice-finalized")
    standard.is_active = False
    standard.save()
    sell(amount="100", start=JAN, terms={"term_months": 3})
    run_billing(through=FEB, finalize=True)
    first = Invoice.objects.order_by("id").first()
    recognize_revenue(through=date(2026, 1, 15))
    agrees()
    void_invoice(invoice_id=first.pk, on=date(2026, 2, 12), reason="Wrong")
    close_period(period_id=AccountingPeriod.objects.get(start=JAN).pk, at=timezone.now())
    standard.is_active = True
    standard.save()
    assert post_unmatched(at=timezone.now()).events == 2
    agrees()


def test_a_replay_takes_the_same_queries_for_more_of_the_same(customer, product):
    """A further wave of forty customers costs what a further wave of ten costs."""
    counts = []
    for wave, many in enumerate((10, 10, 40)):
        for number in range(many):
            one = Customer.objects.create(
                business_entity=customer.business_entity, external_id=f"{wave}-{number}", name="x", currency="USD"
            )
            item = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "10"}}
            contract = draft_contract(customer=one, number=f"N{wave}-{number}", start=JAN, items=[item], term_months=3)
            start_contracts([contract.pk])
        run_billing(through=FEB, finalize=True)
        recognize_revenue(through=FEB)
        with CaptureQueriesContext(connection) as captured:
            agrees()
        counts.append(len([each for each in captured if not each["sql"].startswith(("ANALYZE", "SAVEPOINT"))]))
    first, second, third = counts
    assert third - second <= second - first + 3  # ids fetched ahead


def test_the_database_refuses_to_post_in_the_shadow(told):
    with pytest.raises(DatabaseError, match="read-only transaction"), shadow_books() as schema, transaction.atomic():
        assert JournalEntry.objects.count() == 0
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {schema}.accounting_account SET name = 'x'")
    assert JournalEntry.objects.count() > 0


_LINE = "UPDATE accounting_journalline SET"
_ENTRY = "UPDATE accounting_journalentry SET"
_EVENT = "UPDATE billing_businessevent SET payload ="


@pytest.mark.parametrize(
    ("tampering", "found"),
    [
        (_LINE + " debit = 101, base_debit = 101 WHERE id = {dr}", "debit is 101.0000, by the events 100.0000"),
        (_LINE + " account_id = {other} WHERE id = {dr}", "account_id is"),
        (_LINE + " customer_id = 0 WHERE id = {dr}", "customer_id is 0"),
        ("DELETE FROM accounting_journalline WHERE id = {dr}", "is not in the ledger"),
        (_ENTRY + " date = '2026-01-09' WHERE id = {entry}", "date is 2026-01-09, by the events 2026-01-01"),
        (_EVENT + " jsonb_set(payload, '{{lines,0,net}}', '\"90\"') WHERE id = {event}", "by the events 90"),
        ("DELETE FROM billing_businessevent WHERE id = {event}", "which is not stored"),
        ("UPDATE accounting_recognitionschedule SET billed = billed - 1 WHERE true", "recognition schedule"),
    ],
)
def test_what_was_changed_behind_the_guards_is_found(sell, tampering, found, capsys):
    sell(amount="100", start=JAN, terms={"term_months": 1})
    run_billing(through=JAN, finalize=True)
    agrees()
    line = JournalLine.objects.get(debit__gt=0)
    other = Account.objects.get(role="suspense").pk
    tables = (
        "accounting_journalline",
        "accounting_journalentry",
        "billing_businessevent",
        "accounting_recognitionschedule",
    )
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(tampering.format(dr=line.pk, other=other, entry=line.entry_id, event=line.entry.event_id))
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    report = replay_ledger()
    assert report.different >= 1
    assert found in "\n".join(report.differences)
    with pytest.raises(SystemExit) as ended:
        call_command("replay_ledger", tenant="acme")
    assert ended.value.code == 1
