"""The books as pages for a person: the chart with balances, lists of documents, and each document."""

from collections.abc import Sequence
from html import escape
from itertools import islice
from typing import Any

from integrations.sandbox.html import Cell, link, page, page_number, pager, table, text
from integrations.sandbox.messages import Json, Request, Response
from integrations.sandbox.xero import facts
from integrations.sandbox.xero.organisation import Organisation
from integrations.sandbox.xero.store import ZERO, Record, day_of

_PAGE = 100
_LISTS = {
    "manualjournal": ("ManualJournal", "Manual journals"),
    "invoice": ("Invoice", "Invoices"),
    "creditnote": ("CreditNote", "Credit notes"),
    "payment": ("Payment", "Payments"),
    "overpayment": ("Overpayment", "Overpayments"),
    "banktransaction": ("BankTransaction", "Bank transactions"),
    "contact": ("Contact", "Contacts"),
    "item": ("Item", "Items"),
}
_CLASSES = ("ASSET", "LIABILITY", "EQUITY", "REVENUE", "EXPENSE")
_NATURAL_CREDIT = ("LIABILITY", "EQUITY", "REVENUE")
_POSTING = ("ManualJournal", "Invoice", "CreditNote", "Payment", "BankTransaction")


def show(organisation: Organisation, request: Request) -> Response:
    """Answer a person's browser."""
    if request.method not in ("GET", "HEAD"):
        return _page("Not here", "<p>Nothing is changed through these pages.</p>", 405)
    parts = request.path.strip("/").lower().split("/")
    if parts in ([""], ["accounts"]):
        return _home(organisation)
    if parts[0] == "account" and len(parts) == 2:
        return _account(organisation, parts[1], page_number(request))
    if parts[0] in _LISTS and len(parts) == 1:
        return _list(organisation, parts[0], page_number(request))
    if parts[0] in _LISTS and len(parts) == 2:
        record = organisation.books.get(_LISTS[parts[0]][0], parts[1])
        if record is not None:
            return _document(organisation, record)
    return _page("Not found", "<p>There is no such page in this sandbox.</p>", 404)


def _home(organisation: Organisation) -> Response:
    books = organisation.books
    locks = [
        f"{words} {escape(organisation.preferences[name])}"
        for name, words in (("PeriodLockDate", "Period lock date"), ("EndOfYearLockDate", "end of year lock date"))
        if organisation.preferences[name]
    ]
    counts = [(link(f"/{path}", title), len(books.tables.get(entity, {}))) for path, (entity, title) in _LISTS.items()]
    told = (
        f"<p>Tenant {facts.TENANT_ID}, books in {organisation.base}. {', '.join(locks)} This is a sandbox: what it holds is "
        'lost when it stops. <a href="/_sandbox/state">State for programs</a>.</p>'
    )
    parts = [told, table(("List", "Entries"), counts, amounts=(1,)), "<h2>Chart of accounts</h2>"]
    for name in _CLASSES:
        records = sorted(
            (each for each in books.all("Account") if each.data["Class"] == name),
            key=lambda each: each.data.get("Code", "~"),
        )
        rows = [
            (
                record.data.get("Code"),
                link(f"/account/{record.id}", record.data["Name"]),
                _kind(record.data),
                _balance(organisation, record),
            )
            for record in records
        ]
        total = sum((row[3] for row in rows), ZERO)
        parts.append(f"<h2>{name.capitalize()}</h2>")
        parts.append(table(("Code", "Account", "Type", "Balance"), rows, amounts=(3,), foot=("", "Total", "", total)))
    return _page(facts.ORGANISATION["name"], "".join(parts))


def _kind(data: Json) -> str:
    notes = [data["SystemAccount"].lower()] if data.get("SystemAccount") else []
    notes += ["payments enabled"] if data.get("EnablePaymentsToAccount") else []
    notes += [] if data["Status"] == "ACTIVE" else [data["Status"].lower()]
    return data["Type"] + (f" ({', '.join(notes)})" if notes else "")


def _balance(organisation: Organisation, account: Record) -> Any:
    balance = organisation.books.balances.get(account.id, ZERO)
    return (-balance if account.data["Class"] in _NATURAL_CREDIT else balance) or ZERO


def _account(organisation: Organisation, number: str, at: int) -> Response:
    account = organisation.books.get("Account", number)
    if account is None:
        return _page("Not found", "<p>There is no such account.</p>", 404)
    found = (
        (record, posting)
        for entity in _POSTING
        for record in organisation.books.all(entity)
        for posting in record.postings
        if posting.account == account.id
    )
    rows = [
        (
            day_of(record.data["Date"]),
            link(_path(record), f"{record.entity} {_number(record)}"),
            posting.amount if posting.amount > 0 else None,
            -posting.amount if posting.amount < 0 else None,
        )
        for record, posting in islice(found, at * _PAGE - _PAGE, at * _PAGE + 1)
    ]
    body = table(("Date", "Document", "Debit", "Credit"), rows[:_PAGE], amounts=(2, 3))
    heading = f"<p>{_kind(account.data)}, balance {text(_balance(organisation, account))} {organisation.base}</p>"
    return _page(account.data["Name"], heading + body + pager(at, more=len(rows) > _PAGE))


