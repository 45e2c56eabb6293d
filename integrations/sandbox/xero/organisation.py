"""One organisation: its books, its settings, and what every document is checked against."""

import uuid
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from integrations.sandbox.amounts import CENT, cents
from integrations.sandbox.messages import Json
from integrations.sandbox.xero import facts
from integrations.sandbox.xero.errors import Invalid
from integrations.sandbox.xero.store import ZERO, Books, Record

_SAME = uuid.UUID("0d3b4b3e-2f5d-4a86-9a70-6a0c6a3e5a11")  # a fresh sandbox has the same identifiers each time
_RATE = Decimal("0.000001")
_DOCUMENTS = (
    "Contact",
    "ManualJournal",
    "Invoice",
    "CreditNote",
    "Payment",
    "Overpayment",
    "Prepayment",
    "BankTransaction",
)


class Organisation:
    """The books with their settings."""

    def __init__(self) -> None:
        self.preferences: dict[str, Any] = dict(facts.PREFERENCES)
        self.books = Books()
        for code, name, kind, system, payments in facts.CHART:
            self.books.add("Account", account_fields(code, name, kind, system=system, payments=payments))
        for tax_type, name, rate, classes in facts.TAX_RATES:
            self.books.add("TaxRate", _tax_fields(tax_type, name, Decimal(rate), classes))
        for code in facts.SUBSCRIBED:
            self.books.add("Currency", {"Code": code, "Description": code})
        for each in facts.ITEMS:
            self.books.add("Item", item_fields(each["Code"], each["Name"], each["account"]))
        for category in facts.TRACKING:
            self.books.add("TrackingCategory", _category_fields(category["Name"], category["Options"]))
        for entity in _DOCUMENTS:
            self.books.tables.setdefault(entity, {})

    @property
    def base(self) -> str:
        """Name the base currency."""
        return str(self.preferences["BaseCurrency"])

    @property
    def closed_through(self) -> str:
        """Give the last locked day, or an empty text."""
        return max(self.preferences["PeriodLockDate"] or "", self.preferences["EndOfYearLockDate"] or "")

    def system(self, role: str) -> Record:
        """Give one of the system accounts."""
        return next(each for each in self.books.all("Account") if each.data.get("SystemAccount") == role)

    def account(self, line: Json) -> Record:
        """Give the active account that a line names. Raises Invalid."""
        code = str(line.get("AccountCode") or line.get("Code") or "")
        number = line.get("AccountID")
        if not code and not number:
            raise Invalid("Account code must be specified.")
        found = (
            self.books.get("Account", number)
            if number
            else next(iter(self.books.having("Account", "Code", code)), None)
        )
        named = code or number
        if found is None or found.data["Status"] == "DELETED":
            raise Invalid(f"Account code '{named}' is not a valid code for this document.")
        if found.data["Status"] != "ACTIVE":
            raise Invalid(f"Account code '{named}' has been archived, or has been deleted.")
        return found

    def unlocked(self, day: str) -> None:
        """Refuse a day that is locked. Raises Invalid."""
        for name, words in (("PeriodLockDate", "period lock date"), ("EndOfYearLockDate", "end of year lock date")):
            lock = self.preferences[name]
            if lock and day <= lock:
                shown = date.fromisoformat(lock).strftime("%-d %B %Y")
                raise Invalid(f"The document date cannot be before the {words}, currently set at {shown}")

    def tax_rate(self, tax_type: str | None, account: Record) -> Record:
        """Give the tax rate of a line, the account's own where none is named. Raises Invalid."""
        wanted = tax_type or account.data["TaxType"]
        rate = self.books.tables["TaxRate"].get(wanted)
        if rate is None or rate.data["Status"] != "ACTIVE":
            raise Invalid(f"The TaxType code '{wanted}' does not exist or cannot be used for this type of transaction.")
        classes = {"ASSET": "Assets", "EQUITY": "Equity", "EXPENSE": "Expenses", "LIABILITY": "Liabilities"}
        if not rate.data[f"CanApplyTo{classes.get(account.data['Class'], 'Revenue')}"]:
            code = account.data.get("Code")
            raise Invalid(f"The TaxType code '{wanted}' cannot be used with account code '{code}'.")
        return rate

    def tracking(self, sent: list[Json]) -> list[Json]:
        """Give the tracking of a line in full. Raises Invalid."""
        if len(sent) > 2:
            raise Invalid("Only two tracking categories can be used on a line.")
        return [self._tracked(each) for each in sent]

    def _tracked(self, sent: Json) -> Json:
        for category in self.books.all("TrackingCategory"):
            names = (category.id, category.data["Name"])
            if category.data["Status"] != "ACTIVE" or (sent.get("TrackingCategoryID") or sent.get("Name")) not in names:
                continue
            for option in category.data["Options"]:
                given = sent.get("TrackingOptionID") or sent.get("Option")
                if given in (option["TrackingOptionID"], option["Name"]) and option["Status"] == "ACTIVE":
                    return {
                        "Name": category.data["Name"],
                        "Option": option["Name"],
                        "TrackingCategoryID": category.id,
                        "TrackingOptionID": option["TrackingOptionID"],
                    }
        raise Invalid(
            f"The tracking option '{sent.get('Option', '')}' is not valid for category '{sent.get('Name', '')}'."
        )

    def contact(self, sent: Json | None) -> Record:
        """Give the contact of a document. Raises Invalid, also for fields that would change the contact itself."""
        if not sent or not sent.get("ContactID"):
            raise Invalid("A Contact with a ContactID must be specified; this sandbox makes none with a document.")
        if len(sent) > 1:
            raise Invalid("More than the ContactID would change the contact; this sandbox does not let that pass.")
        found = self.books.get("Contact", sent["ContactID"])
        if found is None:
            raise Invalid("The Contact could not be found.")
        if found.data["ContactStatus"] != "ACTIVE":
            raise Invalid(f"The contact {found.data['Name']} is archived. Restore it before using it.")
        return found

    def money(self, body: Json) -> tuple[str, Decimal]:
        """Give a document's currency and how many of it one unit of the base currency buys. Raises Invalid."""
        code = str(body.get("CurrencyCode") or self.base)
        if code not in self.books.tables["Currency"] and code != self.base:
            raise Invalid(f"Organisation is not subscribed to currency {code}")
        if code == self.base:
            return code, Decimal(1)
        if "CurrencyRate" in body:
            return code, exact_rate(body["CurrencyRate"])
        days = facts.RATES.get(code, Decimal(1)) / facts.RATES.get(self.base, Decimal(1))
        return code, days.quantize(_RATE, ROUND_HALF_UP)

    def today(self) -> str:
        """Give the day of documents sent without one."""
        return datetime.now(UTC).date().isoformat()


