"""What a person decided about a connection: from when, added up or not, approved or not, and what locked books mean."""

from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest

from accounting.models import JournalLine
from billing.models import BusinessEntity, Invoice
from billing.services.payments import receive_payment
from integrations import outbox, tasks
from integrations.connectors.base import Company, Lock
from integrations.delivery import drain
from integrations.documents import Kind
from integrations.models import Connection, JournalSummary, OutboxItem
from integrations.reconciliation import reconcile
from integrations.summaries import close_summaries
from integrations.upkeep import set_options
from tests.integrations.books import Books
from tests.integrations.world import JANUARY, a_month

pytestmark = pytest.mark.django_db(transaction=True)
FEBRUARY = date(2026, 2, 1)


def states() -> dict[str, int]:
    found: dict[str, int] = {}
    for state in OutboxItem.objects.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


def test_what_was_before_the_first_day_is_not_sent(connection) -> None:
    set_options(connection.pk, {"start": "2026-01-31"})
    a_month(customers=1)  # The invoice is of January 1, its revenue of January 31.
    assert list(OutboxItem.objects.values_list("kind", flat=True)) == ["journal_entry"]


def test_nothing_is_sent_before_a_person_approves_it(connect, box) -> None:
    connection = connect(mode="documents")
    set_options(connection.pk, {"approval": True})
    a_month(customers=1)
    assert drain(connection.pk, until_empty=True).delivered == 2  # The customer and the product are no decision.
    assert (states()["approval"], Books(box.url).count("Invoice")) == (1, 0)
    outbox.approve(list(OutboxItem.objects.values_list("id", flat=True)))
    drain(connection.pk, until_empty=True)
    assert Books(box.url).count("Invoice") == 1


def test_a_month_of_entries_is_one_journal_that_keeps_its_entries(connect, box) -> None:
    connection = connect()
    set_options(connection.pk, {"summarize_others": "month", "summarize_payments": "day"})
    a_month(customers=3)
    invoice = Invoice.objects.order_by("id")[0]
    receive_payment(customer_id=invoice.customer_id, received_on=date(2026, 1, 9), amount=Decimal(5), currency="USD")
    assert states() == {}
    connection.refresh_from_db()
    assert close_summaries(connection, before=JANUARY) == 1  # The day of the payment is over, the month is not.
    assert close_summaries(connection, before=FEBRUARY) == 1
    assert close_summaries(connection, before=FEBRUARY) == 0
    assert drain(connection.pk, until_empty=True).parked == 0

    payments, others = sorted(Books(box.url).objects("JournalEntry"), key=lambda each: each["TxnDate"])
    assert (payments["TxnDate"], others["TxnDate"]) == ("2026-01-09", "2026-01-31")
    ours = JournalLine.objects.filter(entry_id__in=JournalSummary.objects.get(unit="month").entries.values("entry_id"))
    debits = [each["Amount"] for each in others["Line"] if each["JournalEntryLineDetail"]["PostingType"] == "Debit"]
    assert sum(debits) == sum(ours.values_list("debit", flat=True))
    assert len(others["Line"]) == 4  # Receivables, deferred revenue on both sides, revenue.
    _, findings = reconcile(connection, through=JANUARY)
    assert findings.differences == []

    a_month_late = JournalSummary.objects.count()
    invoice = Invoice.objects.order_by("id")[1]
    receive_payment(customer_id=invoice.customer_id, received_on=date(2026, 1, 9), amount=Decimal(5), currency="USD")
    assert close_summaries(connection, before=FEBRUARY) == 1
    assert JournalSummary.objects.count() == a_month_late + 1


def test_a_month_is_over_when_it_is_over_where_the_books_are_kept(connect, entity, monkeypatch) -> None:
    connection = connect()
    set_options(connection.pk, {"summarize_others": "month"})
    BusinessEntity.objects.filter(pk=entity.pk).update(time_zone="Pacific/Honolulu")
    a_month(customers=1)
    for now, sums in ((datetime(2026, 2, 1, 9, tzinfo=UTC), 0), (datetime(2026, 2, 1, 11, tzinfo=UTC), 1)):
        monkeypatch.setattr("billing.clock.datetime", SimpleNamespace(now=now.astimezone))
        tasks.summarize()
        assert JournalSummary.objects.count() == sums


@pytest.mark.parametrize(
    ("wanted", "state", "day"),
    [("ask", "parked", None), ("hold", "pending", None), ("first_open", "delivered", "2026-02-01")],
)
def test_locked_books_are_respected_as_the_policy_says(connect, box, wanted, state, day) -> None:
    connection = connect(when_locked=wanted)
    Books(box.url).prefer(BookCloseDate="2026-01-31")
    Connection.objects.update(company_read_at=None)
    a_month(customers=1)
    drain(connection.pk, until_empty=True, patience=1.0)
    assert set(states()) == {state}
    assert {each["TxnDate"] for each in Books(box.url).objects("JournalEntry")} == ({day} if day else set())


def test_a_lock_that_is_news_is_followed_at_the_next_try(connect, box) -> None:
    connection = connect(when_locked="first_open")
    a_month(customers=1)
    Books(box.url).prefer(BookCloseDate="2026-01-31")  # After the facts were read.
    drain(connection.pk, until_empty=True, patience=10.0)
    assert states() == {"delivered": 2}


def test_one_parked_item_can_be_sent_with_the_first_open_day(connect, box) -> None:
    connection = connect()
    Books(box.url).prefer(BookCloseDate="2026-01-31")
    Connection.objects.update(company_read_at=None)
    a_month(customers=1)
    drain(connection.pk, until_empty=True)
    first = OutboxItem.objects.order_by("id")[0]
    assert "locked through 31 January 2026" in first.reason
    outbox.move_to_first_open_day([first.pk])
    drain(connection.pk, until_empty=True)
    assert states() == {"delivered": 1, "parked": 1}


def test_locks_hold_for_their_kinds_and_days() -> None:
    locks = (Lock("2026-02-28", start="2026-02-01", kinds=("invoice",)), Lock("2026-04-30", start="2026-04-01"))
    company = Company("Acme", "US", "USD", False, "2026-01-31", True, locks=locks)
    assert company.first_open_day(Kind.INVOICE, date(2026, 1, 5)) == date(2026, 3, 1)
    assert company.first_open_day(Kind.JOURNAL_ENTRY, date(2026, 1, 5)) == date(2026, 2, 1)
    assert company.first_open_day(Kind.PAYMENT, date(2026, 4, 2)) == date(2026, 5, 1)
    assert company.lock_on(Kind.PAYMENT, date(2026, 3, 2)) is None
