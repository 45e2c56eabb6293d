"""The books as pages for a person: the chart with balances, lists of documents, and each document."""

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from itertools import islice
from typing import Any

from integrations.sandbox.html import Cell, link, page, page_number, pager, table, text
from integrations.sandbox.messages import Json, Request, Response
from integrations.sandbox.quickbooks import facts
from integrations.sandbox.quickbooks.company import Company
from integrations.sandbox.quickbooks.store import TRANSACTIONS, ZERO, Record

_PAGE = 100
_LISTS = {
    "journalentry": ("JournalEntry", "Journal entries"),
    "invoice": ("Invoice", "Invoices"),
    "creditmemo": ("CreditMemo", "Credit memos"),
    "payment": ("Payment", "Payments"),
    "purchase": ("Purchase", "Expenses"),
    "deposit": ("Deposit", "Deposits"),
    "customer": ("Customer", "Customers"),
    "vendor": ("Vendor", "Vendors"),
    "item": ("Item", "Products and services"),
}
_LINKED = {"Expense": "purchase", "Check": "purchase"}
_CLASSES = ("Asset", "Liability", "Equity", "Revenue", "Expense")


def show(company: Company, request: Request) -> Response:
    """Answer a person's browser."""
    if request.method not in ("GET", "HEAD"):
        return _page("Not here", "<p>Nothing is changed through these pages.</p>", 405)
    parts = request.path.strip("/").lower().split("/")
    if parts in ([""], ["accounts"]):
        return _home(company)
    if parts[0] == "account" and len(parts) == 2:
        return _account(company, parts[1], page_number(request))
    if parts[0] in _LISTS and len(parts) == 1:
        return _list(company, parts[0], page_number(request))
    if parts[0] in _LISTS and len(parts) == 2:
        record = company.books.get(_LISTS[parts[0]][0], parts[1])
        if record is not None:
            return _document(company, record)
    return _page("Not found", "<p>There is no such page in this sandbox.</p>", 404)


def _home(company: Company) -> Response:
    books = company.books
    closed = f" Books are closed through {escape(company.closed_through)}." if company.closed_through else ""
    counts = [(link(f"/{path}", title), len(books.tables.get(entity, {}))) for path, (entity, title) in _LISTS.items()]
    parts = [
        (
            f"<p>Company {facts.REALM_ID}, books in {facts.HOME}.{closed} This is a sandbox: what it holds is lost when it "
            'stops. <a href="/_sandbox/state">State for programs</a>.</p>'
        ),
        table(("List", "Entries"), counts, amounts=(1,)),
        "<h2>Chart of accounts</h2>",
    ]
    by_class: dict[str, list[Record]] = {name: [] for name in _CLASSES}
    for record in books.all("Account"):
        by_class[record.data["Classification"]].append(record)
    for name, records in by_class.items():
        records.sort(key=lambda record: record.data.get("AcctNum") or "~")
        rows = [
            (
                record.data.get("AcctNum"),
                link(f"/account/{record.id}", record.data["FullyQualifiedName"]),
                record.data["AccountType"] + ("" if record.data["Active"] else " (inactive)"),
                books.view(record)["CurrentBalance"],
            )
            for record in records
        ]
        total = sum((row[3] for row in rows), ZERO)
        parts.append(f"<h2>{name}</h2>")
        parts.append(table(("Number", "Account", "Type", "Balance"), rows, amounts=(3,), foot=("", "Total", "", total)))
    return _page(facts.COMPANY["name"], "".join(parts))


def _account(company: Company, number: str, page: int) -> Response:
    account = company.books.get("Account", number)
    if account is None:
        return _page("Not found", "<p>There is no such account.</p>", 404)
    found = (
        (record, posting)
        for entity in TRANSACTIONS
        for record in company.books.all(entity)
        for posting in record.built.postings
        if posting.account == number
    )
    rows = [
        (
            record.data["TxnDate"],
            link(_path(record), f"{record.entity} {_number(record)}"),
            posting.amount if posting.amount > 0 else None,
            -posting.amount if posting.amount < 0 else None,
        )
        for record, posting in islice(found, page * _PAGE - _PAGE, page * _PAGE + 1)
    ]
    body = table(("Date", "Document", "Debit", "Credit"), rows[:_PAGE], amounts=(2, 3))
    balance = company.books.view(account)["CurrentBalance"]
    heading = f"<p>{escape(account.data['AccountType'])}, balance {text(balance)} {facts.HOME}</p>"
    return _page(account.data["Name"], heading + body + pager(page, more=len(rows) > _PAGE))


