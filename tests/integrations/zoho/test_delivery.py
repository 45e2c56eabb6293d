"""Nothing lost, nothing twice, whatever Zoho Books or the worker does."""

from decimal import Decimal

import pytest
import requests
from django.utils import timezone

from billing.models import Invoice, TaxRate
from billing.services.payments import allocate_payment, receive_payment
from integrations import mapping
from integrations.delivery import drain
from integrations.models import Connection, OutboxItem
from integrations.readiness import readiness
from integrations.reconciliation import reconcile
from tests.integrations.world import JANUARY, a_busy_month, a_month, deliver_until, sell

pytestmark = pytest.mark.django_db(transaction=True)

FAULTS = ("500", "503", "429", "html_error", "drop", "drop_after_commit", "timeout_after_commit")


def deliver(connection):
    return drain(connection.pk, until_empty=True, seconds=180)


def states(books, entity: str) -> list[str]:
    return [each["status"] for each in books.objects(entity)]


def references(books, entity: str) -> list[str]:
    return [each["reference_number"] for each in books.objects(entity)]


def test_journals_are_published_in_one_call_for_a_batch(connect, books) -> None:
    connection = connect()
    a_month(customers=20)
    before = books.state()["calls"]["total"]
    result = deliver(connection)
    assert (result.delivered, result.parked, result.waiting) == (40, 0, 0)
    assert set(states(books, "journals")) == {"published"}
    assert len(set(references(books, "journals"))) == 40
    assert books.state()["calls"]["total"] - before == 40 + 4  # the contract: ten journals are published at once
    assert deliver(connection).calls == 0
    _, findings = reconcile(connection, through=JANUARY)
    assert (findings.differences, findings.compared) == ([], 40)


@pytest.fixture
def tax(tenant) -> TaxRate:
    """A tax rate that is there before the connection, so that it is mapped by its name."""
    return TaxRate.objects.create(code="ca", name="California", percent=Decimal("8.25"))


def test_a_later_allocation_is_stated_whole(connect, books) -> None:
    connection = connect(mode="documents", payments=True)
    a_month(customers=2)
    first = Invoice.objects.order_by("id").first()
    payment = receive_payment(
        customer_id=first.customer_id,
        amount=Decimal("10.01"),
        currency="USD",
        received_on=JANUARY,
        allocations={first.pk: Decimal(4)},
    )
    assert deliver(connection).parked == 0
    allocate_payment(payment_id=payment.pk, allocations={first.pk: Decimal("6.01")}, on=JANUARY)
    assert deliver(connection).parked == 0
    (there,) = books.objects("customerpayments")
    assert [part["amount_applied"] for part in there["invoices"]] == [Decimal("10.01")]


@pytest.mark.parametrize("mode", ["journal_entries", "documents"])
def test_no_fault_of_the_second_call_loses_or_doubles_anything(connect, books, mode) -> None:
    """Of the first call, see test_shared_cases."""
    connection = connect(mode=mode, read_timeout=0.5)
    for fault in FAULTS:
        for number in range(2):
            sell(f"X-{fault}-{number}", name=f"O'Neil {fault} {number}")
        books.fail(rate=1, kinds=[fault], times=2, only="/status/", hold_seconds=0.7)
        assert deliver(connection).waiting == 0
        assert not OutboxItem.objects.exclude(state="delivered").exists(), fault
    entity = "journals" if mode == "journal_entries" else "invoices"
    assert len(references(books, entity)) == len(set(references(books, entity))) == 2 * len(FAULTS)
    assert set(states(books, entity)) == {"published" if entity == "journals" else "sent"}


def test_a_crash_between_creating_and_publishing_is_mended(connect, books) -> None:
    connection = connect()
    a_month(customers=2)
    books.fail(rate=1, kinds=["drop"], only="/status/publish")
    deliver_until(connection, lambda: len(states(books, "journals")) == 4)
    assert states(books, "journals") == ["draft"] * 4
    books.heal()
    deliver(connection)
    assert states(books, "journals") == ["published"] * 4


