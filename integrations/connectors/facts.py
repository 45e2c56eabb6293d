"""What an ERP tells us, in plain values: its company, its lists, its documents, and what changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from integrations.documents import Kind


class RowKind(StrEnum):
    """The ERP's lists. Also the kinds of `ErpRecord`."""

    ACCOUNT = "account"
    CUSTOMER = "customer"
    PRODUCT = "product"
    TAX_CODE = "tax_code"
    CURRENCY = "currency"
    CLASS = "class"
    DEPARTMENT = "department"
    LOCATION = "location"
    TRACKING = "tracking"
    SUBSIDIARY = "subsidiary"


DIMENSIONS = (RowKind.CLASS, RowKind.DEPARTMENT, RowKind.LOCATION, RowKind.TRACKING)


@dataclass(frozen=True)
class ErpRow:
    """A row of one of the ERP's lists.

    `number` is the account number, item code, ISO currency code or the name of a tracking option's category; `type` and
    `subtype` the vendor's own words. `data` holds plain JSON values that the connector wants back, such as
    {"system_account": "DEBTORS"} or {"rate": "20"}.
    """

    kind: str
    external_id: str
    name: str
    number: str = ""
    type: str = ""
    subtype: str = ""
    is_active: bool = True
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Lock:
    """Days on which the ERP takes nothing: `start` to `end` inclusive, ISO dates; an empty `start` is since ever.

    `kinds` are the kinds of documents that it locks; empty: all of them.
    """

    end: str
    start: str = ""
    kinds: tuple[str, ...] = ()
    name: str = ""

    def covers(self, kind: Kind, day: date) -> bool:
        """Tell whether a document of the kind cannot be dated that day."""
        return (not self.kinds or kind.value in self.kinds) and self.start <= day.isoformat() <= self.end


@dataclass(frozen=True)
class Company:
    """The ERP's company and the preferences that matter before posting. Empty text: not told, or none.

    `books_closed_through` locks everything up to and including that ISO date; `locks` holds what is finer than that.
    `own_numbers`: the company lets us set document numbers. `extra` holds plain JSON values for the connector's own use.
    """

    name: str
    country: str
    home_currency: str
    multi_currency: bool
    books_closed_through: str
    own_numbers: bool
    time_zone: str = ""
    locks: tuple[Lock, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Company":
        """Read what was stored on the connection; unknown preferences take the vendor's defaults."""
        return cls(
            name=data.get("name", ""),
            country=data.get("country", "US"),
            home_currency=data.get("home_currency", ""),
            multi_currency=bool(data.get("multi_currency", False)),
            books_closed_through=data.get("books_closed_through", ""),
            own_numbers=bool(data.get("own_numbers", True)),
            time_zone=data.get("time_zone", ""),
            locks=tuple(Lock(**{**each, "kinds": tuple(each.get("kinds", ()))}) for each in data.get("locks", ())),
            extra=data.get("extra", {}),
        )

    def lock_on(self, kind: Kind, day: date) -> Lock | None:
        """Give what locks a day for a kind of document, or None."""
        every = (*self.locks, *([Lock(self.books_closed_through)] if self.books_closed_through else []))
        return next((lock for lock in every if lock.covers(kind, day)), None)

    def first_open_day(self, kind: Kind, day: date) -> date:
        """Give the day itself, or the first one after it that is not locked."""
        lock = self.lock_on(kind, day)
        while lock:
            day = date.fromisoformat(lock.end) + timedelta(days=1)
            lock = self.lock_on(kind, day)
        return day


@dataclass(frozen=True)
class CompanyChoice:
    """One of the companies that a sign-in opened, for a person to choose from."""

    external_id: str
    name: str
    detail: str = ""


@dataclass(frozen=True)
class ErpPosting:
    """A debit (positive) or credit (negative) on one of the ERP's accounts; `base` in its home currency, where told."""

    account: str
    amount: Decimal
    base: Decimal | None = None


@dataclass(frozen=True)
class ErpDocument:
    """A document as the ERP holds it. `reference` is ours, empty when it was made in the ERP itself.

    `withheld` is tax that a payment says a customer kept back beside its total.
    `kind` is the `Kind` it was asked for as. `total` is zero for what is void there. `linked` are the ERP's invoices that a
    payment or credit note settles. `account` is where a payment went. `rate` is base per unit, where told. `tax` is None
    where the vendor's lists do not tell it and reading each document for it would cost a call. `is_marked`: it carries the
    reference itself; else it is known by its id. `home` is the base currency of the books it is in, where one ERP holds those of
    several companies. `balance` is what is open of an invoice, where the vendor tells it with it.
    """

    kind: str
    external_id: str
    reference: str
    number: str
    date: str
    currency: str = ""
    customer: str = ""
    total: Decimal = Decimal(0)
    tax: Decimal | None = Decimal(0)
    account: str = ""
    postings: tuple[ErpPosting, ...] = ()
    linked: tuple[tuple[str, Decimal], ...] = ()
    rate: Decimal | None = None
    withheld: Decimal = Decimal(0)
    status: Literal["posted", "draft", "void"] = "posted"
    sync_token: str = ""
    is_marked: bool = True
    home: str = ""
    balance: Decimal | None = None


@dataclass(frozen=True)
class Change:
    """Something the ERP says has changed: a document or a list row. `kind` is a Kind or a RowKind.

    `document` is the document as it is now, where the vendor told it with the change: then nobody has to ask for it.
    """

    kind: str
    external_id: str
    what: Literal["changed", "deleted"]
    at: datetime | None = None
    document: ErpDocument | None = None


@dataclass(frozen=True)
class Notices:
    """What a verified webhook call says: changes by the ERP's company id. `answer` is what the vendor wants back."""

    changes: Sequence[tuple[str, Change]]
    answer: str = ""
