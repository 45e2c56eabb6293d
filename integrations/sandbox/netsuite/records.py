"""What can be done to a record: create, read, list, update, upsert, delete, transform. The rules are in the table at the top."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from integrations.sandbox.messages import Json
from integrations.sandbox.netsuite import lists, payments
from integrations.sandbox.netsuite.checks import header
from integrations.sandbox.netsuite.company import Company
from integrations.sandbox.netsuite.faults import VendorFault, content, not_found
from integrations.sandbox.netsuite.fields import Shape, external_id
from integrations.sandbox.netsuite.journal import journal_entry
from integrations.sandbox.netsuite.sales import sales_form
from integrations.sandbox.netsuite.store import TRANSACTIONS, Record

Build = Callable[[Company, str, Json, Record | None], Record]
_BUILD: dict[str, Build] = {
    "journalEntry": journal_entry,
    "invoice": sales_form,
    "creditMemo": sales_form,
    "customerPayment": payments.payment,
    "customerRefund": payments.refund,
    "check": payments.check,
    "deposit": payments.deposit,
    "customer": lists.customer,
    "serviceSaleItem": lists.item,
    "nonInventorySaleItem": lists.item,
    "account": lists.account,
}
READ_ONLY = (
    "subsidiary",
    "currency",
    "department",
    "classification",
    "location",
    "accountingPeriod",
    "salesTaxItem",
    "taxType",
)
KINDS = {name.lower(): name for name in (*_BUILD, *READ_ONLY)}
_TRANSFORMS = {
    ("invoice", "creditMemo"),
    ("invoice", "customerPayment"),
    ("customerPayment", "customerRefund"),
}
_SUBLISTS = ("line", "item", "apply", "credit", "taxDetails", "expense", "other")
_COPIED = ("item", "department", "class", "location", "taxDetails", "taxDetailsOverride", "account")


@dataclass(frozen=True)
class Writing:
    """How a write is to be done: the shape checker, and which sublists are replaced whole."""

    shape: Shape
    replace: tuple[str, ...] = ()


def create(company: Company, kind: str, body: Any, how: Writing) -> Record:
    """Create a record. Raises VendorFault; a second one with the same external id is refused."""
    clean = how.shape.check(_writable(kind), body)
    return _add(company, kind, {name: value for name, value in clean.items() if value is not None})


def find(company: Company, kind: str, key: str) -> Record:
    """Give a record by internal id or `eid:`. Raises VendorFault NONEXISTENT_ID."""
    if key.startswith("eid:"):
        record = company.books.by_external(kind, key[4:])
        record = record if record is not None and record.type == kind else None
    else:
        record = company.books.records.get(kind, {}).get(key)
    if record is None:
        raise not_found()
    return record


def update(company: Company, record: Record, body: Any, how: Writing) -> Record:
    """Change what the body names. Raises VendorFault."""
    changes = how.shape.check(_writable(record.type), body)
    if changes.get("externalId"):
        other = company.books.by_external(record.type, changes["externalId"])
        if other is not None and other is not record:
            raise _taken()
    _open_period(company, record)
    merged = dict(record.data)
    for name, value in changes.items():
        if value is None:
            merged.pop(name, None)
        elif name in _SUBLISTS and name not in how.replace:
            merged[name] = _merged(name, record.data.get(name) or [], value)
        else:
            merged[name] = value
    return company.books.replace(record, _BUILD[record.type](company, record.type, merged, record))


def upsert(company: Company, kind: str, key: str, body: Any, how: Writing) -> Record:
    """Create or update by external id. Raises VendorFault."""
    if not key.startswith("eid:"):
        raise content("The upsert operation needs an external id: use eid:externalId.", "id")
    external_id(key[4:], "id")
    old = company.books.by_external(kind, key[4:])
    if old is not None:
        return update(company, find(company, kind, key), body, how)
    clean = how.shape.check(_writable(kind), body)
    if clean.get("externalId", key[4:]) != key[4:]:
        raise content("The external id of the body is not that of the address.", "externalId")
    return _add(company, kind, clean | {"externalId": key[4:]})


def delete(company: Company, record: Record) -> None:
    """Take a record out. Raises VendorFault in a closed period or where something hangs on it."""
    _writable(record.type)
    _open_period(company, record)
    if record.type not in TRANSACTIONS and any(_uses(each, record) for each in company.books.transactions()):
        raise content("This record cannot be deleted because it has dependent records.")
    company.books.remove(record)


def transform(company: Company, source: Record, target: str, body: Any, how: Writing) -> Record:
    """Make one record from another, with what the body changes. Raises VendorFault."""
    if (source.type, target) not in _TRANSFORMS:
        raise content(f"The transformation of {source.type} to {target} is not supported.")
    changes = {name: value for name, value in how.shape.check(target, body or {}).items() if value is not None}
    due = company.books.open_amount(source)
    customer = {"id": (source.data.get("entity") or source.data.get("customer") or {})["id"]}
    made: Json = {"currency": source.data["currency"], "exchangeRate": source.data["exchangeRate"]}
    if target == "creditMemo":
        made |= {"entity": customer} | {name: source.data[name] for name in _COPIED if source.data.get(name)}
    else:
        made |= {"customer": customer}
    if due > 0:
        made["apply"] = [{"doc": {"id": source.id}, "apply": True, "amount": due}]
    if target == "customerPayment":
        made["payment"] = due
    return _add(company, target, made | changes)


def edit_by_hand(company: Company, kind: str, key: str, changes: Json) -> Record:
    """Change a record as a person would in the browser, also in a closed period. Raises VendorFault."""
    closed = {name: company.preferences[name] for name in ("ClosedThrough", "ArLockedThrough")}
    company.prefer(dict.fromkeys(closed, ""))
    try:
        shape = Shape(company.books, names="Error")
        return update(company, find(company, kind, key), changes, Writing(shape, _SUBLISTS))
    finally:
        company.prefer(closed)


def _add(company: Company, kind: str, clean: Json) -> Record:
    external = clean.get("externalId")
    if external and company.books.by_external(kind, external):
        raise _taken()
    return company.books.add(_BUILD[kind](company, kind, clean, None))


def _taken() -> VendorFault:
    return content("This record already exists.", "externalId")


def _writable(kind: str) -> str:
    if kind not in _BUILD:
        raise VendorFault(
            "INSUFFICIENT_PERMISSION", "You do not have permissions to set a value for this record.", status=403
        )
    return kind


def _open_period(company: Company, record: Record) -> None:
    if record.type in TRANSACTIONS:
        receivable = record.type != "journalEntry"
        header(company, {**record.data, "department": {"id": "1"}}, party=None, receivable=receivable)


def _merged(name: str, old: list[Json], new: list[Json]) -> list[Json]:
    """Put lines over the old ones: by `doc` where that is the key, by `line` where it is given, else behind them."""
    lines = [dict(line) for line in old]
    for change in new:
        if name == "apply":
            at = next((n for n, line in enumerate(lines) if line["doc"] == change.get("doc")), None)
        else:
            at = next(
                (n for n, line in enumerate(lines) if "line" in change and line.get("line") == change["line"]), None
            )
        if at is None:
            lines.append(change)
        else:
            lines[at] |= change
    return lines


def _uses(transaction: Record, record: Record) -> bool:
    kind = {"account": "account", "customer": "entity"}.get(record.type, "item")
    return any(getattr(posting, kind) == record.id for posting in transaction.postings)


def render(company: Company, record: Record, base: str, *, expand: bool, only: set[str] | None = None) -> Json:
    """Give a record as the vendor shows it: references with names, sublists as links unless expanded."""
    root = f"{base}/services/rest/record/v1"
    here = f"{root}/{record.type}/{record.id}"
    shown: Json = {"links": [{"rel": "self", "href": here}]}
    data = record.data | {
        "id": record.id,
        "createdDate": _moment(record.created.isoformat()),
        "lastModifiedDate": _moment(record.modified.isoformat()),
        "refName": record.name,
    }
    if record.type in ("invoice", "creditMemo"):
        data["amountRemaining"] = company.books.open_amount(record)
    if record.type == "customerPayment":
        data["unapplied"] = company.books.open_amount(record)
    for name, value in sorted(data.items()):
        if only is not None and name not in only:
            continue
        if isinstance(value, list):
            lines = [_shown(company, {"links": [], **line}, root) for line in value]
            shown[name] = {"links": [{"rel": "self", "href": f"{here}/{name}"}]}
            if expand:
                shown[name] |= {"items": lines, "totalResults": len(lines)}
        else:
            shown[name] = _named(company, name, value, root) if isinstance(value, dict) else value
    return shown


def _shown(company: Company, line: Json, root: str) -> Json:
    return {
        name: _named(company, name, value, root) if isinstance(value, dict) else value for name, value in line.items()
    }


def _named(company: Company, name: str, ref: Json, root: str) -> Json:
    kind = {"class": "classification", "entity": "customer", "incomeAccount": "account", "arAcct": "account"}.get(
        name, name
    )
    kind = {"postingPeriod": "accountingPeriod", "doc": "transaction", "parent": "account"}.get(kind, kind)
    found = company.books.get(kind, str(ref.get("id", "")))
    if found is None:
        return {"id": ref.get("id"), "refName": str(ref.get("id"))}
    return {
        "links": [{"rel": "self", "href": f"{root}/{found.type}/{found.id}"}],
        "id": found.id,
        "refName": found.name,
    }


def _moment(text: str) -> str:
    return f"{text[:19]}Z"


def total_of(record: Record) -> Decimal:
    """Give a transaction's total for people: a journal's debits, else the document's total."""
    if record.type == "journalEntry":
        return sum((posting.amount for posting in record.postings if posting.amount > 0), Decimal(0))
    return record.total
