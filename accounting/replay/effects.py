"""What a tried rule would have changed: by event and by account. How entries are cut and ordered does not matter here, only
what stands on which account, on which day, and for whom."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db import connection

from accounting.replay.order import Wanted

_ABOUT = (
    "date", "account_id", "currency", "customer_id", "contract_id", "contract_item_id", "product_id", "invoice_id",
    "credit_note_id", "payment_id", "tax_rate_id", "refund_id", "obligation_id",
)  # fmt: skip
_SIDE = (
    "SELECT e.event_id, "
    + ", ".join(f"l.{name}" for name in _ABOUT)
    + ", {sign} (l.debit - l.credit) AS net, {sign} (l.base_debit - l.base_credit) AS base_net "
    "FROM {books}accounting_journalentry e JOIN {books}accounting_journalline l ON l.entry_id = e.id "
    "WHERE e.event_id IN (SELECT b.id FROM {schema}.billing_businessevent b WHERE {condition})"
)
_CHANGED = (
    "INSERT INTO pg_temp.replay_changed SELECT DISTINCT event_id FROM (SELECT event_id FROM ("
    "{posted} UNION ALL {again}) both_sides GROUP BY event_id, "
    + ", ".join(_ABOUT)
    + " HAVING sum(net) <> 0 OR sum(base_net) <> 0) changed"
)
_ACCOUNTS = """
SELECT a.id, a.code, a.name, sum(posted_debit)::text, sum(posted_credit)::text, sum(tried_debit)::text, sum(tried_credit)::text
FROM (
    SELECT l.account_id, l.base_debit AS posted_debit, l.base_credit AS posted_credit, 0 AS tried_debit, 0 AS tried_credit
    FROM {schema}.accounting_journalline l JOIN {schema}.accounting_journalentry e ON e.id = l.entry_id
    WHERE e.event_id IN (SELECT event_id FROM pg_temp.replay_changed)
    UNION ALL
    SELECT l.account_id, 0, 0, l.base_debit, l.base_credit
    FROM pg_temp.accounting_journalline l JOIN pg_temp.accounting_journalentry e ON e.id = l.entry_id
    WHERE e.event_id IN (SELECT event_id FROM pg_temp.replay_changed)
) both_sides JOIN {schema}.accounting_account a ON a.id = account_id GROUP BY a.id, a.code, a.name ORDER BY a.code, a.id
"""
_LINES = """
SELECT e.event_id, e.description, l.date::text, l.account_id, l.role, l.currency, l.debit::text, l.credit::text, l.product_id
FROM {books}accounting_journalentry e JOIN {books}accounting_journalline l ON l.entry_id = e.id
WHERE e.event_id = ANY(%s) ORDER BY e.event_id, e.part, l.position
"""
_LINE = ("description", "date", "account_id", "role", "currency", "debit", "credit", "product_id")
Lines = dict[int, list[dict[str, Any]]]


def find_changed(schema: str, wanted: Wanted) -> int:
    """Find the events that would have been posted otherwise, and remember them. Answers how many."""
    posted = _SIDE.format(books=f"{schema}.", schema=schema, condition=wanted.condition, sign="")
    again = _SIDE.format(books="pg_temp.", schema=schema, condition=wanted.condition, sign="-")
    with connection.cursor() as cursor:
        cursor.execute(_CHANGED.format(posted=posted, again=again), [*wanted.parameters, *wanted.parameters])
        return int(cursor.rowcount)


def changed_events(limit: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT event_id FROM pg_temp.replay_changed ORDER BY event_id LIMIT %s", [limit])
        return [row[0] for row in cursor.fetchall()]


def account_differences(schema: str) -> list[dict[str, Any]]:
    """Give, per account and in base currency, what the changed events posted and what they would have posted."""
    names = ("account_id", "code", "name", "posted_debit", "posted_credit", "tried_debit", "tried_credit")
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNTS.format(schema=schema))
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def lines_of(events: Iterable[int], *, books: str) -> Lines:
    """Give the lines of events as the ledger (`books` its schema with a dot) or the shadow (`pg_temp.`) has them."""
    found: Lines = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_LINES.format(books=books), [list(events)])
        for event, *line in cursor.fetchall():
            found[event].append(dict(zip(_LINE, line, strict=True)))
    return found
