"""Monthly recurring revenue: what customers pay each month for what recurs, and what changed it from month to month.

Taken from the contracts: the price of each fixed item for one billing interval, divided by its months, from its first day
to its last. Usage, charges made once, trials and pauses do not recur. Not a figure of the books; amounts are in the
contracts' currency.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from accounting.reports.asked import Asked, Mistakes
from accounting.reports.statements import months_between
from accounting.reports.structure import (
    ZERO,
    Chart,
    Column,
    Further,
    Listed,
    Proof,
    Record,
    Report,
    Row,
    Style,
    Table,
    Target,
    money,
    since_begun,
    summed,
)
from billing import pricing
from billing.models import ContractStatus, Customer
from billing.money import round_money
from billing.periods import add_months, day_words, end_of_month, first_of_month
from billing.services.terms import Item, read_items

CHANGES = {
    "new": "New", "expansion": "Expansion", "contraction": "Contraction", "churn": "Churn", "back": "Reactivation",
}  # fmt: skip
# A charge for one interval within a longer contract is made once, such as a set-up fee; not so what a modification cut short.
_RECURS = (
    "AND NOT (coalesce(i.end <= i.start + make_interval(months => i.interval_months) "
    "AND i.end < coalesce(c.end, 'infinity'), FALSE) AND NOT EXISTS (SELECT 1 FROM billing_contractmodification m "
    "WHERE m.contract_id = c.id AND m.effective_on = i.end))"
)
_FIRST = 2  # Where a customer's figures of the first month stand; see _series.


def mrr_movement(asked: Asked) -> Report:
    """Show by month the recurring revenue before and after, and what was won, extended, reduced and lost."""
    months, series = _series(asked)
    currency = asked.currency
    columns = [
        Column("month", "Month"), money("before", "Before", currency),
        *(money(key, label, currency) for key, label in CHANGES.items()), money("after", "After", currency),
    ]  # fmt: skip
    rows = Listed()
    for place, month in enumerate(months, start=_FIRST):
        changes: dict[str, Decimal] = defaultdict(Decimal)
        for amounts in series.values():
            if kind := _kind(amounts, place):
                changes[kind] += amounts[place] - amounts[place - 1]
        before, after = (sum((amounts[at] for amounts in series.values()), ZERO) for at in (place - 1, place))
        cells = (f"{month:%B %Y}", before, *(changes[key] for key in CHANGES), after)
        rows.append(Row(cells, {"month": month}))
    first, last = rows[0].cells[1], rows[-1].cells[-1]
    rows = since_begun(rows)

    def leads(row: Row, key: str) -> Target | None:
        if "month" not in row.about or key not in (*CHANGES, "before", "after"):
            return None
        month = add_months(row.about["month"], -1) if key == "before" else row.about["month"]
        further = asked.also(month=month, kind=key if key in CHANGES else None, currency=asked["currency"])
        return Further("mrr-customers", further)

    moved = sum((amount for row in rows for amount in row.cells[2:-1]), ZERO)
    totals = Row(("Total", None, *summed(rows, columns).cells[2:-1], None), style=Style.SUBTOTAL)
    return Report(
        "MRR movement",
        _about(asked, months[0], end_of_month(months[-1])),
        currency,
        [Table("months", "", columns, rows, "No contract recurs in these months.", totals, leads)],
        headline=[("Before", first), ("After", last), ("A year of it", 12 * last)],
        charts=[_chart(rows, currency)] if rows else [],
        proofs=[Proof("Before and all movements equal after", first + moved, last, currency)],
    )


def mrr_customers(asked: Asked) -> Report:
    """List the customers behind one month of the movement."""
    months, series = _series(asked)
    currency, wanted = asked.currency, asked["kind"]
    if wanted and wanted not in CHANGES:
        raise Mistakes({"kind": [f"Give one of {', '.join(CHANGES)}."]})
    columns = [
        Column("customer", "Customer"), Column("kind", "What changed"), money("before", "Before", currency),
        money("change", "Change", currency), money("after", "After", currency),
    ]  # fmt: skip
    place = _FIRST + len(months) - 1
    names = dict(Customer.objects.filter(pk__in=list(series)).values_list("pk", "name"))
    found = []
    for customer, amounts in series.items():
        kind = _kind(amounts, place)
        before, after = amounts[place - 1], amounts[place]
        if (kind == wanted) if wanted else after:
            words = CHANGES[kind] if kind else "Unchanged"
            found.append(
                Row((names.get(customer, ""), words, before, after - before, after), {"customer_id": customer})
            )
    rows = Listed(sorted(found, key=lambda row: row.cells[0]))

    def leads(row: Row, key: str) -> Target | None:
        return Record("customer", row.about["customer_id"]) if "customer_id" in row.about else None

    month = months[-1]
    return Report(
        f"MRR of {month:%B %Y}: {CHANGES[wanted].lower() if wanted else 'all customers'}",
        _about(asked, month, end_of_month(month)),
        currency,
        [Table("customers", "", columns, rows, "No customer.", summed(rows, columns), leads)],
    )


def _about(asked: Asked, since: date, until: date) -> str:
    days = f"{day_words(since)} to {day_words(until)}"
    return f"{asked.entity.name}, contracts in {asked.currency}, {days}, at the end of each month."


def _kind(amounts: Sequence[Decimal], place: int) -> str:
    """Say what a customer's recurring revenue did in a month, or nothing."""
    before, after = amounts[place - 1], amounts[place]
    if before == after:
        return ""
    if not before:
        return "back" if any(amounts[: place - 1]) else "new"
    if not after:
        return "churn"
    return "expansion" if after > before else "contraction"


def _series(asked: Asked) -> tuple[list[date], dict[int, list[Decimal]]]:
    """Give the months, and per customer: what was ever paid before them, at the end of the month before, and of each."""
    months = [first_of_month(asked["month"])] if asked["month"] else months_between(asked["from"], asked["to"])
    ends = [end_of_month(add_months(months[0], -1)), *(end_of_month(month) for month in months)]
    items = read_items(
        f"c.business_entity_id = %s AND c.currency = %s AND c.status <> %s AND NOT i.is_metered AND i.start <= %s {_RECURS}",
        [asked.entity.pk, asked.currency, ContractStatus.DRAFT, ends[-1]],
    )
    series: dict[int, list[Decimal]] = defaultdict(lambda: [ZERO] * (_FIRST + len(months)))
    for item in items:
        if not (amount := _monthly(item)):
            continue
        amounts, terms = series[item.customer_id], item.terms
        if terms.start <= ends[0]:
            amounts[0] += amount
        for place, day in enumerate(ends, start=1):
            if terms.start <= day and (terms.end is None or day < terms.end):
                amounts[place] += amount
    return months, series


def _monthly(item: Item) -> Decimal:
    terms = item.terms
    if terms.is_free:
        return ZERO
    price = pricing.rate(terms.pricing_model, terms.pricing, terms.quantity)
    return round_money(price / terms.interval_months, terms.currency)


def _chart(rows: Sequence[Row], currency: str) -> Chart:
    series: list[tuple[str, list[Any]]] = [
        (label, [row.cells[2 + place] for row in rows]) for place, label in enumerate(CHANGES.values())
    ]
    return Chart(f"What changed MRR, {currency}", [f"{row.about['month']:%b %Y}" for row in rows], series, stacked=True)