def test_a_crash_between_creating_and_sending_is_mended(connect, books) -> None:
    connection = connect(mode="documents")
    a_month(customers=2)
    books.fail(rate=1, kinds=["drop_after_commit"], only="/status/sent", times=1)
    deliver(connection)
    assert states(books, "invoices") == ["sent"] * 2
    assert len(set(references(books, "invoices"))) == 2


def test_tokens_that_expire_on_the_way_are_renewed(connect, books) -> None:
    connection = connect()
    a_month(customers=3)
    books.expire_tokens()
    assert deliver(connection).delivered == 6
    connection.refresh_from_db()
    refresh = connection.credentials["refresh_token"]
    books.expire_tokens()
    a_second_look = reconcile(connection, through=JANUARY)[1]
    assert a_second_look.differences == []
    connection.refresh_from_db()
    assert connection.credentials["refresh_token"] == refresh


def test_too_many_access_tokens_are_waited_for_and_no_person_is_asked(connect, books) -> None:
    connection = connect(backoff_cap=3600.0)
    a_month(customers=1)
    form = {"grant_type": "refresh_token", "refresh_token": connection.credentials["refresh_token"]}
    form |= {name: connection.credentials[name] for name in ("client_id", "client_secret")}
    for _ in range(12):
        requests.post(f"{connection.base_url}/oauth/v2/token", data=form, timeout=5)
    books.expire_tokens()
    assert deliver(connection).waiting == 2
    connection.refresh_from_db()
    assert connection.status == "connected"
    assert connection.paused_until is not None
    books._post("forget_tokens_made", {})
    Connection.objects.update(paused_until=None)
    OutboxItem.objects.update(available_at=timezone.now())
    assert deliver(connection).delivered == 2


def test_a_customer_renamed_there_is_not_made_twice(connect, books) -> None:
    connection = connect(mode="documents")
    a_month(customers=1)
    books.fail(rate=1, kinds=["drop_after_commit"], only="/books/v3/contacts")
    deliver_until(connection, lambda: books.objects("contacts"))
    (there,) = books.objects("contacts")
    books.edit("contacts", there["contact_id"], contact_name="Somebody else")
    books.heal()
    assert deliver(connection).parked == 0
    assert books.count("contacts") == 1


def test_a_day_without_calls_left_pauses_the_connection(connect, books) -> None:
    connection = connect(backoff_cap=3600.0)
    a_month(customers=1)
    books.prefer(DailyLimit=1)
    result = deliver(connection)
    assert (result.delivered, result.waiting) == (0, 2)
    connection.refresh_from_db()
    assert connection.paused_until is not None
    books.prefer(DailyLimit=0)


@pytest.mark.parametrize("per_line", [True, False])
def test_tax_rounded_in_another_way_is_adjusted_to_the_cent(tax, connect, books, per_line) -> None:
    connection = connect(mode="documents")
    books.prefer(TaxRoundedPerLine=per_line)
    a_month(customers=3, tax=tax)
    assert deliver(connection).parked == 0
    theirs = {each["invoice_number"]: each["total"] for each in books.objects("invoices")}
    assert theirs == {each.number: each.total.amount for each in Invoice.objects.all()}


def test_rates_are_without_tax_also_where_the_organization_takes_them_as_including_it(tax, connect, books) -> None:
    connection = connect(mode="documents")
    books.prefer(RatesIncludeTax=True)
    a_busy_month(tax)
    assert deliver(connection).parked == 0
    theirs = {each["invoice_number"]: (each["total"], each["tax_total"]) for each in books.objects("invoices")}
    assert theirs == {each.number: (each.total.amount, each.tax.amount) for each in Invoice.objects.all()}
    (note,) = books.objects("creditnotes")
    assert (note["sub_total"], note["total"]) == (Decimal("3.33"), Decimal("3.60"))  # 8.25 % of 3.33 are 0.27.


def test_lists_bring_currencies_tags_and_locations(connect) -> None:
    connection = connect()
    rows = connection.records.values_list("kind", "name", "number")
    assert ("currency", "KWD- Kuwaiti Dinar", "KWD") in rows
    assert ("tracking", "Support", "Department") in rows
    assert ("location", "Warehouse", "") in rows
    assert readiness(connection) == []
    assert mapping.refresh_lists(connection) > 0
