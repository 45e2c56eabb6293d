"""The books as pages for a person: the chart with balances, lists of records, and each record."""

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from itertools import islice

from integrations.sandbox.html import Cell, Markup, link, page, page_number, pager, table, text
from integrations.sandbox.messages import Json, Request, Response
from integrations.sandbox.netsuite import facts
from integrations.sandbox.netsuite.company import Company
from integrations.sandbox.netsuite.records import total_of
from integrations.sandbox.netsuite.store import TRANSACTIONS, ZERO, Link, Record

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
_ONE = {
    "journalEntry": "Journal entry",
    "invoice": "Invoice",
    "creditMemo": "Credit memo",
    "customerPayment": "Payment",
    "customerRefund": "Refund",
    "customer": "Customer",
    "serviceSaleItem": "Item",
    "nonInventorySaleItem": "Item",
}
_REFERENCES = {
    "entity": "customer",
    "postingPeriod": "accountingPeriod",
    "incomeAccount": "account",
    "arAcct": "account",
    "class": "classification",
}
# Columns of the lines of a journal and of a sale, as far as one of the lines has them.
_COLUMNS = (
    ("account", "Account"),
    ("item", "Item"),
    ("entity", "Name"),
    ("description", "Description"),
    ("memo", "Memo"),
    ("department", "Department"),
    ("class", "Class"),
    ("location", "Location"),
    ("taxCode", "Tax code"),
    ("quantity", "Quantity"),
    ("rate", "Rate"),
    ("debit", "Debit"),
    ("credit", "Credit"),
    ("amount", "Amount"),
)
_NUMBERS = ("quantity", "rate", "debit", "credit", "amount")


def show(company: Company, request: Request) -> Response:
    """Answer a person's browser."""
    if request.method not in ("GET", "HEAD"):
        return _page("Not here", "<p>Nothing is changed through these pages.</p>", 405)
    parts = request.path.strip("/").split("/")
    number = page_number(request)
    if parts == [""]:
        return _home(company)
    kinds = {kind.lower(): kind for kind in (*_ONE, "account")}
    kind = kinds.get(parts[0].lower(), "")
    if kind == "account" and len(parts) == 2:
        return _account(company, parts[1], number)
    if kind in _TITLES and len(parts) == 1:
        return _list(company, kind, number)
    if kind and len(parts) == 2:
        record = company.books.get(kind, parts[1])
        if record is not None:
            return _record(company, record)
    return _page("Not found", "<p>There is no such page in this sandbox.</p>", 404)


def _home(company: Company) -> Response:
    books = company.books
    closed = company.preferences["ClosedThrough"]
    words = f" Periods are closed through {escape(str(closed))}." if closed else ""
    counts = [(link(f"/{kind.lower()}", title), len(books.records.get(kind, {}))) for kind, title in _TITLES.items()]
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
        table(("Records", "Number"), counts, amounts=(1,)),
    ]
    for number, subsidiary in subsidiaries.items():
        currency = books.get("currency", subsidiary.data["currency"]["id"])
        rows: list[Sequence[Cell]] = [
            (
                account.data.get("acctNumber"),
                link(f"/account/{account.id}", account.data["acctName"]),
                account.data["acctType"]["id"] + (" (inactive)" if account.data.get("isInactive") else ""),
                *_sides(balances.get((number, account.id), ZERO)),
            )
            for account in books.all("account")
            if number == "1" or (number, account.id) in balances
        ]
        total = sum((held for (where, _), held in balances.items() if where == number and held > 0), ZERO)
        symbol = currency.data["symbol"] if currency else ""
        parts.append(f"<h2>{escape(subsidiary.name)}, books in {escape(symbol)}</h2>")
        foot = ("", "Total", "", total, total)
        parts.append(table(("Number", "Account", "Type", "Debit", "Credit"), rows, amounts=(3, 4), foot=foot))
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
        (record.data["tranDate"], _to(record), posting.memo, *_sides(posting.base))
        for record, posting in islice(found, page * _PAGE - _PAGE, page * _PAGE + 1)
    ]
    body = table(("Date", "Document", "Memo", "Debit", "Credit"), rows[:_PAGE], amounts=(3, 4))
    words = f"<p>{escape(account.data['acctType']['id'])}, in the currency of each subsidiary.</p>"
    return _page(account.name, words + body + pager(page, more=len(rows) > _PAGE))


