"""Shadow against ledger, line for line, in the database: what is the same never leaves it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection

# What a line says, beside what names it: event, part of the event, position in the entry.
LINE_FIELDS = (
    "date", "kind", "description", "rule_version_id", "reverses", "business_entity_id", "account_id", "currency", "debit",
    "credit", "base_debit", "base_credit", "role", "resolved_by", "customer_id", "contract_id", "contract_item_id",
    "product_id", "invoice_id", "credit_note_id", "payment_id", "tax_rate_id",
    "refund_id", "obligation_id",
)  # fmt: skip
_OF_ENTRY = {"date", "kind", "description", "rule_version_id", "business_entity_id", "currency"}
_NAMED = ", ".join(
    "CASE WHEN e.reverses_id IS NULL THEN NULL ELSE (SELECT o.event_id || '.' || o.part FROM {books}accounting_journalentry o "
    "WHERE o.id = e.reverses_id) END AS reverses"
    if name == "reverses"
    else f"{'e' if name in _OF_ENTRY else 'l'}.{name}"
    for name in LINE_FIELDS
)
_LINES = (
    "SELECT e.event_id, e.part, l.position, " + _NAMED + " FROM {books}accounting_journalentry e "
    "JOIN {books}accounting_journalline l ON l.entry_id = e.id"
)
_BOTH = """
WITH posted AS ({posted}), again AS ({again})
SELECT event_id, part, position, to_jsonb(posted) - 'event_id' - 'part' - 'position' AS posted,
    to_jsonb(again) - 'event_id' - 'part' - 'position' AS again
FROM posted FULL JOIN again USING (event_id, part, position)
WHERE ({left}) IS DISTINCT FROM ({right})
"""


@dataclass(frozen=True, slots=True)
class LineDifference:
    """A line that is in one of the two only (the other is None), or says something else in both."""

    event_id: int
    part: int
    position: int
    posted: dict[str, Any] | None
    again: dict[str, Any] | None

    def fields(self) -> list[str]:
        """Name what differs."""
        if self.posted is None or self.again is None:
            return []
        return [name for name in LINE_FIELDS if self.posted.get(name) != self.again.get(name)]


def find_differences(schema: str) -> int:
    """Find the lines that differ, and remember them. Answers how many there are."""
    sql = _BOTH.format(
        posted=_LINES.format(books=f"{schema}."),
        again=_LINES.format(books="pg_temp."),
        left=", ".join(f"posted.{name}" for name in LINE_FIELDS),
        right=", ".join(f"again.{name}" for name in LINE_FIELDS),
    )
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO pg_temp.replay_difference {sql}")
        return int(cursor.rowcount)


def differences(limit: int) -> Iterator[LineDifference]:
    """Give the first lines that differ, in the order of their events."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT event_id, part, position, posted::text, again::text FROM pg_temp.replay_difference "
            "ORDER BY event_id, part, position LIMIT %s",
            [limit],
        )
        for event, part, position, posted, again in cursor.fetchall():
            yield LineDifference(event, part, position, _read(posted), _read(again))


def _read(line: str | None) -> dict[str, Any] | None:
    # Amounts stay as they are written, to the last digit.
    return json.loads(line, parse_float=str) if line else None


# The sub-ledger beside the journal: what the events made of schedules, commitments and splits, and who waits for a rule.
_STATE = (
    (
        "recognition schedule {0}: billed {1} and recognized {2}, by the events {3} and {4}",
        (
            "SELECT id, s.billed, s.recognized, t.billed, t.recognized FROM {schema}.accounting_recognitionschedule s "
            "FULL JOIN pg_temp.accounting_recognitionschedule t USING (id) "
            "WHERE (coalesce(s.billed, 0), coalesce(s.recognized, 0), coalesce(s.released, 0), coalesce(s.straight, 0)) "
            "<> (coalesce(t.billed, 0), coalesce(t.recognized, 0), coalesce(t.released, 0), coalesce(t.straight, 0)) "
            "ORDER BY id"
        ),
    ),
    (
        "price of obligation {0}, recognition schedule {1}: {2}, by the events {3}",
        (
            "SELECT coalesce(s.obligation_id, t.obligation_id), id, s.amount, t.amount "
            "FROM {schema}.accounting_recognitionschedule s FULL JOIN pg_temp.accounting_recognitionschedule t USING (id) "
            "WHERE coalesce(s.obligation_id, t.obligation_id) IS NOT NULL "
            "AND coalesce(s.amount, 0) <> coalesce(t.amount, 0) ORDER BY id"
        ),
    ),
    (
        "commitment of contract item {0}: {1} of which {2} billed, by the events {3} of which {4} billed",
        (
            "SELECT contract_item_id, s.committed, s.billed, t.committed, t.billed FROM {schema}.accounting_contractcommitment s "
            "FULL JOIN pg_temp.accounting_contractcommitment t USING (contract_item_id) WHERE "
            "(s.committed, s.billed, s.recognized) IS DISTINCT FROM (t.committed, t.billed, t.recognized) "
            "AND (coalesce(s.committed, 0), coalesce(t.committed, 0)) <> (0, 0) ORDER BY 1"
        ),
    ),
    (
        "split of invoice line {2} by {0} {1}: unearned {3}, by the events {4}",
        (
            "SELECT event_kind, event_key, invoice_line_id, s.unearned, t.unearned FROM {schema}.accounting_correctionsplit s "
            "FULL JOIN pg_temp.accounting_correctionsplit t USING (event_kind, event_key, invoice_line_id) WHERE "
            "(s.unearned, s.earned, s.tax) IS DISTINCT FROM (t.unearned, t.earned, t.tax) "
            # Those of credit notes are kept since they can be voided.
            "AND (s.unearned IS NOT NULL OR event_kind <> 'credit_note_issued') ORDER BY 1, 2, 3"
        ),
    ),
    (
        "what {0} {1} {2} is carried at: {3} {4}, by the events {5}",
        (
            "SELECT role, subject, layer, currency, s.base, t.base FROM {schema}.accounting_carryingamount s "
            "FULL JOIN pg_temp.accounting_carryingamount t USING (business_entity_id, role, currency, subject, layer) WHERE "
            "(coalesce(s.amount, 0), coalesce(s.base, 0)) <> (coalesce(t.amount, 0), coalesce(t.base, 0)) ORDER BY 1, 2, 3"
        ),
    ),
    (
        "event {0} waits for a rule: {1}, by the rules of its time {2}",
        (
            "SELECT event_id, CASE WHEN s.id IS NULL THEN 'no' ELSE 'yes' END, CASE WHEN t.id IS NULL THEN 'no' ELSE 'yes' END "
            "FROM {schema}.accounting_unmatchedevent s FULL JOIN pg_temp.accounting_unmatchedevent t USING (event_id) "
            "WHERE s.id IS NULL OR t.id IS NULL OR (s.posted_at IS NULL) <> (t.posted_at IS NULL) ORDER BY 1"
        ),
    ),
)


def state_differences(schema: str, limit: int) -> tuple[int, list[str]]:
    """Compare what stands beside the journal. Answers how many rows differ, and the first of each kind in words."""
    count = 0
    words: list[str] = []
    with connection.cursor() as cursor:
        for text, sql in _STATE:
            counted = f"SELECT q.*, count(*) OVER () FROM ({sql.format(schema=schema)}) q LIMIT %s"
            cursor.execute(counted, [limit])
            for row in cursor.fetchall():
                if len(words) < limit:
                    words.append(text.format(*row))
            count += int(row[-1]) if cursor.rowcount else 0
    return count, words
