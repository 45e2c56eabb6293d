"""Writing: new and changed objects, one result for each, and the calls that change one object."""

import copy
from collections.abc import Callable
from typing import Any

from integrations.sandbox.jsontext import Rendered, loads
from integrations.sandbox.messages import Json, Request
from integrations.sandbox.xero import fields, journals, lists, payments, sales
from integrations.sandbox.xero.errors import Invalid, bad_data, errors_of, not_found, validation
from integrations.sandbox.xero.organisation import Organisation
from integrations.sandbox.xero.reading import find
from integrations.sandbox.xero.resources import ENTITIES, Resource
from integrations.sandbox.xero.sales import CREDIT_NOTE, INVOICE
from integrations.sandbox.xero.store import Record, id_field

_NO_ID = "00000000-0000-0000-0000-000000000000"
_CREDITS = ("CreditNotes", "Overpayments", "Prepayments")

Create = Callable[[Organisation, Json, int], Record]
Update = Callable[[Organisation, Record, Json, int], Record]

_CREATE: dict[str, Create] = {
    "ManualJournal": lambda books, sent, places: journals.create(books, sent),
    "Invoice": lambda books, sent, places: sales.create(books, INVOICE, sent, places=places),
    "CreditNote": lambda books, sent, places: sales.create(books, CREDIT_NOTE, sent, places=places),
    "Payment": lambda books, sent, places: payments.create(books, sent),
    "BankTransaction": lambda books, sent, places: payments.receive(books, sent),
    "Contact": lambda books, sent, places: lists.contact(books, sent, None),
    "Item": lambda books, sent, places: lists.item(books, sent, None),
    "Account": lambda books, sent, places: lists.account(books, sent, None),
    "Currency": lambda books, sent, places: lists.currency(books, sent),
}
_UPDATE: dict[str, Update] = {
    "ManualJournal": lambda books, old, sent, places: journals.update(books, old, sent),
    "Invoice": lambda books, old, sent, places: sales.update(books, INVOICE, old, sent, places=places),
    "CreditNote": lambda books, old, sent, places: sales.update(books, CREDIT_NOTE, old, sent, places=places),
    "Payment": lambda books, old, sent, places: _payment_deleted(books, old, sent),
    "BankTransaction": lambda books, old, sent, places: _transaction_deleted(books, old, sent),
    "Contact": lambda books, old, sent, places: lists.contact(books, sent, old),
    "Item": lambda books, old, sent, places: lists.item(books, sent, old),
    "Account": lambda books, old, sent, places: lists.account(books, sent, old),
}
# By what POST to the list recognises an object that is there already.
_KNOWN_BY = {"Invoice": "InvoiceNumber", "CreditNote": "CreditNoteNumber", "Contact": "ContactNumber", "Item": "Code"}


def write(organisation: Organisation, resource: Resource, request: Request) -> list[Rendered | Json]:
    """Create (PUT) or create and change (POST) what a list holds. Raises Refused; without saving, where one is wrong.

    With `summarizeErrors=false` each object has its own result, and the right ones are saved.
    """
    if resource.entity not in _CREATE:
        raise not_found()
    rows = _rows(resource, _json(request))
    if not resource.batch and len(rows) > 1:
        raise bad_data(f"Only one {resource.entity} can be sent at a time")
    places = 4 if request.params.get("unitdp") == "4" else 2
    summarize = request.params.get("summarizeErrors", "true").lower() != "false"
    before = copy.deepcopy(organisation.books) if summarize and len(rows) > 1 else None
    wrong: list[Json] = []
    results: list[Rendered | Json] = []
    for row in rows:
        try:
            record = _one(organisation, resource, row, places, post=request.method == "POST")
            results.append({**record.data, **({} if summarize else {"StatusAttributeString": "OK"})})
        except Invalid as error:
            wrong.append({**_echo(resource, row), "ValidationErrors": errors_of(error.words)})
            results.append({**wrong[-1], "HasErrors": True, "StatusAttributeString": "ERROR"})
    if summarize and wrong:
        organisation.books = before or organisation.books
        raise validation(wrong)
    return results


