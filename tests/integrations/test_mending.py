"""Month end as a person does it: differences are made in each ERP, mended from the reconciliation's page, and nothing is left."""

import html
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from accounting.models import JournalEntry
from accounting.recognition import recognize_revenue
from billing.models import BusinessEntity, Invoice, InvoiceLine, Membership, Role, Tenant
from billing.services.credit_notes import issue_credit_note
from billing.services.disputes import open_dispute
from billing.services.invoices import void_invoice
from billing.services.payments import receive_payment
from billing.services.refunds import refund_payment
from billing.services.write_offs import write_off_invoice
from integrations import setup
from integrations.delivery import drain
from integrations.models import Connection, ExternalReference, OutboxItem, Reconciliation
from integrations.reconciliation import reconcile
from integrations.sandbox.server import start_in_thread
from tests.accounting.rates import rates
from tests.integrations.books import Books
from tests.integrations.business import deliver_all
from tests.integrations.conftest import QUICK
from tests.integrations.test_foreign_currency import THROUGH, sell_abroad, sign_in, worked_cases
from tests.integrations.world import JANUARY, a_month

pytestmark = pytest.mark.django_db(transaction=True)
Json = dict[str, Any]
MODES = {"journal_entries": "journal_entry", "documents": "invoice"}


class Vendor(NamedTuple):
    """What a stand-in calls its documents by our kinds, and the field of their day."""

    entities: dict[str, str]
    days: dict[str, str]
    ids: dict[str, str]


VENDORS = {
    "quickbooks": Vendor(
        {"journal_entry": "JournalEntry", "invoice": "Invoice"},
        {"journal_entry": "TxnDate", "invoice": "TxnDate"},
        {"journal_entry": "Id", "invoice": "Id"},
    ),
    "xero": Vendor(
        {"journal_entry": "ManualJournal", "invoice": "Invoice"},
        {"journal_entry": "Date", "invoice": "Date"},
        {"journal_entry": "ManualJournalID", "invoice": "InvoiceID"},
    ),
    "netsuite": Vendor(
        {"journal_entry": "journalEntry", "invoice": "invoice"},
        {"journal_entry": "tranDate", "invoice": "tranDate"},
        {"journal_entry": "id", "invoice": "id"},
    ),
    "zoho": Vendor(
        {"journal_entry": "journals", "invoice": "invoices"},
        {"journal_entry": "journal_date", "invoice": "date"},
        {"journal_entry": "journal_id", "invoice": "invoice_id"},
    ),
}


@pytest.fixture(params=list(VENDORS))
def erp(request: Any) -> str:
    return str(request.param)


@pytest.fixture
def box(erp: str) -> Iterator[Any]:
    with start_in_thread(erp, port=0, limits="off") as server:
        yield server


@pytest.fixture
def accountant(tenant: Tenant) -> Client:
    user = get_user_model().objects.create_user(username="ann", password="x", is_staff=True)
    Membership.objects.create(tenant=tenant, user=user, role=Role.ACCOUNTANT)
    client = Client()
    client.force_login(user)
    return client


def connected(entity: BusinessEntity, erp: str, mode: str, url: str) -> Connection:
    made, _ = setup.create_connection(business_entity=entity, erp=erp, mode=mode, send_payments=mode == "documents")
    made.options = QUICK
    return setup.connect_sandbox(made, url)


def causes(kept: Reconciliation) -> list[str]:
    return sorted(row["cause"] for row in kept.differences if row["kind"] != "account")


def mended(client: Client, kept: Reconciliation) -> list[str]:
    """Do what the page of a reconciliation offers, each once; gives what was done."""
    page = client.get(reverse("admin:integrations_reconciliation_change", args=[kept.pk])).content.decode()
    found = re.findall(r'href="(/[^"]*integrations/outboxitem/\d+/[a-z-]+/)"[^>]*>([^<]+)<', page)
    for address, _ in dict.fromkeys(found):
        asked = client.get(address)
        assert asked.status_code == 200, address
        answer = client.post(address, {"confirmed": "1"}, follow=True)
        words = [str(each) for each in answer.context["messages"]]
        assert [each.level_tag for each in answer.context["messages"]] == ["success"], words
    return sorted(label for _, label in dict.fromkeys(found))


