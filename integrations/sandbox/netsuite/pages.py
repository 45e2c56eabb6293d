"""The books as pages for a person: the chart with balances, lists of records, and each record."""

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from itertools import islice

from integrations.sandbox.messages import Json, Request, Response
from integrations.sandbox.netsuite import facts
from integrations.sandbox.netsuite.company import Company
from integrations.sandbox.netsuite.records import total_of
from integrations.sandbox.netsuite.store import TRANSACTIONS, ZERO, Record

_PAGE = 100
_TITLES = {
    "journalEntry": "Journal entries",
    "invoice": "Invoices",
    "creditMemo": "Credit memos",
    "customerPayment": "Payments",
    "customerRefund": "Refunds",
    "check": "Checks",
    "deposit": "Deposits",
    "customer": "Customers",
    "serviceSaleItem": "Items",
}
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:0;color:#1d2733;background:#f5f7f8}
header{background:#36677d;color:#fff;padding:.8rem 2rem}header a{color:#fff;margin-right:1.2rem}
main{max-width:70rem;margin:1.5rem auto;padding:0 2rem}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%;background:#fff}th,td{padding:.35rem .7rem;border-bottom:1px solid #e3e8ea;
text-align:left;vertical-align:top}th{background:#eef2f3;font-weight:600}.n{text-align:right;
font-variant-numeric:tabular-nums;white-space:nowrap}a{color:#1c5c8c}dl{display:grid;
grid-template-columns:max-content 1fr;gap:.2rem 1.5rem}dt{color:#667}dd{margin:0}
"""
Cell = str | Decimal | int | None


class _Link(str):
    """Text that is HTML already."""

    __slots__ = ()


def show(company: Company, request: Request) -> Response:
    """Answer a person's browser."""
    if request.method not in ("GET", "HEAD"):
        return _page("Not here", "<p>Nothing is changed through these pages.</p>", 405)
    parts = request.path.strip("/").split("/")
    number = request.params.get("page", "1")
    page = max(1, int(number)) if number.isdigit() else 1
    if parts == [""]:
        return _home(company)
    kinds = {kind.lower(): kind for kind in (*_TITLES, "account", "nonInventorySaleItem")}
    kind = kinds.get(parts[0].lower(), "")
    if kind == "account" and len(parts) == 2:
        return _account(company, parts[1], page)
    if kind in _TITLES and len(parts) == 1:
        return _list(company, kind, page)
    if kind and len(parts) == 2:
        record = company.books.get(kind, parts[1])
        if record is not None:
            return _record(company, record)
    return _page("Not found", "<p>There is no such page in this sandbox.</p>", 404)


def _home(company: Company) -> Response:
    books = company.books
    closed = company.preferences["ClosedThrough"]
    words = f" Periods are closed through {escape(str(closed))}." if closed else ""
    counts = [(_link(kind.lower(), title), len(books.records.get(kind, {}))) for kind, title in _TITLES.items()]
    subsidiaries = {row.id: row for row in books.all("subsidiary")}
    balances: dict[tuple[str, str], Decimal] = {}
    for record in books.transactions():
        for posting in record.postings:
            key = record.data["subsidiary"]["id"], posting.account
            balances[key] = balances.get(key, ZERO) + posting.base
    parts = [
        (
            f"<p>Account {facts.ACCOUNT_ID}.{words} This is a sandbox: what it holds is lost when it stops. "
            '<a href="/_sandbox/state">State for programs</a>.</p>'
        ),
        _table(("Records", "Number"), counts, amounts=(1,)),
    ]
    for number, subsidiary in subsidiaries.items():
        currency = books.get("currency", subsidiary.data["currency"]["id"])
        rows: list[Sequence[Cell]] = [
            (
                account.data.get("acctNumber"),
                _link(f"account/{account.id}", account.data["acctName"]),
                account.data["acctType"]["id"] + (" (inactive)" if account.data.get("isInactive") else ""),
                balances.get((number, account.id), ZERO) if balances.get((number, account.id)) else None,
                -balances[number, account.id] if balances.get((number, account.id), ZERO) < 0 else None,
            )
            for account in books.all("account")
            if number == "1" or (number, account.id) in balances
        ]
        rows = [(*row[:3], row[3] if row[4] is None else None, row[4]) for row in rows]
        symbol = currency.data["symbol"] if currency else ""
        parts.append(f"<h2>{escape(subsidiary.name)}, books in {escape(symbol)}</h2>")
        parts.append(_table(("Number", "Account", "Type", "Debit", "Credit"), rows, amounts=(3, 4)))
    return _page(facts.COMPANY["name"], "".join(parts))


def _account(company: Company, number: str, page: int) -> Response:
    account = company.books.get("account", number)
    if account is None:
        return _page("Not found", "<p>There is no such account.</p>", 404)
    found = (
        (record, posting)
        for record in company.books.transactions()
        for posting in record.postings
        if posting.account == number
    )
    rows: list[Sequence[Cell]] = [
        (
            record.data["tranDate"],
            _link(f"{record.type.lower()}/{record.id}", f"{record.type} {record.name}"),
            posting.base if posting.base > 0 else None,
            -posting.base if posting.base < 0 else None,
        )
        for record, posting in islice(found, page * _PAGE - _PAGE, page * _PAGE + 1)
    ]
    body = _table(("Date", "Document", "Debit", "Credit"), rows[:_PAGE], amounts=(2, 3))
    return _page(account.name, body + _pager(page, more=len(rows) > _PAGE))


def _list(company: Company, kind: str, page: int) -> Response:
    newest = list(islice(reversed(list(company.books.all(kind))), page * _PAGE - _PAGE, page * _PAGE + 1))
    rows: list[Sequence[Cell]] = [
        (
            record.data.get("tranDate", ""),
            _link(f"{kind.lower()}/{record.id}", record.name),
            record.data.get("externalId", ""),
            total_of(record) if kind in TRANSACTIONS else None,
        )
        for record in newest[:_PAGE]
    ]
    body = _table(("Date", "Name or number", "External id", "Total"), rows, amounts=(3,))
    return _page(_TITLES[kind], body + _pager(page, more=len(newest) > _PAGE))


def _record(company: Company, record: Record) -> Response:
    books = company.books
    simple = {name: value for name, value in sorted(record.data.items()) if not isinstance(value, list)}
    pairs = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(_value(company, name, value))}</dd>" for name, value in simple.items()
    )
    rows: list[Sequence[Cell]] = []
    for posting in record.postings:
        account, entity = books.get("account", posting.account), books.get("entity", posting.entity)
        debit = posting.amount if posting.amount > 0 else None
        credit = -posting.amount if posting.amount < 0 else None
        rows.append((account.name if account else "", entity.name if entity else "", posting.memo, debit, credit))
    body = f"<dl><dt>Internal id</dt><dd>{escape(record.id)}</dd>{pairs}</dl>"
    if rows:
        body += "<h2>GL impact</h2>" + _table(("Account", "Name", "Memo", "Debit", "Credit"), rows, amounts=(3, 4))
    settled: list[Sequence[Cell]] = []
    for link in record.links:
        doc = books.get("transaction", link.doc)
        if doc is not None:
            settled.append((_link(f"{doc.type.lower()}/{doc.id}", f"{doc.type} {doc.name}"), link.amount))
    if settled:
        body += "<h2>Applied to</h2>" + _table(("Document", "Amount"), settled, amounts=(1,))
    return _page(f"{record.type} {record.name}", body)


