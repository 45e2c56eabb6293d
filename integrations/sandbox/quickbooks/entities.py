"""What can be done to an object: create, update, delete, void. Which rules check it is the table at the top."""

from collections.abc import Callable
from typing import Any

from integrations.sandbox.jsontext import Rendered, dumps
from integrations.sandbox.messages import Json
from integrations.sandbox.quickbooks import fields, lists, payment, purchase
from integrations.sandbox.quickbooks.checks import open_books, transaction_date
from integrations.sandbox.quickbooks.company import Company
from integrations.sandbox.quickbooks.faults import VendorFault, inactive, missing, unsupported
from integrations.sandbox.quickbooks.journal import journal_entry
from integrations.sandbox.quickbooks.sales import sales_form, voided
from integrations.sandbox.quickbooks.store import TRANSACTIONS, Built, Record

_BUILD: dict[str, Callable[[Company, str, Json, Record | None], Built]] = {
    "JournalEntry": journal_entry,
    "Invoice": sales_form,
    "CreditMemo": sales_form,
    "Payment": payment.payment,
    "Purchase": purchase.purchase,
    "Deposit": purchase.deposit,
    "Customer": lists.party,
    "Vendor": lists.party,
    "Item": lists.item,
    "Account": lists.account,
}
# As Intuit has it: invoices by operation=void, payments by a sparse update with include=void.
_VOIDABLE = (("void", "Invoice"), ("void via update", "Payment"))


def write(company: Company, entity: str, operation: str, body: Any) -> Rendered:
    """Do "create", "update", "delete" or "void"; give the object after it as JSON. Raises VendorFault."""
    if not fields.is_writable(entity):
        raise VendorFault("2010", f"{entity} cannot be written", entity)
    if not isinstance(body, dict):
        raise unsupported("body")
    if operation == "create":
        record = _create(company, entity, body)
    elif operation == "update":
        record = _update(company, entity, body)
    elif operation == "delete" and entity in TRANSACTIONS:
        return _delete(company, entity, body)
    elif (operation, entity) in _VOIDABLE:
        if entity == "Payment" and body.get("sparse") is not True:
            raise missing("sparse")
        record = _void(company, entity, body)
    else:
        raise VendorFault("2010", f"Operation {operation} is not supported for {entity}", "operation")
    return company.books.render(record)


def read(company: Company, entity: str, id: str) -> Rendered:  # noqa: A002 — the vendor's word
    """Give an object as JSON. Raises VendorFault 610."""
    record = company.books.visible(entity, id)
    if record is None:
        raise inactive()
    return company.books.render(record)


def edit(company: Company, record: Record, changes: Json) -> None:
    """Change an object as a person would in the browser, whatever the closing date. Raises VendorFault."""
    _rebuild(company, record, fields.check(record.entity, changes), sparse=True)


def delete(company: Company, record: Record) -> None:
    """Take an object out; payments on it become unapplied."""
    _release(company, record)
    company.books.remove(record)


def _create(company: Company, entity: str, body: Json) -> Record:
    clean = fields.check(entity, body)
    if "Id" in clean:
        raise unsupported("Id")
    clean.pop("SyncToken", None)
    clean.pop("sparse", None)
    if entity in TRANSACTIONS:
        open_books(company, transaction_date(clean))
    record = company.books.add(entity, _BUILD[entity](company, entity, clean, None))
    if entity == "CreditMemo" and company.preferences["AutoApplyCredit"]:
        payment.auto_apply(company, record)
    return record


def _update(company: Company, entity: str, body: Json) -> Record:
    clean = fields.check(entity, body)
    record = _current(company, entity, clean)
    if entity in TRANSACTIONS:
        open_books(company, record.data["TxnDate"])
        if clean.get("TxnDate"):
            open_books(company, clean["TxnDate"])
    _rebuild(company, record, clean, sparse=bool(clean.get("sparse")))
    return record


def _rebuild(company: Company, record: Record, changes: Json, *, sparse: bool) -> None:
    """Put changes over the old fields, or in their place: a full update blanks what it leaves out."""
    if sparse and company.preferences["EmptyLinesIgnored"] and changes.get("Line") == []:
        changes = {name: value for name, value in changes.items() if name != "Line"}
    merged: Json = fields.check(record.entity, record.data) | changes if sparse else dict(changes)
    for name in ("Id", "SyncToken", "sparse"):
        merged.pop(name, None)
    built = _BUILD[record.entity](company, record.entity, merged, record)
    company.books.replace(record, built)


def _delete(company: Company, entity: str, body: Json) -> Rendered:
    record = _current(company, entity, fields.check(entity, body))
    open_books(company, record.data["TxnDate"])
    delete(company, record)
    return dumps({"status": "Deleted", "domain": "QBO", "Id": record.id})


def _void(company: Company, entity: str, body: Json) -> Record:
    record = _current(company, entity, fields.check(entity, body))
    open_books(company, record.data["TxnDate"])
    _release(company, record)
    company.books.replace(record, voided(record))
    return record


def _release(company: Company, record: Record) -> None:
    for paid in company.books.payments_on(record):
        payment.without(company, paid, record)


def _current(company: Company, entity: str, clean: Json) -> Record:
    """Give the object an update speaks of. Raises VendorFault 2020, 610, 5010."""
    for name in ("Id", "SyncToken"):
        if name not in clean:
            raise missing(name)
    record = company.books.visible(entity, clean["Id"])
    if record is None:
        raise inactive()
    if clean["SyncToken"] != record.data["SyncToken"]:
        raise VendorFault(
            "5010",
            "Stale Object Error : You and another user were working on this at the same time. The other user finished "
            "before you did, so your work was not saved.",
            "SyncToken",
        )
    return record
