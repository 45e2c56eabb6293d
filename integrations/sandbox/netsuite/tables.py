"""The books as SuiteQL's tables, in an SQLite in memory. Column names are the Records Catalog's, in lower case.

A date is kept with a mark, so that a bare date column comes out in the account's date format, as at the vendor, and
only TO_CHAR gives another one.
"""

import sqlite3
from typing import TYPE_CHECKING, Any

from integrations.sandbox.messages import Json

if TYPE_CHECKING:
    from integrations.sandbox.netsuite.store import Posting, Record

DATE_MARK = "date:"
_COLUMNS = {
    "account": "id acctnumber accountsearchdisplayname accountsearchdisplaynamecopy fullname accttype isinactive "
    "issummary parent currency description externalid lastmodifieddate",
    "customer": "id entityid companyname altname email isinactive isperson currency subsidiary externalid comments "
    "lastmodifieddate datecreated",
    "item": "id itemid displayname fullname itemtype subtype isinactive incomeaccount externalid lastmodifieddate",
    "subsidiary": "id name fullname parent currency country timezone iselimination isinactive externalid lastmodifieddate",
    "currency": "id name symbol currencyprecision exchangerate isbasecurrency isinactive lastmodifieddate",
    "department": "id name fullname parent isinactive externalid lastmodifieddate",
    "classification": "id name fullname parent isinactive externalid lastmodifieddate",
    "location": "id name fullname parent isinactive externalid lastmodifieddate",
    "salestaxitem": "id name rate taxtype isinactive lastmodifieddate",
    "taxtype": "id name isinactive lastmodifieddate",
    "accountingperiod": "id periodname startdate enddate closed alllocked arlocked aplocked isquarter isyear isadjust "
    "isinactive isposting lastmodifieddate",
    "transaction": "id type abbrevtype tranid externalid trandate duedate entity currency exchangerate foreigntotal memo status "
    "posting voided postingperiod reversal createddate lastmodifieddate custbody_counterfoil",
    "transactionline": "transaction id linesequencenumber mainline taxline entity item quantity foreignamount netamount "
    "subsidiary department class location memo",
    "transactionaccountingline": "transaction transactionline account accountingbook amount debit credit posting",
    "nexttransactionlinelink": "previousdoc nextdoc previousline nextline foreignamount linktype previoustype nexttype",
}
_KEYS: tuple[str, ...] = (
    "id",
    "transaction",
    "transactionline",
    "linesequencenumber",
    "previousdoc",
    "nextdoc",
    "account",
    "accountingbook",
)
_KEYS += ("entity", "item", "currency", "subsidiary", "department", "class", "location", "parent", "incomeaccount")
_KEYS += ("postingperiod", "taxtype")
# A record type's table, and its columns by field where they are not the field in lower case.
_LISTS: dict[str, tuple[str, dict[str, str]]] = {
    "account": ("account", {"acctnumber": "acctNumber", "fullname": "acctName", "accttype": "acctType"}),
    "customer": ("customer", {"entityid": "entityId", "companyname": "companyName", "altname": "companyName"}),
    "serviceSaleItem": ("item", {"itemid": "itemId", "fullname": "itemId", "displayname": "displayName"}),
    "nonInventorySaleItem": ("item", {"itemid": "itemId", "fullname": "itemId", "displayname": "displayName"}),
    "subsidiary": ("subsidiary", {"fullname": "name"}),
    "currency": ("currency", {"currencyprecision": "precision", "exchangerate": "rate"}),
    "department": ("department", {"fullname": "name"}),
    "classification": ("classification", {"fullname": "name"}),
    "location": ("location", {"fullname": "name"}),
    "salesTaxItem": ("salestaxitem", {"taxtype": "taxType"}),
    "taxType": ("taxtype", {}),
    "accountingPeriod": ("accountingperiod", {}),
}
_ALIASES = {
    "externalid": "externalId",
    "isinactive": "isInactive",
    "incomeaccount": "incomeAccount",
    "isbasecurrency": "isBaseCurrency",
    "isperson": "isPerson",
}
_POSTED = {
    "Journal": "A",
    "CustInvc": "A",
    "CustCred": "A",
    "CustPymt": "C",
    "CustRfnd": "A",
    "Check": "V",
    "Deposit": "A",
}


def date_value(text: str) -> str:
    """Give a date or moment as it is kept."""
    return f"{DATE_MARK}{text}" if text else ""