def exact_rate(rate: Decimal) -> Decimal:
    """Give a rate as the contract has it: 18 digits before the point, six behind. Raises Invalid."""
    if rate <= 0:
        raise Invalid("The CurrencyRate must be greater than zero.")
    if rate >= 10**18 or rate.quantize(_RATE) != rate:
        raise Invalid("The CurrencyRate has more than six decimals.")
    return rate.quantize(_RATE)


def exact(amount: Decimal, name: str) -> Decimal:
    """Give an amount with two decimals. Raises Invalid where digits would be lost."""
    if cents(amount) != amount:
        raise Invalid(f"{name} {amount} has more than two decimals.")
    return amount.quantize(CENT)


def to_base(amount: Decimal, rate: Decimal) -> Decimal:
    """Give an amount in base currency, rounded half up to cents."""
    return cents(amount / rate) if rate != 1 else cents(amount)


def account_fields(code: str, name: str, kind: str, *, system: str = "", payments: bool = False) -> Json:
    """Give an account's fields."""
    fields: Json = {
        "AccountID": _fixed(f"account {code}"),
        "Code": code,
        "Name": name,
        "Status": "ACTIVE",
        "Type": kind,
        "TaxType": "NONE",
        "Class": facts.CLASSES[kind],
        "EnablePaymentsToAccount": payments,
        "ShowInExpenseClaims": False,
        "ReportingCode": facts.CLASSES[kind][:3],
        "HasAttachments": False,
        "AddToWatchlist": False,
    }
    if kind == "BANK":
        fields |= {
            "BankAccountNumber": f"000{code}",
            "BankAccountType": "BANK",
            "CurrencyCode": facts.BANK_CURRENCIES.get(code, facts.PREFERENCES["BaseCurrency"]),
        }
    return fields | ({"SystemAccount": system} if system else {})


def item_fields(code: str, name: str, account: str) -> Json:
    """Give an item's fields."""
    return {
        "ItemID": _fixed(f"item {code}"),
        "Code": code,
        "Name": name,
        "Description": name,
        "IsSold": True,
        "IsPurchased": False,
        "IsTrackedAsInventory": False,
        "SalesDetails": {"AccountCode": account, "TaxType": "NONE", "UnitPrice": ZERO},
        "PurchaseDetails": {},
    }


def _tax_fields(tax_type: str, name: str, rate: Decimal, classes: list[str]) -> Json:
    applies = {
        f"CanApplyTo{each}": each in classes for each in ("Assets", "Equity", "Expenses", "Liabilities", "Revenue")
    }
    return {
        "TaxType": tax_type,
        "Name": name,
        "Status": "ACTIVE",
        "ReportTaxType": tax_type if tax_type in ("NONE", "INPUT", "OUTPUT") else "USSALESTAX",
        "DisplayTaxRate": rate,
        "EffectiveRate": rate,
        "TaxComponents": [{"Name": name, "Rate": rate, "IsCompound": False, "IsNonRecoverable": False}],
        **applies,
    }


def _category_fields(name: str, options: list[str]) -> Json:
    category = _fixed(f"category {name}")
    rows = [
        {"TrackingOptionID": _fixed(f"{category} {option}"), "Name": option, "Status": "ACTIVE", "IsActive": True}
        for option in options
    ]
    return {"TrackingCategoryID": category, "Name": name, "Status": "ACTIVE", "Options": rows}


def _fixed(what: str) -> str:
    return str(uuid.uuid5(_SAME, what))
