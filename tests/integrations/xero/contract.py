"""Xero's published contract, by the official library that is generated from it: what each request may and must hold."""

import inspect
import json
import re
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
import xero_python.accounting.models as contract
from xero_python.accounting import AccountingApi

API = "/api.xro/2.0/"
# The contract's operation for each call, and what its body is.
WRITES = {
    ("PUT", "Accounts"): ("create_account", "Account"),
    ("PUT", "Contacts"): ("create_contacts", "Contacts"),
    ("PUT", "Items"): ("create_items", "Items"),
    ("PUT", "ManualJournals"): ("create_manual_journals", "ManualJournals"),
    ("PUT", "Invoices"): ("create_invoices", "Invoices"),
    ("PUT", "CreditNotes"): ("create_credit_notes", "CreditNotes"),
    ("PUT", "Payments"): ("create_payments", "Payments"),
    ("PUT", "BankTransactions"): ("create_bank_transactions", "BankTransactions"),
    ("PUT", "CreditNotes/id/Allocations"): ("create_credit_note_allocation", "Allocations"),
    ("PUT", "Overpayments/id/Allocations"): ("create_overpayment_allocations", "Allocations"),
    ("POST", "ManualJournals/id"): ("update_manual_journal", "ManualJournals"),
    ("POST", "Invoices/id"): ("update_invoice", "Invoices"),
    ("POST", "CreditNotes/id"): ("update_credit_note", "CreditNotes"),
    ("POST", "Payments/id"): ("delete_payment", "PaymentDelete"),
    ("POST", "BankTransactions/id"): ("update_bank_transaction", "BankTransactions"),
}
READS = {
    "Organisation": "get_organisations",
    "Accounts": "get_accounts",
    "Contacts": "get_contacts",
    "Contacts/id": "get_contact_by_contact_number",
    "Items": "get_items",
    "Items/id": "get_item",
    "TaxRates": "get_tax_rates",
    "Currencies": "get_currencies",
    "TrackingCategories": "get_tracking_categories",
    "ManualJournals": "get_manual_journals",
    "ManualJournals/id": "get_manual_journal",
    "Invoices": "get_invoices",
    "Invoices/id": "get_invoice",
    "CreditNotes": "get_credit_notes",
    "CreditNotes/id": "get_credit_note",
    "Payments": "get_payments",
    "Payments/id": "get_payment",
    "Overpayments": "get_overpayments",
    "Overpayments/id": "get_overpayment",
    "BankTransactions": "get_bank_transactions",
    "BankTransactions/id": "get_bank_transaction",
}
DELETES = {
    "CreditNotes/id/Allocations/id": "delete_credit_note_allocations",
    "Overpayments/id/Allocations/id": "delete_overpayment_allocations",
}
_OURS = {"authorization", "accept", "xero-tenant-id", "idempotency-key", "if-modified-since", "content-type"}
_OF_HTTP = {"user-agent", "accept-encoding", "connection", "content-length"}


def check_request(request: requests.PreparedRequest) -> str:
    """Hold a request against the contract; give its operation, an empty text for what is not the Accounting API."""
    parts = urlsplit(str(request.url))
    if not parts.path.startswith(API):
        return ""
    path = "/".join(part if at % 2 == 0 else "id" for at, part in enumerate(parts.path.removeprefix(API).split("/")))
    method = str(request.method)
    operation, kind = WRITES[method, path] if method in ("PUT", "POST") else (_reading(method, path), "")
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    assert headers.keys() <= _OURS | _OF_HTTP
    assert headers["accept"] == "application/json"
    assert headers["authorization"].startswith("Bearer ")
    query = parse_qsl(parts.query, keep_blank_values=True)
    assert {name for name, _ in query} <= _named(operation, "query")
    assert len({name for name, _ in query}) == len(query)
    for name in ("idempotency-key", "if-modified-since"):
        assert name not in headers or name in _named(operation, "headers")
    if "if-modified-since" in headers:
        assert datetime.fromisoformat(headers["if-modified-since"])
    if kind:
        assert headers["content-type"] == "application/json"
        assert 0 < len(headers["idempotency-key"]) <= 128
        check(json.loads(request.body or b"", parse_float=Decimal), kind)
    else:
        assert not request.body
    return operation


def _reading(method: str, path: str) -> str:
    return {"GET": READS, "DELETE": DELETES}[method][path]


@cache
def _named(operation: str, where: str) -> set[str]:
    """Give the names that the library itself puts into the address or the headers of an operation."""
    source = inspect.getsource(getattr(AccountingApi, operation))
    if where == "query":
        return set(re.findall(r'query_params\.append\(\("(\w+)"', source))
    return {name.lower() for name in re.findall(r'header_params\["([\w-]+)"\]', source)}


def check(value: Any, kind: str) -> None:
    """Hold a value against the contract: names, types, enumerations, lengths, what must be there."""
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
        _check_object(value, getattr(contract, kind))


def _check_object(value: Any, model: Any) -> None:
    if not hasattr(model, "openapi_types"):  # an enumeration
        assert value in [each.value for each in model]
        return
    known = {model.attribute_map[name]: (name, kind) for name, kind in model.openapi_types.items()}
    for field, (name, kind) in known.items():
        setter = _setter(model, name)
        if field not in value:
            assert "must not be `None`" not in setter, f"{model.__name__} needs {field}"
            continue
        each = value[field]
        check(each, kind)
        if isinstance(each, str) and (longest := re.search(r"len\(\w+\) > (\d+)", setter)):
            assert len(each) <= int(longest[1])
        if allowed := re.search(r"allowed_values = \[(.*?)\]", setter, re.DOTALL):
            assert each in re.findall(r'"([^"]*)"', allowed[1])
    unknown = value.keys() - known.keys()
    assert not unknown, f"{model.__name__} has no {', '.join(unknown)}"


@cache
def _setter(model: Any, name: str) -> str:
    return inspect.getsource(getattr(model, name).fset)
