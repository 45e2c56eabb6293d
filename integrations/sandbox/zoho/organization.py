"""One organisation: its books and preferences, how it looks when new, and the checks that documents share."""

from decimal import Decimal
from typing import Any

from integrations.sandbox.messages import Json
from integrations.sandbox.zoho import facts
from integrations.sandbox.zoho.errors import LOCKED, ZohoError, invalid, rule, taken
from integrations.sandbox.zoho.store import Books

_LOCKS = {
    "sales": "SalesLockDate",
    "accountant": "AccountantLockDate",
    "purchases": "PurchasesLockDate",
    "banking": "BankingLockDate",
}
_NUMBERED_FIELDS = ("invoices", "items", "customerpayments")


class Organization:
    """Books with a starter chart, currencies, taxes and tags, and the settings that decide what is accepted."""

    def __init__(self) -> None:
        self.books = Books()
        self.preferences: dict[str, Any] = dict(facts.PREFERENCES)
        self.custom_fields: dict[str, Json] = {}
        self._fill()

    def locked_through(self, module: str) -> str:
        """Give the last locked day of a module (sales, accountant), or an empty text."""
        return str(self.preferences[_LOCKS[module]] or "")

    def check_date(self, module: str, *days: str) -> None:
        """Refuse days that are locked: up to and including the lock date. Raises ZohoError."""
        lock = self.locked_through(module)
        if any(lock and day <= lock for day in days):
            raise ZohoError(
                LOCKED,
                f"You cannot create or edit transactions dated on or before {lock} as the {module} transactions "
                "have been locked.",
            )

    def check_tags(self, body: Json) -> None:
        """Refuse tags, options and locations that are not there. Raises ZohoError."""
        for part in (body, *body.get("line_items", ())):
            for tag in part.get("tags", ()):
                known = self.books.get("reportingtags", tag["tag_id"])
                options = [each["tag_option_id"] for each in known["tag_options"]] if known else []
                if tag["tag_option_id"] not in options:
                    raise invalid("tag_option_id")
            if "location_id" in part and self.books.get("locations", part["location_id"]) is None:
                raise invalid("location_id")

    def account(self, account_id: str, name: str = "account_id") -> Json:
        """Give an account that is active. Raises ZohoError."""
        account = self.books.get("chartofaccounts", account_id)
        if account is None:
            raise invalid(name)
        if not account["is_active"]:
            raise rule(
                f"The account {account['account_name']} is inactive. Mark it as active to use it in transactions."
            )
        return account

    def customer(self, contact_id: str) -> Json:
        """Give a contact that is active. Raises ZohoError."""
        contact = self.books.get("contacts", contact_id)
        if contact is None:
            raise invalid("customer_id")
        if contact["status"] != "active":
            raise rule(f"The customer {contact['contact_name']} is inactive. Mark it as active to create transactions.")
        return contact

    def free(self, path: str, name: str, value: str, old: Json | None, what: str) -> None:
        """Refuse a number or name that another record has. Raises ZohoError."""
        if value and any(other is not old for other in self.books.having(path, name, value)):
            raise taken(what, value)

    def custom_field(self, path: str) -> Json | None:
        """Give a module's unique field; of some its id is a number, if the preferences say so."""
        field = self.custom_fields.get(path)
        if field is None or path not in _NUMBERED_FIELDS or not self.preferences["FieldIdsAsNumbers"]:
            return field
        return {**field, "customfield_id": int(field["customfield_id"])}

    def fields_of(self, path: str, body: Json, old: Json | None) -> list[Json]:
        """Give a record's custom fields after a change; those that were not sent stay. Raises ZohoError."""
        before = {each["api_name"]: each["value"] for each in (old or {}).get("custom_fields", ())}
        field = self.custom_field(path)
        sent: Any = body.get("custom_fields", ())
        if field is None:
            if sent:
                raise invalid("custom_fields")
            return []
        value = before.get(field["api_name"], "")
        for each in sent:
            if each.get("customfield_id", field["customfield_id"]) != field["customfield_id"]:
                raise invalid("customfield_id")
            if each.get("label", field["label"]) != field["label"]:
                raise invalid("label")
            value = each["value"]
        self.free(path, field["api_name"], value, old, field["label"])
        return [{**field, "value": value}]

    def _fill(self) -> None:
        books = self.books
        for row in facts.CURRENCIES:
            books.add(
                "currencies",
                {
                    "currency_code": row["code"],
                    "currency_name": row["name"],
                    "currency_symbol": row["symbol"],
                    "price_precision": row["precision"],
                    "currency_format": "1,234,567.89",
                    "is_base_currency": row["code"] == facts.HOME,
                    "exchange_rate": Decimal(row["rate"]),
                },
            )
        for code, name, kind in facts.CHART:
            books.add("chartofaccounts", account_fields(books, code, name, kind, is_own=True))
        for item in facts.ITEMS:
            account = books.having("chartofaccounts", "account_name", item["account"])[0]
            books.add("items", item_fields(item["name"], Decimal(item["rate"]), account))
        for tax in facts.TAXES:
            books.add(
                "taxes",
                {
                    "tax_name": tax["name"],
                    "tax_percentage": Decimal(tax["percentage"]),
                    "tax_type": "tax",
                    "status": "Active",
                },
            )
        for tag in facts.TAGS:
            options = [{"tag_option_id": books.new_id(), "tag_option_name": each} for each in tag["options"]]
            books.add("reportingtags", {"tag_name": tag["name"], "is_active": True, "tag_options": options})
        for location in facts.LOCATIONS:
            books.add("locations", {"location_name": location["name"], "is_location_active": True})
        for index, path in enumerate(facts.UNIQUE_FIELDS["modules"], start=1):
            self.custom_fields[path] = {
                "customfield_id": books.new_id(),
                "index": index,
                "label": facts.UNIQUE_FIELDS["label"],
                "api_name": facts.UNIQUE_FIELDS["api_name"],
                "data_type": "string",
                "value": "",
            }


def account_fields(books: Books, code: str, name: str, kind: str, *, is_own: bool = False) -> Json:
    """Give a new account's fields."""
    return {
        "account_name": name,
        "account_code": code,
        "account_type": kind,
        "currency_id": books.home(),
        "currency_code": facts.HOME,
        "description": "",
        "is_user_created": not is_own,
        "is_system_account": is_own,
        "is_active": True,
        "is_involved_in_transaction": False,
        "can_show_in_ze": False,
        "parent_account_id": "",
        "custom_fields": [],
    }


def item_fields(name: str, rate: Decimal, account: Json) -> Json:
    """Give a new item's fields."""
    return {
        "name": name,
        "rate": rate,
        "description": "",
        "status": "active",
        "sku": "",
        "item_type": "sales",
        "product_type": "service",
        "account_id": account["account_id"],
        "account_name": account["account_name"],
        "custom_fields": [],
    }
