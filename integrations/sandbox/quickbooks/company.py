"""One company: its books, its preferences, and how it looks when new."""

import copy
from typing import Any

from integrations.sandbox.messages import Json
from integrations.sandbox.quickbooks import facts
from integrations.sandbox.quickbooks.store import Books, Built, Record

RECEIVABLE, PAYABLE = "Accounts Receivable", "Accounts Payable"
CLASSIFICATIONS = {
    "Bank": "Asset",
    RECEIVABLE: "Asset",
    "Other Current Asset": "Asset",
    "Fixed Asset": "Asset",
    "Other Asset": "Asset",
    PAYABLE: "Liability",
    "Credit Card": "Liability",
    "Other Current Liability": "Liability",
    "Long Term Liability": "Liability",
    "Equity": "Equity",
    "Income": "Revenue",
    "Other Income": "Revenue",
    "Cost of Goods Sold": "Expense",
    "Expense": "Expense",
    "Other Expense": "Expense",
}


class Company:
    """Books with a starter chart, items and lists, and the settings that decide what is accepted."""

    def __init__(self) -> None:
        self.books = Books()
        self.preferences: dict[str, Any] = dict(facts.PREFERENCES)
        self._fill()

    def role(self, name: str) -> str:
        """Give the Id of an account that the books post to by themselves, such as "receivable"."""
        return self._roles[name]

    def receivable(self, currency: str) -> str:
        """Give the Id of the receivables account of a currency; the first transaction in one makes it, as at the vendor."""
        if currency == facts.HOME:
            return self.role("receivable")
        for record in self.books.tables["Account"].values():
            if record.data["AccountType"] == RECEIVABLE and record.data["CurrencyRef"]["value"] == currency:
                return record.id
        made = account_fields("", f"{facts.ROLES['receivable']} - {currency}", RECEIVABLE, "AccountsReceivable")
        return self.books.add("Account", Built(made | {"CurrencyRef": {"value": currency}})).id

    def prefer(self, changes: Json) -> None:
        """Change preferences; the names are known."""
        self.preferences |= changes
        self._tell_links()
        record = next(self.books.all("Preferences"))
        self.books.replace(record, Built(self._preferences()))
        self.books.replace(next(self.books.all("CompanyInfo")), Built(_company_info(self.country)))

    @property
    def closed_through(self) -> str:
        """Give the last date of the closed books, or an empty text."""
        return str(self.preferences["BookCloseDate"] or "")

    @property
    def country(self) -> str:
        """Give the country, which decides how tax is told."""
        return str(self.preferences["Country"])

    def _fill(self) -> None:
        for number, name, kind, subtype in facts.CHART:
            self.books.add("Account", Built(account_fields(number, name, kind, subtype)))
        for item in facts.ITEMS:
            account = self.books.by_name("Account", item["account"])
            self.books.add("Item", Built(_item_fields(item["Name"], account)))
        for entity, rows in facts.LISTS.items():
            for row in rows:
                self.books.add(entity, Built({"Active": True, **copy.deepcopy(row)}))
        for entity in ("Customer", "Vendor", "JournalEntry", "Invoice", "CreditMemo", "Payment", "Purchase", "Deposit"):
            self.books.tables[entity] = {}
        self.books.add("CompanyInfo", Built(_company_info(self.country)))
        self.books.add("Preferences", Built(self._preferences()))
        self._roles = {role: self.books.by_name("Account", name).id for role, name in facts.ROLES.items()}
        self._tell_links()

    def _tell_links(self) -> None:
        """Tell the payments of a credit memo with it, or only the other way round."""
        self.books.untold = set() if self.preferences["CreditMemosTellLinks"] else {("CreditMemo", "LinkedTxn")}
        for record in self.books.all("CreditMemo"):
            record.text = None

    def _preferences(self) -> Json:
        chosen = self.preferences
        accounting: Json = {
            "FirstMonthOfFiscalYear": facts.COMPANY["fiscal_year_start_month"],
            "UseAccountNumbers": True,
            "ClassTrackingPerTxn": chosen["ClassTrackingPerTxn"],
            "ClassTrackingPerTxnLine": chosen["ClassTrackingPerTxnLine"],
            "TrackDepartments": chosen["TrackDepartments"],
            "CustomerTerminology": "Customers",
        }
        if chosen["BookCloseDate"]:
            accounting["BookCloseDate"] = chosen["BookCloseDate"]
        sales = {"CustomTxnNumbers": chosen["CustomTxnNumbers"], "AutoApplyCredit": chosen["AutoApplyCredit"]}
        warn = "true" if chosen["WarnDuplicateJournalNumber"] else "false"
        return {
            "AccountingInfoPrefs": accounting,
            "SalesFormsPrefs": sales,
            "CurrencyPrefs": {
                "MultiCurrencyEnabled": chosen["MultiCurrencyEnabled"],
                "HomeCurrency": {"value": facts.HOME},
            },
            "VendorAndPurchasesPrefs": {"UseCustomTxnNumbers": chosen["UseCustomTxnNumbers"]},
            "TaxPrefs": {"UsingSalesTax": True} | ({"PartnerTaxEnabled": True} if chosen["AutomatedSalesTax"] else {}),
            "OtherPrefs": {"NameValue": [{"Name": "WarnDuplicateJournalNumber", "Value": warn}]},
        }


def account_fields(number: str, name: str, kind: str, subtype: str) -> Json:
    """Give a top-level account's fields."""
    return {
        "Name": name,
        "AcctNum": number,
        "SubAccount": False,
        "FullyQualifiedName": name,
        "Active": True,
        "Classification": CLASSIFICATIONS[kind],
        "AccountType": kind,
        "AccountSubType": subtype,
        "CurrencyRef": {"value": facts.HOME},
    }


def _item_fields(name: str, account: Record) -> Json:
    return {
        "Name": name,
        "FullyQualifiedName": name,
        "Active": True,
        "Type": "Service",
        "Taxable": False,
        "UnitPrice": 0,
        "TrackQtyOnHand": False,
        "IncomeAccountRef": {"value": account.id, "name": account.data["Name"]},
    }


def _company_info(country: str) -> Json:
    return {
        "CompanyName": facts.COMPANY["name"],
        "LegalName": facts.COMPANY["name"],
        "Country": country,
        "FiscalYearStartMonth": facts.COMPANY["fiscal_year_start_month"],
        "DefaultTimeZone": facts.COMPANY["time_zone"],
        "SupportedLanguages": "en",
        "CompanyStartDate": "2020-01-01",
    }
