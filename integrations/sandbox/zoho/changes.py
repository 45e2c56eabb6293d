"""What a tester changes by hand: preferences and single records."""

from decimal import Decimal
from typing import Any

from integrations.sandbox.messages import ControlError, Json
from integrations.sandbox.zoho import journals, payments, sales
from integrations.sandbox.zoho.errors import ZohoError
from integrations.sandbox.zoho.fields import read_date
from integrations.sandbox.zoho.organization import Organization
from integrations.sandbox.zoho.store import MODULES

_REFUNDED = {"creditnoterefunds": "creditnotes", "paymentrefunds": "customerpayments"}


def prefer(org: Organization, body: Json) -> Json:
    """Change preferences and give them all. Raises ControlError."""
    unknown = sorted(set(body) - set(org.preferences))
    if unknown:
        raise ControlError(f"Unknown preference {', '.join(unknown)}. Known: {', '.join(org.preferences)}.")
    for name, value in body.items():
        org.preferences[name] = _checked(name, value)
    return dict(org.preferences)


def edit_by_hand(org: Organization, body: Json) -> Json:
    """Change or delete a record as a person would in the browser; lock dates are not looked at. Raises ControlError."""
    path, record_id = str(body.get("entity", "")), str(body.get("id", ""))
    record = org.books.get(path, record_id) if path in MODULES else None
    if record is None:
        raise ControlError(
            f"There is no {path or 'entity'} {record_id}. Send entity and id as /_sandbox/state shows them."
        )
    if body.get("delete"):
        _delete(org, path, record)
        return {"deleted": {"entity": path, "id": record_id}}
    changes = body.get("changes")
    if not isinstance(changes, dict) or not changes:
        raise ControlError('Send "changes" with the fields to change, or "delete": true.')
    unknown = sorted(set(changes) - set(record))
    if unknown:
        raise ControlError(f"A {MODULES[path].label.lower()} has no {', '.join(unknown)}.")
    org.books.change(path, record, {name: _exact(value) for name, value in changes.items()})
    _post_again(org, path, record)
    return {MODULES[path].single: record}


def _delete(org: Organization, path: str, record: Json) -> None:
    """Take a record out, with what it settled or paid back open again, whatever is locked. Raises ControlError."""
    kept = {name: value for name, value in org.preferences.items() if name.endswith("LockDate")}
    org.preferences.update(dict.fromkeys(kept, ""))
    try:
        if path in _REFUNDED:
            payments.delete_refund(org, _REFUNDED[path], record)
        elif path == "customerpayments":
            payments.delete(org, record)
        else:
            org.books.remove(path, record)
    except ZohoError as error:
        raise ControlError(f"It was refused: {error.body()['message']}") from error
    finally:
        org.preferences.update(kept)


def _post_again(org: Organization, path: str, record: Json) -> None:
    if path == "journals":
        journals.recount(org, record)
    elif path in ("invoices", "creditnotes"):
        sales.post(org, path, record)


def _checked(name: str, value: Any) -> Any:
    if name.endswith("LockDate"):
        try:
            return read_date(value, name) if value else ""
        except ZohoError:
            raise ControlError(f"{name} must be a date as YYYY-MM-DD, or null.") from None
    if name in ("DailyLimit", "RetryAfter"):
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ControlError(f"{name} must be a whole number, 0 for none.")
        return value
    if name == "UpsertNumbers":
        if value not in ("free", "flag", "own"):
            raise ControlError(f"{name} must be free, flag or own.")
        return value
    if not isinstance(value, bool):
        raise ControlError(f"{name} must be true or false.")
    return value


def _exact(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, list):
        return [_exact(each) for each in value]
    if isinstance(value, dict):
        return {name: _exact(each) for name, each in value.items()}
    return value
