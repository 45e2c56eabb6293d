"""The books as pages for a person: the chart with balances, lists of documents, and each document."""

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from itertools import islice

from integrations.sandbox.html import Cell, link, page, page_number, pager, table, text
from integrations.sandbox.messages import Json, Request, Response
from integrations.sandbox.zoho import facts
from integrations.sandbox.zoho.organization import Organization
from integrations.sandbox.zoho.store import MODULES, ZERO, Posting

_PAGE = 100
_LISTS = {
    "journals": "Manual journals",
    "invoices": "Invoices",
    "creditnotes": "Credit notes",
    "customerpayments": "Payments received",
    "creditnoterefunds": "Credit note refunds",
    "paymentrefunds": "Payment refunds",
    "expenses": "Expenses",
    "banktransactions": "Bank transactions",
    "contacts": "Customers",
    "items": "Items",
}
_GROUPS = {
    "Assets": ("cash", "bank", "accounts_receivable", "asset"),
    "Liabilities": ("accounts_payable", "liability", "credit_card", "borrowing"),
    "Equity": ("equity",),
    "Income": ("income",),
    "Expenses": ("",),
}
_NAMES = (
    "entry_number",
    "invoice_number",
    "creditnote_number",
    "payment_number",
    "contact_name",
    "name",
    "account_name",
)


def show(org: Organization, request: Request) -> Response:
    """Answer a person's browser."""
    if request.method not in ("GET", "HEAD"):
        return _page("Not here", "<p>Nothing is changed through these pages.</p>", 405)
    parts = request.path.strip("/").split("/")
    if parts in ([""], ["chartofaccounts"]):
        return _home(org)
    if parts[0] in _LISTS and len(parts) == 1:
        return _list(org, parts[0], page_number(request))
    if len(parts) == 2 and parts[0] in MODULES:
        record = org.books.get(parts[0], parts[1])
        if record is not None and parts[0] == "chartofaccounts":
            return _account(org, record, page_number(request))
        if record is not None:
            return _record(org, parts[0], record)
    return _page("Not found", "<p>There is no such page in this sandbox.</p>", 404)


def _home(org: Organization) -> Response:
    locks = [
        f"{module} through {org.locked_through(module)}"
        for module in ("sales", "accountant")
        if org.locked_through(module)
    ]
    locked = f" Locked: {escape(', '.join(locks))}." if locks else ""
    counts = [(link(f"/{path}", title), len(org.books.tables[path])) for path, title in _LISTS.items()]
    intro = (
        f"<p>Organisation {facts.ORGANIZATION_ID}, books in {facts.HOME}.{locked} This is a sandbox: what it holds is lost "
        'when it stops. <a href="/_sandbox/state">State for programs</a>.</p>'
    )
    parts = [intro, table(("List", "Entries"), counts, amounts=(1,))]
    balances = org.books.balances()
    left = list(org.books.tables["chartofaccounts"].values())
    for title, words in _GROUPS.items():
        accounts = [each for each in left if any(word in each["account_type"] for word in words)]
        left = [each for each in left if each not in accounts]
        sign = 1 if title in ("Assets", "Expenses") else -1
        rows = [
            (
                each["account_code"],
                link(f"/chartofaccounts/{each['account_id']}", each["account_name"]),
                each["account_type"].replace("_", " ") + ("" if each["is_active"] else " (inactive)"),
                sign * balances.get(each["account_id"], ZERO) or ZERO,
            )
            for each in accounts
        ]
        total = sum((row[3] for row in rows), ZERO)
        foot = ("", "Total", "", total)
        parts.append(f"<h2>{title}</h2>" + table(("Code", "Account", "Type", "Balance"), rows, amounts=(3,), foot=foot))
    return _page(str(facts.ORGANIZATION["name"]), "".join(parts))


