"""The books as pages for a person: the chart with balances, lists of documents, and each document."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from html import escape
from itertools import islice
from typing import Any
from urllib.parse import quote

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
    "customer": ("Customer", "Customers"),
    "vendor": ("Vendor", "Vendors"),
    "item": ("Item", "Products and services"),
}
_CLASSES = ("Asset", "Liability", "Equity", "Revenue", "Expense")
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:0;color:#1d2733;background:#f5f7f8}
header{background:#2a6f3f;color:#fff;padding:.8rem 2rem}header a{color:#fff;margin-right:1.2rem}
main{max-width:70rem;margin:1.5rem auto;padding:0 2rem}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%;background:#fff}th,td{padding:.35rem .7rem;border-bottom:1px solid #e3e8ea;
text-align:left;vertical-align:top}th{background:#eef2f3;font-weight:600}.n{text-align:right;
font-variant-numeric:tabular-nums;white-space:nowrap}a{color:#1c5c8c}.quiet{color:#667}dl{display:grid;
grid-template-columns:max-content 1fr;gap:.2rem 1.5rem}dt{color:#667}dd{margin:0}tfoot td{font-weight:600}
"""

Cell = str | Decimal | int | None


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def show(company: Company, request: Request) -> Response:
    """Answer a person's browser."""
    if request.method not in ("GET", "HEAD"):
        return _page("Not here", "<p>Nothing is changed through these pages.</p>", 405)
    parts = request.path.strip("/").lower().split("/")
    if parts in ([""], ["accounts"]):
        return _home(company)
    if parts[0] == "account" and len(parts) == 2:
        return _account(company, parts[1], _page_number(request))
    if parts[0] in _LISTS and len(parts) == 1:
        return _list(company, parts[0], _page_number(request))
    if parts[0] in _LISTS and len(parts) == 2:
        record = company.books.get(_LISTS[parts[0]][0], parts[1])
        if record is not None:
            return _document(company, record)
    return _page("Not found", "<p>There is no such page in this sandbox.</p>", 404)


def _home(company: Company) -> Response:
    books = company.books
    closed = f" Books are closed through {escape(company.closed_through)}." if company.closed_through else ""
    counts = [(_link(f"/{path}", title), len(books.tables.get(entity, {}))) for path, (entity, title) in _LISTS.items()]
    parts = [
        (
            f"<p>Company {facts.REALM_ID}, books in {facts.HOME}.{closed} This is a sandbox: what it holds is lost when it "
            'stops. <a href="/_sandbox/state">State for programs</a>.</p>'
        ),
        _table(("List", "Entries"), counts, amounts=(1,)),
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
                _link(f"/account/{record.id}", record.data["FullyQualifiedName"]),
                record.data["AccountType"] + ("" if record.data["Active"] else " (inactive)"),
                books.view(record)["CurrentBalance"],
            )
            for record in records
        ]
        total = sum((row[3] for row in rows), ZERO)
        parts.append(f"<h2>{name}</h2>")
        parts.append(
            _table(("Number", "Account", "Type", "Balance"), rows, amounts=(3,), foot=("", "Total", "", total))
        )
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
            _link(_path(record), f"{record.entity} {_number(record)}"),
            posting.amount if posting.amount > 0 else None,
            -posting.amount if posting.amount < 0 else None,
        )
        for record, posting in islice(found, page * _PAGE - _PAGE, page * _PAGE + 1)
    ]
    body = _table(("Date", "Document", "Debit", "Credit"), rows[:_PAGE], amounts=(2, 3))
    balance = company.books.view(account)["CurrentBalance"]
    heading = f"<p>{escape(account.data['AccountType'])}, balance {_text(balance)} {facts.HOME}</p>"
    return _page(account.data["Name"], heading + body + _pager(page, more=len(rows) > _PAGE))


def _list(company: Company, path: str, page: int) -> Response:
    entity, title = _LISTS[path]
    table = company.books.tables.get(entity, {})
    newest = islice(reversed(table.values()), page * _PAGE - _PAGE, page * _PAGE)
    if entity in ("Customer", "Vendor", "Item"):
        names = ("Id", "Name", "Currency", "Balance")
        rows: list[Sequence[Cell]] = [_list_row(company.books.view(record), record) for record in newest]
    else:
        names = ("Date", "Number", "Customer or note", "Total")
        rows = [_document_row(record) for record in newest]
    body = _table(names, rows, amounts=(3,)) if rows else "<p>There are none yet.</p>"
    return _page(f"{title} ({len(table)})", body + _pager(page, more=page * _PAGE < len(table)))


def _list_row(data: Json, record: Record) -> Sequence[Cell]:
    name = data.get("DisplayName") or data.get("Name")
    shown = f"{name}{'' if data.get('Active', True) else ' (inactive)'}"
    return (record.id, _link(_path(record), shown), _ref(data, "CurrencyRef"), data.get("Balance"))


