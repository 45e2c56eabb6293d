"""The pages where a person decides how a connection sends, and looks at what would be sent."""

import pytest
from django.test import Client

from billing.models import Invoice
from integrations.models import Connection, OutboxItem, WorkerBeat
from integrations.policy import leaves_drafts
from tests.admin.erp import url
from tests.integrations.world import a_month


@pytest.mark.django_db(transaction=True)
def test_the_exact_body_is_shown_before_it_is_sent(administrator: Client, connect) -> None:
    connect(mode="documents")
    a_month(customers=1)
    item = OutboxItem.objects.get(kind="invoice")
    page = administrator.get(url("integrations_outboxitem_change", item.pk), {"preview": "1"}).content.decode()
    assert "What would be sent" in page
    assert "depends on is being sent first" in page  # Its customer has to go out first.
    customer = OutboxItem.objects.get(kind="customer")
    page = administrator.get(url("integrations_outboxitem_change", customer.pk), {"preview": "1"}).content.decode()
    assert "DisplayName" in page
    assert Invoice.objects.get().number in administrator.get(url("integrations_outboxitem_changelist")).content.decode()


@pytest.mark.django_db
def test_policies_are_kept_and_only_what_fits_is_asked(administrator: Client, connection: Connection) -> None:
    page = url("integrations_connection_policies", connection.pk)
    shown = administrator.get(page).content.decode()
    assert "Entries of payments and refunds" in shown
    assert "Leave as drafts" not in shown  # QuickBooks has none.
    given = {
        "start": "2026-02-01", "approval": "on", "summarize_payments": "day", "summarize_others": "each",
        "when_locked": "hold", "warn_to": "ann@example.com, nobody", "warn_url": "",
    }  # fmt: skip
    assert "Enter a valid email" in administrator.post(page, given).content.decode()
    administrator.post(page, {**given, "warn_to": "ann@example.com"})
    options = Connection.objects.get().options
    assert {name: options[name] for name in ("start", "approval", "summarize_payments", "when_locked")} == {
        "start": "2026-02-01",
        "approval": True,
        "summarize_payments": "day",
        "when_locked": "hold",
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("erp", "mode", "has_drafts"),
    [
        ("netsuite", "journal_entries", True),
        ("netsuite", "documents", False),
        ("zoho", "documents", True),
        ("quickbooks", "journal_entries", False),
    ],
)
def test_drafts_are_offered_and_made_only_where_the_erp_has_them(
    administrator: Client, connection: Connection, erp: str, mode: str, has_drafts: bool
) -> None:
    """NetSuite's journals can wait for approval; its invoices and credit memos are posted at once."""
    Connection.objects.update(erp=erp, sync_mode=mode, options={"draft": True})
    page = administrator.get(url("integrations_connection_policies", connection.pk)).content.decode()
    assert ("Leave as drafts" in page) is has_drafts
    assert leaves_drafts(Connection.objects.get()) is has_drafts


@pytest.mark.django_db
def test_the_home_page_says_whether_workers_run(administrator: Client) -> None:
    assert not WorkerBeat.objects.exists()
    assert "No worker runs" in administrator.get(url("index")).content.decode()
