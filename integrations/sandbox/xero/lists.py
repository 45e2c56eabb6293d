"""Contacts, items, accounts, currencies: what a new or changed list entry must be."""

import re

from integrations.sandbox.messages import Json
from integrations.sandbox.xero import facts
from integrations.sandbox.xero.errors import Invalid
from integrations.sandbox.xero.organisation import Organisation
from integrations.sandbox.xero.store import Record

_EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+")  # the vendor: no umlauts


def contact(organisation: Organisation, sent: Json, old: Record | None) -> Record:
    """Check a contact and keep it. Raises Invalid."""
    books = organisation.books
    before = old.data if old else {}
    name = str(sent.get("Name", before.get("Name", ""))).strip()
    if not name:
        raise Invalid("The Contact Name must be specified.")
    status = sent.get("ContactStatus", before.get("ContactStatus", "ACTIVE"))
    for other in books.having("Contact", "Name", name):
        if other is not old and other.data["ContactStatus"] == "ACTIVE" and status == "ACTIVE":
            raise Invalid(
                f"The contact name {name} is already assigned to another contact. "
                "The contact name must be unique across all active contacts."
            )
    number = sent.get("ContactNumber")
    if number and any(other is not old for other in books.having("Contact", "ContactNumber", number)):
        raise Invalid(f"The contact number {number} is already assigned to another contact.")
    email = sent.get("EmailAddress", "")
    if email and not _EMAIL.fullmatch(email):
        raise Invalid("Email address must be valid.")
    currency = sent.get("DefaultCurrency")
    if currency and currency not in books.tables["Currency"]:
        raise Invalid(f"Organisation is not subscribed to currency {currency}")
    empty: Json = {
        "EmailAddress": "",
        "BankAccountDetails": "",
        "Addresses": [],
        "Phones": [],
        "ContactGroups": [],
        "ContactPersons": [],
        "IsSupplier": False,
        "IsCustomer": False,
        "HasAttachments": False,
        "HasValidationErrors": False,
    }
    data = empty | before | sent | {"Name": name, "ContactStatus": status}
    if old is None:
        return books.add("Contact", data)
    books.replace(old, data)
    return old


def item(organisation: Organisation, sent: Json, old: Record | None) -> Record:
    """Check an item and keep it; tracked inventory is not known here. Raises Invalid."""
    books = organisation.books
    before = old.data if old else {}
    code = str(sent.get("Code", before.get("Code", ""))).strip()
    if not code:
        raise Invalid("Item Code must be specified.")
    if any(other is not old for other in books.having("Item", "Code", code)):
        raise Invalid(f"Price List Item with Code '{code}' already exists")
    for name in ("SalesDetails", "PurchaseDetails"):
        details = sent.get(name, {})
        if details.get("AccountCode"):
            account = organisation.account(details)
            if account.data.get("SystemAccount") in ("DEBTORS", "CREDITORS") or account.data["Type"] == "BANK":
                raise Invalid(f"Account code '{details['AccountCode']}' is not a valid code for this document.")
    data: Json = {"IsSold": True, "IsPurchased": True, "IsTrackedAsInventory": False, "SalesDetails": {}}
    data |= {"PurchaseDetails": {}, "Name": "", "Description": ""} | before | sent | {"Code": code}
    if old is None:
        return books.add("Item", data)
    books.replace(old, data)
    return old


def account(organisation: Organisation, sent: Json, old: Record | None) -> Record:
    """Check an account and keep it. Raises Invalid."""
    books = organisation.books
    before = old.data if old else {}
    if before.get("SystemAccount") and set(sent) - {"AccountID", "Name", "Code"}:
        raise Invalid("You cannot change a system account.")
    name = str(sent.get("Name", before.get("Name", ""))).strip()
    code = str(sent.get("Code", before.get("Code", ""))).strip()
    kind = sent.get("Type") or before.get("Type")
    wrong = [] if name else ["Please enter a Name."]
    wrong += [] if kind else ["Please select a Type."]
    wrong += [] if code or kind == "BANK" else ["Please enter a Code."]
    for field, value in (("Code", code), ("Name", name)):
        if value and any(other is not old for other in books.having("Account", field, value)):
            wrong.append(f"Please enter a unique {field}.")
    if kind == "BANK":
        sent = {"CurrencyCode": before.get("CurrencyCode", organisation.base)} | sent
        wrong += _wrong_of_bank(organisation, sent, is_new=old is None)
    tax_type = sent.get("TaxType", before.get("TaxType", "NONE"))
    if tax_type not in books.tables["TaxRate"]:
        wrong.append(f"TaxType code '{tax_type}' does not exist.")
    if wrong or kind is None:
        raise Invalid(*wrong)
    data: Json = {"Status": "ACTIVE", "EnablePaymentsToAccount": False, "ShowInExpenseClaims": False} | before | sent
    data |= {"Name": name, "Type": kind, "Class": facts.CLASSES[kind], "TaxType": tax_type, "HasAttachments": False}
    data |= {"ReportingCode": facts.CLASSES[kind][:3], **({"Code": code} if code else {})}
    if old is None:
        return books.add("Account", data)
    books.replace(old, data)
    return old


def _wrong_of_bank(organisation: Organisation, sent: Json, *, is_new: bool) -> list[str]:
    code = sent["CurrencyCode"]
    wrong = ["Please enter a Bank Account Number."] if is_new and not sent.get("BankAccountNumber") else []
    wrong += ["Description is not valid for bank accounts."] if sent.get("Description") else []
    if code != organisation.base and code not in organisation.books.tables["Currency"]:
        wrong.append(f"Organisation is not subscribed to currency {code}")
    return wrong


def currency(organisation: Organisation, sent: Json) -> Record:
    """Subscribe to a currency. Raises Invalid."""
    code = str(sent.get("Code", ""))
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise Invalid("Currency Code must be three capital letters.")
    if code in organisation.books.tables["Currency"]:
        raise Invalid(f"Organisation is already subscribed to currency {code}")
    return organisation.books.add("Currency", {"Code": code, "Description": sent.get("Description", code)})
