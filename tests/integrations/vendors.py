"""The four vendors, and import files, in the words of the cases that all of them have to pass."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
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
    """What a stand-in calls things. `writes` and `sales`: part of the address that journals and invoices are sent to."""

    code: str
    journals: str
    invoices: str
    customers: str
    accounts: str
    writes: str
    sales: str
    tokens: str
    sales_lock: str
    ids: dict[str, str]
    account_name: str
    customer_name: str
    total: str
    number: str
    archived: Json
    in_use: Json
    disowned: Json
    preferences: Json = field(default_factory=dict)
    unique_numbers: Json = field(default_factory=dict)


VENDORS = {
    "quickbooks": Vendor(
        code="quickbooks",
        journals="JournalEntry",
        invoices="Invoice",
        customers="Customer",
        accounts="Account",
        writes="POST /v3/company",
        sales="POST /v3/company",
        tokens="/tokens/bearer",
        sales_lock="BookCloseDate",
        ids={},
        account_name="Name",
        customer_name="DisplayName",
        total="TotalAmt",
        number="DocNumber",
        archived={"Active": False},
        in_use={"Active": True},
        disowned={"PrivateNote": "theirs"},
        preferences={"MultiCurrencyEnabled": True},
    ),
    "xero": Vendor(
        code="xero",
        journals="ManualJournal",
        invoices="Invoice",
        customers="Contact",
        accounts="Account",
        writes="PUT /api.xro/2.0/ManualJournals",
        sales="PUT /api.xro/2.0/Invoices",
        tokens="/connect/token",
        sales_lock="PeriodLockDate",
        ids={
            "ManualJournal": "ManualJournalID",
            "Invoice": "InvoiceID",
            "Contact": "ContactID",
            "Account": "AccountID",
        },
        account_name="Name",
        customer_name="Name",
        total="Total",
        number="InvoiceNumber",
        archived={"Status": "ARCHIVED"},
        in_use={"Status": "ACTIVE"},
        disowned={"Reference": "theirs"},
    ),
    "netsuite": Vendor(
        code="netsuite",
        journals="journalEntry",
        invoices="invoice",
        customers="customer",
        accounts="account",
        writes="POST /services/rest/record/v1/journalEntry",
        sales="POST /services/rest/record/v1/invoice",
        tokens="/auth/oauth2/v1/token",
        sales_lock="ClosedThrough",
        ids={},
        account_name="acctName",
        customer_name="companyName",
        total="total",
        number="tranId",
        archived={"isInactive": True},
        in_use={"isInactive": False},
        disowned={"externalId": "theirs"},
        preferences={"JobSeconds": 0},
        unique_numbers={"AllowDuplicateNumbers": False},
    ),
    "zoho": Vendor(
        code="zoho",
        journals="journals",
        invoices="invoices",
        customers="contacts",
        accounts="chartofaccounts",
        writes="POST /books/v3/journals",
        sales="PUT /books/v3/invoices",
        tokens="/oauth/v2/token",
        sales_lock="SalesLockDate",
        ids={
            "journals": "journal_id",
            "invoices": "invoice_id",
            "contacts": "contact_id",
            "chartofaccounts": "account_id",
        },
        account_name="account_name",
        customer_name="contact_name",
        total="total",
        number="invoice_number",
        archived={"is_active": False},
        in_use={"is_active": True},
        disowned={"reference_number": "theirs", "custom_fields": []},
    ),
}
FILES = "csv_export"


class Shop:
    """One company's connection, and the ERP behind it."""

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
