"""The books: objects by their UUID, look-up by unique fields, what each posts, and when each was changed."""

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from integrations.sandbox.jsontext import Rendered, dumps
from integrations.sandbox.messages import Json

ZERO = Decimal(0)
IDS = {"TaxRate": "TaxType", "Currency": "Code", "Organisation": "OrganisationID"}
UNIQUE = {
    "Account": ("Code", "Name"),
    "Contact": ("Name", "ContactNumber"),
    "Item": ("Code",),
    "ManualJournal": ("Narration",),
    "Invoice": ("InvoiceNumber",),
    "CreditNote": ("CreditNoteNumber",),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Posting:
    """A debit (above zero) or credit (below) on an account, in base currency, rounded to cents."""

    account: str
    amount: Decimal


@dataclass
class Record:
    """One object of the books. `changed` is in milliseconds since 1970."""

    entity: str
    data: Json
    postings: Sequence[Posting] = ()
    changed: int = 0
    text: Rendered | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        """Give the identifier."""
        return str(self.data[id_field(self.entity)])


def id_field(entity: str) -> str:
    """Name the field that identifies an object."""
    return IDS.get(entity, f"{entity}ID")


def moment(milliseconds: int) -> str:
    """Write a moment as the vendor does."""
    return f"/Date({milliseconds}+0000)/"


def day(text: str) -> str:
    """Write a date as the vendor does."""
    return moment(
        int((datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC) - _EPOCH).total_seconds()) * 1000
    )


def day_of(text: str) -> str:
    """Read a date that the vendor wrote, as YYYY-MM-DD."""
    return (_EPOCH + timedelta(milliseconds=int(text.removeprefix("/Date(").partition("+")[0]))).date().isoformat()


def now() -> int:
    """Give the present moment in milliseconds since 1970."""
    return int(time.time() * 1000)


class Books:
    """Everything one organisation holds. Changes arrive checked; nothing here refuses."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Record]] = {}
        self.balances: dict[str, Decimal] = {}
        self._index: dict[tuple[str, str, str], dict[str, None]] = {}

    def get(self, entity: str, id: str) -> Record | None:  # noqa: A002 — the vendor's word
        """Give an object by its identifier, whatever the case of its letters."""
        table = self.tables.get(entity, {})
        return table.get(id) or table.get(id.lower())

    def all(self, entity: str) -> Iterator[Record]:
        """Give the objects of a kind in the order they were made."""
        yield from self.tables.get(entity, {}).values()

    def having(self, entity: str, name: str, value: str) -> list[Record]:
        """Give the objects whose unique field has a value, whatever its case."""
        return [self.tables[entity][each] for each in self._index.get((entity, name, value.casefold()), {})]

    def add(self, entity: str, data: Json, postings: Sequence[Posting] = ()) -> Record:
        """Keep a new object, with an identifier where it has none."""
        data.setdefault(id_field(entity), str(uuid.uuid4()))
        record = Record(entity, data, postings)
        self.tables.setdefault(entity, {})[record.id] = record
        self._enter(record)
        return record

    def replace(self, record: Record, data: Json, postings: Sequence[Posting] | None = None) -> None:
        """Put new content, and new postings if given, into an object."""
        self._withdraw(record)
        data[id_field(record.entity)] = record.id
        record.data = data
        if postings is not None:
            record.postings = postings
        self._enter(record)

    def change(self, record: Record, **fields: object) -> None:
        """Set some fields of an object."""
        self.replace(record, record.data | fields)

    def render(self, record: Record) -> Rendered:
        """Give an object's JSON."""
        if record.text is None:
            record.text = dumps(record.data)
        return record.text

    def _enter(self, record: Record) -> None:
        record.changed, record.text = now(), None
        if record.entity not in ("TaxRate", "Currency", "TrackingCategory"):  # the vendor gives these no such field
            record.data["UpdatedDateUTC"] = moment(record.changed)
        for name in UNIQUE.get(record.entity, ()):
            if value := record.data.get(name):
                self._index.setdefault((record.entity, name, value.casefold()), {})[record.id] = None
        self._post(record, 1)

    def _withdraw(self, record: Record) -> None:
        for name in UNIQUE.get(record.entity, ()):
            if value := record.data.get(name):
                self._index[record.entity, name, value.casefold()].pop(record.id, None)
        self._post(record, -1)

    def _post(self, record: Record, sign: int) -> None:
        for posting in record.postings:
            self.balances[posting.account] = self.balances.get(posting.account, ZERO) + sign * posting.amount
