"""Refunds and what credit notes settle: what somebody changes of them in the ERP is found, and said in the right words."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import requests

from billing.models import BusinessEntity, CreditNote, Invoice, InvoiceLine
from billing.services.credit_notes import Keep, issue_credit_note
from billing.services.disputes import open_dispute
from billing.services.payments import receive_payment
from billing.services.refunds import refund_credit_note, refund_payment, refund_wallet
from billing.services.wallets import apply_wallet, top_up_wallet
from billing.services.write_offs import write_off_invoice
from integrations import outbox, setup
from integrations.connectors.quickbooks.memos import credited
from integrations.delivery import drain
from integrations.models import Connection, OutboxItem
from integrations.reconciliation import reconcile
from integrations.sandbox.server import start_in_thread
from integrations.switching import change_mode
from tests.accounting.rates import rates
from tests.integrations.books import Books
from tests.integrations.business import FEBRUARY, deliver_all
from tests.integrations.conftest import QUICK
from tests.integrations.test_foreign_currency import THROUGH, in_base_of, sell_abroad, sign_in
from tests.integrations.world import JANUARY, a_month

pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal
Found = list[tuple[str, str, str | None]]


@pytest.fixture
def opened(entity: BusinessEntity) -> Iterator[Callable[[str], tuple[Connection, Books]]]:
    """Connect to a stand-in in documents mode, with payments: `opened("zoho")`."""
    boxes = []

    def connect(erp: str) -> tuple[Connection, Books]:
        box = start_in_thread(erp, limits="off")
        boxes.append(box)
        url = box.__enter__().url
        made, _ = setup.create_connection(business_entity=entity, erp=erp, mode="documents", send_payments=True)
        made.options = QUICK
        return setup.connect_sandbox(made, url), Books(url)

    yield connect
    for box in boxes:
        box.__exit__(None, None, None)


def told(connection: Connection, *kinds: str) -> Found:
    found = reconcile(connection, through=FEBRUARY)[1].differences
    return sorted((each["kind"], each["cause"], each.get("theirs")) for each in found if each["kind"] in kinds)


def paid_back() -> None:
    """3.00 of a credit note that owed them, and 5.00 that a payment had left."""
    a_month(customers=2)
    credited_, over = Invoice.objects.order_by("id")
    for invoice, more in ((credited_, D(0)), (over, D(5))):
        payment = receive_payment(
            customer_id=invoice.customer_id,
            amount=invoice.total.amount + more,
            currency="USD",
            received_on=JANUARY,
            allocations={invoice.pk: invoice.total.amount},
        )
    line = InvoiceLine.objects.get(invoice=credited_)
    note = issue_credit_note(
        invoice_id=credited_.pk, lines={line.pk: D("3.00")}, on=JANUARY, reason="Late", keep=Keep.REFUND
    )
    refund_credit_note(credit_note_id=note.pk, on=FEBRUARY, reason="Late")
    refund_payment(payment_id=payment.pk, amount=D(5), on=FEBRUARY, reason="Too much")


def test_refunds_in_zoho_are_read_back_one_list_or_many(opened: Any) -> None:
    connection, books = opened("zoho")
    paid_back()
    deliver_all(connection)
    assert told(connection, "refund", "account") == []
    books.prefer(ListsByContract=True)  # Rows of payments that do not say whether something was refunded.
    assert told(connection, "refund", "account") == []


@pytest.mark.parametrize("entity_name", ["creditnoterefunds", "paymentrefunds"])
def test_a_refund_that_somebody_changed_or_deleted_in_zoho_is_found(opened: Any, entity_name: str) -> None:
    connection, books = opened("zoho")
    paid_back()
    deliver_all(connection)
    (refund,) = books.objects(entity_name)
    number = refund["creditnote_refund_id" if entity_name == "creditnoterefunds" else "payment_refund_id"]
    books.edit(entity_name, number, amount=1, date="2026-02-03")
    assert told(connection, "refund") == [("refund", "dated later in the ERP", None)]
    books.edit(entity_name, number, date="2026-02-01")
    assert told(connection, "refund") == [
        ("refund", "changed in the ERP", "1.00"),
        ("refund", "changed in the ERP", "2026-02-01"),
    ]
    books.delete(entity_name, number)
    assert told(connection, "refund") == [("refund", "deleted in the ERP", None)]


def test_a_refund_in_zoho_with_another_reference_is_found(opened: Any) -> None:
    connection, books = opened("zoho")
    paid_back()
    deliver_all(connection)
    (refund,) = books.objects("creditnoterefunds")
    books.edit("creditnoterefunds", refund["creditnote_refund_id"], reference_number="")
    assert told(connection, "refund") == []  # It is known by its id.
    books.edit("creditnoterefunds", refund["creditnote_refund_id"], reference_number="Cheque 7")
    assert told(connection, "refund") == [
        ("refund", "changed in the ERP", None),
        ("refund", "made in the ERP", "3.00"),
    ]
    books.edit("creditnoterefunds", refund["creditnote_refund_id"], reference_number="ZZZZZ-R7")
    assert told(connection, "refund")[-1] == ("refund", "sent by another installation", "3.00")


@pytest.mark.parametrize("erp", ["quickbooks", "zoho"])
def test_a_credit_that_was_taken_off_its_invoice_there_is_found(opened: Any, erp: str) -> None:
    connection, books = opened(erp)
    a_month(customers=2)
    first, other = Invoice.objects.order_by("id")
    for invoice in (first, other):
        line = InvoiceLine.objects.get(invoice=invoice)
        issue_credit_note(invoice_id=invoice.pk, lines={line.pk: D("3.00")}, on=JANUARY, reason="Late")
    write_off_invoice(invoice_id=other.pk, on=JANUARY, reason="Bankrupt")
    deliver_all(connection)
    assert told(connection, "credit_note", "write_off") == []
    if erp == "quickbooks":
        for use in books.objects("Payment"):
            books.delete("Payment", use["Id"])
    else:
        for note in books.objects("creditnotes"):
            books.edit("creditnotes", note["creditnote_id"], invoices_credited=[])
    assert told(connection, "credit_note", "write_off") == [
        ("credit_note", "changed in the ERP", {}),
        ("credit_note", "changed in the ERP", {}),
        ("write_off", "changed in the ERP", {}),
    ]
    found = reconcile(connection, through=FEBRUARY)[1].differences
    detail = {each["detail"] for each in found if each["kind"] in ("credit_note", "write_off")}
    assert detail == {"What it settles differs."}


def test_a_payment_that_uses_credits_tells_what_each_settles() -> None:
    """30 and 20 of credit, of which 10 were paid back, settle two invoices of 25 and 15."""
    links = [
        ("Invoice", "1", D(25)),
        ("Invoice", "2", D(15)),
        ("Expense", "9", D(10)),
        ("CreditMemo", "7", D(30)),
        ("CreditMemo", "8", D(20)),
    ]
    assert list(credited(links)) == [("7", "1", D(20)), ("8", "1", D(5)), ("8", "2", D(15))]


@pytest.mark.parametrize("erp", ["quickbooks", "xero", "netsuite", "zoho"])
def test_money_goes_back_at_the_rate_of_its_own_day(entity: BusinessEntity, erp: str) -> None:
    """Paid at 1.15, paid back at 1.05: on account, of a credit note at 1.10, out of a wallet, and by a dispute."""
    with start_in_thread(erp, limits="off") as box:
        connection = sign_in(entity, erp, "documents", box.url)
        rates("Date USD\n2026-03-01 1.10\n2026-03-20 1.15\n2026-04-10 1.05")
        march, april = date(2026, 3, 20), date(2026, 4, 10)
        billed, kept, fought = (sell_abroad("EUR", "1000", number=f"X-{number}").pk for number in range(3))
        invoice = {each.customer_id: each for each in Invoice.objects.all()}
        pay = {"received_on": march, "currency": "EUR"}
        over = receive_payment(customer_id=billed, amount=D(1200), allocations={invoice[billed].pk: D(1000)}, **pay)
        refund_payment(payment_id=over.pk, amount=D(200), on=april, reason="Too much")
        line = InvoiceLine.objects.get(invoice=invoice[billed])
        note = issue_credit_note(
            invoice_id=invoice[billed].pk, lines={line.pk: D(100)}, on=march, reason="Late", keep=Keep.REFUND
        )
        refund_credit_note(credit_note_id=note.pk, on=april)
        top_up_wallet(customer_id=kept, amount=D(50), currency="EUR", on=march)
        refund_wallet(customer_id=kept, amount=D(50), currency="EUR", on=april, reason="Asked for it")
        left = receive_payment(customer_id=fought, amount=D(1040), allocations={invoice[fought].pk: D(1000)}, **pay)
        open_dispute(payment_id=left.pk, on=april, amount=D(40), reason="Fraud")
        deliver_all(connection)
        kept_, findings = reconcile(connection, through=THROUGH)
    assert findings.differences == []
    # 2,290 came at 1.15 and 390 went at 1.05.
    assert in_base_of(kept_)["payments"] == ("2224.00", "2224.00")
    assert all(ours == theirs for ours, theirs in in_base_of(kept_).values())


def test_a_refund_at_another_rate_is_told_as_that(entity: BusinessEntity) -> None:
    """200.00 EUR at 1.05 here; somebody set 1.15 there: 210.00 against 230.00 USD."""
    with start_in_thread("zoho", limits="off") as box:
        connection = sign_in(entity, "zoho", "documents", box.url)
        rates("Date USD\n2026-03-01 1.10\n2026-03-20 1.15\n2026-04-10 1.05")
        customer = sell_abroad("EUR", "1000")
        (invoice,) = Invoice.objects.all()
        over = receive_payment(
            customer_id=customer.pk,
            received_on=date(2026, 3, 20),
            amount=D(1200),
            currency="EUR",
            allocations={invoice.pk: D(1000)},
        )
        refund_payment(payment_id=over.pk, amount=D(200), on=date(2026, 4, 10), reason="Too much")
        deliver_all(connection)
        books = Books(box.url)
        (refund,) = books.objects("paymentrefunds")
        assert refund["exchange_rate"] == D("1.05")
        books.edit("paymentrefunds", refund["payment_refund_id"], exchange_rate=1.15)
        (bill,) = books.objects("invoices")
        books.edit("invoices", bill["invoice_id"], exchange_rate=1.2)
        found = reconcile(connection, through=THROUGH)[1].differences
    assert [(each["kind"], each["cause"], each["ours"], each["theirs"]) for each in found] == [
        ("invoice", "another exchange rate", "1100.00", "1200.00"),
        ("refund", "another exchange rate", "210.00", "230.00"),
    ]


def test_what_was_recorded_after_a_switch_and_never_queued_is_told(connect: Any, box: Any) -> None:
    """Of every kind: debt given up, bonus used, a dispute and its fee, what came back of one that is older, a refund."""
    connection = connect(mode="journal_entries")
    a_month(customers=4)
    given_up, used, fought, older = Invoice.objects.order_by("id")
    payments = [
        receive_payment(customer_id=each.customer_id, amount=each.total.amount + 5, currency="USD", received_on=JANUARY)
        for each in (fought, older)
    ]
    open_dispute(payment_id=payments[1].pk, on=JANUARY, amount=D(5), reason="Fraud")
    drain(connection.pk, until_empty=True)
    change_mode(connection, mode="documents", send_payments=True)
    connection = setup.connect_sandbox(connection, box.url)
    assert told(connection, "dispute", "dispute_refund") == []
    write_off_invoice(invoice_id=given_up.pk, on=FEBRUARY, reason="Bankrupt")
    top_up_wallet(customer_id=used.customer_id, amount=D(4), currency="USD", on=FEBRUARY, bonus=D(1))
    apply_wallet(customer_id=used.customer_id, currency="USD", on=FEBRUARY, allocations={used.pk: D(5)})
    open_dispute(payment_id=payments[0].pk, on=FEBRUARY, amount=fought.total.amount + 5, reason="Fraud", fee=D(15))
    refund_payment(payment_id=payments[1].pk, amount=D(3), on=FEBRUARY, reason="Goodwill")
    OutboxItem.objects.exclude(state="delivered").delete()  # As by a defect.
    kinds = ("write_off", "wallet_bonus", "dispute", "dispute_fee", "dispute_refund", "refund_loss")
    assert told(connection, *kinds) == [(kind, "never put in the outbox", None) for kind in sorted(kinds)]


def test_skipped_allocations_of_credits_are_told_as_skipped(opened: Any) -> None:
    connection, _ = opened("quickbooks")
    a_month(customers=1)
    deliver_all(connection)
    (invoice,) = Invoice.objects.all()
    write_off_invoice(invoice_id=invoice.pk, on=JANUARY, reason="Bankrupt")
    applied = list(OutboxItem.objects.filter(kind="write_off_allocation").values_list("id", flat=True))
    outbox.skip(applied, reason="Applied by hand")
    deliver_all(connection)
    assert told(connection, "write_off") == [("write_off", "skipped", {})]
    assert CreditNote.objects.count() == 0


def test_a_journal_on_receivables_beside_all_documents_is_told(opened: Any) -> None:
    """12.34 that somebody booked to a customer in QuickBooks: no document of either side knows of them."""
    connection, books = opened("quickbooks")
    a_month(customers=2)
    deliver_all(connection)
    assert reconcile(connection, through=FEBRUARY)[1].differences == []
    accounts = {each["Name"]: each["Id"] for each in books.objects("Account")}
    customer = books.objects("Customer")[0]
    entity = {"Type": "Customer", "EntityRef": {"value": customer["Id"]}}
    sides = [
        {"PostingType": "Debit", "AccountRef": {"value": accounts["Accounts Receivable (A/R)"]}, "Entity": entity},
        {"PostingType": "Credit", "AccountRef": {"value": accounts["Services"]}},
    ]
    connection.refresh_from_db()
    answer = requests.post(
        f"{connection.base_url}/v3/company/{connection.realm_id}/journalentry?minorversion=75",
        json={
            "TxnDate": "2026-02-01",
            "Line": [
                {"Amount": 12.34, "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": side}
                for side in sides
            ],
        },
        headers={"Authorization": f"Bearer {connection.credentials['access_token']}", "Accept": "application/json"},
        timeout=10,
    )
    assert answer.status_code == 200, answer.text
    kept, findings = reconcile(connection, through=FEBRUARY)
    (found,) = findings.differences
    assert (found["kind"], found["document"], found["cause"]) == (
        "customer",
        customer["DisplayName"],
        "entered on receivables beside the documents",
    )
    assert [row["difference"] for row in kept.customers] == ["12.34"]
    # From the day after on nothing moved beside the documents.
    assert reconcile(connection, since=FEBRUARY, through=FEBRUARY)[1].differences == []