def change(organisation: Organisation, resource: Resource, name: str, request: Request) -> list[Rendered | Json]:
    """Change one object. Raises Refused."""
    if resource.entity not in _UPDATE:
        raise not_found()
    record = find(organisation, resource, name)
    body = _json(request)
    rows = [body] if resource.entity == "Payment" else _rows(resource, body, always_wrapped=True)
    if len(rows) != 1:
        raise bad_data("Exactly one object can be changed through its own address")
    try:
        sent = fields.check(resource.entity, rows[0])
        places = 4 if request.params.get("unitdp") == "4" else 2
        _UPDATE[resource.entity](organisation, record, sent, places)
    except Invalid as error:
        raise validation([{**_echo(resource, rows[0]), "ValidationErrors": errors_of(error.words)}]) from error
    return [organisation.books.render(record)]


def allocate(organisation: Organisation, resource: Resource, name: str, request: Request) -> list[Rendered | Json]:
    """Let a credit settle invoices, one result for each. Raises Refused."""
    if resource.path not in _CREDITS:
        raise not_found()
    credit = find(organisation, resource, name)
    rows = _json(request).get("Allocations")
    if not isinstance(rows, list) or not rows:
        raise bad_data("Allocations must be a list of allocations")
    results: list[Rendered | Json] = []
    for row in rows:
        try:
            sent = fields.check("Allocation", row)
            made = payments.allocate(organisation, resource.entity, credit, sent)
            results.append({**made, "StatusAttributeString": "OK"})
        except Invalid as error:
            errors = errors_of(error.words)
            if request.params.get("summarizeErrors", "true").lower() != "false":
                raise validation([{**row, "ValidationErrors": errors}]) from error
            results.append({**row, "StatusAttributeString": "ERROR", "ValidationErrors": errors})
    return results


def unallocate(organisation: Organisation, resource: Resource, name: str, allocation: str) -> Json:
    """Take an allocation back. Raises Refused."""
    credit = find(organisation, resource, name)
    try:
        gone = payments.unallocate(organisation, resource.entity, credit, allocation)
    except Invalid as error:
        raise validation([{"ValidationErrors": errors_of(error.words)}]) from error
    if gone is None:
        raise not_found()
    return gone


def edit_by_hand(organisation: Organisation, entity: str, number: str, changes: Json) -> Record:
    """Change an object as a person in the browser would. Raises Invalid, Refused."""
    record = find(organisation, ENTITIES[entity], number)
    return _UPDATE[entity](organisation, record, fields.check(entity, changes), 4)


def _one(organisation: Organisation, resource: Resource, row: Json, places: int, *, post: bool) -> Record:
    sent = fields.check(resource.entity, row)
    old = _old(organisation, resource, sent) if post else None
    if old is not None:
        return _UPDATE[resource.entity](organisation, old, sent, places)
    if sent.get(id_field(resource.entity)):
        raise Invalid(f"The {id_field(resource.entity)} of a new object is given by the server.")
    return _CREATE[resource.entity](organisation, sent, places)


def _old(organisation: Organisation, resource: Resource, sent: Json) -> Record | None:
    number = sent.get(id_field(resource.entity))
    if number:
        return organisation.books.get(resource.entity, number)
    known_by = _KNOWN_BY.get(resource.entity)
    if known_by is None or not sent.get(known_by):
        return None
    return next(iter(organisation.books.having(resource.entity, known_by, sent[known_by])), None)


def _payment_deleted(organisation: Organisation, old: Record, sent: Json) -> Record:
    if sent != {"Status": "DELETED"}:
        raise Invalid("Payments cannot be edited: only deleted, with the Status DELETED.")
    return payments.delete(organisation, old)


def _transaction_deleted(organisation: Organisation, old: Record, sent: Json) -> Record:
    if sent.get("Status") != "DELETED":
        raise Invalid("This sandbox lets bank transactions be deleted only, with the Status DELETED.")
    lacking = [name for name in ("Type", "BankAccount", "LineItems") if not sent.get(name)]
    if lacking:
        raise Invalid(*(f"{name} must be specified." for name in lacking))
    return payments.take_back(organisation, old)


def _echo(resource: Resource, row: Any) -> Json:
    return {id_field(resource.entity): _NO_ID, **(row if isinstance(row, dict) else {})}


def _rows(resource: Resource, body: Any, *, always_wrapped: bool = False) -> list[Json]:
    if not resource.wrapped and not always_wrapped:
        return [body]
    rows = body.get(resource.path) if isinstance(body, dict) else None
    if not isinstance(rows, list) or not rows or set(body) != {resource.path}:
        raise bad_data(f'The body must be {{"{resource.path}": [...]}}')
    return rows


def _json(request: Request) -> Any:
    try:
        return loads(request.body)
    except ValueError as error:
        raise bad_data(f"The body is not JSON: {error}") from error
