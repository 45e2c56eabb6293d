"""The deferred revenue waterfall: how the balance came about month by month, and when it will become revenue."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from accounting.reports.asked import Asked
from accounting.reports.control import DEFERRED, accounts_of, balance_of
from accounting.reports.movements import MOVEMENTS, OTHER, SOURCE, event_filter, filtered_sums
from accounting.reports.release import Release, release
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
    since_begun,
)
from accounting.reports.words import as_of
from billing.money import round_money
from billing.periods import add_months, day_words, end_of_month, first_of_month

_LATER = 24  # So many months ahead are shown one by one.

_MOVED = """
SELECT date_trunc('month', l.date)::date, {sums} FROM {source}
WHERE l.account_id = ANY(%s) AND l.date BETWEEN %s AND %s GROUP BY 1
"""


def deferred_waterfall(asked: Asked) -> Report:
    """Show the movements of deferred revenue by month up to a day, and when what is left of it will be earned."""
    entity, since, at, currency = asked.entity, first_of_month(asked["from"]), asked["at"], asked.base
    accounts = accounts_of([DEFERRED], entity_id=entity.pk)
    opening = -balance_of(accounts, at=date.fromordinal(since.toordinal() - 1))
    closing = -balance_of(accounts, at=at)
    past = _movements(asked, accounts, since, at, opening)
    ahead = release(entity_id=entity.pk, at=at)
    future = _future(asked, ahead, closing)
    moved = [row.cells for row in past.rows]
    return Report(
        "Deferred revenue waterfall",
        as_of(entity, at, currency),
        currency,
        [past, future],
        headline=[
            ("Deferred at the end", closing),
            ("Recognized in these months", -sum((cells[3] for cells in moved), ZERO)),
            *([] if ahead is None else [("Will be revenue within 12 months", ahead.within(12))]),
        ],
        charts=[_chart(past, future, currency)],
        proofs=[
            Proof(
                "Opening balance and movements equal deferred revenue",
                moved[-1][-1] if moved else opening,
                closing,
                currency,
            ),
            *([] if ahead is None else [_complete(future, closing, currency)]),
        ],
    )


def _movements(asked: Asked, accounts: Sequence[int], since: date, at: date, opening: Decimal) -> Table:
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
        listed.append(Row((f"{month:%B %Y}", before, *amounts, balance), {"month": month, "label": f"{month:%b %Y}"}))
    listed = since_begun(listed)
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


def _complete(future: Table, closing: Decimal, currency: str) -> Proof:
    words = "What will be released equals deferred revenue"
    return Proof(words, sum((row.cells[1] for row in future.rows), ZERO), closing, currency)


def _future(asked: Asked, ahead: Release | None, closing: Decimal) -> Table:
    columns = [
        Column("month", "Month"),
        money("released", "Becomes revenue", asked.base),
        money("left", "Deferred after it", asked.base),
    ]
    rows, left = Listed(), closing
    this, title = first_of_month(asked["at"]), "When it will become revenue"
    if ahead is None:
        words = f"This month is closed; what lay ahead is kept for its end. Ask for {day_words(end_of_month(this))}."
        return Table("release", title, columns, rows, words)
    released = _whole(ahead, closing, asked.base)
    for month, amount in released[:_LATER]:
        left -= amount
        words = f"{month:%B %Y}" if month > this else f"Due by {day_words(end_of_month(this))}"
        rows.append(Row((words, amount, left), {"label": f"{month:%b %Y}" if month > this else "Due now"}))
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

    note = (
        "By the recognition schedules; for a closed month, as they stood when it was closed. Not scheduled yet: grossed up at "
        "contract start, or posted by hand."
    )
    return Table("release", title, columns, rows, "Nothing is deferred.", totals, leads, note)


def _whole(ahead: Release, closing: Decimal, currency: str) -> list[tuple[date, Decimal]]:
    """Give the months ahead; what rounding left of a foreign balance, less than its smallest unit, falls into the last."""
    released = list(ahead.months)
    rest = closing - sum((amount for _, amount in released), ZERO)
    if released and rest and not round_money(rest, currency):
        month, amount = released[-1]
        released[-1] = (month, amount + rest)
    return released


def _chart(past: Table, future: Table, currency: str) -> Chart:
    labels = [row.about.get("label", row.cells[0]) for row in (*past.rows, *future.rows)]
    actual = [row.cells[-1] for row in past.rows] + [ZERO] * len(future.rows)
    planned = [ZERO] * len(past.rows) + [row.cells[2] for row in future.rows]
    series = [(f"Deferred {currency}", actual), (f"As scheduled {currency}", planned)]
    return Chart("Deferred revenue at the end of each month", labels, series, stacked=True)
