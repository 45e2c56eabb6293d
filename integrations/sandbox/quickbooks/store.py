"""The books: objects by Id, look-up indexes, account and customer balances, payments applied to documents."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from integrations.sandbox.jsontext import Rendered, dumps
from integrations.sandbox.messages import Json

ZERO = Decimal(0)
TRANSACTIONS = ("JournalEntry", "Invoice", "CreditMemo", "Payment", "Purchase", "Deposit")
INDEXED = {
    "JournalEntry": ("DocNumber",),
    "Invoice": ("DocNumber",),
    "CreditMemo": ("DocNumber",),
    "Payment": ("PaymentRefNum",),
    "Purchase": ("DocNumber",),
    "Customer": ("DisplayName",),
    "Vendor": ("DisplayName",),
    "Item": ("Name",),
    "Account": ("Name", "AcctNum"),
}
_ZONE = timezone(timedelta(hours=-8))
_CREDIT_NORMAL = ("Liability", "Equity", "Revenue")


@dataclass(frozen=True)
class Posting:
    """A debit (above zero) or credit (below) in home currency, rounded to cents; `customer` on receivables."""

    account: str
    amount: Decimal
    customer: str = ""


@dataclass(frozen=True)
class Link:
    """How much of a document a payment settles, in the document's currency."""

    entity: str
    id: str
    amount: Decimal


@dataclass(frozen=True)
class Built:
    """A checked object, ready to be kept."""

    data: Json
    postings: Sequence[Posting] = ()
    links: Sequence[Link] = ()


@dataclass
class Record:
    """One object of the books. `text` is its JSON, thrown away when something in it changes."""

    entity: str
    built: Built
    text: Rendered | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        """Give the Id."""
        return str(self.built.data["Id"])

    @property
    def data(self) -> Json:
        """Give the object's fields."""
        return self.built.data


def now_text() -> str:
    """Give the present time as the vendor writes it in MetaData."""
    return datetime.now(_ZONE).isoformat(timespec="seconds")