def _list(company: Company, path: str, page: int) -> Response:
    entity, title = _LISTS[path]
    held = company.books.tables.get(entity, {})
    newest = islice(reversed(held.values()), page * _PAGE - _PAGE, page * _PAGE)
    if entity in ("Customer", "Vendor", "Item"):
        names = ("Id", "Name", "Currency", "Balance")
        rows: list[Sequence[Cell]] = [_list_row(company.books.view(record), record) for record in newest]
    else:
        names = ("Date", "Number", "Customer or note", "Total")
        rows = [_document_row(record) for record in newest]
    body = table(names, rows, amounts=(3,)) if rows else "<p>There are none yet.</p>"
    return _page(f"{title} ({len(held)})", body + pager(page, more=page * _PAGE < len(held)))


def _list_row(data: Json, record: Record) -> Sequence[Cell]:
    name = data.get("DisplayName") or data.get("Name")
    shown = f"{name}{'' if data.get('Active', True) else ' (inactive)'}"
    return (record.id, link(_path(record), shown), _ref(data, "CurrencyRef"), data.get("Balance"))


def _document_row(record: Record) -> Sequence[Cell]:
    data = record.data
    total = data["TotalAmt"]
    if record.entity == "JournalEntry":
        total = sum((line["Amount"] for line in data["Line"] if _detail(line).get("PostingType") == "Debit"), ZERO)
    who = (data.get("CustomerRef") or {}).get("name") or data.get("PrivateNote", "")
    return (data["TxnDate"], link(_path(record), _number(record)), who, total)


def _document(company: Company, record: Record) -> Response:
    data = company.books.view(record)
    facts_shown = {
        name: _named(company, name, value) if isinstance(value, dict) else value
        for name, value in data.items()
        if not isinstance(value, list | dict) or (isinstance(value, dict) and "value" in value)
    }
    terms = "".join(f"<dt>{escape(name)}</dt><dd>{text(_plain(value))}</dd>" for name, value in facts_shown.items())
    parts = [f"<dl>{terms}</dl>"]
    if data.get("Line"):
        rows = [_line_row(line) for line in data["Line"]]
        names = ("Description", "Account, item or document", "Name", "Debit", "Credit", "Amount")
        parts.append("<h2>Lines</h2>" + table(names, rows, amounts=(3, 4, 5)))
    if record.built.postings:
        parts.append(f"<h2>Postings in {facts.HOME}</h2>" + _postings(company, record))
    return _page(f"{record.entity} {_number(record)}", "".join(parts))


def _named(company: Company, name: str, ref: Json) -> Any:
    """Give a reference's name; that of an account is not always told."""
    account = company.books.get("Account", str(ref.get("value", ""))) if name.endswith("AccountRef") else None
    return ref.get("name") or (account.data["Name"] if account else ref)


def _line_row(line: Json) -> Sequence[Cell]:
    detail = _detail(line)
    side = detail.get("PostingType")
    amount = line.get("Amount")
    what: Cell = _ref(detail, "AccountRef") or _ref(detail, "ItemRef")
    if line.get("LinkedTxn"):
        linked = line["LinkedTxn"][0]
        path = _LINKED.get(linked["TxnType"], linked["TxnType"].lower())
        what = link(f"/{path}/{linked['TxnId']}", f"{linked['TxnType']} {linked['TxnId']}")
    who = _ref(detail.get("Entity", {}), "EntityRef")
    sides = (amount if side == "Debit" else None, amount if side == "Credit" else None, None if side else amount)
    words = line.get("Description") or ("Subtotal" if line.get("DetailType") == "SubTotalLineDetail" else "")
    return (words, what, who, *sides)


def _postings(company: Company, record: Record) -> str:
    rows = [
        (
            link(f"/account/{posting.account}", company.books.tables["Account"][posting.account].data["Name"]),
            posting.amount if posting.amount > 0 else None,
            -posting.amount if posting.amount < 0 else None,
        )
        for posting in record.built.postings
        if posting.amount
    ]
    return table(("Account", "Debit", "Credit"), rows, amounts=(1, 2))


def _detail(line: Json) -> Json:
    found: Json = line.get("JournalEntryLineDetail") or line.get("SalesItemLineDetail") or {}
    return found


def _ref(data: Json, name: str) -> str:
    ref = data.get(name) or {}
    return str(ref.get("name") or ref.get("value") or "")


def _number(record: Record) -> str:
    data = record.data
    return str(
        data.get("DocNumber") or data.get("PaymentRefNum") or data.get("DisplayName") or data.get("Name") or record.id
    )


def _path(record: Record) -> str:
    return f"/{record.entity.lower()}/{record.id}"


def _plain(value: Any) -> Cell:
    if isinstance(value, dict):
        return str(value.get("value", ""))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, Decimal | int) else str(value)


def _page(title: str, body: str, status: int = 200) -> Response:
    menu = [(f"/{path}", name) for path, (_, name) in _LISTS.items() if path != "vendor"]
    return page(title, body, home="QuickBooks sandbox", colour="#2a6f3f", menu=menu, status=status)
