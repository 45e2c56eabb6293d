"""Nothing lost, nothing twice, whatever the ERP or the worker does."""

import json
from decimal import Decimal

import pytest
import requests
from django.core.management import call_command

from billing.models import Customer, Invoice, TaxRate
from billing.services.invoices import void_invoice
from billing.services.payments import allocate_payment, receive_payment
from integrations import mapping, outbox
from integrations.delivery import drain
from integrations.models import (
    Connection,
    DeliveryAttempt,
    ExternalReference,
    Mapping,
    OutboxItem,
)
from tests.integrations.books import Books
from tests.integrations.world import JANUARY, a_month, deliver_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def books(box) -> Books:
    return Books(box.url)


def deliver(connection: Connection):
    return drain(connection.pk, until_empty=True, seconds=180)


def held(books: Books, entity: str) -> list[str]:
    """The references of our documents, as often as they are there."""
    return sorted(
        each["PrivateNote"].rpartition("[cf:")[2] for each in books.objects(entity) if "[cf:" in each["PrivateNote"]
    )


def test_journal_entries_arrive_in_batches_with_our_amounts(connect, books) -> None:
    connection = connect()
    a_month(customers=40)
    result = deliver(connection)
    assert (result.delivered, result.parked, result.waiting) == (80, 0, 0)
    assert result.calls == 3
    assert len(held(books, "JournalEntry")) == len(set(held(books, "JournalEntry"))) == 80
    assert books.count("Invoice") == 0
    total = sum(Decimal(str(line["Amount"])) for entry in books.objects("JournalEntry") for line in entry["Line"])
    assert total == 4 * sum(Decimal("10.01") + number for number in range(40))
    assert ExternalReference.objects.filter(kind="journal_entry").count() == 80
    assert deliver(connection).calls == 0


def test_documents_arrive_with_customers_tax_and_voids_and_without_contracts(connect, books) -> None:
    connection = connect(mode="documents")
    rate = TaxRate.objects.create(code="ca", name="California", percent=Decimal("8.25"))
    a_month(customers=12, tax=rate)
    assert deliver(connection).parked == 0
    invoice = Invoice.objects.order_by("id").first()
    void_invoice(invoice_id=invoice.pk, on=JANUARY, reason="Wrong")
    result = deliver(connection)
    assert (result.delivered, result.parked, result.waiting) == (1, 0, 0)
    theirs = {each["DocNumber"]: Decimal(str(each["TotalAmt"])) for each in books.objects("Invoice")}
    ours = {each.number: each.total.amount for each in Invoice.objects.all()}
    assert theirs == ours | {invoice.number: Decimal(0)}
    assert books.count("JournalEntry") == books.count("Payment") == 0
    sent = json.dumps(books.state("?requests=1")["requests"]).lower()
    assert "contract" not in sent


def test_payments_settle_their_invoices_also_when_allocated_later(connect, books) -> None:
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
    (there,) = books.objects("Payment")
    assert [Decimal(str(line["Amount"])) for line in there["Line"]] == [4]
    allocate_payment(payment_id=payment.pk, allocations={first.pk: Decimal("6.01")}, on=JANUARY)
    assert deliver(connection).parked == 0
    (there,) = books.objects("Payment")
    assert sum(Decimal(str(line["Amount"])) for line in there["Line"]) == Decimal("10.01")


def test_even_a_vendor_that_forgot_the_request_id_gets_nothing_twice(connect, books, monkeypatch) -> None:
    connection = connect()
    a_month(customers=3)
    books.fail(rate=1, kinds=["drop_after_commit"], times=1, only="POST /v3")
    deliver_until(connection, lambda: held(books, "JournalEntry"))
    books._post("forget_requestids", {})
    deliver(connection)
    assert len(held(books, "JournalEntry")) == 6


def test_one_bad_document_does_not_hold_up_its_batch(connect, books) -> None:
    connection = connect(mode="documents")
    a_month(customers=5)
    invoices = OutboxItem.objects.filter(kind="invoice")
    invoices.update(state="skipped")
    deliver(connection)
    books.edit("Customer", books.objects("Customer")[2]["Id"], Active=False)
    outbox.send_again(list(invoices.values_list("id", flat=True)))
    result = deliver(connection)
    assert (result.delivered, result.parked, result.calls) == (4, 1, 1)
    parked = OutboxItem.objects.get(state="parked")
    assert "mend the mapping" in parked.reason
    assert (parked.request_id, parked.request_body, parked.outcome_unknown) == (None, "", False)


def test_a_missing_mapping_parks_and_a_mended_one_takes_effect(connect, books, capsys) -> None:
    connection = connect()
    removed = Mapping.objects.get(kind="default_customer")
    external_id, removed_pk = removed.external_id, removed.pk
    removed.delete()
    a_month(customers=1)
    assert deliver(connection).parked == 1
    parked = OutboxItem.objects.get(state="parked")
    assert (parked.reason_code, "Choose one" in parked.reason) == ("missing_mapping", True)
    sent = OutboxItem.objects.get(state="delivered")
    assert [each.item_ids for each in DeliveryAttempt.objects.all()] == [[sent.pk]], (
        "What was not sent is in no request."
    )
    call_command("sync_erp", "--json")
    answer = capsys.readouterr()
    assert json.loads(answer.out)["parked"] == 1
    assert "1 parked. No ERP customer is chosen" in answer.err
    Mapping.objects.create(
        pk=removed_pk, connection=connection, kind="default_customer", external_id=external_id, status="confirmed"
    )
    call_command("sync_erp", "--json")
    assert json.loads(capsys.readouterr().out)["parked"] == 1
    call_command("sync_erp", "--json", "--parked")
    assert json.loads(capsys.readouterr().out)["parked"] == 0


def test_a_sign_in_that_ends_while_it_is_sent_is_said(connect, box, capsys) -> None:
    connect()
    a_month(customers=1)
    requests.post(f"{box.url}/_sandbox/expire_tokens", json={"refresh": True}, timeout=10).raise_for_status()
    call_command("sync_erp", "--json")
    answer = capsys.readouterr()
    assert json.loads(answer.out)["waiting"] == 2
    assert "QuickBooks Online: Sign in again" in answer.err


def test_a_name_that_is_taken_gets_our_id_behind_it(connect, books) -> None:
    connection = connect(mode="documents")
    mapping.connector_of(connection).create_customer(request_id="by-hand", name="O'Neil 0", note="theirs")
    a_month(customers=1)
    assert deliver(connection).parked == 0
    assert "O'Neil 0 (X-0)" in [each["DisplayName"] for each in books.objects("Customer")]
    assert (
        Mapping.objects.get(kind="customer", internal_id=Customer.objects.get(external_id="X-0").pk).origin == "created"
    )


def test_an_erp_that_cannot_be_reached_is_not_asked_for_ever(connect, box) -> None:
    connection = connect()
    a_month(customers=1)
    box.stop()
    result = drain(connection.pk, until_empty=True, patience=0.5)
    assert (result.delivered, result.parked, result.waiting) == (0, 0, 2)
