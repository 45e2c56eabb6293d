"""The books: records by type and internal id, external ids, what each posts, and what is applied to what."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from integrations.sandbox.messages import Json
from integrations.sandbox.netsuite.tables import Tables

ZERO = Decimal(0)
TRANSACTIONS = {
    "journalEntry": "Journal",
    "invoice": "CustInvc",
    "creditMemo": "CustCred",
    "customerPayment": "CustPymt",
    "customerRefund": "CustRfnd",
    "check": "Check",
    "deposit": "Deposit",
}
ITEMS = ("serviceSaleItem", "nonInventorySaleItem")
# External ids are unique over a group of types, not over one type.
_GROUPS = dict.fromkeys(TRANSACTIONS, "transaction") | dict.fromkeys(ITEMS, "item") | {"customer": "entity"}
_REFERENCES = {
    "entity": ("customer",),
    "item": ITEMS,
    "transaction": tuple(TRANSACTIONS),
    "taxCode": ("salesTaxItem",),
}


@dataclass(frozen=True)
class Posting:
    """One line of a transaction: debit above zero, credit below, in its currency and in the subsidiary's."""

    account: str
    amount: Decimal
    base: Decimal
    entity: str = ""
    item: str = ""
    memo: str = ""
    department: str = ""
    classification: str = ""
    location: str = ""
    is_main: bool = False
    is_tax: bool = False
    quantity: Decimal | None = None


@dataclass(frozen=True)
class Link:
    """How much of an open document a transaction settles, in the document's currency."""

    doc: str
    amount: Decimal


@dataclass
class Record:
    """One record. References in `data` are `{"id": ..}`, sublists are lists."""

    type: str
    id: str
    data: Json
    postings: list[Posting] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    modified: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def name(self) -> str:
        """Give what a reference to this record shows."""
        for key in ("entityId", "itemId", "acctName", "tranId", "symbol", "periodname", "name"):
            if self.data.get(key):
                return str(self.data[key])
        return self.id

    @property
    def total(self) -> Decimal:
        """Give a transaction's total, above zero, in its currency."""
        return abs(next((posting.amount for posting in self.postings if posting.is_main), ZERO))


class Books:
    """Everything one account holds. Changes arrive checked; nothing here refuses."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Record]] = {}
        self._external: dict[tuple[str, str], Record] = {}
        self._transactions: dict[str, Record] = {}
        self._settled: dict[str, Decimal] = {}
        self._last_id: dict[str, int] = {}
        self.tables = Tables()
        self.by_name = False  # Texts that name a record do so by its name, not by its id.

    def get(self, kind: str, id: str) -> Record | None:  # noqa: A002 — the vendor's word
        """Give a record by type and internal id; `entity`, `item` and `transaction` stand for all of their types."""
        for one in _REFERENCES.get(kind, (kind,)):
            found = self.records.get(one, {}).get(id)
            if found is not None:
                return found
        return None

    def by_external(self, kind: str, external_id: str) -> Record | None:
        """Give the record that has an external id, of whatever type of the group."""
        return self._external.get((_GROUPS.get(kind, kind), external_id))

    def all(self, kind: str) -> Iterator[Record]:
        """Give the records of a type in the order they were made."""
        yield from self.records.get(kind, {}).values()

    def named(self, kind: str, name: str) -> Record:
        """Give a list entry by its name. Raises KeyError."""
        for record in self.all(kind):
            if record.name == name:
                return record
        raise KeyError(name)

    def add(self, record: Record) -> Record:
        """Keep a new record and give it an internal id."""
        record.id = record.id or self._next_id(record.type)
        self._enter(record)
        return record

    def replace(self, old: Record, new: Record) -> Record:
        """Put new content in an old record's place."""
        self._leave(old)
        new.id, new.created = old.id, old.created
        self._enter(new)
        return new

    def remove(self, record: Record) -> None:
        """Take a record out; what it settled is open again, and what settled it becomes unapplied."""
        for other in list(self._transactions.values()):
            if any(link.doc == record.id for link in other.links):
                self.unapply(other, record.id)
        self._leave(record)

    def unapply(self, record: Record, doc: str) -> None:
        """Take a document off what a transaction settles."""
        self._leave(record)
        record.links = [link for link in record.links if link.doc != doc]
        record.data["apply"] = [line for line in record.data.get("apply", []) if line["doc"]["id"] != doc]
        record.modified = datetime.now(UTC)
        self._enter(record)

    def open_amount(self, record: Record) -> Decimal:
        """Give what is still open of an invoice, or unapplied of a credit or payment."""
        used = sum((link.amount for link in record.links), ZERO)
        return record.total - used - self._settled.get(record.id, ZERO)

    def transactions(self) -> Iterator[Record]:
        """Give all transactions in the order they were made."""
        yield from self._transactions.values()

    def _next_id(self, kind: str) -> str:
        series = _GROUPS.get(kind, kind)
        self._last_id[series] = self._last_id.get(series, 0) + 1
        return str(self._last_id[series])

    def _enter(self, record: Record) -> None:
        self.records.setdefault(record.type, {})[record.id] = record
        external = record.data.get("externalId")
        if external:
            self._external[_GROUPS.get(record.type, record.type), external] = record
        if record.type in TRANSACTIONS:
            self._transactions[record.id] = record
        self._settle(record, 1)
        self.tables.put(record, TRANSACTIONS.get(record.type, ""))

    def _leave(self, record: Record) -> None:
        self.records[record.type].pop(record.id, None)
        self._transactions.pop(record.id, None)
        external = record.data.get("externalId")
        if external:
            self._external.pop((_GROUPS.get(record.type, record.type), external), None)
        self._settle(record, -1)
        self.tables.drop(record)

    def _settle(self, record: Record, sign: int) -> None:
        for link in record.links:
            self._settled[link.doc] = self._settled.get(link.doc, ZERO) + sign * link.amount