def _account(org: Organization, account: Json, number: int) -> Response:
    found = org.books.postings_on(account["account_id"])
    shown = list(islice(found, number * _PAGE - _PAGE, number * _PAGE + 1))
    rows = [
        (record.get("journal_date") or record["date"], link(*_link(path, record)), *_sides(posting.base))
        for path, record, posting in shown[:_PAGE]
    ]
    balance = org.books.balances().get(account["account_id"], ZERO)
    side = "debit" if balance >= 0 else "credit"
    words = f"<p>{escape(account['account_type'])}, balance {text(abs(balance))} {facts.HOME} {side}</p>"
    body = table(("Date", "Document", "Debit", "Credit"), rows, amounts=(2, 3))
    return _page(account["account_name"], words + body + pager(number, more=len(shown) > _PAGE))


def _list(org: Organization, path: str, number: int) -> Response:
    held = org.books.tables[path]
    newest = list(islice(reversed(held.values()), number * _PAGE - _PAGE, number * _PAGE))
    if path in ("contacts", "items"):
        names: Sequence[str] = ("Id", "Name", "Currency or account", "Status")
        rows: list[Sequence[Cell]] = [
            (
                each[MODULES[path].id],
                link(*_link(path, each)),
                each.get("currency_code") or each.get("account_name", ""),
                each["status"],
            )
            for each in newest
        ]
        body = table(names, rows, amounts=())
    else:
        names = ("Date", "Number", "Reference", "Customer or notes", "Status", "Currency", "Total")
        rows = [
            (
                each.get("journal_date") or each["date"],
                link(*_link(path, each)),
                each["reference_number"],
                each.get("customer_name") or each.get("notes", ""),
                each.get("status", ""),
                each["currency_code"],
                each.get("total", each.get("amount")),
            )
            for each in newest
        ]
        body = table(names, rows, amounts=(6,))
    shown = body if newest else "<p>There are none yet.</p>"
    return _page(f"{_LISTS[path]} ({len(held)})", shown + pager(number, more=number * _PAGE < len(held)))


def _record(org: Organization, path: str, record: Json) -> Response:
    terms = "".join(
        f"<dt>{escape(name)}</dt><dd>{text(_plain(value))}</dd>"
        for name, value in record.items()
        if not isinstance(value, list | dict) and value not in ("", None)
    )
    terms += "".join(
        f"<dt>{escape(each['label'])}</dt><dd>{escape(str(each['value']))}</dd>"
        for each in record.get("custom_fields", ())
    )
    parts = [f"<dl>{terms}</dl>"]
    parts += [
        f"<h2>{name.replace('_', ' ').capitalize()}</h2>{_lines(record[name])}"
        for name in ("line_items", "invoices", "invoices_credited")
        if record.get(name)
    ]
    postings = org.books.postings.get((path, record[MODULES[path].id]))
    if postings:
        parts.append(f"<h2>Postings in {facts.HOME}</h2>" + _postings(org, postings))
    return _page(f"{MODULES[path].label} {_link(path, record)[1]}", "".join(parts))


def _lines(rows: Sequence[Json]) -> str:
    names = [
        name
        for name in rows[0]
        if not name.endswith("_id") and any(each.get(name) not in ("", [], None) for each in rows)
    ]
    amounts = [at for at, name in enumerate(names) if isinstance(rows[0].get(name), Decimal | int)]
    return table(names, [[_plain(each.get(name, "")) for name in names] for each in rows], amounts=amounts)


def _postings(org: Organization, postings: Sequence[Posting]) -> str:
    accounts = org.books.tables["chartofaccounts"]
    rows = [
        (link(f"/chartofaccounts/{each.account}", accounts[each.account]["account_name"]), *_sides(each.base))
        for each in postings
        if each.base
    ]
    return table(("Account", "Debit", "Credit"), rows, amounts=(1, 2))


def _sides(amount: Decimal) -> tuple[Decimal | None, Decimal | None]:
    return (amount, None) if amount > 0 else (None, -amount)


def _link(path: str, record: Json) -> tuple[str, str]:
    record_id = str(record[MODULES[path].id])
    words = next((str(record[name]) for name in _NAMES if record.get(name)), record_id)
    return f"/{path}/{record_id}", words


def _plain(value: object) -> Cell:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, Decimal | int) else str(value)


def _page(title: str, body: str, status: int = 200) -> Response:
    menu = [(f"/{path}", name) for path, name in _LISTS.items()]
    return page(title, body, home="Zoho Books sandbox", colour="#1b5fa8", menu=menu, status=status)
