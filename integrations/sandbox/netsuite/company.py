"""One account: its books, its preferences, and how it looks when new."""

import calendar
from datetime import date
from decimal import Decimal
from typing import Any

from integrations.sandbox.messages import Json
from integrations.sandbox.netsuite import facts
from integrations.sandbox.netsuite.store import Books, Record

_LISTS = ("department", "classification", "location")


class Company:
    """Books with subsidiaries, periods and a starter chart, and the settings that decide what is accepted."""

    def __init__(self) -> None:
        self.books = Books()
        self.preferences: dict[str, Any] = dict(facts.PREFERENCES)
        self.numbers: dict[str, int] = {}
        self._fill()
        self._roles = {role: self.books.named("account", name).id for role, name in facts.ROLES.items()}

    def role(self, name: str) -> str:
        """Give the id of an account that the books post to by themselves, such as "receivable"."""
        return self._roles[name]

    def prefer(self, changes: Json) -> None:
        """Change preferences; the names are known."""
        self.preferences |= changes
        self.books.by_name = bool(self.preferences["TaxTypesByName"])
        self.books.tables.credits_first = bool(self.preferences["CreditsBeforeInvoices"])
        self._show_subsidiaries()
        if {"ClosedThrough", "ArLockedThrough"} & set(changes):
            for period in list(self.books.all("accountingPeriod")):
                self.books.replace(period, Record("accountingPeriod", "", period.data | self._locks(period.data)))

    def period_of(self, day: str) -> Record | None:
        """Give the posting period of a date."""
        for period in self.books.all("accountingPeriod"):
            if period.data["isposting"] and period.data["startdate"][5:] <= day <= period.data["enddate"][5:]:
                return period
        return None

    def next_number(self, kind: str, lead: str) -> str:
        """Give the next document number of a kind."""
        self.numbers[kind] = self.numbers.get(kind, 0) + 1
        return f"{lead}{self.numbers[kind]}"

    def _fill(self) -> None:
        home = facts.SUBSIDIARIES[0]["currency"]
        for each in facts.CURRENCIES:
            data = {**each, "isBaseCurrency": each["symbol"] == home}
            self.books.add(Record("currency", "", data))
        self._show_subsidiaries()
        for kind in _LISTS:
            for name in facts.LISTS[kind]:
                self.books.add(Record(kind, "", {"name": name}))
        self._fill_taxes()
        everywhere: Json = {"subsidiary": [{"id": "1"}], "includeChildren": True}
        for number, name, kind in facts.CHART:
            row: Json = {"acctNumber": number, "acctName": name, "acctType": {"id": kind}, "isInactive": False}
            self.books.add(Record("account", "", row | everywhere))
        for name, account in facts.ITEMS:
            income = {"id": self.books.named("account", account).id}
            self.books.add(Record("serviceSaleItem", "", {"itemId": name, "incomeAccount": income} | everywhere))
        for year in range(facts.FIRST_YEAR, facts.LAST_YEAR + 1):
            self._fill_year(year)

    def _show_subsidiaries(self) -> None:
        """Add the subsidiaries that the role now sees."""
        currency = {row.data["symbol"]: row.id for row in self.books.all("currency")}
        seen = len(self.books.records.get("subsidiary", {}))
        for each in facts.SUBSIDIARIES[seen : int(self.preferences["Subsidiaries"])]:
            data: Json = {"name": each["name"], "country": each["country"], "timezone": facts.COMPANY["time_zone"]}
            data["currency"] = {"id": currency[each["currency"]]}
            if "parent" in each:
                data["parent"] = {"id": self.books.named("subsidiary", each["parent"]).id}
            self.books.add(Record("subsidiary", "", data))

    def _fill_taxes(self) -> None:
        for name in sorted({each["tax_type"] for each in facts.TAX_CODES}):
            self.books.add(Record("taxType", "", {"name": name}))
        for each in facts.TAX_CODES:
            kind = {"id": self.books.named("taxType", each["tax_type"]).id}
            data = {"name": each["name"], "rate": Decimal(each["rate"]), "taxType": kind}
            self.books.add(Record("salesTaxItem", "", data))

    def _fill_year(self, year: int) -> None:
        spans = [(f"FY {year}", 1, 12, "isyear")]
        spans += [(f"Q{n} {year}", 3 * n - 2, 3 * n, "isquarter") for n in range(1, 5)]
        spans += [(f"{calendar.month_abbr[month]} {year}", month, month, "") for month in range(1, 13)]
        for name, first, last, flag in spans:
            data: Json = {
                "periodname": name,
                "startdate": f"date:{date(year, first, 1).isoformat()}",
                "enddate": f"date:{date(year, last, calendar.monthrange(year, last)[1]).isoformat()}",
                "isquarter": flag == "isquarter",
                "isyear": flag == "isyear",
                "isadjust": False,
                "isposting": not flag,
            }
            self.books.add(Record("accountingPeriod", "", data | self._locks(data)))

    def _locks(self, data: Json) -> Json:
        end = data["enddate"][5:]
        closed = end <= str(self.preferences["ClosedThrough"] or "")
        receivable = closed or end <= str(self.preferences["ArLockedThrough"] or "")
        return {"closed": closed, "alllocked": closed, "arlocked": receivable, "aplocked": closed}