class Books:
    """Everything one company holds. Changes arrive checked; nothing here refuses."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Record]] = {}
        self.balances: dict[str, Decimal] = {}
        self.customer_balances: dict[str, Decimal] = {}
        self.deleted: list[tuple[str, str, str]] = []  # time, entity, Id
        self.hidden: set[tuple[str, str]] = set()  # made by the batch that is running: its later items cannot see them
        self.untold: set[tuple[str, str]] = set()  # fields that are kept but not told: entity, name
        self._made: list[tuple[str, str]] = []
        self._index: dict[tuple[str, str, str], dict[str, None]] = {}
        self._last_id: dict[str, int] = {}

    def get(self, entity: str, id: str) -> Record | None:  # noqa: A002 — the vendor's word
        """Give an object, hidden or not."""
        return self.tables.get(entity, {}).get(id)

    def visible(self, entity: str, id: str) -> Record | None:  # noqa: A002 — the vendor's word
        """Give an object that the running request may see."""
        return None if (entity, id) in self.hidden else self.get(entity, id)

    def all(self, entity: str) -> Iterator[Record]:
        """Give the objects of a kind in the order they were made."""
        for record in self.tables.get(entity, {}).values():
            if not self.hidden or (entity, record.id) not in self.hidden:
                yield record

    def having(self, entity: str, name: str, value: str) -> list[Record]:
        """Give the objects whose indexed field has a value, whatever its case; hidden ones too."""
        ids = self._index.get((entity, name, value.casefold()), {})
        return [self.tables[entity][id] for id in ids]  # noqa: A001 — the vendor's word

    def by_name(self, entity: str, name: str) -> Record:
        """Give a list entry by its name. Raises KeyError."""
        for record in self.tables[entity].values():
            if record.data["Name"] == name:
                return record
        raise KeyError(name)

    def add(self, entity: str, built: Built) -> Record:
        """Keep a new object: gives it an Id, SyncToken 0 and its times."""
        moment = now_text()
        data = built.data
        data["Id"] = data.get("Id") or self._next_id(entity)
        data |= {"SyncToken": "0", "domain": "QBO", "sparse": False}
        data["MetaData"] = {"CreateTime": moment, "LastUpdatedTime": moment}
        record = Record(entity, built)
        self.tables.setdefault(entity, {})[record.id] = record
        self._enter(record)
        self._made.append((entity, record.id))
        return record

    def hide_new(self) -> None:
        """Hide what was made since the last `hide_new` or `show_all`, until `show_all`."""
        self.hidden.update(self._made)
        self._made.clear()

    def show_all(self) -> None:
        """Show everything again."""
        self.hidden.clear()
        self._made.clear()

    def replace(self, record: Record, built: Built) -> None:
        """Put new content into an object and raise its SyncToken."""
        old = record.data
        self._withdraw(record)
        built.data.update(Id=old["Id"], SyncToken=old["SyncToken"], domain="QBO", sparse=False)
        built.data["MetaData"] = old["MetaData"]
        if "LinkedTxn" in old:  # Its own lines are in the content; what others link is not.
            built.data.setdefault("LinkedTxn", old["LinkedTxn"])
        record.built = built
        self._enter(record)
        touch(record)

    def remove(self, record: Record) -> None:
        """Take an object out of the books."""
        self._withdraw(record)
        del self.tables[record.entity][record.id]
        self.deleted.append((now_text(), record.entity, record.id))

    def payments_on(self, record: Record) -> list[Record]:
        """Give the payments applied to a document."""
        links = record.data.get("LinkedTxn", ())
        found = (self.get("Payment", link["TxnId"]) for link in links)
        return [payment for payment in found if payment is not None]

    def render(self, record: Record) -> Rendered:
        """Give an object's JSON, with its balance where it has one."""
        if record.text is None:
            record.text = dumps(self.view(record))
        return record.text

    def view(self, record: Record) -> Json:
        """Give an object's fields, with its balance where it has one.

        An account's balance is positive on its natural side: credits for liabilities, equity and revenue.
        """
        if record.entity == "Account":
            balance = self.balances.get(record.id, ZERO)
            if record.data["Classification"] in _CREDIT_NORMAL:
                balance = -balance
            balance = balance or ZERO
            return record.data | {"CurrentBalance": balance, "CurrentBalanceWithSubAccounts": balance}
        if record.entity == "Customer":
            balance = self.customer_balances.get(record.id, ZERO)
            return record.data | {"Balance": balance, "BalanceWithJobs": balance}
        if self.untold:
            return {name: value for name, value in record.data.items() if (record.entity, name) not in self.untold}
        return record.data

    def _next_id(self, entity: str) -> str:
        series = "transaction" if entity in TRANSACTIONS else entity
        number = self._last_id.get(series, 0) + 1
        self._last_id[series] = number
        return str(number)

    def _enter(self, record: Record) -> None:
        record.text = None
        for name in INDEXED.get(record.entity, ()):
            value = record.data.get(name)
            if value:
                self._index.setdefault((record.entity, name, value.casefold()), {})[record.id] = None
        self._post(record, 1)

    def _withdraw(self, record: Record) -> None:
        for name in INDEXED.get(record.entity, ()):
            value = record.data.get(name)
            if value:
                self._index[record.entity, name, value.casefold()].pop(record.id, None)
        self._post(record, -1)

    def _post(self, record: Record, sign: int) -> None:
        for posting in record.built.postings:
            amount = sign * posting.amount
            self.balances[posting.account] = self.balances.get(posting.account, ZERO) + amount
            self._stale("Account", posting.account)
            if posting.customer:
                before = self.customer_balances.get(posting.customer, ZERO)
                self.customer_balances[posting.customer] = before + amount
                self._stale("Customer", posting.customer)
        for link in record.built.links:
            self._apply(link, record.id, sign)

    def _stale(self, entity: str, id: str) -> None:  # noqa: A002 — the vendor's word
        record = self.get(entity, id)
        if record is not None:
            record.text = None

    def _apply(self, link: Link, payment: str, sign: int) -> None:
        target = self.tables[link.entity][link.id]
        entry = {"TxnId": payment, "TxnType": "Payment"}
        linked = [each for each in target.data.get("LinkedTxn", []) if each != entry]
        target.data["LinkedTxn"] = [*linked, entry] if sign > 0 else linked
        for name in ("Balance", "RemainingCredit"):
            if name in target.data:
                target.data[name] -= sign * link.amount
        touch(target)


def touch(record: Record) -> None:
    """Raise an object's SyncToken and note the time, as after any change."""
    data: dict[str, Any] = record.data
    data["SyncToken"] = str(int(data["SyncToken"]) + 1)
    data["MetaData"] = data["MetaData"] | {"LastUpdatedTime": now_text()}
    record.text = None


def answer_time() -> str:
    """Give the `time` of an answer."""
    moment = time.time()
    return datetime.fromtimestamp(moment, _ZONE).isoformat(timespec="milliseconds")
