"""What happens in the ERP is noticed: by signed webhooks and by asking; payments there can be taken over."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from decimal import Decimal

import pytest
from cryptography.fernet import Fernet
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.models import BusinessEntity, Invoice, Payment
from billing.services.tenants import create_tenant
from billing.tenancy import tenant_scope
from integrations import noticing, setup, tasks, warnings
from integrations.connectors.base import ErpDocument
from integrations.connectors.quickbooks.webhooks import read, verify
from integrations.delivery import drain
from integrations.documents import Kind
from integrations.mapping import connector_of
from integrations.models import Connection, ConnectionWarning, ExternalReference, NoticedChange, OutboxItem
from integrations.sandbox.server import start_in_thread
from integrations.upkeep import set_options
from integrations.vault import Secrets
from integrations.warnings import CannotTell, post
from tests.integrations.books import Books
from tests.integrations.world import a_month

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "verifier"
NEW = [
    {"specversion": "1.0", "type": "qbo.invoice.updated.v1", "intuitentityid": "145", "intuitaccountid": "1",
     "time": "2026-10-07T19:59:07Z"},
    {"specversion": "1.0", "type": "qbo.payment.deleted.v1", "intuitentityid": "7", "intuitaccountid": "2"},
    {"specversion": "1.0", "type": "qbo.timeactivity.created.v1", "intuitentityid": "9", "intuitaccountid": "2"},
]  # fmt: skip
OLD = {
    "eventNotifications": [
        {"realmId": "1", "dataChangeEvent": {"entities": [{"name": "Customer", "id": "5", "operation": "Update"}]}}
    ]
}


def signature(raw: bytes) -> str:
    return base64.b64encode(hmac.new(KEY.encode(), raw, hashlib.sha256).digest()).decode()


def test_both_forms_of_notices_are_read_and_only_signed_ones_believed() -> None:
    raw = json.dumps(NEW).encode()
    assert verify(raw, {"intuit-signature": signature(raw)}, KEY)
    assert not verify(raw + b" ", {"intuit-signature": signature(raw)}, KEY)
    assert not verify(raw, {"intuit-signature": signature(raw)}, "")
    assert [(realm, each.kind, each.external_id, each.what) for realm, each in read(raw).changes] == [
        ("1", "invoice", "145", "changed"),
        ("2", "payment", "7", "deleted"),
    ]
    assert [(realm, each.kind) for realm, each in read(json.dumps(OLD).encode()).changes] == [("1", "customer")]


def test_a_webhook_is_believed_only_with_its_key(connection, handed) -> None:
    connection.credentials["webhook_key"] = KEY
    connection.realm_id = "1"
    connection.save()
    url, raw = reverse("erp_webhook", args=[connection.tenant_id, connection.pk]), json.dumps(NEW).encode()

    def call(sign: str) -> int:
        client = Client(enforce_csrf_checks=True)
        headers = {"intuit-signature": sign}
        return client.post(url, raw, content_type="application/json", headers=headers).status_code

    assert call("wrong") == 401
    assert handed == []
    assert call(signature(raw)) == 200
    assert [each[1:] for each in handed] == [
        (connection.tenant_id, connection.pk, [("invoice", "145", "changed")])
    ]  # The other company is nobody's here.


def test_other_companies_of_the_vendors_app_are_told_by_the_same_key(connection, tenant, handed) -> None:
    connection.credentials["webhook_key"] = KEY
    connection.save()
    others = {}
    for slug, key in (("same", KEY), ("another", "another's"), ("none", "")):
        other = create_tenant(slug=slug, name=slug, currency="USD")
        with tenant_scope(other.pk):
            made = Connection.objects.create(erp="quickbooks", name=slug, realm_id="2", status="connected")
            made.credentials = Secrets(webhook_key=key)
            made.save()
            others[slug] = (other.pk, made.pk)
    url, raw = reverse("erp_webhook", args=[connection.tenant_id, connection.pk]), json.dumps(NEW).encode()
    headers = {"intuit-signature": signature(raw)}
    assert Client().post(url, raw, content_type="application/json", headers=headers).status_code == 200
    assert [each[1:] for each in handed] == [(*others["same"], [("payment", "7", "deleted")])]


def test_what_is_done_to_our_documents_there_is_noticed(connect, box) -> None:
    connection = connect(mode="documents")
    a_month(customers=3)
    drain(connection.pk, until_empty=True)
    books = Books(box.url)
    first, second, _ = ExternalReference.objects.filter(kind="invoice").order_by("id")
    assert noticing.poll(Connection.objects.get()) == 0  # What we did ourselves is no news.
    books.delete("Invoice", first.external_id)
    lines = next(each for each in books.objects("Invoice") if each["Id"] == second.external_id)["Line"]
    lines[0]["Amount"] = lines[0]["SalesItemLineDetail"]["UnitPrice"] = 99
    books.edit("Invoice", second.external_id, Line=json.loads(json.dumps(lines, default=float)))
    assert noticing.poll(Connection.objects.get()) == 2
    said = dict(NoticedChange.objects.values_list("subject_id", "words"))
    assert said[first.subject_id] == "It was deleted in the ERP."
    assert said[second.subject_id].endswith("to 99.00.")


@pytest.mark.parametrize("mode", ["journal_entries", "documents"])
@pytest.mark.parametrize("erp", ["quickbooks", "xero", "netsuite", "zoho"])
def test_what_we_sent_ourselves_is_not_asked_for_one_by_one(erp: str, mode: str, entity: BusinessEntity) -> None:
    """A back-fill of thousands would else use up the day's calls, and the poll would never end."""
    with start_in_thread(erp, port=0, limits="off") as box:
        made, _ = setup.create_connection(business_entity=entity, erp=erp, mode=mode)
        connection = setup.connect_sandbox(made, box.url)
        a_month(customers=15)
        drain(connection.pk, until_empty=True)
        assert OutboxItem.objects.filter(state="delivered").count() == OutboxItem.objects.count() >= 30
        before = Books(box.url).state()["calls"]["total"]
        assert noticing.poll(Connection.objects.get()) == 0
        assert (
            Books(box.url).state()["calls"]["total"] - before < 25
        )  # Lists, lists of changes, and a look for deletions.


