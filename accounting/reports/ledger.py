"""The general ledger of one account: where it stood, every line, where it stands."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import connection

_PAGE = 100


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One line of an account, in base currency; `balance` is debit less credit after it."""

    line_id: int
    entry_id: int
    date: date
    description: str
    event_kind: str
    event_id: int
    customer_id: int | None
    invoice_id: int | None
    debit: Decimal
    credit: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Ledger:
    """One page of an account's lines between two dates, both included."""

    opening: Decimal
    closing: Decimal
    count: int
    lines: list[LedgerLine]


def account_balance(*, account_id: int, at: date) -> Decimal:
    """Give debit less credit of an account at the end of a day, in base currency."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(base_debit) - sum(base_credit), 0) FROM accounting_journalline "
            "WHERE account_id = %s AND date <= %s",
            [account_id, at],
        )
        return Decimal(cursor.fetchone()[0])


def general_ledger(*, account_id: int, since: date, until: date, page: int = 1, page_size: int = _PAGE) -> Ledger:
    """Give one page of the lines of an account in the order they stand in the books, with the running balance."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(base_debit - base_credit) FILTER (WHERE date < %s), 0), "
            "coalesce(sum(base_debit - base_credit), 0), count(*) FILTER (WHERE date >= %s) "
            "FROM accounting_journalline WHERE account_id = %s AND date <= %s",
            [since, since, account_id, until],
        )
        opening, closing, count = cursor.fetchone()
        cursor.execute(
            "SELECT l.id, l.entry_id, l.date, e.description, b.kind, e.event_id, l.customer_id, l.invoice_id, "
            "l.base_debit, l.base_credit, l.balance FROM ("
            "  SELECT *, %s + sum(base_debit - base_credit) OVER (ORDER BY date, entry_id, position) AS balance "
            "  FROM accounting_journalline WHERE account_id = %s AND date BETWEEN %s AND %s"
            "  ORDER BY date, entry_id, position LIMIT %s OFFSET %s"
            ") l JOIN accounting_journalentry e ON e.id = l.entry_id JOIN billing_businessevent b ON b.id = e.event_id "
            "ORDER BY l.date, l.entry_id, l.position",
            [opening, account_id, since, until, page_size, (page - 1) * page_size],
        )
        return Ledger(opening, closing, count, [LedgerLine(*row) for row in cursor.fetchall()])
