"""Xero's own client library, generated from its published contract: it reads what our connector wrote, and every request of
ours holds only what its models know."""

import inspect
import json
import re
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import xero_python.accounting.models as contract
from xero_python.accounting import AccountingApi
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token
from xero_python.identity import IdentityApi

from billing.models import Customer, Invoice, TaxRate
from billing.services.payments import allocate_payment, receive_payment
from integrations.delivery import drain
from integrations.models import Connection
from tests.integrations.world import JANUARY, a_month
from tests.integrations.xero.test_flow import a_busy_month

pytestmark = pytest.mark.django_db(transaction=True)

# What the body of each call is, by the contract's own operations.
BODIES = {
    ("PUT", "Accounts"): "Account",
    ("PUT", "Contacts"): "Contacts",
    ("PUT", "Items"): "Items",
    ("PUT", "ManualJournals"): "ManualJournals",
    ("PUT", "Invoices"): "Invoices",
    ("PUT", "CreditNotes"): "CreditNotes",
    ("PUT", "Payments"): "Payments",
    ("PUT", "BankTransactions"): "BankTransactions",
    ("PUT", "CreditNotes/Allocations"): "Allocations",
    ("PUT", "Overpayments/Allocations"): "Allocations",
    ("POST", "Invoices/id"): "Invoices",
    ("POST", "CreditNotes/id"): "CreditNotes",
    ("POST", "Payments/id"): "PaymentDelete",
    ("POST", "BankTransactions/id"): "BankTransactions",
}
PARAMETERS = {"summarizeErrors", "unitdp", "where", "order", "page", "pageSize", "includeArchived", "InvoiceNumbers"}


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


def test_it_reads_the_documents(connect, sdk) -> None:
    tax = TaxRate.objects.create(code="ca", name="California", percent=Decimal("8.25"))
    connection = connect(mode="documents", payments=True)
    a_busy_month(tax)
    assert drain(connection.pk, until_empty=True).parked == 0
    api, tenant = sdk(connection), connection.realm_id
    theirs = {each.invoice_number: each for each in api.get_invoices(tenant, page=1).invoices}
    for ours in Invoice.objects.all():
        found = theirs[ours.number]
        assert found.type == "ACCREC"
        assert (exact(found.total), found.date) == (ours.total.amount, ours.issued_on)
        assert (found.status == "VOIDED") == (ours.status == "void")
    contacts = {each.contact_id: each.name for each in api.get_contacts(tenant).contacts}
    assert sorted(contacts.values()) == sorted(Customer.objects.values_list("name", flat=True))
    (note,) = api.get_credit_notes(tenant, page=1).credit_notes
    assert note.type == "ACCRECCREDIT"
    payments = api.get_payments(tenant).payments
    assert {each.payment_type for each in payments} == {"ACCRECPAYMENT"}
    assert sum(exact(each.total) for each in api.get_overpayments(tenant).overpayments) == Decimal(12)


def test_every_request_is_what_the_contract_says(connect, books) -> None:
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
    assert drain(connection.pk, until_empty=True).parked == 0
    seen = set()
    for request in books.state("?requests=1")["requests"]:
        parts = urlsplit(request["path"])
        if not parts.path.startswith("/api.xro/2.0/"):
            continue
        assert parse_qs(parts.query).keys() <= PARAMETERS
        headers = request["headers"]
        assert headers["xero-tenant-id"] == connection.realm_id
        assert headers["accept"] == "application/json"
        if request["method"] in ("PUT", "POST"):
            assert headers["content-type"] == "application/json"
            assert 0 < len(headers["idempotency-key"]) <= 128
            operation = request["method"], operation_of(parts.path)
            check(json.loads(request["body"], parse_float=Decimal), BODIES[operation])
            seen.add(operation)
    assert seen >= {
        ("PUT", "Accounts"),
        ("PUT", "Contacts"),
        ("PUT", "Invoices"),
        ("PUT", "CreditNotes"),
        ("PUT", "Payments"),
        ("PUT", "BankTransactions"),
        ("PUT", "Overpayments/Allocations"),
        ("POST", "Invoices/id"),
    }


def test_journals_are_what_the_contract_says(connect, books) -> None:
    connection = connect()
    a_month(customers=2)
    drain(connection.pk, until_empty=True)
    (batch,) = [each for each in books.state("?requests=1")["requests"] if "ManualJournals?" in each["path"]]
    assert batch["method"] == "PUT"
    check(json.loads(batch["body"], parse_float=Decimal), "ManualJournals")
    assert len(json.loads(batch["body"])["ManualJournals"]) == 4


def operation_of(path: str) -> str:
    parts = path.removeprefix("/api.xro/2.0/").split("/")
    return parts[0] if len(parts) == 1 else f"{parts[0]}/{'Allocations' if len(parts) == 3 else 'id'}"


def check(value: Any, kind: str) -> None:
    """Hold a value against the contract: names, types, enumerations, lengths."""
    if inner := re.fullmatch(r"list\[(\w+)\]", kind):
        assert isinstance(value, list)
        assert value
        for each in value:
            check(each, inner[1])
    elif kind in ("str", "date[ms-format]", "datetime[ms-format]"):
        assert isinstance(value, str)
        assert not kind.startswith("date[") or date.fromisoformat(value)
    elif kind == "float":
        assert isinstance(value, int | Decimal) and not isinstance(value, bool)
    elif kind in ("bool", "int"):
        assert type(value).__name__ == kind
    else:
        check_object(value, getattr(contract, kind))


def check_object(value: Any, model: Any) -> None:
    if not hasattr(model, "openapi_types"):  # an enumeration
        assert value in [each.value for each in model]
        return
    types = {model.attribute_map[name]: (name, kind) for name, kind in model.openapi_types.items()}
    for field, each in value.items():
        assert field in types, f"{model.__name__} has no {field}"
        name, kind = types[field]
        check(each, kind)
        setter = inspect.getsource(getattr(model, name).fset)
        if isinstance(each, str) and (longest := re.search(r"len\(\w+\) > (\d+)", setter)):
            assert len(each) <= int(longest[1])
        if allowed := re.search(r"allowed_values = \[(.*?)\]", setter, re.DOTALL):
            assert each in re.findall(r'"([^"]*)"', allowed[1])
