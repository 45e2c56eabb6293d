"""Xero's own client library, generated from its published contract, reads what our connector wrote."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from xero_python.accounting import AccountingApi
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token
from xero_python.identity import IdentityApi

from billing.models import Customer, Invoice, Product, TaxRate
from billing.services.payments import allocate_payment, receive_payment
from billing.services.undoing import void_payment
from integrations.delivery import drain
from integrations.models import Connection
from tests.integrations.books import Books
from tests.integrations.business import a_full_month, deliver_all, what_comes_after
from tests.integrations.world import JANUARY, a_busy_month, a_month

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sdk(box: Any) -> Any:
    def open_api(connection: Connection) -> AccountingApi:
        connection.refresh_from_db()
        token = {
            "access_token": connection.credentials["access_token"],
            "expires_at": connection.credentials["expires_at"],
            "token_type": "Bearer",
            "scope": ["accounting.settings"],
            "refresh_token": "",
            "expires_in": 1800,
            "id_token": "",
        }
        client = ApiClient(
            Configuration(oauth2_token=OAuth2Token(client_id="x", client_secret="y")),
            oauth2_token_getter=lambda: token,
            oauth2_token_saver=lambda value: None,
        )
        (organisation,) = IdentityApi(client, base_url=box.url).get_connections()
        assert organisation.tenant_id == connection.realm_id
        return AccountingApi(client, base_url=f"{box.url}/api.xro/2.0")

    return open_api


def exact(value: float) -> Decimal:
    return Decimal(str(value))


def test_it_reads_the_journals(connect, sdk) -> None:
    connection = connect()
    a_month(customers=3)
    assert drain(connection.pk, until_empty=True).parked == 0
    api = sdk(connection)
    found = api.get_manual_journals(connection.realm_id, page=1).manual_journals
    assert {each.status for each in found} == {"POSTED"}
    assert {each.line_amount_types.value for each in found} == {"NoTax"}
    assert {sum(exact(line.line_amount) for line in each.journal_lines) for each in found} == {Decimal(0)}
    debits = [exact(line.line_amount) for each in found for line in each.journal_lines if line.line_amount > 0]
    assert sorted(debits) == sorted([Decimal("10.01") + number for number in range(3)] * 2)
    assert {each.date for each in found} == {date(2026, 1, 1), date(2026, 1, 31)}
    accounts = {each.code: each for each in api.get_accounts(connection.realm_id).accounts}
    for line in (line for each in found for line in each.journal_lines):
        assert accounts[line.account_code].system_account in (None, "")
        assert accounts[line.account_code].type.value != "BANK"


def test_it_reads_documents_of_every_kind(connect, sdk) -> None:
    tax = TaxRate.objects.create(code="ca", name="California", percent=Decimal("8.25"))
    connection = connect(mode="documents", payments=True)
    done = a_full_month(tax)
    deliver_all(connection)
    what_comes_after(*done)
    deliver_all(connection)
    api, tenant = sdk(connection), connection.realm_id
    theirs = {each.invoice_number: each for each in api.get_invoices(tenant, page=1).invoices}
    for ours in Invoice.objects.all():
        found = theirs[ours.number]
        assert found.type == "ACCREC"
        assert (exact(found.total), found.date) == (ours.total.amount, ours.issued_on)
        assert (found.status == "VOIDED") == (ours.status == "void")
    contacts = {each.contact_id: each.name for each in api.get_contacts(tenant).contacts}
    assert sorted(contacts.values()) == sorted(Customer.objects.values_list("name", flat=True))
    notes = api.get_credit_notes(tenant, page=1).credit_notes
    assert [(each.credit_note_number, each.type, each.status) for each in notes] == [
        ("CN-000001", "ACCRECCREDIT", "PAID"),
        ("CN-000002", "ACCRECCREDIT", "VOIDED"),
        ("CN-000003", "ACCRECCREDIT", "AUTHORISED"),
    ]
    assert [exact(each.amount) for each in notes[0].allocations] == [exact(notes[0].total)]
    payments = api.get_payments(tenant).payments
    assert {(each.payment_type, each.status) for each in payments} == {
        ("ACCRECPAYMENT", "AUTHORISED"),
        ("ACCRECPAYMENT", "DELETED"),
        ("AROVERPAYMENTPAYMENT", "AUTHORISED"),  # money on account paid back
        ("ARCREDITPAYMENT", "AUTHORISED"),  # a credit note paid back
    }
    held = api.get_overpayments(tenant).overpayments
    assert sorted(exact(each.remaining_credit) for each in held) == [1, 4, Decimal("7.24")]
    moved = [
        (each.type, exact(each.total), each.line_items[0].account_code)
        for each in api.get_bank_transactions(tenant, page=1).bank_transactions
        if each.reference
    ]
    assert sorted(moved) == [
        ("RECEIVE", Decimal("14.08"), "5230"),
        ("RECEIVE", Decimal("15.00"), "404"),
        ("SPEND", Decimal("14.08"), "5230"),
        ("SPEND", Decimal("15.00"), "404"),
    ]
    (plan,) = (each for each in api.get_items(tenant).items if each.name == "Plan")
    assert (plan.code, plan.is_sold, plan.sales_details.account_code) == (
        f"{connection.reference_prefix}-S{Product.objects.get().pk}", True, "4000",
    )  # fmt: skip


def test_every_request_is_what_the_contract_says(connect, sent) -> None:
    """Each request of the connector is checked on its way out, in all tests of this folder; here most kinds are sent."""
    tax = TaxRate.objects.create(code="ca", name="California", percent=Decimal("8.25"))
    connection = connect(mode="documents", payments=True)
    a_busy_month(tax)
    drain(connection.pk, until_empty=True)
    last = Invoice.objects.order_by("id").last()
    later = receive_payment(
        customer_id=last.customer_id, amount=Decimal(9), currency="USD", received_on=JANUARY, allocations={}
    )
    drain(connection.pk, until_empty=True)
    allocate_payment(payment_id=later.pk, allocations={last.pk: Decimal(4)}, on=JANUARY)
    drain(connection.pk, until_empty=True)
    Books(connection.base_url).prefer(OverpaymentsCanBeDeleted=True)
    void_payment(payment_id=later.pk, on=JANUARY, reason="Returned")
    assert drain(connection.pk, until_empty=True).parked == 0
    assert sent >= {
        "create_account",
        "create_contacts",
        "create_invoices",
        "create_credit_notes",
        "create_payments",
        "create_bank_transactions",
        "create_overpayment_allocations",
        "delete_overpayment_allocations",
        "update_bank_transaction",
        "update_invoice",
    }
