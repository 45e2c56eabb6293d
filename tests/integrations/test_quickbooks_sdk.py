"""The vendor's community SDK reads from the stand-in what our connector wrote there."""

from decimal import Decimal
from typing import Any

import pytest
from intuitlib.client import AuthClient
from quickbooks import QuickBooks
from quickbooks.objects.creditmemo import CreditMemo
from quickbooks.objects.customer import Customer
from quickbooks.objects.invoice import Invoice
from quickbooks.objects.journalentry import JournalEntry
from quickbooks.objects.payment import Payment

from integrations.delivery import drain
from integrations.models import Connection
from tests.integrations.test_every_kind import a_busy_month

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


def test_the_sdk_reads_documents(connect, sdk) -> None:
    connection = connect(mode="documents", payments=True)
    a_busy_month()
    drain(connection.pk, until_empty=True, seconds=180)
    client = sdk(Connection.objects.get())
    invoices = {each.DocNumber: each for each in Invoice.all(qb=client)}
    (memo,) = CreditMemo.all(qb=client)
    assert len(invoices) == 6
    assert len(Customer.filter(Active=True, qb=client)) == 6
    assert Decimal(str(memo.RemainingCredit)) == 0
    assert sorted(Decimal(str(each.TotalAmt)) for each in Payment.all(qb=client)) == [0, 7, Decimal("12.24")]
