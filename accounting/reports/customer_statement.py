"""The statement of one customer: what was billed, credited and paid between two days, and what is open at the end."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from accounting.reports.asked import Asked
from accounting.reports.control import HELD_FOR_CUSTOMERS, RECEIVABLE, accounts_of
from accounting.reports.journal import event_words
from accounting.reports.sql import fetch
from accounting.reports.structure import (
    ZERO,
    Column,
    Further,
    Kind,
    Listed,
    Proof,
    Record,
    Report,
    Row,
    Style,
    Table,
    Target,
    money,
    summed,
)
from billing.periods import day_words
from billing.printing.documents import addressee, letter_head

# In the customer's own currency: what customers owe, less what is held for them.
_ACTIVITY = """
SELECT l.date, l.entry_id, b.kind, e.description,
       coalesce(string_agg(DISTINCT n.number, ', '), string_agg(DISTINCT i.number, ', '), string_agg(DISTINCT p.reference, ', ')),
       sum(l.debit - l.credit) AS amount
FROM accounting_journalline l JOIN accounting_journalentry e ON e.id = l.entry_id
LEFT JOIN billing_businessevent b ON b.id = e.event_id LEFT JOIN billing_invoice i ON i.id = l.invoice_id
LEFT JOIN billing_creditnote n ON n.id = l.credit_note_id LEFT JOIN billing_payment p ON p.id = l.payment_id
WHERE l.account_id = ANY(%s) AND l.customer_id = %s AND l.currency = %s AND l.date BETWEEN %s AND %s
GROUP BY l.date, e.posted_at, l.entry_id, b.kind, e.description HAVING sum(l.debit - l.credit) <> 0
ORDER BY l.date, e.posted_at, l.entry_id
"""
_OPEN = """
SELECT l.invoice_id, i.number, i.issued_on, i.due_on, greatest(%s - i.due_on, 0), i.total, sum(l.debit - l.credit) AS open
FROM accounting_journalline l LEFT JOIN billing_invoice i ON i.id = l.invoice_id
WHERE l.account_id = ANY(%s) AND l.customer_id = %s AND l.currency = %s AND l.date <= %s
GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(l.debit - l.credit) <> 0 ORDER BY i.due_on NULLS LAST, l.invoice_id
"""

# What the customer calls what happened.
_WORDS = {
    "invoice_finalized": "Invoice", "invoice_voided": "Invoice withdrawn", "credit_note_issued": "Credit note",
    "payment_received": "Payment", "payment_allocated": "Payment set against the invoice", "refund_made": "Refund",
}  # fmt: skip


def customer_statement(asked: Asked) -> Report:
    """Show a customer's account between two days, in the currency they are billed in or the one asked for."""
    entity, customer, since, until = asked.entity, asked["customer"], asked["from"], asked["to"]
    currency = asked["currency"] or customer.currency
    owed = accounts_of([RECEIVABLE], entity_id=entity.pk)
    held = accounts_of(HELD_FOR_CUSTOMERS, entity_id=entity.pk)
    ((opening, closing, kept),) = fetch(
        "SELECT coalesce(sum(debit - credit) FILTER (WHERE date < %s), 0), coalesce(sum(debit - credit), 0), "
        "coalesce(sum(credit - debit) FILTER (WHERE account_id = ANY(%s)), 0) FROM accounting_journalline "
        "WHERE account_id = ANY(%s) AND customer_id = %s AND currency = %s AND date <= %s",
        [since, held, [*owed, *held], customer.pk, currency, until],
    )
    activity = fetch(_ACTIVITY, [[*owed, *held], customer.pk, currency, since, until])
    opened = fetch(_OPEN, [until, owed, customer.pk, currency, until])
    still_open = sum((row[6] for row in opened), ZERO)
    about = f"{entity.name} to {customer.name}; {currency}, {day_words(since)} to {day_words(until)}."
    pay = entity.payment_details.splitlines() if still_open > kept else []
    return Report(
        f"Statement of {customer.name}",
        about,
        currency,
        [_activity(activity, opening, closing, since, currency), _open_items(asked, opened, currency)],
        headline=[
            ("Balance before", opening),
            ("Open invoices", still_open),
            ("Held for the customer", kept),
            ("Balance", closing),
        ],
        proofs=[
            Proof(
                "The balance equals open invoices less what is held for the customer",
                closing,
                still_open - kept,
                currency,
            )
        ],
        letter=[
            ("From", letter_head(entity)),
            ("To", addressee(customer, seller_country=entity.country)),
            *([("How to pay", pay)] if pay else []),
        ],
    )


def _activity(lines: Sequence[Any], opening: Decimal, closing: Decimal, since: Any, currency: str) -> Table:
    columns = [
        Column("date", "Date", Kind.DAY),
        Column("event", "What happened"),
        Column("document", "Document"),
        money("charges", "Charges", currency),
        money("credits", "Credits", currency),
        money("balance", "Balance", currency),
    ]
    rows = Listed([Row((since, "Balance before", None, None, None, opening), style=Style.HEADING)])
    balance = opening
    for day, entry, kind, description, document, amount in lines:
        balance += amount
        charge, credit = (amount, None) if amount > 0 else (None, -amount)
        words = _WORDS.get(kind) or (event_words(kind) if kind else description)
        rows.append(Row((day, words, document, charge, credit, balance), {"entry_id": entry}))
    charges, credits_ = (summed(rows, columns).cells[place] for place in (3, 4))
    totals = Row(("Total", None, None, charges, credits_, closing), style=Style.SUBTOTAL)
    return Table("activity", "Account", columns, rows, "Nothing happened.", totals, _to_entry)


def _to_entry(row: Row, key: str) -> Target | None:
    entry = row.about.get("entry_id")
    return Record("entry", entry) if entry and key in ("document", "charges", "credits") else None


def _open_items(asked: Asked, lines: Sequence[Any], currency: str) -> Table:
    columns = [
        Column("invoice", "Invoice"),
        Column("issued_on", "Issued", Kind.DAY),
        Column("due_on", "Due", Kind.DAY),
        Column("overdue", "Days overdue", Kind.COUNT),
        money("total", "Invoiced", currency),
        money("open", "Open", currency),
    ]
    rows = Listed(
        Row((number or "Not on an invoice", issued, due, overdue, total, amount), {"invoice_id": invoice or 0})
        for invoice, number, issued, due, overdue, total, amount in lines
    )

    def leads(row: Row, key: str) -> Target | None:
        invoice = row.about.get("invoice_id")
        if key in ("invoice", "total"):
            return Record("invoice", invoice) if invoice else None
        about = {"customer_id": asked["customer"].pk, "invoice_id": invoice, "currency": currency}
        return Further("lines", asked.also(role=RECEIVABLE, to=asked["to"], **about)) if key == "open" else None

    totals = summed(rows, columns)
    return Table("open", "Open invoices", columns, rows, "Nothing is open.", totals, leads)
