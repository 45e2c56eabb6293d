"""Credits applied and money paid back in QuickBooks: each step once, whatever was lost in between."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from billing.models import CreditNote, Invoice
from billing.services.credit_notes import issue_credit_note
from billing.services.undoing import void_credit_note
from integrations.connectors.base import Delivered, Parcel, Rejected
from integrations.connectors.jsontext import dumps
from integrations.delivery import drain
from integrations.documents import Kind, RefundDocument
from integrations.mapping import connector_of
from integrations.models import Connection, ErpRecord, ExternalReference
from integrations.reconciliation import reconcile
from tests.integrations.books import Books
from tests.integrations.world import JANUARY, a_month

pytestmark = pytest.mark.django_db(transaction=True)
FEBRUARY = date(2026, 2, 2)
TEN = Decimal("10.00")


@pytest.fixture(params=[False, True], ids=["", "links told"])
def credited(connect, box, request) -> Connection:
    """One invoice of 10.01, of which 4.00 are credited. A credit memo may tell what uses it, or not."""
    Books(box.url).prefer(CreditMemosTellLinks=request.param)
    connection = connect(mode="documents", payments=True)
    a_month(customers=1)
    invoice = Invoice.objects.get()
    line = invoice.lines.get()
    issue_credit_note(invoice_id=invoice.pk, lines={line.pk: Decimal("4.00")}, on=JANUARY, reason="Late")
    return connection


def test_a_credit_note_settles_its_invoice_there_too(credited, box) -> None:
    assert drain(credited.pk, until_empty=True).parked == 0
    books = Books(box.url)
    (invoice,), (memo,) = books.objects("Invoice"), books.objects("CreditMemo")
    assert (invoice["Balance"], memo["Balance"]) == (Decimal("6.01"), 0)
    (link,) = books.objects("Payment")
    assert link["TotalAmt"] == 0
    assert {each["LinkedTxn"][0]["TxnType"]: each["Amount"] for each in link["Line"]} == {
        "Invoice": Decimal("4.00"),
        "CreditMemo": Decimal("4.00"),
    }
    _, findings = reconcile(credited, through=JANUARY)
    assert findings.differences == []


def test_a_lost_answer_applies_nothing_twice(credited, box) -> None:
    books = Books(box.url)
    books.fail(rate=1, kinds=["drop_after_commit"], times=1, only="/payment?")
    assert drain(credited.pk, until_empty=True).parked == 0
    assert books.count("Payment") == 1


def test_credits_that_quickbooks_applies_by_itself_are_taken_as_done(credited, box) -> None:
    books = Books(box.url)
    books.prefer(AutoApplyCredit=True)
    assert drain(credited.pk, until_empty=True).parked == 0
    assert books.count("Payment") == 1


def test_a_void_credit_note_is_taken_off_its_invoice_first(credited, box) -> None:
    books = Books(box.url)
    assert drain(credited.pk, until_empty=True).parked == 0
    void_credit_note(credit_note_id=CreditNote.objects.get().pk, on=FEBRUARY, reason="A mistake")
    assert drain(credited.pk, until_empty=True).parked == 0
    assert (books.count("Payment"), books.count("CreditMemo")) == (0, 0)
    assert books.objects("Invoice")[0]["Balance"] == Decimal("10.01")


def refund(connection: Connection, **source: str) -> RefundDocument:
    def account(kind: str) -> str:
        return ErpRecord.objects.filter(connection=connection, kind="account", type=kind)[0].external_id

    customer = ExternalReference.objects.get(kind="customer").external_id
    return RefundDocument(
        reference="ABCDE-R1",
        date=date(2026, 2, 3),
        customer=customer,
        currency="USD",
        amount=TEN,
        note="Paid back",
        account=account("Bank"),
        receivable=account("Accounts Receivable"),
        **source,
    )


@pytest.fixture
def credit(connect, box) -> tuple[Connection, Any, str]:
    """A credit memo of 10.00 that nothing has used."""
    connection = connect(mode="documents")
    a_month(customers=1)
    drain(connection.pk, until_empty=True)
    connector = connector_of(Connection.objects.get())
    invoice = Books(box.url).objects("Invoice")[0]
    detail = {"ItemRef": invoice["Line"][0]["SalesItemLineDetail"]["ItemRef"], "Qty": 1, "UnitPrice": 10}
    line = {"Amount": 10, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail}
    body = {"CustomerRef": invoice["CustomerRef"], "TxnDate": "2026-02-01", "Line": [line], "DocNumber": "CN-1"}
    made = connector._client.write("creditmemo", dumps(body), request_id="memo-1")["CreditMemo"]
    return connection, connector, made["Id"]


@pytest.mark.parametrize("lost", ["", "/purchase?", "/payment?"])
def test_a_refund_of_a_credit_note_clears_it_once(credit, box, lost) -> None:
    connection, connector, memo = credit
    books = Books(box.url)
    body = connector.encode(Kind.REFUND, refund(connection, credit_note=memo))
    parcel = Parcel("ABCDE-R1", 0, body)
    if lost:
        books.fail(rate=1, kinds=["drop_after_commit"], times=1, only=lost)
        with pytest.raises(Exception, match="did not answer"):
            connector.send(Kind.REFUND, "request-1", [parcel])
        assert bool(connector.find(Kind.REFUND, [parcel])) == (lost == "/payment?")
    (done,) = connector.send(Kind.REFUND, "request-1", [parcel])
    assert isinstance(done, Delivered)
    assert books.count("Purchase") == 1
    assert {each["Id"]: each["Balance"] for each in books.objects("CreditMemo")} == {memo: 0}
    assert connector.find(Kind.REFUND, [parcel])["ABCDE-R1"].external_id == done.external_id


def test_a_refund_of_nothing_known_is_not_sent(credit) -> None:
    connection, connector, _ = credit
    with pytest.raises(Rejected, match="by hand"):
        connector.encode(Kind.REFUND, refund(connection))