def more(erp: str, kind: str, record: Json) -> Json:
    """Add 1.00 to a document's every amount, as its lines are kept there."""
    if erp == "quickbooks":
        lines = [dict(each) for each in record["Line"] if each["DetailType"] != "SubTotalLineDetail"]
        for line in lines:
            line["Amount"] = float(line["Amount"] + 1)
            if "SalesItemLineDetail" in line:
                sold = line["SalesItemLineDetail"]
                line["SalesItemLineDetail"] = {**sold, "UnitPrice": line["Amount"], "Qty": 1}
        return {"Line": lines}
    if erp == "xero" and kind == "journal_entry":
        return {
            "JournalLines": [
                {
                    "AccountID": line["AccountID"],
                    "LineAmount": float(line["LineAmount"] + (1 if line["LineAmount"] > 0 else -1)),
                }
                for line in record["JournalLines"]
            ]
        }
    if erp == "xero":
        (line,) = record["LineItems"]
        names = ("Description", "Quantity", "AccountCode", "ItemCode", "TaxType")
        kept = {name: line[name] for name in names if line.get(name)}
        return {"LineItems": [kept | {"Quantity": 1, "UnitAmount": float(line["UnitAmount"] + 1)}]}
    if erp == "netsuite" and kind == "journal_entry":
        return {
            "line": {
                "items": [
                    {name: {"id": line[name]["id"]} for name in ("account", "entity") if line.get(name)}
                    | {side: float(line[side] + 1) for side in ("debit", "credit") if line.get(side)}
                    for line in record["line"]["items"]
                ]
            }
        }
    if erp == "netsuite":
        (line,) = record["item"]["items"]
        more_ = float(line["amount"] + 1)
        return {
            "item": {"items": [{"item": {"id": line["item"]["id"]}, "quantity": 1, "rate": more_, "amount": more_}]}
        }
    if kind == "journal_entry":
        lines = [{**line, "amount": float(line["amount"] + 1)} for line in record["line_items"]]
        return {"line_items": lines}
    (line,) = record["line_items"]
    total = float(record["total"] + 1)
    return {
        "line_items": [{**line, "rate": total, "item_total": total}],
        "sub_total": total,
        "total": total,
        "balance": total,
    }


@pytest.mark.parametrize("mode", list(MODES))
def test_what_was_done_in_the_erp_is_mended_from_the_page(
    accountant: Client, entity: BusinessEntity, erp: str, mode: str, box: Any
) -> None:
    """One deleted, one of another amount, one of another day, one of another month."""
    connection = connected(entity, erp, mode, box.url)
    a_month(customers=4)
    drain(connection.pk, until_empty=True)
    vendor, books, kind = VENDORS[erp], Books(box.url), MODES[mode]
    kept, _ = reconcile(connection, through=JANUARY)
    assert kept.differences == []

    ids = list(
        ExternalReference.objects.filter(kind=kind).order_by("subject_id").values_list("external_id", flat=True)
    )[:4]
    gone, amount, day, later = ids
    name, field = vendor.entities[kind], vendor.days[kind]
    record = next(each for each in books.objects(name) if each[vendor.ids[kind]] == amount)
    books.delete(name, gone)
    books.edit(name, amount, **more(erp, kind, record))
    books.edit(name, day, **{field: "2026-01-15"})
    books.edit(name, later, **{field: "2026-02-15"})
    kept, _ = reconcile(connection, through=JANUARY)
    removed = "voided in the ERP" if erp == "xero" else "deleted in the ERP"
    assert causes(kept) == sorted(["changed in the ERP", "changed in the ERP", removed, "dated later in the ERP"])
    done = mended(accountant, kept)
    if (erp, mode) == ("xero", "documents"):  # Its number is taken for good.
        assert done == ["Set it right there"] * 3
        (void,) = [row["document"] for row in kept.differences if row["cause"] == removed]
        void_invoice(invoice_id=Invoice.objects.get(number=void).pk, on=JANUARY, reason="Void in the ERP")
    else:
        assert done == ["Send anew", *["Set it right there"] * 3]
    drain(connection.pk, until_empty=True)
    kept, _ = reconcile(connection, through=JANUARY)
    assert kept.differences == []