def test_a_payment_recorded_there_is_taken_over_once_where_the_tenant_wants_that(connect, box) -> None:
    connection = connect(mode="documents")
    a_month(customers=1)
    drain(connection.pk, until_empty=True)
    invoice = Invoice.objects.get()
    there = ExternalReference.objects.get(kind="invoice").external_id
    customer = ExternalReference.objects.get(kind="customer").external_id
    link = {"Amount": 4, "LinkedTxn": [{"TxnId": there, "TxnType": "Invoice"}]}
    body = {"CustomerRef": {"value": customer}, "TotalAmt": 5, "TxnDate": "2026-02-03", "Line": [link]}
    connector_of(connection)._client.write("payment", json.dumps(body), request_id="by-hand")
    noticing.poll(Connection.objects.get())
    assert not Payment.objects.exists()
    set_options(connection.pk, {"pull_payments": True})
    Connection.objects.update(polled_at=None)
    for _ in range(2):
        noticing.poll(Connection.objects.get())
    payment = Payment.objects.get()
    invoice.refresh_from_db()
    assert (payment.amount.amount, payment.unapplied.amount, invoice.settled.amount) == (5, 1, 4)
    assert NoticedChange.objects.get().words == "A payment of 5.00 USD was taken over from the ERP."
    assert not OutboxItem.objects.filter(kind="payment").exists()


