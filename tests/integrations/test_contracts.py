"""Everything that the connectors send is what the vendors publish: in all tests of this folder, and here kind by kind.

The facts are in `contracts`; the check hangs on every connector's session (see `conftest.sent`).
"""

from decimal import Decimal
from typing import Any

import pytest
import requests

from billing.models import BusinessEntity, TaxRate
from integrations import noticing, setup, signing_out, tokens
from integrations.models import Connection
from integrations.reconciliation import reconcile
from integrations.sandbox.server import start_in_thread
from tests.integrations import wire
from tests.integrations.business import FEBRUARY, a_full_month, deliver_all, what_comes_after
from tests.integrations.conftest import QUICK
from tests.integrations.world import a_month

pytestmark = pytest.mark.django_db(transaction=True)
ERPS = ["quickbooks", "xero", "netsuite", "zoho"]
JOURNALS = {
    "quickbooks": {"account", "customer", "batch", "query", "read company", "read preferences", "changes"},
    "xero": {"create_account", "create_manual_journals", "get_accounts", "get_organisations", "get_manual_journals"},
    "netsuite": {"account", "customer", "journalEntry", "suiteql", "job"},
    "zoho": {"account", "contact", "journal", "publish journals", "list documents", "lists", "lock", "organization"},
}
DOCUMENTS = {
    "quickbooks": {
        "account", "item", "batch", "payment", "purchase", "deposit", "void invoice", "void payment", "delete",
    },
    "xero": {
        "create_contacts", "create_items", "create_invoices", "create_credit_notes", "create_credit_note_allocation",
        "create_payments", "create_bank_transactions", "update_invoice", "update_credit_note", "delete_payment",
        "delete_credit_note_allocations",
    },
    "netsuite": {
        "customers", "item", "invoice", "creditMemo", "customerPayment", "customerRefund", "check", "deposit",
        "undo invoice", "apply", "read",
    },
    "zoho": {
        "upsert contact", "upsert item", "upsert invoice", "upsert credit note", "apply credit note", "upsert payment",
        "change payment", "refund payment", "refund credit note", "expense", "bank transaction", "mark invoice",
        "mark invoices", "mark credit note", "delete",
    },
}  # fmt: skip


def connected(erp: str, entity: BusinessEntity, url: str, mode: str) -> Connection:
    made, _ = setup.create_connection(business_entity=entity, erp=erp, mode=mode, send_payments=mode == "documents")
    made.options = QUICK
    return setup.connect_sandbox(made, url)


@pytest.mark.parametrize("erp", ERPS)
def test_journals_are_sent_and_read_as_published(erp: str, entity: BusinessEntity, sent: set[str]) -> None:
    with start_in_thread(erp, port=0, limits="off") as box:
        connection = connected(erp, entity, box.url, "journal_entries")
        a_month(customers=2)
        deliver_all(connection)
        assert reconcile(connection, through=FEBRUARY)[1].differences == []
        noticing.poll(connection)
    assert sent >= JOURNALS[erp]


@pytest.mark.parametrize("erp", ERPS)
def test_documents_of_every_kind_are_sent_as_published(erp: str, entity: BusinessEntity, sent: set[str]) -> None:
    with start_in_thread(erp, port=0, limits="off") as box:
        name = "CA State Tax" if erp == "netsuite" else "California"
        tax = TaxRate.objects.create(code="ca", name=name, percent=Decimal("8.25"))
        connection = connected(erp, entity, box.url, "documents")
        done = a_full_month(tax)
        deliver_all(connection)
        what_comes_after(*done)
        deliver_all(connection)
        assert reconcile(connection, through=FEBRUARY)[1].differences == []
    assert sent >= DOCUMENTS[erp]


@pytest.mark.parametrize("erp", ERPS)
def test_tokens_are_asked_for_as_published(erp: str, entity: BusinessEntity, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[str] = set()

    def post(url: str, **options: Any) -> requests.Response:
        if "/_sandbox" in url or "authorize" in url or url.endswith(("/auth", "/connect/oauth2")):
            return plain(url, **options)
        with requests.Session() as session:
            session.mount("http://", wire.Checking(wire.contract(erp).check, asked, []))
            return session.post(url, **options)

    plain = requests.post
    monkeypatch.setattr(tokens.requests, "post", post)
    with start_in_thread(erp, port=0, limits="off") as box:
        connection = connected(erp, entity, box.url, "journal_entries")
        assert tokens.ConnectionAccess(connection.pk).refresh(stale=connection.credentials["access_token"])
        if erp in ("quickbooks", "zoho"):
            signing_out.sign_out(connection, reason="Over.")
    assert asked == ({"token", "revoke"} if erp in ("quickbooks", "zoho") else {"token"})