@pytest.mark.parametrize(("mode_erp", "words"), [("xero", "premium plan"), ("netsuite", "own ledger of receivables")])
def test_the_page_says_whether_the_erp_tells_its_ledger(
    accountant: Client, entity: BusinessEntity, mode_erp: str, words: str
) -> None:
    with start_in_thread(mode_erp, limits="off") as server:
        connection = sign_in(entity, mode_erp, "documents", server.url)
        worked_cases()
        drain(connection.pk, until_empty=True)
        kept, _ = reconcile(connection, through=THROUGH)
    page = accountant.get(reverse("admin:integrations_reconciliation_change", args=[kept.pk])).content.decode()
    assert words in html.unescape(page)


def test_days_are_written_out_on_the_page(accountant: Client, entity: BusinessEntity) -> None:
    with start_in_thread("quickbooks", limits="off") as server:
        connection = connected(entity, "quickbooks", "documents", server.url)
        a_month(customers=1)
        deliver_all(connection)
        (invoice,) = Books(server.url).objects("Invoice")
        Books(server.url).edit("Invoice", invoice["Id"], TxnDate="2026-01-15")
        kept, _ = reconcile(connection, through=JANUARY)
    page = accountant.get(reverse("admin:integrations_reconciliation_change", args=[kept.pk])).content.decode()
    assert "15\u00a0Jan\u00a02026" in page and "2026-01-15" not in page


# What a stand-in calls the documents of money, by our kinds.
MONEY = {
    "quickbooks": {"credit_note": "CreditMemo", "payment": "Payment", "refund": "Purchase", "dispute": "Purchase"},
    "xero": {"credit_note": "CreditNote", "payment": "Payment", "refund": "Payment", "dispute": "BankTransaction"},
    "netsuite": {
        "credit_note": "creditMemo",
        "payment": "customerPayment",
        "refund": "customerRefund",
        "dispute": "check",
    },
    "zoho": {
        "credit_note": "creditnotes",
        "payment": "customerpayments",
        "refund": "paymentrefunds",
        "dispute": "expenses",
    },
}
DAY = {"quickbooks": "TxnDate", "xero": "Date", "netsuite": "tranDate", "zoho": "date"}
DELETES, CORRECTS = "Delete it there, then send anew", "Set it right there"


def offered(client: Client, kept: Reconciliation) -> list[str]:
    page = client.get(reverse("admin:integrations_reconciliation_change", args=[kept.pk])).content.decode()
    return [label for label in (CORRECTS, DELETES, "Send anew") if f">{label}<" in page]