def _list(organisation: Organisation, path: str, at: int) -> Response:
    entity, title = _LISTS[path]
    rows_held = organisation.books.tables.get(entity, {})
    newest = islice(reversed(rows_held.values()), at * _PAGE - _PAGE, at * _PAGE)
    if entity in ("Contact", "Item"):
        names: tuple[str, ...] = ("Number", "Name", "Status", "")
        rows: list[Sequence[Cell]] = [_list_row(record) for record in newest]
    else:
        names = ("Date", "Number or text", "Contact", "Status", "Currency", "Total")
        rows = [_document_row(organisation.base, record) for record in newest]
    body = table(names, rows, amounts=(len(names) - 1,)) if rows else "<p>There are none yet.</p>"
    return _page(f"{title} ({len(rows_held)})", body + pager(at, more=at * _PAGE < len(rows_held)))


def _list_row(record: Record) -> Sequence[Cell]:
    data = record.data
    return (
        data.get("ContactNumber") or data.get("Code"),
        link(_path(record), data["Name"] or data["Code"]),
        _status(data),
        None,
    )


def _document_row(base: str, record: Record) -> Sequence[Cell]:
    data = record.data
    total = data.get("Total", data.get("Amount"))
    if record.entity == "ManualJournal":
        total = sum((line["LineAmount"] for line in data["JournalLines"] if line["LineAmount"] > 0), ZERO)
    settled = _settled(data)
    return (
        day_of(data["Date"]),
        link(_path(record), _number(record)),
        _contact(data),
        str(data["Status"]).lower(),
        settled.get("CurrencyCode", base),
        total,
    )


def _document(organisation: Organisation, record: Record) -> Response:
    data = record.data
    plain = {
        name: value for name, value in data.items() if not isinstance(value, list | dict) and value not in (None, "")
    }
    plain |= {"Contact": _contact(data)} if _contact(data) else {}
    terms = "".join(f"<dt>{escape(name)}</dt><dd>{text(_shown(value))}</dd>" for name, value in plain.items())
    parts = [f"<dl>{terms}</dl>"]
    lines = data.get("JournalLines") or data.get("LineItems")
    if lines:
        accounts = organisation.books.tables["Account"]
        rows = [_line_row(line, accounts.get(line.get("AccountID", ""))) for line in lines]
        parts.append("<h2>Lines</h2>" + table(("Description", "Account", "Tax", "Amount"), rows, amounts=(3,)))
    for name in ("Payments", "Allocations", "CreditNotes", "Overpayments"):
        if data.get(name):
            rows = [
                (day_of(each["Date"]), _linked(each), None, each.get("Amount", each.get("AppliedAmount")))
                for each in data[name]
            ]
            parts.append(f"<h2>{name}</h2>" + table(("Date", "Document", "", "Amount"), rows, amounts=(3,)))
    if record.postings:
        parts.append(f"<h2>Postings in {organisation.base}</h2>" + _postings(organisation, record))
    return _page(f"{record.entity} {_number(record)}", "".join(parts))


def _line_row(line: Json, account: Record | None) -> Sequence[Cell]:
    shown = (
        link(f"/account/{account.id}", f"{account.data.get('Code', '')} {account.data['Name']}") if account else None
    )
    tax = f"{line.get('TaxType', '')} {text(line['TaxAmount']) if line.get('TaxAmount') else ''}".strip()
    where = ", ".join(f"{each['Name']}: {each['Option']}" for each in line.get("Tracking", ()))
    return (f"{line.get('Description', '')} {where}".strip(), shown, tax, line["LineAmount"])


def _linked(row: Json) -> Cell:
    for entity in ("Payment", "CreditNote", "Overpayment"):
        if f"{entity}ID" in row:
            return link(f"/{entity.lower()}/{row[f'{entity}ID']}", entity)
    return link(f"/invoice/{row['Invoice']['InvoiceID']}", row["Invoice"]["InvoiceNumber"])


def _postings(organisation: Organisation, record: Record) -> str:
    accounts = organisation.books.tables["Account"]
    rows = [
        (
            link(f"/account/{posting.account}", accounts[posting.account].data["Name"]),
            posting.amount if posting.amount > 0 else None,
            -posting.amount if posting.amount < 0 else None,
        )
        for posting in record.postings
        if posting.amount
    ]
    return table(("Account", "Debit", "Credit"), rows, amounts=(1, 2))


def _settled(data: Json) -> Json:
    """Give the document that a payment settles, else the document itself."""
    found: Json = data.get("Invoice") or data.get("CreditNote") or data.get("Overpayment") or data
    return found


def _contact(data: Json) -> str:
    return str((_settled(data).get("Contact") or {}).get("Name", ""))


def _status(data: Json) -> str:
    status = str(data.get("ContactStatus") or "")
    return "" if status == "ACTIVE" else status.lower()


def _shown(value: Any) -> Cell:
    if isinstance(value, str) and value.startswith("/Date("):
        return day_of(value)
    return ("yes" if value else "no") if isinstance(value, bool) else value


def _number(record: Record) -> str:
    names = ("InvoiceNumber", "CreditNoteNumber", "Narration", "Reference", "Name", "Code")
    return str(next((record.data[name] for name in names if record.data.get(name)), record.id))


def _path(record: Record) -> str:
    return f"/{record.entity.lower()}/{record.id}"


def _page(title: str, body: str, status: int = 200) -> Response:
    menu = [(f"/{path}", name) for path, (_, name) in _LISTS.items() if path != "banktransaction"]
    return page(title, body, home="Xero sandbox", colour="#0f6a9a", menu=menu, status=status)
