"""The four vendors, and import files, in the words of the cases that all of them have to pass."""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing.models import BusinessEntity
from integrations import mapping, setup, sign_in
from integrations.models import Connection, ExportedDocument
from integrations.sandbox.server import start_in_thread
from tests.integrations.books import Books
from tests.integrations.conftest import QUICK

Json = dict[str, Any]


@dataclass(frozen=True)
class Vendor:
    """What a stand-in calls things. `writes` and `sales`: part of the address that journals and invoices are sent to; `ids`: the
    name of a record's id, by the kind of record, where that is not the same for all."""

    code: str
    journals: str
    invoices: str
    customers: str
    accounts: str
    writes: str
    sales: str
    tokens: str
    sales_lock: str
    account_name: str
    customer_name: str
    total: str
    number: str
    archived: Json
    in_use: Json
    disowned: Json
    ids: dict[str, str] = field(default_factory=dict)
    preferences: Json = field(default_factory=dict)
    unique_numbers: Json = field(default_factory=dict)


VENDORS = {
    code: Vendor(code=code, **told)
    for code, told in tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")).items()
}
FILES = "csv_export"


class Shop:
    """One company's connection, and the ERP behind it; `largest`: an amount as large as that lets a line have, or we do."""

    largest = "99999999999.99"

    def __init__(self, entity: BusinessEntity, code: str, url: str) -> None:
        self._entity, self.code, self.url = entity, code, url
        self.connection: Connection

    def connect(self, mode: str = "journal_entries", *, payments: bool = False, **options: Any) -> Connection:
        """Sign in, read the lists, map and confirm."""
        made, _ = setup.create_connection(
            business_entity=self._entity, erp=self.code, mode=mode, send_payments=payments
        )
        made.options = {**QUICK, "read_timeout": 10.0, **options}
        self.connection = self._sign_in(made)
        return self.connection

    def _sign_in(self, made: Connection) -> Connection:
        made.save()
        connection = sign_in.connect(made)
        mapping.import_lists(connection)
        mapping.create_missing(connection)
        mapping.suggest(connection)
        mapping.confirm(connection)
        return connection

    def cannot_keep(self, mode: str) -> set[tuple[Decimal, str]]:
        """Give the amounts that the ERP has no digits for, and the reason that is given: two keep two in every currency."""
        return {(Decimal("10.125"), "amount")} if mode == "documents" and self.code in ("xero", "quickbooks") else set()

    def held(self) -> Counter[str]:
        """Count, by our reference, the records that carry it."""
        return Counter(ExportedDocument.objects.values_list("reference", flat=True))

    def names(self) -> list[str]:
        """Give the names of the customers it holds."""
        rows = ExportedDocument.objects.filter(kind="customer").values_list("rows", flat=True)
        return [row["Name"] for each in rows for row in each]


class StandIn(Shop):
    """One with a stand-in server."""

    def __init__(self, entity: BusinessEntity, code: str, url: str) -> None:
        super().__init__(entity, code, url)
        self.vendor = VENDORS[code]
        self.largest = "9999999999.99" if code == "quickbooks" else self.largest  # Ten digits before the point.
        self.books = Books(url)
        if self.vendor.preferences:
            self.books.prefer(**self.vendor.preferences)

    def _sign_in(self, made: Connection) -> Connection:
        return setup.connect_sandbox(made, self.url)

    def held(self) -> Counter[str]:
        pattern = re.compile(rf"{re.escape(self.connection.reference_prefix)}-[A-Z]\d+")
        counted: Counter[str] = Counter()
        for rows in self.books.state("?objects=1")["objects"].values():
            for row in rows:
                own = {name: value for name, value in row.items() if isinstance(value, str)}
                counted.update(set(pattern.findall(json.dumps(own))))
        return counted

    def names(self) -> list[str]:
        return [str(each[self.vendor.customer_name]) for each in self.books.objects(self.vendor.customers)]

    def id_of(self, entity: str, record: Json) -> str:
        return str(record[self.vendor.ids.get(entity, "Id" if self.code == "quickbooks" else "id")])

    def account(self, name: str) -> str:
        """Give the ERP's id of the account that one of ours is mapped to, by its name there."""
        rows = self.books.objects(self.vendor.accounts)
        return next(
            self.id_of(self.vendor.accounts, each) for each in rows if each.get(self.vendor.account_name) == name
        )


@contextmanager
def shop_of(entity: BusinessEntity, code: str) -> Iterator[Shop]:
    """Open the shop of a vendor, with books of its own."""
    if code == FILES:
        yield Shop(entity, code, "")
        return
    with start_in_thread(code) as box:
        yield StandIn(entity, code, box.url)