def test_money_that_was_changed_or_deleted_in_the_erp_is_mended(
    accountant: Client, entity: BusinessEntity, erp: str, box: Any
) -> None:
    """A credit note, payments, a refund of money on account and a dispute, one after the other."""
    connection = connected(entity, erp, "documents", box.url)
    a_month(customers=3)
    credited, fought, plain = Invoice.objects.order_by("id")
    line = InvoiceLine.objects.get(invoice=credited)
    issue_credit_note(invoice_id=credited.pk, lines={line.pk: Decimal("3.00")}, on=JANUARY, reason="Late")
    over = pay(fought, fought.total.amount + 5, settled=fought.total.amount)
    refund_payment(payment_id=over, amount=Decimal(5), on=JANUARY, reason="Too much")
    open_dispute(payment_id=over, on=JANUARY, amount=fought.total.amount, reason="Fraud")
    pay(plain, plain.total.amount)
    deliver_all(connection)
    books = Books(box.url)

    def agreed() -> None:
        kept, _ = reconcile(connection, through=JANUARY)
        assert kept.differences == []

    def held(kind: str, number: int = 0) -> str:
        rows = ExternalReference.objects.filter(kind=kind).order_by("subject_id")
        return str(rows.values_list("external_id", flat=True)[number])

    agreed()
    for kind in ("credit_note", "payment", "refund", "dispute"):
        if erp == "xero":  # It lets nobody change what is paid, credited or spent: only delete it.
            continue
        books.edit(MONEY[erp][kind], held(kind, 1 if kind == "payment" else 0), **{DAY[erp]: "2026-01-30"})
        kept, _ = reconcile(connection, through=JANUARY)
        assert causes(kept) == ["changed in the ERP"], kind
        if offered(accountant, kept) == [CORRECTS]:
            mended(accountant, kept)
        else:
            assert offered(accountant, kept) == [DELETES], kind
            books.delete(MONEY[erp][kind], held(kind))
            kept, _ = reconcile(connection, through=JANUARY)
            assert mended(accountant, kept) == ["Send anew"]
            deliver_all(connection)
        agreed()
    for kind in ("refund", "dispute", "payment"):
        books.delete(MONEY[erp][kind], held(kind, 1 if kind == "payment" else 0))
        kept, _ = reconcile(connection, through=JANUARY)
        # Xero shows payments that somebody deleted.
        assert causes(kept)[0] in ("deleted in the ERP", "voided in the ERP"), (kind, kept.differences)
        assert mended(accountant, kept) == ["Send anew"]
        deliver_all(connection)
        agreed()


def test_one_entered_by_hand_is_adopted_and_told_no_more(
    accountant: Client, entity: BusinessEntity, erp: str, box: Any
) -> None:
    """It bears neither our number nor our reference; from then on it is known by its id."""
    connection = connected(entity, erp, "documents", box.url)
    a_month(customers=2)
    deliver_all(connection)
    vendor, books = VENDORS[erp], Books(box.url)
    item = OutboxItem.objects.filter(kind="invoice").order_by("id")[0]
    there = ExternalReference.objects.get(kind="invoice", subject_id=item.subject_id)
    unmark = {
        "quickbooks": {"DocNumber": "7001", "PrivateNote": ""},
        "xero": {"InvoiceNumber": "7001", "Reference": "", "Url": ""},
        "netsuite": {"tranId": "7001", "externalId": None},
        "zoho": {"invoice_number": "7001", "reference_number": ""},
    }[erp]
    books.edit(vendor.entities["invoice"], there.external_id, **unmark)
    number = there.external_id
    there.delete()  # As if a person had entered it, and ours had never been sent.
    OutboxItem.objects.filter(pk=item.pk).update(state="parked", reason="Because", delivered_at=None)
    kept, _ = reconcile(connection, through=JANUARY)
    assert causes(kept) == ["made in the ERP", "parked"]
    page = reverse("admin:integrations_outboxitem_adopt", args=[item.pk])
    answer = accountant.post(page, {"external_id": number}, follow=True)
    assert [each.level_tag for each in answer.context["messages"]] == ["success"]
    kept, _ = reconcile(connection, through=JANUARY)
    assert kept.differences == []


