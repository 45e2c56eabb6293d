"""The deferred revenue waterfall: how the balance came about month by month, and when it will become revenue."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from accounting.reports.asked import Asked
from accounting.reports.control import DEFERRED, accounts_of, balance_of
from accounting.reports.movements import MOVEMENTS, OTHER, SOURCE, event_filter, filtered_sums
from accounting.reports.plans import KEY, REMAINING, SHARES, key
from accounting.reports.sql import fetch
from accounting.reports.statements import months_between
from accounting.reports.structure import (
    ZERO,
    Chart,
    Column,
    Further,
    Listed,
    Proof,
    Report,
    Row,
    Style,
    Table,
    Target,
    money,
)
from accounting.reports.words import as_of
from billing.periods import add_months, end_of_month, first_of_month

REVENUE_ROLES = ("revenue", "breakage_revenue")
_LATER = 24  # So many months ahead are shown one by one.

_MOVED = """
SELECT date_trunc('month', l.date)::date, {sums} FROM {source}
WHERE l.account_id = ANY(%s) AND l.date BETWEEN %s AND %s GROUP BY 1
"""

# What is deferred of a key is used up by its remaining parts in the order of their months. Where it equals the parts of the
# months to come, as it does while billing and recognition are in step, they are the answer and nothing need be put in
# order. Schedules are in the contract's currency; a balance in the books' is divided in the same proportion.
_RELEASE = f"""
WITH {SHARES},
deferred AS (
    SELECT {key("l")}, sum(l.credit - l.debit) AS own, sum(l.base_credit - l.base_debit) AS base
    FROM accounting_journalline l WHERE l.account_id = ANY(%(deferred)s) AND l.date <= %(at)s GROUP BY 1, 2, 3
),
irregular AS (
    SELECT {KEY}, d.own, d.base FROM (SELECT {KEY}, sum(ahead) AS ahead FROM totals GROUP BY {KEY}) t
    LEFT JOIN deferred d USING ({KEY})
    WHERE t.ahead <> coalesce(d.own, 0) OR d.own <> d.base
),
chosen AS (SELECT t.* FROM totals t JOIN irregular USING ({KEY})),
{REMAINING}
SELECT month, sum(amount) FROM (
    SELECT month, amount FROM shares WHERE month > %(this)s
    UNION ALL SELECT last, whole - total FROM totals WHERE last > %(this)s
    UNION ALL SELECT s.month, -s.amount FROM shares s JOIN chosen USING (id) WHERE s.month > %(this)s
    UNION ALL SELECT last, total - whole FROM chosen WHERE last > %(this)s
    UNION ALL
    SELECT greatest(r.month, %(this)s), CASE WHEN d.own = d.base THEN v.part ELSE round(v.part * d.base / d.own, 4) END
    FROM (SELECT remaining.*, sum(amount) OVER (PARTITION BY {KEY} ORDER BY month) AS risen FROM remaining) r
    JOIN irregular d USING ({KEY})
    CROSS JOIN LATERAL (SELECT least(r.amount, greatest(d.own - (r.risen - r.amount), 0)) AS part) v WHERE v.part > 0
) released GROUP BY 1 HAVING sum(amount) <> 0 ORDER BY 1
"""


def deferred_waterfall(asked: Asked) -> Report:
    """Show the movements of deferred revenue by month up to a day, and when what is left of it will be earned."""
    entity, since, at, currency = asked.entity, first_of_month(asked["from"]), asked["at"], asked.base
    accounts = accounts_of([DEFERRED], entity_id=entity.pk)
    opening = -balance_of(accounts, at=date.fromordinal(since.toordinal() - 1))
    closing = -balance_of(accounts, at=at)
    past = _movements(asked, accounts, since, at, opening, closing)
    released = _released(asked, accounts)
    future = _future(asked, released, closing)
    moved = [row.cells for row in past.rows]
    return Report(
        "Deferred revenue waterfall",
        as_of(entity, at, currency),
        currency,
        [past, future],
        headline=[
            ("Deferred at the end", closing),
            ("Recognized in these months", -sum((cells[3] for cells in moved), ZERO)),
            ("Will be revenue within 12 months", sum((amount for _, amount in released[:12]), ZERO)),
        ],
        charts=[_chart(past, future, currency)],
        proofs=[
            Proof(
                "Opening balance and movements equal deferred revenue",
                moved[-1][-1] if moved else opening,
                closing,
                currency,
            ),
            Proof(
                "What will be released equals deferred revenue",
                sum((row.cells[1] for row in future.rows), ZERO),
                closing,
                currency,
            ),
        ],
    )


def _movements(
    asked: Asked, accounts: Sequence[int], since: date, at: date, opening: Decimal, closing: Decimal
) -> Table:
    sums = filtered_sums("l.base_credit - l.base_debit")
    rows = fetch(_MOVED.format(sums=sums, source=SOURCE), [list(accounts), since, at])
    found = {month: amounts for month, *amounts in rows}
    columns = [
        Column("month", "Month"),
        money("opening", "Opening", asked.base),
        money("billed", "Billed", asked.base),
        money("recognized", "Recognized", asked.base),
        money("credited", "Credited and voided", asked.base),
        money(OTHER, "Other", asked.base),
        money("closing", "Closing", asked.base),
    ]
    balance, listed = opening, Listed()
    for month in months_between(since, at):
        amounts = found.get(month, [ZERO] * 4)
        before, balance = balance, balance + sum(amounts, ZERO)
        listed.append(Row((f"{month:%B %Y}", before, *amounts, balance), {"month": month}))
    totals = [sum((row.cells[place] for row in listed), ZERO) for place in range(2, 6)]

    def leads(row: Row, column: str) -> Target | None:
        month = row.about.get("month")
        first, last = (month, min(end_of_month(month), at)) if month else (since, at)
        if column in ("opening", "closing"):
            if not month:
                return None
            day = last if column == "closing" else date.fromordinal(month.toordinal() - 1)
            return Further("lines", asked.also(role=DEFERRED, to=day))
        if column not in (*MOVEMENTS, OTHER):
            return None
        return Further("lines", asked.also(role=DEFERRED, event=event_filter(column), from_=first, to=last))

    foot = Row(("Total", None, *totals, None), style=Style.SUBTOTAL)
    return Table("movements", "How the balance came about", columns, listed, "Nothing was deferred.", foot, leads)


def _released(asked: Asked, accounts: Sequence[int]) -> list[tuple[date, Decimal]]:
    at = asked["at"]
    given = {
        "entity": asked.entity.pk,
        "at": at,
        "this": first_of_month(at),
        "deferred": list(accounts),
        "revenue": accounts_of(REVENUE_ROLES, entity_id=asked.entity.pk),
    }
    return fetch(_RELEASE, given)


def _future(asked: Asked, released: Sequence[tuple[date, Decimal]], closing: Decimal) -> Table:
    columns = [
        Column("month", "Month"),
        money("released", "Becomes revenue", asked.base),
        money("left", "Deferred after it", asked.base),
    ]
    rows, left = Listed(), closing
    this = first_of_month(asked["at"])
    for month, amount in released[:_LATER]:
        left -= amount
        words = f"{month:%B %Y}" if month > this else f"Due by {end_of_month(this):%d %B %Y}"
        rows.append(Row((words, amount, left)))
    later = sum((amount for _, amount in released[_LATER:]), ZERO)
    if later:
        rows.append(Row(("Later", later, left - later)))
    unplanned = left - later
    if unplanned:
        rows.append(Row(("Not scheduled yet", unplanned, ZERO)))
    totals = Row(("Total", sum((row.cells[1] for row in rows), ZERO), None), style=Style.SUBTOTAL)
    days = {"from_": this, "at": asked["at"], "to": end_of_month(add_months(this, _LATER))}

    def leads(row: Row, column: str) -> Target | None:
        return Further("revenue-schedule", asked.also(by="contract", **days)) if column == "released" else None

    note = "By the recognition schedules. Not scheduled yet: grossed up at contract start, or posted by hand."
    title, empty = "When it will become revenue", "Nothing is deferred."
    return Table("release", title, columns, rows, empty, totals, leads, note)


def _chart(past: Table, future: Table, currency: str) -> Chart:
    before = [(row.cells[0], row.cells[-1]) for row in past.rows]
    after = [(row.cells[0], row.cells[2]) for row in future.rows]
    labels: list[Any] = [label for label, _ in (*before, *after)]
    actual = [amount for _, amount in before] + [ZERO] * len(after)
    planned = [ZERO] * len(before) + [amount for _, amount in after]
    series = [(f"Deferred {currency}", actual), (f"As scheduled {currency}", planned)]
    return Chart("Deferred revenue at the end of each month", labels, series, stacked=True)
