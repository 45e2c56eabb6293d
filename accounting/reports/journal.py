"""Journal, general ledger, and the journal lines behind any figure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from accounting.models import Account, Category, PerformanceObligation, entry_number
from accounting.reports.asked import Asked, Mistakes
from accounting.reports.control import accounts_of
from accounting.reports.sql import Queried, fetch
from accounting.reports.structure import (
    ZERO,
    Column,
    Kind,
    Proof,
    Record,
    Report,
    Row,
    Style,
    Table,
    Target,
    money,
)
from accounting.reports.words import between
from billing.models import (
    Contract,
    ContractItem,
    CreditNote,
    Customer,
    Invoice,
    Payment,
    Product,
    Refund,
    TaxRate,
)
from billing.money import format_money
from billing.periods import day_words
from billing.publishing import event_kinds

# The ids that a line carries; each can narrow the list of lines.
DIMENSIONS: dict[str, Any] = {
    "customer_id": Customer, "contract_id": Contract, "contract_item_id": ContractItem, "product_id": Product,
    "invoice_id": Invoice, "credit_note_id": CreditNote, "payment_id": Payment, "tax_rate_id": TaxRate,
    "refund_id": Refund, "obligation_id": PerformanceObligation,
}  # fmt: skip

_LINE = """l.date, l.entry_id, e.event_id, b.kind, e.description, a.code, a.name, l.customer_id, c.name, l.invoice_id,
       i.number, l.base_debit, l.base_credit, l.currency, l.debit, l.credit, k.number AS contract, l.contract_item_id,
       p.code AS product, n.number AS credit_note, l.payment_id, l.refund_id, t.code AS tax_rate, o.name AS obligation"""
_FROM = """accounting_journalline l JOIN accounting_account a ON a.id = l.account_id
JOIN accounting_journalentry e ON e.id = l.entry_id LEFT JOIN billing_businessevent b ON b.id = e.event_id
LEFT JOIN billing_customer c ON c.id = l.customer_id LEFT JOIN billing_invoice i ON i.id = l.invoice_id
LEFT JOIN billing_contract k ON k.id = l.contract_id LEFT JOIN billing_product p ON p.id = l.product_id
LEFT JOIN billing_creditnote n ON n.id = l.credit_note_id LEFT JOIN billing_taxrate t ON t.id = l.tax_rate_id
LEFT JOIN accounting_performanceobligation o ON o.id = l.obligation_id"""
_ABOUT_AT = slice(16, 24)
_ABOUT = [
    Column(name, name.replace("_", " ").capitalize(), on_page=False)
    for name in (
        "contract", "contract_item", "product", "credit_note", "payment", "refund", "tax_rate", "obligation"
    )
]  # fmt: skip
_BELONGS_TO = {
    "date": "entry_id", "entry": "entry_id", "event": "event_id", "customer": "customer_id", "invoice": "invoice_id",
    "description": "entry_id", "debit": "entry_id", "credit": "entry_id",
}  # fmt: skip


def line_leads(row: Row, key: str) -> Target | None:
    """Lead from a line to its entry, its event and the document it is about."""
    name = _BELONGS_TO.get(key)
    found = row.about.get(name) if name else None
    return Record(str(name).removesuffix("_id"), found) if found else None


def event_words(kind: str | None) -> str:
    """Say what happened; an entry without a business event was made by hand."""
    if not kind:
        return "By hand"
    known = event_kinds().get(kind)
    return known.label if known else kind.replace("_", " ").capitalize()


def _line_columns(base: str, *more: Column, debit: str = "Debit", credit: str = "Credit") -> list[Column]:
    return [
        Column("date", "Date", Kind.DAY), Column("entry", "Entry"), Column("event", "What happened"),
        Column("description", "Description"), *more, Column("customer", "Customer"), Column("invoice", "Invoice"),
        money("debit", debit, base), money("credit", credit, base),
    ]  # fmt: skip


def _line_row(line: Sequence[Any], *more: object, after: Sequence[object] = ()) -> Row:
    (day, entry, event, kind, description, _, _, customer, customer_name, invoice, number, debit, credit) = line[:13]
    about = {"entry_id": entry, "event_id": event, "customer_id": customer, "invoice_id": invoice}
    cells = (
        day, entry_number(entry), event_words(kind), description, *more, customer_name, number, debit or None,
        credit or None, *after, *line[_ABOUT_AT],
    )  # fmt: skip
    return Row(cells, about)


def _foreign(line: Sequence[Any], base: str) -> str | None:
    """Show the amount in the currency of the transaction where it is not that of the books."""
    currency, debit, credit = line[13:16]
    return None if currency == base else format_money(debit or -credit, currency)


# The journal.


def journal_report(asked: Asked) -> Report:
    """List every entry between two days with its lines, by date and, within a day, in the order of posting."""
    entity, since, until, base = asked.entity, asked["from"], asked["to"], asked.base
    condition = "e.business_entity_id = %s AND e.date BETWEEN %s AND %s"
    given = [entity.pk, since, until]
    ((count, debit, credit, entries),) = fetch(
        "SELECT count(*), coalesce(sum(l.base_debit), 0), coalesce(sum(l.base_credit), 0), count(DISTINCT l.entry_id) "
        f"FROM accounting_journalline l JOIN accounting_journalentry e ON e.id = l.entry_id WHERE {condition}",
        given,
    )
    columns = _line_columns(
        base, Column("account", "Account"), Column("account_name", "Account name"), Column("foreign", "In its currency")
    )
    columns += _ABOUT
    rows = Queried(
        f"SELECT {_LINE} FROM {_FROM} WHERE {condition} ORDER BY e.date, e.posted_at, e.id, l.position",
        given,
        lambda line: _line_row(line, line[5], line[6], _foreign(line, base)),
        count,
    )
    totals = Row(("Total", *[None] * 8, debit, credit), style=Style.SUBTOTAL)
    table = Table("lines", "", columns, rows, "No entries between these days. Choose other days.", totals, line_leads)
    return Report(
        "Journal",
        between(entity, since, until, base),
        base,
        [table],
        headline=[("Entries", f"{entries:,}"), ("Lines", f"{count:,}")],
        proofs=[Proof("Debits equal credits", debit, credit, base)],
        landscape=True,
    )


# The lines behind a figure.


def lines_report(asked: Asked) -> Report:
    """List the journal lines behind a figure: by account or role, days, kinds of event and what they are about."""
    entity, since, until = asked.entity, asked["from"], asked["to"]
    conditions, given = ["l.business_entity_id = %s", "l.date <= %s"], [entity.pk, until]
    if since:
        conditions.append("l.date >= %s")
        given.append(since)
    if asked["account"]:
        conditions.append("l.account_id = %s")
        given.append(asked["account"].pk)
    if asked["role"]:
        # A minus in front: all accounts but these.
        negative = asked["role"].startswith("-")
        conditions.append(f"{'NOT ' if negative else ''}l.account_id = ANY(%s)")
        given.append(accounts_of(asked["role"].removeprefix("-").split(","), entity_id=entity.pk))
    if asked["category"]:
        conditions.append("l.account_id IN (SELECT id FROM accounting_account WHERE category = %s)")
        given.append(asked["category"])
    if asked["event"]:
        # A minus in front: all but these kinds. An entry made by hand has none.
        negative = asked["event"].startswith("-")
        conditions.append(f"{'NOT ' if negative else ''}coalesce(b.kind, 'by_hand') = ANY(%s)")
        given.append(asked["event"].removeprefix("-").split(","))
    for name in DIMENSIONS:
        if asked[name] == 0:
            conditions.append(f"l.{name} IS NULL")
        elif asked[name]:
            conditions.append(f"l.{name} = %s")
            given.append(asked[name])
    if asked["currency"]:
        conditions.append("l.currency = %s")
        given.append(asked["currency"])
    side = ("l.debit", "l.credit") if asked["currency"] else ("l.base_debit", "l.base_credit")
    return _lines(asked, " AND ".join(conditions), given, side)


def _lines(asked: Asked, condition: str, given: list[Any], side: tuple[str, str]) -> Report:
    entity, currency = asked.entity, asked.currency
    ((count, debit, credit),) = fetch(
        f"SELECT count(*), coalesce(sum({side[0]}), 0), coalesce(sum({side[1]}), 0) FROM accounting_journalline l "
        "JOIN accounting_journalentry e ON e.id = l.entry_id LEFT JOIN billing_businessevent b ON b.id = e.event_id "
        f"WHERE {condition}",
        given,
    )
    selected = _LINE.replace("l.base_debit, l.base_credit", ", ".join(side))
    columns = _line_columns(currency, Column("account", "Account"), Column("account_name", "Account name"))
    columns += _ABOUT
    rows = Queried(
        f"SELECT {selected} FROM {_FROM} WHERE {condition} ORDER BY l.date, e.posted_at, l.entry_id, l.position",
        given,
        lambda line: _line_row(line, line[5], line[6]),
        count,
    )
    totals = Row(("Total", *[None] * 7, debit, credit), style=Style.SUBTOTAL)
    table = Table("lines", "", columns, rows, "No lines answer to this.", totals, line_leads)
    since = f"{day_words(asked['from'])} to " if asked["from"] else "up to and including "
    about = " ".join((f"{entity.name}, {currency}, {since}{day_words(asked['to'])}.", *_narrowed(asked)))
    return Report(
        "Journal lines", about, currency, [table], landscape=True,
        headline=[("Lines", f"{count:,}"), ("Debit", debit), ("Credit", credit), ("Debit less credit", debit - credit)],
    )  # fmt: skip


def _narrowed(asked: Asked) -> Iterator[str]:
    """Say what the lines were narrowed down to where no field above them shows it; one query for each record named."""
    if asked["role"]:
        words = "All accounts but those of" if asked["role"].startswith("-") else "Accounts of"
        yield f"{words} {_listed(asked['role'], lambda role: role.replace('.', ', ').replace('_', ' '))}."
    if asked["category"]:
        yield f"Accounts of {Category(asked['category']).label.lower()}."
    if asked["event"]:
        words = "All but" if asked["event"].startswith("-") else "Only"
        yield f"{words} {_listed(asked['event'], lambda kind: event_words('' if kind == 'by_hand' else kind).lower())}."
    for name, model in DIMENSIONS.items():
        what = name.removesuffix("_id").replace("_", " ")
        if asked[name] == 0:
            yield f"Without {'an' if what[0] in 'aeio' else 'a'} {what}."
        elif asked[name]:
            yield f"{what.capitalize()}: {model.objects.filter(pk=asked[name]).first() or asked[name]}."


def _listed(given: str, words: Callable[[str], str]) -> str:
    return ", ".join(words(each) for each in given.removeprefix("-").split(","))


# The general ledger.

_LEDGER = """
SELECT v.* FROM (
    SELECT NULL::date AS date, NULL::bigint AS entry_id, NULL::bigint AS event_id, NULL::text AS kind,
           NULL::text AS description, a.code, a.name, NULL::bigint AS customer_id, NULL::text AS customer,
           NULL::bigint AS invoice_id, NULL::text AS number, NULL::numeric AS base_debit, NULL::numeric AS base_credit,
           NULL::text AS currency, NULL::numeric AS debit, NULL::numeric AS credit, NULL::text AS contract,
           NULL::bigint AS contract_item_id, NULL::text AS product, NULL::text AS credit_note, NULL::bigint AS payment_id,
           NULL::bigint AS refund_id, NULL::text AS tax_rate, NULL::text AS obligation,
           o.opening AS balance, 0 AS place, NULL::timestamptz AS posted_at, 0 AS position
    FROM opening o JOIN accounting_account a ON a.id = o.account_id
    UNION ALL
    SELECT {line}, s.opening + sum(l.base_debit - l.base_credit) OVER (PARTITION BY l.account_id
           ORDER BY l.date, e.posted_at, l.entry_id, l.position), 1, e.posted_at, l.position
    FROM {source} JOIN opening s ON s.account_id = l.account_id
    WHERE l.account_id = ANY(%s) AND l.date BETWEEN %s AND %s
) v ORDER BY v.code, v.place, v.date, v.posted_at, v.entry_id, v.position
"""
_OPENING = """
WITH opening AS (
    SELECT account_id, coalesce(sum(base_debit - base_credit) FILTER (WHERE date < %s), 0) AS opening,
           coalesce(sum(base_debit - base_credit), 0) AS closing, count(*) FILTER (WHERE date >= %s) AS lines,
           coalesce(sum(base_debit) FILTER (WHERE date >= %s), 0) AS debit,
           coalesce(sum(base_credit) FILTER (WHERE date >= %s), 0) AS credit
    FROM accounting_journalline WHERE account_id = ANY(%s) AND date <= %s GROUP BY account_id
)
"""


def general_ledger_report(asked: Asked) -> Report:
    """List the lines of one account, or of all, between two days, with the balance after each."""
    entity, since, until, base, account = asked.entity, asked["from"], asked["to"], asked.base, asked["account"]
    if account is not None and account.business_entity_id != entity.pk:
        raise Mistakes({"account": ["This account belongs to the books of another business entity."]})
    wanted = [account.pk] if account else list(_leaves(entity.pk))
    given = [since, since, since, since, wanted, until]
    ((accounts, lines, opening, closing, debit, credit),) = fetch(
        f"{_OPENING} SELECT count(*), coalesce(sum(lines), 0)::bigint, coalesce(sum(opening), 0), "
        "coalesce(sum(closing), 0), coalesce(sum(debit), 0), coalesce(sum(credit), 0) FROM opening",
        given,
    )
    columns = _line_columns(
        base, Column("account", "Account"), Column("foreign", "In its currency"), debit="Debit", credit="Credit"
    )
    columns += [money("balance", "Balance", base), *_ABOUT]
    rows = Queried(
        _OPENING + _LEDGER.format(line=_LINE, source=_FROM),
        [*given, wanted, since, until],
        lambda line: _ledger_row(line, since, base),
        accounts + lines,
    )
    totals = Row(("Total", *[None] * 7, debit, credit, closing), style=Style.SUBTOTAL)
    table = Table(
        "lines", "Lines", columns, rows, "No lines between these days. Choose other days or another account.", totals, line_leads
    )  # fmt: skip
    balances = [("Opening balance", opening), ("Closing balance", closing)] if account else []
    counts = [("Lines", f"{lines:,}")] if account else [("Accounts", f"{accounts:,}"), ("Lines", f"{lines:,}")]
    words = "Opening balance and movements equal the closing balance"
    return Report(
        f"General ledger: {account}" if account else "General ledger",
        between(entity, since, until, base),
        base,
        [table],
        headline=[*balances, *counts],
        proofs=[Proof(words, opening + debit - credit, closing, base)],
        landscape=True,
    )


def _leaves(entity_id: int) -> Iterable[int]:
    return Account.objects.filter(business_entity=entity_id, is_group=False).values_list("pk", flat=True)


def _ledger_row(line: Sequence[Any], since: date, base: str) -> Row:
    balance, place = line[24:26]
    if place == 0:
        cells = (since, None, None, "Opening balance", f"{line[5]} {line[6]}", None, None, None, None, None, balance)
        return Row(cells, style=Style.HEADING)
    return _line_row(line, line[5], _foreign(line, base), after=(balance or ZERO,))