def _document_row(record: Record) -> Sequence[Cell]:
    data = record.data
    total = data["TotalAmt"]
    if record.entity == "JournalEntry":
        total = sum((line["Amount"] for line in data["Line"] if _detail(line).get("PostingType") == "Debit"), ZERO)
    who = (data.get("CustomerRef") or {}).get("name") or data.get("PrivateNote", "")
    return (data["TxnDate"], _link(_path(record), _number(record)), who, total)


def _document(company: Company, record: Record) -> Response:
    data = company.books.view(record)
    facts_shown = {
        name: value["name"] if isinstance(value, dict) and "name" in value else value
        for name, value in data.items()
        if not isinstance(value, list | dict) or (isinstance(value, dict) and "value" in value)
    }
    terms = "".join(f"<dt>{escape(name)}</dt><dd>{_text(_plain(value))}</dd>" for name, value in facts_shown.items())
    parts = [f"<dl>{terms}</dl>"]
    if data.get("Line"):
        rows = [_line_row(line) for line in data["Line"]]
        names = ("Description", "Account, item or document", "Name", "Debit", "Credit", "Amount")
        parts.append("<h2>Lines</h2>" + _table(names, rows, amounts=(3, 4, 5)))
    if record.built.postings:
        parts.append(f"<h2>Postings in {facts.HOME}</h2>" + _postings(company, record))
    return _page(f"{record.entity} {_number(record)}", "".join(parts))


def _line_row(line: Json) -> Sequence[Cell]:
    detail = _detail(line)
    side = detail.get("PostingType")
    amount = line.get("Amount")
    what: Cell = _ref(detail, "AccountRef") or _ref(detail, "ItemRef")
    if line.get("LinkedTxn"):
        linked = line["LinkedTxn"][0]
        what = _link(f"/{linked['TxnType'].lower()}/{linked['TxnId']}", f"{linked['TxnType']} {linked['TxnId']}")
    who = _ref(detail.get("Entity", {}), "EntityRef")
    sides = (amount if side == "Debit" else None, amount if side == "Credit" else None, None if side else amount)
    words = line.get("Description") or ("Subtotal" if line.get("DetailType") == "SubTotalLineDetail" else "")
    return (words, what, who, *sides)


def _postings(company: Company, record: Record) -> str:
    rows = [
        (
            _link(f"/account/{posting.account}", company.books.tables["Account"][posting.account].data["Name"]),
            posting.amount if posting.amount > 0 else None,
            -posting.amount if posting.amount < 0 else None,
        )
        for posting in record.built.postings
        if posting.amount
    ]
    return _table(("Account", "Debit", "Credit"), rows, amounts=(1, 2))


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


def _link(path: str, words: str) -> Markup:
    return Markup(f'<a href="{quote(path)}">{escape(words)}</a>')


def _plain(value: Any) -> Cell:
    if isinstance(value, dict):
        return str(value.get("value", ""))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, Decimal | int) else str(value)


def _text(value: Cell) -> str:
    if isinstance(value, Markup):
        return value
    if isinstance(value, Decimal):
        return f"{value:,.2f}" if value == round(value, 2) else f"{value:,f}"
    return "" if value is None else escape(str(value))


def _table(
    names: Sequence[str], rows: Iterable[Sequence[Cell]], *, amounts: Sequence[int], foot: Sequence[Cell] = ()
) -> str:
    def line(cells: Sequence[Cell], tag: str) -> str:
        marked = ((' class="n"' if at in amounts else "", _text(cell)) for at, cell in enumerate(cells))
        return "<tr>" + "".join(f"<{tag}{mark}>{text}</{tag}>" for mark, text in marked) + "</tr>"

    body = "".join(line(row, "td") for row in rows)
    end = f"<tfoot>{line(foot, 'td')}</tfoot>" if foot else ""
    return f"<table><thead>{line(names, 'th')}</thead><tbody>{body}</tbody>{end}</table>"


def _page_number(request: Request) -> int:
    given = request.params.get("page", "1")
    return max(1, int(given)) if given.isdigit() and len(given) < 9 else 1


def _pager(page: int, *, more: bool) -> str:
    links = [f'<a href="?page={page - 1}">Newer</a>'] if page > 1 else []
    links += [f'<a href="?page={page + 1}">More</a>'] if more else []
    return f"<p>{' · '.join(links)}</p>" if links else ""


def _page(title: str, body: str, status: int = 200) -> Response:
    menu = "".join(f'<a href="/{path}">{escape(name)}</a>' for path, (_, name) in _LISTS.items() if path != "vendor")
    return Response.html(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} · sandbox</title>'
        f'<style>{_STYLE}</style></head><body><header><a href="/"><b>QuickBooks sandbox</b></a>{menu}</header>'
        f"<main><h1>{escape(title)}</h1>{body}</main></body></html>",
        status,
    )
