"""What a tester changes by hand: settings such as lock dates, and objects as a person in the browser would."""

from datetime import date
from typing import Any

from integrations.sandbox.messages import ControlError, Json
from integrations.sandbox.xero import fields, journals, payments, sales, writing
from integrations.sandbox.xero.errors import Invalid, Refused
from integrations.sandbox.xero.organisation import Organisation
from integrations.sandbox.xero.resources import ENTITIES
from integrations.sandbox.xero.sales import CREDIT_NOTE, INVOICE

_DATES = ("PeriodLockDate", "EndOfYearLockDate")
_GONE = {
    "ManualJournal": "VOIDED",
    "Invoice": "VOIDED",
    "CreditNote": "VOIDED",
    "Contact": "ARCHIVED",
    "Account": "ARCHIVED",
}


def do(organisation: Organisation, action: str, body: Json) -> Json | None:
    """Do a control action; None if there is none of that name. Raises ControlError."""
    if action == "preferences":
        return prefer(organisation, body)
    if action not in ("edit", "make"):
        return None
    try:
        return _edit(organisation, body) if action == "edit" else _make(organisation, body)
    except Invalid as error:
        raise ControlError(f"It was refused: {error}") from error
    except Refused as error:
        raise ControlError(f"It was refused: {error.answer.body.decode()}") from error


def prefer(organisation: Organisation, body: Json) -> Json:
    """Change settings and give them all. Raises ControlError."""
    known = organisation.preferences
    unknown = sorted(set(body) - set(known))
    if unknown:
        raise ControlError(f"Unknown preference {', '.join(unknown)}. Known: {', '.join(known)}.")
    for name, value in body.items():
        known[name] = _day(name, value) if name in _DATES else value
        if name == "BaseCurrency":
            organisation.books.tables["Currency"].clear()
            organisation.books.add("Currency", {"Code": value, "Description": value})
    return {**known, **{name: known[name] or None for name in _DATES}}


def _edit(organisation: Organisation, body: Json) -> Json:
    """Change an object; `"delete": true` does what the vendor has in place of deleting: void or archive."""
    entity, number = str(body.get("entity", "")), str(body.get("id", ""))
    record = organisation.books.get(entity, number)
    if record is None or entity not in ENTITIES:
        raise ControlError(
            f"There is no {entity or 'entity'} {number}. Send entity and id as /_sandbox/state shows them."
        )
    changed: Json = body.get("changes") or {}
    if body.get("delete"):
        status = "ContactStatus" if entity == "Contact" else "Status"
        changed = {status: _GONE.get(entity, "DELETED")}
        if entity == "BankTransaction":  # Its deletion repeats what it is.
            changed |= {
                "Type": record.data["Type"],
                "BankAccount": {"AccountID": record.data["BankAccount"]["AccountID"]},
                "LineItems": [{"Description": "Deleted by hand"}],
            }
    if not changed:
        raise ControlError('Send "changes" with the fields to change, or "delete": true.')
    kept, closed = dict(organisation.preferences), dict.fromkeys(_DATES, "") | {"OverpaymentsCanBeDeleted": True}
    organisation.preferences |= closed  # a person may do more, and opens the books for a moment
    try:
        writing.edit_by_hand(organisation, entity, number, changed)
    finally:
        organisation.preferences |= {name: kept[name] for name in closed}
    return {entity: organisation.books.render(record)}


def _make(organisation: Organisation, body: Json) -> Json:
    """Make a document as a person would: {"entity": "ManualJournal", "fields": {...}}."""
    entity = str(body.get("entity", ""))
    sent = fields.check(entity, body.get("fields") or {}) if entity in ENTITIES else {}
    if entity == "ManualJournal":
        record = journals.create(organisation, sent)
    elif entity in ("Invoice", "CreditNote"):
        record = sales.create(organisation, INVOICE if entity == "Invoice" else CREDIT_NOTE, sent, places=4)
    elif entity == "Payment":
        record = payments.create(organisation, sent)
    else:
        raise ControlError("entity must be ManualJournal, Invoice, CreditNote or Payment.")
    return {entity: organisation.books.render(record)}


def _day(name: str, value: Any) -> str:
    if value in (None, ""):
        return ""
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError as error:
        raise ControlError(f"{name} must be a date as YYYY-MM-DD, or null.") from error
