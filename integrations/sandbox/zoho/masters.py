"""Contacts, items, accounts, taxes and currencies: what a new or changed one must be."""

import re
from decimal import Decimal

from integrations.sandbox.messages import Json
from integrations.sandbox.zoho import fields
from integrations.sandbox.zoho.errors import DUPLICATE_NAME, ZohoError, invalid, rule, taken
from integrations.sandbox.zoho.organization import Organization, account_fields, item_fields

ACCOUNT_TYPES = (
    "other_asset",
    "other_current_asset",
    "intangible_asset",
    "right_to_use_asset",
    "cash",
    "bank",
    "fixed_asset",
    "other_current_liability",
    "contract_liability",
    "refund_liability",
    "credit_card",
    "long_term_liability",
    "loans_and_borrowing",
    "other_liability",
    "lease_liability",
    "employee_benefit_liability",
    "equity",
    "income",
    "finance_income",
    "other_comprehensive_income",
    "other_income",
    "expense",
    "manufacturing_expense",
    "impairment_expense",
    "depreciation_expense",
    "employee_benefit_expense",
    "lease_expense",
    "finance_expense",
    "tax_expense",
    "cost_of_goods_sold",
    "other_expense",
    "accounts_receivable",
    "accounts_payable",
)
_FOR_SALES = ("income", "other_income", "other_current_liability", "contract_liability", "other_liability")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def save_contact(org: Organization, body: Json, old: Json | None) -> Json:
    """Create or change a contact. Raises ZohoError."""
    name = body["contact_name"].strip()
    if not name:
        raise invalid("contact_name")
    if any(other is not old for other in org.books.having("contacts", "contact_name", name)):
        raise ZohoError(DUPLICATE_NAME, f'The contact "{name}" already exists. Please specify a different name.')
    if old and "contact_type" not in body:
        raise invalid("contact_type")
    currency_id = body.get("currency_id") or (old["currency_id"] if old else org.books.home())
    money = org.books.money(currency_id, None)
    if old and currency_id != old["currency_id"] and old["has_transaction"]:
        raise rule("The currency of a customer who has transactions cannot be changed.")
    for person in body.get("contact_persons", ()):
        if person.get("email") and not _EMAIL.fullmatch(person["email"]):
            raise invalid("email")
    org.check_tags(body)
    sent: list[Json] = body.get("contact_persons") or (old or {}).get("contact_persons") or []
    people = [{"contact_person_id": org.books.new_id(), **person} for person in sent]
    primary = next((each for each in people if each.get("is_primary_contact")), people[0] if people else {})
    data = {
        "contact_type": "customer",
        "company_name": "",
        "notes": "",
        "status": "active",
        "payment_terms": 0,
        **({} if old is None else old),
        **body,
        "contact_name": name,
        "has_transaction": bool(old and old["has_transaction"]),
        "currency_id": money.id,
        "currency_code": money.code,
        "contact_persons": people,
        "email": primary.get("email", ""),
        "custom_fields": org.fields_of("contacts", body, old),
    }
    data.pop("ignore_auto_number_generation", None)
    return org.books.add("contacts", data) if old is None else org.books.change("contacts", old, data)


def save_item(org: Organization, body: Json, old: Json | None) -> Json:
    """Create or change an item. Raises ZohoError."""
    name = body["name"].strip()
    if not name:
        raise invalid("name")
    org.free("items", "name", name, old, "item name")
    org.free("items", "sku", body.get("sku", ""), old, "SKU")
    account_id = body.get("account_id") or (old["account_id"] if old else org.books.role("sales"))
    account = org.account(account_id)
    if account["account_type"] not in _FOR_SALES:
        raise invalid("account_id")
    if body["rate"] < 0:
        raise invalid("rate")
    if "tax_id" in body and org.books.get("taxes", body["tax_id"]) is None:
        raise invalid("tax_id")
    data = {
        **(item_fields(name, body["rate"], account) if old is None else old),
        **body,
        "name": name,
        "account_id": account_id,
        "account_name": account["account_name"],
        "custom_fields": org.fields_of("items", body, old),
    }
    return org.books.add("items", data) if old is None else org.books.change("items", old, data)


def save_account(org: Organization, body: Json, old: Json | None) -> Json:
    """Create or change an account. Raises ZohoError."""
    name = body["account_name"].strip()
    if not name:
        raise invalid("account_name")
    if body["account_type"] not in ACCOUNT_TYPES:
        raise invalid("account_type")
    if old is None and body["account_type"] in ("accounts_receivable", "accounts_payable") and body.get("currency_id"):
        raise invalid("currency_id")
    org.free("chartofaccounts", "account_name", name, old, "account name")
    org.free("chartofaccounts", "account_code", body.get("account_code", ""), old, "account code")
    if old is None:
        fresh = account_fields(org.books, body.get("account_code", ""), name, body["account_type"])
        return org.books.add("chartofaccounts", {**fresh, **body, "account_name": name})
    if old["is_system_account"] and body["account_type"] != old["account_type"]:
        raise rule("The type of a system account cannot be changed.")
    return org.books.change("chartofaccounts", old, {**body, "account_name": name})


def save_tax(org: Organization, body: Json, old: Json | None) -> Json:
    """Create or change a tax. Raises ZohoError."""
    org.free("taxes", "tax_name", body["tax_name"], old, "tax name")
    if not 0 <= body["tax_percentage"] <= 100:
        raise invalid("tax_percentage")
    data = {"tax_type": "tax", "status": "Active", **body}
    return org.books.add("taxes", data) if old is None else org.books.change("taxes", old, data)


def save_currency(org: Organization, body: Json, old: Json | None) -> Json:
    """Enable a currency. Raises ZohoError."""
    code = body["currency_code"]
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise invalid("currency_code")
    if any(other is not old for other in org.books.having("currencies", "currency_code", code)):
        raise taken("currency", code)
    fresh = {
        "currency_symbol": code,
        "price_precision": 2,
        "is_base_currency": False,
        "exchange_rate": Decimal(1),
        "currency_name": code,
    }
    data = {**(fresh if old is None else old), **body}
    return org.books.add("currencies", data) if old is None else org.books.change("currencies", old, data)


def add_exchange_rate(org: Organization, currency_id: str, body: Json) -> Json:
    """Note a currency's rate; the sandbox uses the newest one for every day. Raises ZohoError."""
    currency = org.books.need("currencies", currency_id)
    clean = fields.check("exchange_rate", body)
    if clean["rate"] <= 0 or currency["is_base_currency"]:
        raise invalid("rate")
    org.books.change("currencies", currency, {"exchange_rate": clean["rate"]})
    return {"exchange_rate_id": org.books.new_id(), **clean, "currency_id": currency_id}


def set_active(org: Organization, path: str, record_id: str, *, active: bool) -> None:
    """Mark a contact, an item or an account as active or inactive. Raises ZohoError."""
    record = org.books.need(path, record_id)
    if path == "chartofaccounts":
        if record["is_system_account"] and record["account_type"].startswith("accounts_"):
            raise rule("This account cannot be marked as inactive.")
        org.books.change(path, record, {"is_active": active})
    else:
        org.books.change(path, record, {"status": "active" if active else "inactive"})
