"""Our books against theirs: every kind of difference is found, named and explained."""

from datetime import date
from decimal import Decimal

import pytest
import requests

from accounting.recognition import recognize_revenue
from billing.models import Invoice
from billing.services.billing_run import run_billing
from billing.services.invoices import void_invoice
from integrations import outbox, setup
from integrations.delivery import drain
from integrations.models import OutboxItem, Reconciliation
from integrations.reconciliation import reconcile
from integrations.sandbox.server import start_in_thread
from integrations.switching import change_mode
from tests.integrations.books import Books
from tests.integrations.conftest import QUICK
from tests.integrations.world import JANUARY, a_month

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def books(box) -> Books:
    return Books(box.url)


def causes(connection, through: date = JANUARY) -> list[tuple[str, str]]:
    _, findings = reconcile(connection, through=through)
    return sorted((each["kind"], each["cause"]) for each in findings.differences)


@pytest.mark.parametrize(("mode", "compared"), [("journal_entries", 6), ("documents", 3)])
def test_delivered_books_agree(connect, mode, compared) -> None:
    connection = connect(mode=mode)
    a_month(customers=3)
    drain(connection.pk, until_empty=True)
    kept, findings = reconcile(connection, through=JANUARY)
    assert (findings.differences, findings.compared) == ([], compared)
    assert Reconciliation.objects.get() == kept
    assert all(row["ours"] == row["theirs"] for row in kept.accounts)
    assert kept.accounts


@pytest.mark.parametrize("modes", [("journal_entries", "documents"), ("documents", "journal_entries")])
def test_a_period_in_which_the_mode_was_switched_agrees(connect, box, modes) -> None:
    """January went out in one form, February in the other: each side of each document is looked for in its own."""
    before, after = modes
    connection = connect(mode=before)
    a_month(customers=2)
    drain(connection.pk, until_empty=True)
    change_mode(connection, mode=after, send_payments=after == "documents")
    connection = setup.connect_sandbox(connection, box.url)  # What the other form needs is mapped.
    february = date(2026, 2, 28)
    run_billing(through=february, finalize=True)
    recognize_revenue(through=february)
    drain(connection.pk, until_empty=True)
    _, findings = reconcile(connection, through=february)
    assert findings.differences == []
    assert findings.compared == {"documents": 2, "journal_entries": 4}[after]
    # What is missing from after the switch is still found.
    wanted = "Invoice" if after == "documents" else "JournalEntry"
    Books(box.url).delete(wanted, Books(box.url).objects(wanted)[-1]["Id"])
    assert "deleted in the ERP" in {cause for _, cause in causes(connection, february)}


def test_dates_decide_what_should_be_there(connect) -> None:
    connection = connect()
    a_month(customers=1)
    drain(connection.pk, until_empty=True)
    assert causes(connection, date(2025, 12, 31)) == []


def test_what_is_not_sent_parked_or_skipped_is_a_difference(connect) -> None:
    connection = connect(mode="documents")
    a_month(customers=3)
    first, second, _ = OutboxItem.objects.filter(kind="invoice").order_by("id")
    OutboxItem.objects.filter(pk=first.pk).update(state="parked", reason="Because")
    outbox.skip([second.pk], reason="By hand")
    assert causes(connection)[1:] == [("invoice", "not sent yet"), ("invoice", "parked"), ("invoice", "skipped")]


def test_changed_deleted_and_hand_made_journals_are_found(connect, books) -> None:
    connection = connect()
    a_month(customers=3)
    drain(connection.pk, until_empty=True)
    first, second, *_ = books.objects("JournalEntry")
    books.delete("JournalEntry", first["Id"])
    lines = second["Line"]
    for line in lines:
        line["Amount"] = float(Decimal(str(line["Amount"])) + 1)
    books.edit("JournalEntry", second["Id"], Line=lines)
    found = causes(connection)
    assert ("journal_entry", "deleted in the ERP") in found
    assert ("journal_entry", "changed in the ERP") in found
    assert ("account", "balances differ") in found


def test_a_journal_made_in_the_erp_on_our_accounts_is_found(connect, books) -> None:
    connection = connect()
    a_month(customers=1)
    drain(connection.pk, until_empty=True)
    original = books.objects("JournalEntry")[0]
    body = {
        "TxnDate": "2026-01-15",
        "Line": [{k: v for k, v in line.items() if k != "Id"} for line in original["Line"]],
    }
    for line in body["Line"]:
        line["Amount"] = float(line["Amount"])
    connection.refresh_from_db()
    answer = requests.post(
        f"{connection.base_url}/v3/company/{connection.realm_id}/journalentry?minorversion=75",
        json=body,
        headers={"Authorization": f"Bearer {connection.credentials['access_token']}", "Accept": "application/json"},
        timeout=10,
    )
    assert answer.status_code == 200, answer.text
    assert ("journal_entry", "made in the ERP") in causes(connection)


def test_changed_invoices_and_voids_under_way_are_told_apart(connect, books) -> None:
    connection = connect(mode="documents")
    a_month(customers=3)
    drain(connection.pk, until_empty=True)
    void_invoice(invoice_id=Invoice.objects.order_by("id").first().pk, on=JANUARY, reason="Wrong")
    changed = books.objects("Invoice")[-1]
    books.edit("Invoice", changed["Id"], TxnDate="2026-01-02")
    found = causes(connection)
    assert ("invoice", "not sent yet") in found
    assert ("invoice", "changed in the ERP") in found


def test_what_was_voided_in_the_erp_is_told_once(entity) -> None:
    """Xero keeps what somebody takes away there as void."""
    with start_in_thread("xero", limits="off") as server:
        made, _ = setup.create_connection(business_entity=entity, erp="xero", mode="documents")
        made.options = QUICK
        connection = setup.connect_sandbox(made, server.url)
        a_month(customers=1)
        drain(connection.pk, until_empty=True)
        there = Books(server.url)
        (invoice,) = there.objects("Invoice")
        there.delete("Invoice", invoice["InvoiceID"])
        assert causes(connection) == [("account", "balances differ"), ("invoice", "voided in the ERP")]