class Tables:
    """Rows for SuiteQL, kept in step with the records."""

    def __init__(self) -> None:
        self.db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        for table, columns in _COLUMNS.items():
            typed = ", ".join(f'"{name}" {"INTEGER" if name in _KEYS else "TEXT"}' for name in columns.split())
            self.db.execute(f'CREATE TABLE "{table}" ({typed})')
            key = "transaction" if "transaction " in f"{columns} " and table != "transaction" else columns.split()[0]
            self.db.execute(f'CREATE INDEX "ix_{table}" ON "{table}" ("{key}")')
        self.db.execute('CREATE INDEX "ix_external" ON "transaction" ("externalid")')
        self.credits_first = False  # In links, credit memos come before the invoices that they settle.
        self.db.execute('CREATE INDEX "ix_next" ON "nexttransactionlinelink" ("nextdoc")')

    def put(self, record: "Record", kind: str) -> None:
        """Write a record's rows."""
        if kind:
            self._transaction(record, kind)
        elif record.type in _LISTS:
            table, names = _LISTS[record.type]
            self._insert(table, [self._list_row(record, table, names)])

    def drop(self, record: "Record") -> None:
        """Take a record's rows out."""
        if record.type in _LISTS:
            self.db.execute(f'DELETE FROM "{_LISTS[record.type][0]}" WHERE id = ?', [record.id])
            return
        self.db.execute('DELETE FROM "transaction" WHERE id = ?', [record.id])
        self.db.execute('DELETE FROM "transactionline" WHERE "transaction" = ?', [record.id])
        self.db.execute('DELETE FROM "transactionaccountingline" WHERE "transaction" = ?', [record.id])
        self.db.execute('DELETE FROM "nexttransactionlinelink" WHERE "nextdoc" = ?', [record.id])
        first = (
            'DELETE FROM "nexttransactionlinelink" WHERE "previousdoc" = ? AND "previoustype" = ? AND "nexttype" = ?'
        )
        self.db.execute(first, [record.id, "CustCred", "CustInvc"])

    def _list_row(self, record: "Record", table: str, names: dict[str, str]) -> Json:
        row: Json = {}
        for column in _COLUMNS[table].split():
            name = names.get(column, _ALIASES.get(column, column))
            row[column] = _plain(record.data.get(name))
        row |= {"id": record.id, "lastmodifieddate": date_value(record.modified.isoformat())}
        if table == "account":
            number = record.data.get("acctNumber", "")
            name = f"{number} {record.data.get('acctName', '')}".strip()
            row |= {"accountsearchdisplayname": name, "accountsearchdisplaynamecopy": record.data.get("acctName")}
        if table == "item":
            row |= {"itemtype": "Service" if record.type == "serviceSaleItem" else "NonInvtPart", "subtype": "Sale"}
        if "isinactive" in row:
            row["isinactive"] = row["isinactive"] or "F"
        return row

    def _transaction(self, record: "Record", kind: str) -> None:
        data = record.data
        main = next((posting for posting in record.postings if posting.is_main), None)
        subsidiary = data["subsidiary"]["id"]
        entity = (data.get("entity") or data.get("customer") or {}).get("id")
        head: Json = {
            "id": record.id,
            "type": kind,
            "abbrevtype": kind.upper(),
            "tranid": data.get("tranId"),
            "externalid": data.get("externalId"),
            "custbody_counterfoil": data.get("custbody_counterfoil"),
            "trandate": date_value(data["tranDate"]),
            "duedate": date_value(data.get("dueDate", "")) or None,
            "entity": entity,
            "currency": data["currency"]["id"],
            "exchangerate": str(data["exchangeRate"]),
            "foreigntotal": str(main.amount) if main else None,
            "memo": data.get("memo"),
            "status": _POSTED[kind],
            "posting": "T",
            "voided": "F",
            "postingperiod": data["postingPeriod"]["id"],
            "createddate": date_value(record.created.isoformat()),
            "lastmodifieddate": date_value(record.modified.isoformat()),
        }
        self._insert("transaction", [head])
        lines = [_line(record.id, number, subsidiary, posting) for number, posting in enumerate(record.postings)]
        self._insert("transactionline", [line for line, _ in lines])
        self._insert("transactionaccountingline", [accounting for _, accounting in lines])
        own, is_first = (record.id, kind), kind == "CustCred" and self.credits_first
        for link in record.links:
            settled = link.doc, self.db.execute('SELECT type FROM "transaction" WHERE id = ?', [link.doc]).fetchone()[0]
            before, after = (own, settled) if is_first else (settled, own)
            row = {"previousdoc": before[0], "previoustype": before[1], "nextdoc": after[0], "nexttype": after[1]}
            self._insert("nexttransactionlinelink", [{**row, "foreignamount": str(link.amount), "linktype": "Payment"}])

    def _insert(self, table: str, rows: list[Json]) -> None:
        if not rows:
            return
        names = list(rows[0])
        places = ", ".join("?" * len(names))
        quoted = ", ".join(f'"{name}"' for name in names)
        values = [[row[name] for name in names] for row in rows]
        self.db.executemany(f'INSERT INTO "{table}" ({quoted}) VALUES ({places})', values)


def _line(transaction: str, number: int, subsidiary: str, posting: "Posting") -> tuple[Json, Json]:
    line: Json = {
        "transaction": transaction,
        "id": str(number),
        "linesequencenumber": str(number),
        "mainline": "T" if posting.is_main else "F",
        "taxline": "T" if posting.is_tax else "F",
        "entity": posting.entity or None,
        "item": posting.item or None,
        "quantity": None if posting.quantity is None else str(posting.quantity),
        "foreignamount": str(posting.amount),
        "netamount": str(posting.base),
        "subsidiary": subsidiary,
        "department": posting.department or None,
        "class": posting.classification or None,
        "location": posting.location or None,
        "memo": posting.memo or None,
    }
    accounting: Json = {
        "transaction": transaction,
        "transactionline": str(number),
        "account": posting.account,
        "accountingbook": "1",
        "amount": str(posting.base),
        "debit": str(posting.base) if posting.base > 0 else None,
        "credit": str(-posting.base) if posting.base < 0 else None,
        "posting": "T",
    }
    return line, accounting


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, dict):
        return value.get("id")
    if isinstance(value, list):
        return ", ".join(str(each.get("id")) for each in value)
    return value if value is None or isinstance(value, str) else str(value)