def _list(company: Company, kind: str, page: int) -> Response:
    held = list(company.books.all(kind))
    newest = list(islice(reversed(held), page * _PAGE - _PAGE, page * _PAGE + 1))
    documents = kind in TRANSACTIONS
    rows: list[Sequence[Cell]] = [
        (
            *((record.data.get("tranDate", ""),) if documents else ()),
            link(_path(record), record.name),
            record.data.get("externalId", ""),
            *((_who(company, record), _value(company, "currency", record.data["currency"])) if documents else ()),
            total_of(record) if documents else None,
        )
        for record in newest[:_PAGE]
    ]
    names = ("Date", "Number", "External id", "Name", "Currency", "Total") if documents else ("Name", "External id", "")
    body = table(names, rows, amounts=(len(names) - 1,)) if rows else "<p>There are none yet.</p>"
    return _page(f"{_TITLES[kind]} ({len(held)})", body + pager(page, more=len(newest) > _PAGE))


def _record(company: Company, record: Record) -> Response:
    simple = {name: value for name, value in sorted(record.data.items()) if not isinstance(value, list)}
    terms = "".join(f"<dt>{escape(name)}</dt><dd>{_value(company, name, value)}</dd>" for name, value in simple.items())
    parts = [f"<dl><dt>Internal id</dt><dd>{escape(record.id)}</dd>{terms}</dl>"]
    if lines := record.data.get("line") or record.data.get("item"):
        parts.append("<h2>Lines</h2>" + _lines(company, lines))
    if record.postings:
        parts.append(_impact(company, record))
    if record.links:
        parts.append("<h2>Applied to</h2>" + _applied(company, record.links))
    return _page(f"{_ONE[record.type]} {record.name}", "".join(parts))


def _lines(company: Company, lines: Sequence[Json]) -> str:
    columns = [(name, title) for name, title in _COLUMNS if any(line.get(name) not in (None, "") for line in lines)]
    rows = [[_value(company, name, line.get(name)) for name, _ in columns] for line in lines]
    numbers = [at for at, (name, _) in enumerate(columns) if name in _NUMBERS]
    return table([title for _, title in columns], rows, amounts=numbers)


def _impact(company: Company, record: Record) -> str:
    """Show what a transaction does to the accounts, in the currency of its subsidiary."""
    books = company.books
    subsidiary = books.get("subsidiary", record.data["subsidiary"]["id"])
    home = books.get("currency", subsidiary.data["currency"]["id"]) if subsidiary else None
    rows: list[Sequence[Cell]] = []
    for posting in record.postings:
        account, entity = books.get("account", posting.account), books.get("entity", posting.entity)
        name = link(f"/account/{posting.account}", account.name) if account else ""
        rows.append((name, entity.name if entity else "", posting.memo, *_sides(posting.base)))
    heading = f"<h2>GL impact in {escape(home.data['symbol'] if home else '')}</h2>"
    return heading + table(("Account", "Name", "Memo", "Debit", "Credit"), rows, amounts=(3, 4))


def _applied(company: Company, links: Sequence[Link]) -> str:
    found = ((company.books.get("transaction", each.doc), each.amount) for each in links)
    return table(("Document", "Amount"), [(_to(doc), amount) for doc, amount in found if doc], amounts=(1,))


def _sides(amount: Decimal) -> tuple[Cell, Cell]:
    return (amount if amount > 0 else None, -amount if amount < 0 else None)


def _to(record: Record) -> Cell:
    return link(_path(record), f"{_ONE[record.type]} {record.name}")


def _path(record: Record) -> str:
    return f"/{record.type.lower()}/{record.id}"


def _who(company: Company, record: Record) -> Cell:
    ref = record.data.get("entity") or record.data.get("customer")
    return _value(company, "customer", ref) if ref else record.data.get("memo", "")


def _value(company: Company, name: str, value: object) -> Markup:
    """Write a field: references by name, with a link where there is a page of it."""
    if isinstance(value, bool):
        return Markup("yes" if value else "no")
    if not isinstance(value, dict):
        return Markup(text(value if isinstance(value, Decimal | int) else str(value or "")))
    number = str(value.get("id", ""))
    kind = _REFERENCES.get(name, name)
    found = company.books.get(kind, number)
    if found is None:
        return Markup(escape(number))
    shown = str(found.data.get("symbol", found.name))
    return link(_path(found), shown) if found.type in (*_ONE, "account") else Markup(escape(shown))


def _page(title: str, body: str, status: int = 200) -> Response:
    menu = [(f"/{kind.lower()}", name) for kind, name in _TITLES.items()]
    return page(title, body, home="NetSuite sandbox", colour="#36677d", menu=menu, status=status)
