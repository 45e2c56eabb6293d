"""What changed since a time, rates of exchange, and what a tester changes by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from integrations.sandbox.jsontext import Rendered
from integrations.sandbox.messages import ControlError, Json
from integrations.sandbox.quickbooks import entities, facts, fields
from integrations.sandbox.quickbooks.checks import transaction_date
from integrations.sandbox.quickbooks.company import Company
from integrations.sandbox.quickbooks.faults import VendorFault, missing
from integrations.sandbox.quickbooks.query import moment
from integrations.sandbox.quickbooks.store import TRANSACTIONS, now_text

_MOST_CHANGES, _REMEMBERED = 1000, timedelta(days=30)  # of one answer
_TRACKED = (*TRANSACTIONS, "Customer", "Vendor", "Item", "Account", "Class", "Department")


def since(company: Company, params: dict[str, str]) -> Json:
    """Answer change data capture: per entity, what was made, changed or deleted since a time. Raises VendorFault."""
    for name in ("entities", "changedSince"):
        if not params.get(name):
            raise missing(name)
    start = moment(params["changedSince"].replace(" ", "+"))  # a plus sign in an address arrives as a space
    if start < datetime.now(UTC) - _REMEMBERED:
        raise VendorFault("4001", "changedSince can be at most 30 days ago", "changedSince")
    answers: list[Json] = []
    left = _MOST_CHANGES
    for name in params["entities"].split(","):
        entity = next((known for known in _TRACKED if known.lower() == name.strip().lower()), None)
        if entity is None:
            raise VendorFault("4001", f"Changes of {name} are not tracked", "entities")
        rows = _changed(company, entity, start)[:left]
        left -= len(rows)
        answers.append({entity: rows, "startPosition": 1, "maxResults": len(rows)} if rows else {})
    return {"CDCResponse": [{"QueryResponse": answers}]}


def _changed(company: Company, entity: str, start: datetime) -> list[Any]:
    rows: list[Rendered | Json] = [
        company.books.render(record)
        for record in company.books.all(entity)
        if datetime.fromisoformat(record.data["MetaData"]["LastUpdatedTime"]) >= start
    ]
    rows += [
        {"domain": "QBO", "status": "Deleted", "Id": number, "MetaData": {"LastUpdatedTime": time}}
        for time, kind, number in company.books.deleted
        if kind == entity and datetime.fromisoformat(time) >= start
    ]
    return rows


def exchange_rate(params: dict[str, str]) -> Json:
    """Give the rate of a currency; the sandbox's rates are the same on every day. Raises VendorFault."""
    code = params.get("sourcecurrencycode")
    if not code:
        raise missing("sourcecurrencycode")
    rate = Decimal(1) if code == facts.HOME else facts.RATES.get(code)
    if rate is None:
        raise VendorFault("2500", f"Invalid Reference Id : Currency {code} is not enabled", "sourcecurrencycode")
    date = transaction_date(
        {"TxnDate": fields.read_date(params["asofdate"], "asofdate")} if "asofdate" in params else {}
    )
    return {
        "SourceCurrencyCode": code,
        "TargetCurrencyCode": facts.HOME,
        "Rate": rate,
        "AsOfDate": date,
        "domain": "QBO",
        "sparse": False,
        "SyncToken": "0",
        "MetaData": {"LastUpdatedTime": now_text()},
    }


def prefer(company: Company, body: Json) -> Json:
    """Change preferences and give them all. Raises ControlError."""
    unknown = sorted(set(body) - set(company.preferences))
    if unknown:
        raise ControlError(f"Unknown preference {', '.join(unknown)}. Known: {', '.join(company.preferences)}.")
    for name, value in body.items():
        if name == "BookCloseDate":
            body = body | {name: _closing_date(value)}
        elif name == "Country":
            if not isinstance(value, str) or len(value) != 2:
                raise ControlError("Country must be a code of two letters, such as US or GB.")
        elif name == "LargestPage":
            if not isinstance(value, int) or value < 1:
                raise ControlError("LargestPage must be a number of rows.")
        elif not isinstance(value, bool):
            raise ControlError(f"{name} must be true or false.")
    company.prefer(body)
    return company.preferences | {"BookCloseDate": company.closed_through or None}


def edit_by_hand(company: Company, body: Json) -> Json:
    """Change or delete an object as a person would in the browser. Raises ControlError."""
    entity, number = str(body.get("entity", "")), str(body.get("id", ""))
    record = company.books.get(entity, number)
    if record is None or not fields.is_writable(entity):
        raise ControlError(
            f"There is no {entity or 'entity'} {number}. Send entity and id as /_sandbox/state shows them."
        )
    try:
        if body.get("delete"):
            entities.delete(company, record)
            return {"deleted": {"entity": entity, "id": number}}
        if not isinstance(body.get("changes"), dict):
            raise ControlError('Send "changes" with the fields to change, or "delete": true.')
        entities.edit(company, record, body["changes"])
    except VendorFault as fault:
        raise ControlError(f"The change was refused: {fault}") from fault
    return {entity: company.books.render(record)}


def _closing_date(value: Any) -> str:
    if value in (None, ""):
        return ""
    try:
        return fields.read_date(value, "BookCloseDate")
    except VendorFault:
        raise ControlError("BookCloseDate must be a date as YYYY-MM-DD, or null.") from None
