"""The general ledger of one account: where it stood, every line, where it stands."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db import connection

from accounting.balances import account_balance
from accounting.models import Account

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


def general_ledger(*, account_id: int, since: date, until: date, most: int = _PAGE) -> Ledger:
    """Give the first lines of an account in the order they stand in the books, with the running balance."""
    entity_id = Account.objects.values_list("business_entity_id", flat=True).get(pk=account_id)
    opening = account_balance(business_entity_id=entity_id, account_id=account_id, at=since - timedelta(days=1))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT %s + coalesce(sum(base_debit) - sum(base_credit), 0), count(*) "
            "FROM accounting_journalline WHERE account_id = %s AND date BETWEEN %s AND %s",
            [opening, account_id, since, until],
        )
        closing, count = cursor.fetchone()
        cursor.execute(
            "SELECT l.id, l.entry_id, l.date, e.description, b.kind, e.event_id, l.customer_id, l.invoice_id, "
            "l.base_debit, l.base_credit, l.balance FROM ("
            "  SELECT *, %s + sum(base_debit - base_credit) OVER (ORDER BY date, entry_id, position) AS balance "
            "  FROM accounting_journalline WHERE account_id = %s AND date BETWEEN %s AND %s"
            "  ORDER BY date, entry_id, position LIMIT %s"
            ") l JOIN accounting_journalentry e ON e.id = l.entry_id JOIN billing_businessevent b ON b.id = e.event_id "
            "ORDER BY l.date, l.entry_id, l.position",
            [opening, account_id, since, until, most],
        )
        return Ledger(opening, closing, count, [LedgerLine(*row) for row in cursor.fetchall()])