def test_a_payment_recorded_there_is_told_where_payments_go_the_other_way(connect, box) -> None:
    connection = connect(mode="documents", payments=True)
    a_month(customers=1)
    drain(connection.pk, until_empty=True)
    there = ExternalReference.objects.get(kind="invoice").external_id
    customer = ExternalReference.objects.get(kind="customer").external_id
    link = {"Amount": 4, "LinkedTxn": [{"TxnId": there, "TxnType": "Invoice"}]}
    body = {"CustomerRef": {"value": customer}, "TotalAmt": 5, "TxnDate": "2026-02-03", "Line": [link]}
    connector_of(connection)._client.write("payment", json.dumps(body), request_id="by-hand")
    set_options(connection.pk, {"pull_payments": True})  # As it was kept before payments were sent.
    assert noticing.poll(Connection.objects.get()) == 1
    number = Invoice.objects.get().number
    assert NoticedChange.objects.get().words.startswith(f"A payment of 5.00 was recorded in the ERP for {number}.")
    assert not Payment.objects.exists()


def test_a_warning_is_told_once_and_forgotten_when_it_is_over(connection, queue) -> None:
    connection.options = {**connection.options, "warn_to": "ann@example.com"}
    connection.save()
    item = queue("journal_entry", 1, state="parked")
    waiting = queue("journal_entry", 2)
    OutboxItem.objects.filter(pk=waiting.pk).update(created_at=timezone.now() - timedelta(hours=2))
    assert [warnings.look(connection) for _ in range(2)] == [2, 0]
    assert sorted(ConnectionWarning.objects.values_list("code", flat=True)) == ["backlog", "parked"]
    assert [message.to for message in mail.outbox] == [["ann@example.com"]] * 2
    item.delete()
    warnings.look(connection)
    assert list(ConnectionWarning.objects.values_list("code", flat=True)) == ["backlog"]


def test_credentials_that_cannot_be_read_are_warned_of_and_stop_no_clock(connection, settings, caplog) -> None:
    settings.COUNTERFOIL_VAULT_KEYS = [Fernet.generate_key().decode()]
    tasks.warn()
    assert "cannot be read with the present vault keys" in ConnectionWarning.objects.get(code="reconnect").words
    tasks.poll_connection(connection.tenant_id, connection.pk)
    assert "could not be asked for changes: The stored credentials cannot be read" in caplog.text
    url = reverse("erp_webhook", args=[connection.tenant_id, connection.pk])
    assert Client().post(url, b"{}", content_type="application/json").status_code == 401


def test_a_way_that_fails_is_noted_and_nobody_is_told_twice(connection, queue, monkeypatch) -> None:
    connection.options = {**connection.options, "warn_to": "ann@example.com", "warn_url": "https://hooks.test/x"}
    connection.save()
    queue("journal_entry", 1, state="parked")

    def fail(url: str, body: object) -> None:
        raise CannotTell("The webhook answered with HTTP 500.")

    monkeypatch.setattr(warnings, "post", fail)
    assert [warnings.look(connection) for _ in range(2)] == [1, 0]
    assert len(mail.outbox) == 1
    assert ConnectionWarning.objects.get().failed_words == "The webhook answered with HTTP 500."


@pytest.mark.parametrize(
    "url", ["http://example.com/", "https://127.0.0.1/", "https://localhost/", "https://10.0.0.1/x"]
)
def test_a_webhook_of_ours_leads_to_the_public_internet_only(url) -> None:
    with pytest.raises(CannotTell):
        post(url, {"words": str(Decimal(1))})


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [("5.0", "USD", "5.00"), ("99", "USD", "99.00"), ("1200.0", "JPY", "1,200"), ("1.125", "USD", "1.125")],
)
def test_amounts_are_told_with_the_decimals_of_their_currency(
    entity: BusinessEntity, monkeypatch: pytest.MonkeyPatch, amount: str, currency: str, shown: str
) -> None:
    """Whatever the vendor writes: QuickBooks tells 5.0 where others tell 5.00."""
    monkeypatch.setattr(noticing, "document_total", lambda *_: Decimal(7))
    found = ErpDocument("invoice", "1", "", "", "2026-01-31", currency, "", Decimal(amount))
    said = noticing._difference(Kind.INVOICE, ExternalReference(subject_id=0), found)
    assert said.endswith(f" to {shown}.")