def _value(company: Company, name: str, value: object) -> str:
    if not isinstance(value, dict):
        return str(value)
    data: Json = value
    kind = {"entity": "customer", "postingPeriod": "accountingPeriod", "incomeAccount": "account"}.get(name, name)
    found = company.books.get(kind, str(data.get("id", "")))
    return found.data.get("symbol", found.name) if found else str(data.get("id", ""))


def _link(path: str, text: str) -> _Link:
    return _Link(f'<a href="/{escape(path)}">{escape(text)}</a>')


def _pager(page: int, *, more: bool) -> str:
    back = f'<a href="?page={page - 1}">Newer</a> ' if page > 1 else ""
    older = f'<a href="?page={page + 1}">Older</a>' if more else ""
    return f"<p>{back}{older}</p>"


def _table(names: Sequence[str], rows: Sequence[Sequence[Cell]], *, amounts: tuple[int, ...]) -> str:
    def cell(number: int, value: Cell) -> str:
        shown = value if isinstance(value, _Link) else escape("" if value is None else _shown(value))
        return f"<td{' class=n' if number in amounts else ''}>{shown}</td>"

    head = "".join(f"<th{' class=n' if n in amounts else ''}>{escape(name)}</th>" for n, name in enumerate(names))
    body = "".join(f"<tr>{''.join(cell(n, value) for n, value in enumerate(row))}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _shown(value: Cell) -> str:
    return f"{value:,}" if isinstance(value, Decimal) else str(value)


def _page(title: str, body: str, status: int = 200) -> Response:
    links = "".join(f'<a href="/{kind.lower()}">{name}</a>' for kind, name in _TITLES.items())
    return Response.html(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><header><a href='/'>NetSuite sandbox</a>{links}</header>"
        f"<main><h1>{escape(title)}</h1>{body}</main></body></html>",
        status,
    )