@pytest.mark.parametrize("mode", list(MODES))
def test_another_rate_in_the_erp_is_set_right(
    accountant: Client, entity: BusinessEntity, erp: str, mode: str, box: Any
) -> None:
    if erp == "xero" and mode == "journal_entries":
        pytest.skip("Its journals have no currency.")
    connection = sign_in(entity, erp, mode, box.url)
    rates("Date USD\n2026-03-01 1.10\n2026-03-31 1.10")
    sell_abroad("EUR", "1000")
    recognize_revenue(through=date(2026, 3, 31))
    drain(connection.pk, until_empty=True)
    books, kind = Books(box.url), MODES[mode]
    sent: dict[str, Any] = {"kind": kind}
    if mode == "journal_entries":  # Revenue goes in its own currency, at the rate of its invoice.
        sent["subject_id"] = JournalEntry.objects.get(event__kind="revenue_recognized").pk
    found = ExternalReference.objects.get(**sent)
    changed = {"quickbooks": {"ExchangeRate": 1.2}, "xero": {"CurrencyRate": 0.8}}.get(erp, {"exchangeRate": 1.2})
    changed = {"exchange_rate": 1.2} if erp == "zoho" else changed
    books.edit(VENDORS[erp].entities[kind], found.external_id, **changed)
    kept, _ = reconcile(connection, through=THROUGH)
    assert causes(kept) == ["another exchange rate"]
    assert mended(accountant, kept) == [CORRECTS]
    kept, _ = reconcile(connection, through=THROUGH)
    assert kept.differences == []


def pay(invoice: Invoice, amount: Decimal, *, settled: Decimal | None = None) -> int:
    made = receive_payment(
        customer_id=invoice.customer_id,
        amount=amount,
        currency="USD",
        received_on=JANUARY,
        allocations={invoice.pk: amount if settled is None else settled},
    )
    return int(made.pk)


@pytest.mark.parametrize("mode", list(MODES))
def test_what_never_came_into_the_outbox_is_back_filled_from_the_page(
    accountant: Client, entity: BusinessEntity, mode: str
) -> None:
    with start_in_thread("quickbooks", limits="off") as server:
        connection = connected(entity, "quickbooks", mode, server.url)
        a_month(customers=2)
        deliver_all(connection)
        first, second = Invoice.objects.order_by("id")
        paid = pay(second, second.total.amount)
        open_dispute(payment_id=paid, on=JANUARY, amount=second.total.amount, reason="Fraud", fee=Decimal(15))
        write_off_invoice(invoice_id=first.pk, on=JANUARY, reason="Bankrupt")
        OutboxItem.objects.exclude(state="delivered").delete()  # As by a defect.
        kept, _ = reconcile(connection, through=JANUARY)
        assert set(causes(kept)) == {"never put in the outbox"}
        page = accountant.get(reverse("admin:integrations_reconciliation_change", args=[kept.pk])).content.decode()
        address = reverse("admin:integrations_connection_backfill", args=[connection.pk])
        assert address in page
        answer = accountant.post(address, {"since": "2026-01-01"}, follow=True)
        assert [each.level_tag for each in answer.context["messages"]] == ["success"]
        deliver_all(connection)
        kept, _ = reconcile(connection, through=JANUARY)
    assert kept.differences == []


def test_what_the_erp_does_not_let_be_set_right_is_said_in_its_words(
    accountant: Client, entity: BusinessEntity
) -> None:
    with start_in_thread("quickbooks", limits="off") as server:
        connection = connected(entity, "quickbooks", "documents", server.url)
        a_month(customers=1)
        deliver_all(connection)
        Books(server.url).prefer(BookCloseDate="2026-02-28")
        item = OutboxItem.objects.get(kind="invoice")
        address = reverse("admin:integrations_outboxitem_correct", args=[item.pk])
        answer = accountant.post(address, {"confirmed": "1"}, follow=True)
        (message,) = answer.context["messages"]
        assert message.level_tag == "error"
        assert "books" in str(message)
        page = accountant.get(reverse("admin:integrations_outboxitem_change", args=[item.pk])).content.decode()
    assert "6200" in page or "6210" in page  # The answer is kept with the requests that concerned the item.
