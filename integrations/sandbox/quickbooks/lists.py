"""Customers, vendors, items and accounts: what a new or changed list entry must be."""

import re
from decimal import Decimal

from integrations.sandbox.messages import Json
from integrations.sandbox.quickbooks import facts
from integrations.sandbox.quickbooks.checks import free_name, named, reference
from integrations.sandbox.quickbooks.company import CLASSIFICATIONS, PAYABLE, RECEIVABLE, Company
from integrations.sandbox.quickbooks.faults import VendorFault, business, missing, unsupported
from integrations.sandbox.quickbooks.fields import SUBTYPES
from integrations.sandbox.quickbooks.store import Built, Record

_BAD_IN_NAMES = re.compile(r"[:\t\r\n]")
_NOT_FOR_ITEMS = (RECEIVABLE, PAYABLE)
_ITEM_TYPES = ("Service", "NonInventory")


def party(company: Company, entity: str, body: Json, old: Record | None) -> Built:
    """Check a customer or vendor. Raises VendorFault."""
    name = str(body.get("DisplayName", "")).strip()
    if not name:
        raise missing("DisplayName")
    if _BAD_IN_NAMES.search(name):
        raise business("DisplayName may not hold a colon, a tab or a new line.")
    for kind in ("Customer", "Vendor"):
        free_name(company, kind, "DisplayName", name, old)
    currency = _party_currency(company, body, old)
    email = body.get("PrimaryEmailAddr", {}).get("Address")
    if email is not None and "@" not in email:
        raise business("Email Address does not conform to the syntax rules of RFC 822.")
    fields = {"Active": True, **body, "DisplayName": name, "CurrencyRef": {"value": currency}}
    if entity == "Customer":
        fields |= {
            "FullyQualifiedName": name,
            "Job": False,
            "BillWithParent": False,
            "Taxable": body.get("Taxable", True),
        }
    return Built(fields)


def _party_currency(company: Company, body: Json, old: Record | None) -> str:
    before = old.data["CurrencyRef"]["value"] if old else None
    code = str(body["CurrencyRef"]["value"]) if "CurrencyRef" in body else before or facts.HOME
    if before and code != before:
        raise business("The currency of a customer or vendor cannot be changed.")
    if code == facts.HOME:
        return code
    if not company.preferences["MultiCurrencyEnabled"]:
        raise business(f"The company keeps {facts.HOME} only; Multicurrency is off.")
    if not any(row.data["Code"] == code for row in company.books.all("CompanyCurrency")):
        raise VendorFault("2500", f"Invalid Reference Id : Currency {code} is not enabled", "CurrencyRef")
    return code


def item(company: Company, entity: str, body: Json, old: Record | None) -> Built:
    """Check an item; it names the account its sales go to. Raises VendorFault."""
    name = str(body.get("Name", "")).strip()
    if not name:
        raise missing("Name")
    if _BAD_IN_NAMES.search(name):
        raise business("An item's Name may not hold a colon, a tab or a new line.")
    free_name(company, entity, "Name", name, old)
    kind = body.get("Type") or (old.data["Type"] if old else "")
    if not kind:
        raise missing("Type")
    if kind not in _ITEM_TYPES:
        raise business(f"Items of type {kind} are not supported; use Service.")
    account = reference(company, "Account", body.get("IncomeAccountRef"), "IncomeAccountRef")
    if account.data["AccountType"] in _NOT_FOR_ITEMS:
        raise business("An item's income account cannot be a receivable or payable account.")
    defaults: Json = {"Active": True, "Taxable": False, "UnitPrice": Decimal(0), "TrackQtyOnHand": False}
    own = {"Name": name, "FullyQualifiedName": name, "Type": kind, "IncomeAccountRef": named(account)}
    return Built(defaults | body | own)


def account(company: Company, entity: str, body: Json, old: Record | None) -> Built:
    """Check an account; type and sub type decide its classification. Raises VendorFault."""
    name = str(body.get("Name", "")).strip()
    if not name:
        raise missing("Name")
    if re.search(r'[:"\t\r\n]', name):
        raise business("An account's Name may not hold a colon or a double quote.")
    kind, subtype = _account_type(body, old)
    parent = _parent(company, body, kind)
    full_name = f"{parent.data['FullyQualifiedName']}:{name}" if parent else name
    for other in company.books.having(entity, "Name", name):
        if other is not old and other.data["FullyQualifiedName"].casefold() == full_name.casefold():
            raise VendorFault("6240", "The name supplied already exists. : null", "Name")
    number = body.get("AcctNum")
    if number and any(other is not old for other in company.books.having(entity, "AcctNum", number)):
        raise business(f"Duplicate account number: {number} is already used.")
    fields = {"Active": True, **body, "Name": name, "FullyQualifiedName": full_name, "SubAccount": parent is not None}
    fields |= {"Classification": CLASSIFICATIONS[kind], "AccountType": kind, "AccountSubType": subtype}
    currency = str(body.get("CurrencyRef", {}).get("value", facts.HOME))
    if currency != facts.HOME and not company.preferences["MultiCurrencyEnabled"]:
        raise business(f"The company keeps {facts.HOME} only; Multicurrency is off.")
    return Built(fields | {"CurrencyRef": {"value": currency}})


def _account_type(body: Json, old: Record | None) -> tuple[str, str]:
    kind = body.get("AccountType") or (old.data["AccountType"] if old else "")
    subtype = body.get("AccountSubType") or (old.data["AccountSubType"] if old else "")
    if not kind and subtype:
        known = {row[3]: row[2] for row in facts.CHART}
        kind = known.get(subtype, "")
    if not kind:
        raise missing("AccountType")
    if kind not in CLASSIFICATIONS:
        raise unsupported("AccountType")
    if body.get("Classification") not in (None, CLASSIFICATIONS[kind]):
        raise business(f"The classification of {kind} is {CLASSIFICATIONS[kind]}.")
    if not subtype:
        subtype = next(row[3] for row in facts.CHART if row[2] == kind)
    if subtype not in SUBTYPES[kind]:
        raise business(f"The account sub type {subtype} does not belong to the account type {kind}.")
    return kind, subtype


def _parent(company: Company, body: Json, kind: str) -> Record | None:
    if not body.get("ParentRef"):
        return None
    parent = reference(company, "Account", body["ParentRef"], "ParentRef")
    if parent.data["AccountType"] != kind:
        raise business("A sub account has the type of its parent.")
    return parent
