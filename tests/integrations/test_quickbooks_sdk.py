"""The vendor's community SDK reads from the stand-in what our connector wrote there."""

from decimal import Decimal
from typing import Any

import pytest
from intuitlib.client import AuthClient
from quickbooks import QuickBooks
from quickbooks.objects.account import Account
from quickbooks.objects.creditmemo import CreditMemo
from quickbooks.objects.customer import Customer
from quickbooks.objects.deposit import Deposit
from quickbooks.objects.invoice import Invoice
from quickbooks.objects.item import Item
from quickbooks.objects.journalentry import JournalEntry
from quickbooks.objects.payment import Payment
from quickbooks.objects.purchase import Purchase

from billing.models import CreditNote
from billing.models import Invoice as OurInvoice
from integrations.delivery import drain
from integrations.documents import Kind
from integrations.kinds import reference_of
from integrations.models import Connection, OutboxItem
from tests.integrations.business import a_full_month, deliver_all, what_comes_after
from tests.integrations.world import a_busy_month

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sdk(box: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the SDK at the stand-in, with the connection's own access token."""

    def open_client(connection: Connection) -> QuickBooks:
        secrets = connection.credentials
        monkeypatch.setattr("intuitlib.client.get_discovery_doc", lambda environment, session=None: _Discovery())
        auth = AuthClient(
            secrets["client_id"], secrets["client_secret"], "http://localhost/", "sandbox",
            access_token=secrets["access_token"],
        )  # fmt: skip
        client = QuickBooks(auth_client=auth, refresh_token="", company_id=connection.realm_id, minorversion=75)
        monkeypatch.setattr(QuickBooks, "sandbox_api_url_v3", f"{box.url}/v3")
        monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # The stand-in speaks plain HTTP.
        return client

    return open_client


class _Discovery(dict):
    """The addresses that the SDK would fetch from the vendor; none is used here."""

    def __missing__(self, name: str) -> str:
        return ""


def test_the_sdk_reads_journals(connect, sdk) -> None:
    connection = connect()
    a_busy_month()
    drain(connection.pk, until_empty=True, seconds=180)
    client = sdk(Connection.objects.get())
    found = JournalEntry.all(qb=client, max_results=100)
    assert len(found) == 17
    for entry in found:
        sides = {"Debit": Decimal(0), "Credit": Decimal(0)}
        for line in entry.Line:
            sides[line.JournalEntryLineDetail.PostingType] += Decimal(str(line.Amount))
        assert sides["Debit"] == sides["Credit"] > 0
        assert entry.PrivateNote.endswith(f"[cf:{entry.DocNumber}]")


def test_the_sdk_reads_documents_of_every_kind(connect, sdk) -> None:
    connection = connect(mode="documents", payments=True)
    done = a_full_month()
    deliver_all(connection)
    what_comes_after(*done)
    deliver_all(connection)
    client = sdk(Connection.objects.get())
    read = {each: each.all(qb=client) for each in (Customer, Item, Invoice, CreditMemo, Payment, Purchase, Deposit)}
    assert {entity.__name__: len(found) for entity, found in read.items()} == {
        "Customer": 6, "Item": 3, "Invoice": 6, "CreditMemo": 2, "Payment": 7, "Purchase": 4, "Deposit": 2,
    }  # fmt: skip
    # Whatever was delivered carries our mark where the SDK reads it, but for a credit memo that was deleted again.
    marks = {each.Notes for each in read[Customer]} | {
        each.PrivateNote.rpartition(" ")[2] for entity in TRANSACTIONS for each in read[entity]
    }
    void = CreditNote.objects.get(voided_on__isnull=False).pk
    sent = {(each.kind, each.subject_id) for each in OutboxItem.objects.exclude(kind__in=("product", *UPDATES))}
    assert {f"[cf:{reference(*each)}]" for each in sent - {("credit_note", void), ("credit_allocation", void)}} == marks
    plan = OutboxItem.objects.get(kind="product")
    assert f"cf:{reference('product', plan.subject_id)}" in {each.Sku for each in read[Item]}
    totals = {each.DocNumber: exact(each.TotalAmt) for each in read[Invoice]}
    for ours in OurInvoice.objects.all():
        assert totals[ours.number] == (0 if ours.status == "void" else ours.total.amount)
    assert sum(exact(each.RemainingCredit) for each in read[CreditMemo]) == 1  # 3.00 kept, 2.00 paid out
    lines = [line for entity in (Purchase, Deposit) for each in read[entity] for line in each.Line]
    assert sorted(exact(line.Amount) for line in lines) == [2, 4, Decimal("13.01"), Decimal("13.01"), 15, 15]
    linked = {link.TxnType for each in read[Payment] for line in each.Line for link in line.LinkedTxn}
    assert linked == {"Invoice", "CreditMemo", "Expense"}
    accounts = {each.Id: each.AccountType for each in Account.all(qb=client, max_results=1000)}
    assert {accounts[each.AccountRef.value] for each in read[Purchase]} <= {"Bank", "Other Current Asset"}


UPDATES = ("payment_update", "payment_void", "invoice_void", "credit_note_void")
TRANSACTIONS = (Invoice, CreditMemo, Payment, Purchase, Deposit)


def reference(kind: str, subject: int) -> str:
    return reference_of(Connection.objects.get().reference_prefix, Kind(kind), subject)


def exact(value: Any) -> Decimal:
    return Decimal(str(value))
