"""The revenue schedule: what was recognized by month up to a day, and what is scheduled after it.

Of contracts in one currency, in that currency: at which rate the future will be earned nobody knows. What is scheduled follows
the schedules as they are now, also for a past day, and the report says so: what they were then is kept for the ends of closed
months only, and only in all (`accounting.reports.release`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from accounting.reports.asked import Asked, Mistakes
from accounting.reports.control import accounts_of
from accounting.reports.plans import REMAINING, SHARES
from accounting.reports.release import REVENUE_ROLES
from accounting.reports.sql import fetch
from accounting.reports.statements import months_between
from accounting.reports.structure import (
    ZERO,
    Chart,
    Column,
    Further,
    Kind,
    Listed,
    Proof,
    Record,
    Report,
    Row,
    Table,
    Target,
    money,
    month_column,
    summed,
)
from accounting.reports.words import as_of
from billing.models import Contract, Customer, Product
from billing.periods import end_of_month, first_of_month

# By what rows are: the journal line's id, the schedule's id, the records, how they are named and asked for.
_ROWS: dict[str, tuple[str, str, Any, str, str]] = {
    "product": ("product_id", "of_product", Product, "name", "code"),
    "customer": ("customer_id", "of_customer", Customer, "name", "external_id"),
    "contract": ("contract_id", "contract_id", Contract, "number", "number"),
}

_AS_OF_NOW = "What is due and scheduled follows the recognition schedules as they are now, not as they were that day."

_RECOGNIZED = """
SELECT l.{dimension}, date_trunc('month', l.date)::date, sum(l.credit - l.debit)
FROM accounting_journalline l WHERE l.account_id = ANY(%(revenue)s) AND l.date BETWEEN %(since)s AND %(at)s
AND l.currency = %(currency)s {narrowed}
GROUP BY 1, 2
"""
_SCHEDULED = f"""
WITH {SHARES}, chosen AS (SELECT * FROM totals), {REMAINING}
SELECT r.{{column}}, CASE WHEN r.month <= %(this)s THEN NULL ELSE r.month END, sum(r.amount)
FROM remaining r WHERE r.amount <> 0 AND r.currency = %(currency)s AND r.month <= %(until)s {{narrowed}} GROUP BY 1, 2
"""


def revenue_schedule(asked: Asked) -> Report:
    """Show revenue by product, customer or contract: recognized up to a day, scheduled from then on."""
    entity, since, at, until, currency = (
        asked.entity,
        first_of_month(asked["from"]),
        asked["at"],
        asked["to"],
        asked.currency,
    )
    if not since <= at <= until:
        raise Mistakes({"at": ["The day up to which revenue was recognized must lie between the first and the last."]})
    dimension, column, model, *called = _ROWS[asked["by"]]
    narrowed, given = _narrowed(asked)
    given |= {
        "entity": entity.pk,
        "currency": currency,
        "at": at,
        "since": since,
        "until": until,
        "this": first_of_month(at),
        "revenue": accounts_of(REVENUE_ROLES, entity_id=entity.pk),
    }
    recognized = fetch(_RECOGNIZED.format(dimension=dimension, narrowed=narrowed.format(table="l")), given)
    scheduled = fetch(
        _SCHEDULED.format(column=column, narrowed=_of_schedules(narrowed)),
        {**given, "until": end_of_month(until)},
    )
    # Months before the first that has revenue are left out: nothing had happened yet.
    begun = min((month or first_of_month(at) for _, month, _ in (*recognized, *scheduled)), default=since)
    months = months_between(begun, until)
    figures: dict[Any, dict[date | None, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for pk, month, amount in (*recognized, *scheduled):
        figures[pk][month] += amount
    table = _table(asked, figures, months, _names(model, called, figures))
    totals = table.totals.cells if table.totals else []
    past = sum((amount for _, _, amount in recognized), ZERO)
    return Report(
        "Revenue schedule",
        f"{as_of(entity, at, currency)} {_AS_OF_NOW}",
        currency,
        [table],
        headline=[("Recognized", past), ("Scheduled, as of now", sum((amount for *_, amount in scheduled), ZERO))],
        charts=[_chart(recognized, scheduled, months, at, currency)],
        proofs=[] if given["customer"] or given["product"] or given["contract"] else [_proof(asked, past, since, at)],
        landscape=bool(totals),
    )


def _narrowed(asked: Asked) -> tuple[str, dict[str, Any]]:
    given = {name: asked[name].pk if asked[name] else None for name in ("customer", "contract", "product")}
    return "".join(f" AND {{table}}.{name}_id = %({name})s" for name, pk in given.items() if pk), given


def _of_schedules(narrowed: str) -> str:
    names = narrowed.format(table="r")
    return names.replace("r.product_id", "r.of_product").replace("r.customer_id", "r.of_customer")


def _names(model: Any, called: Sequence[str], figures: Mapping[Any, Any]) -> dict[int, tuple[str, str]]:
    found = model.objects.filter(pk__in=[pk for pk in figures if pk])
    return {pk: (name, code) for pk, name, code in found.values_list("pk", *called)}


def _table(
    asked: Asked,
    figures: Mapping[Any, Mapping[date | None, Decimal]],
    months: Sequence[date],
    names: Mapping[int, tuple[str, str]],
) -> Table:
    by, currency, at = asked["by"], asked.currency, asked["at"]
    this = first_of_month(at)
    columns = [
        Column(by, by.capitalize()),
        *(month_column(month, currency) for month in months if month <= this),
        Column("due", "Due, not run", Kind.MONEY, currency, bare=True),
        *(month_column(month, currency) for month in months if month > this),
        money("total", "Total", currency),
    ]
    rows = Listed()
    for pk in sorted(figures, key=lambda pk: (pk is None, names.get(pk, ("", "")))):
        amounts = [figures[pk].get(month, ZERO) for month in months]
        place = sum(month <= this for month in months)
        due = figures[pk].get(None, ZERO)
        label, code = names.get(pk, (f"No {by}", ""))
        about = {"id": pk, "code": code}
        rows.append(Row((label, *amounts[:place], due, *amounts[place:], sum(amounts, due)), about))
    note = (
        "Due, not run: earned by that day; the recognition run has not posted it. This and later months: by the schedules as of "
        "now. What was planned when a month was closed stands in the deferred revenue waterfall of its last day."
    )
    return Table(
        "schedule",
        "",
        columns,
        rows,
        "No revenue in these months.",
        summed(rows, columns),
        _leads(asked, _ROWS[by][0]),
        note,
    )


def _leads(asked: Asked, dimension: str) -> Any:
    at = asked["at"]
    narrowed = {f"{name}_id": asked[name].pk for name in _ROWS if asked[name]}

    def leads(row: Row, key: str) -> Target | None:
        about = {dimension: row.about["id"] or 0} if "id" in row.about else {}
        if key in _ROWS:
            return Record(key, row.about["id"]) if row.about.get("id") else None
        month = date.fromisoformat(f"{key}-01") if key[:4].isdecimal() else None
        if month is None or month > at:
            return _of_schedules_of(asked, row)
        roles = ",".join(REVENUE_ROLES)
        return Further(
            "lines",
            asked.also(
                role=roles,
                from_=month,
                to=min(end_of_month(month), at),
                currency=asked.currency,
                **{**narrowed, **about},
            ),
        )

    return leads


def _of_schedules_of(asked: Asked, row: Row) -> Target | None:
    """Lead from what is scheduled to the contracts, and from a contract's row to its page with its schedules."""
    by = asked["by"]
    if not row.about.get("code"):
        return None
    if by == "contract":
        return Record(by, row.about["id"])
    given = {name: getattr(asked[name], _ROWS[name][4]) for name in _ROWS if asked[name]}
    days = {"from_": asked["from"], "at": asked["at"], "to": asked["to"]}
    further = given | {by: row.about["code"], "by": "contract", "currency": asked["currency"]}
    return Further("revenue-schedule", asked.also(**days, **further))


def _proof(asked: Asked, past: Decimal, since: date, at: date) -> Proof:
    accounts = accounts_of(REVENUE_ROLES, entity_id=asked.entity.pk)
    ((moved,),) = fetch(
        "SELECT coalesce(sum(credit) - sum(debit), 0) FROM accounting_journalline "
        "WHERE account_id = ANY(%s) AND date BETWEEN %s AND %s AND currency = %s",
        [accounts, since, at, asked.currency],
    )
    return Proof("What was recognized equals the movement of the revenue accounts", past, moved, asked.currency)


def _chart(
    recognized: Sequence[tuple[Any, ...]],
    scheduled: Sequence[tuple[Any, ...]],
    months: Sequence[date],
    at: date,
    currency: str,
) -> Chart:
    # What is due has no month of its own: it could be posted now.
    due = [(pk, first_of_month(at), amount) for pk, month, amount in scheduled if month is None]
    later = [row for row in scheduled if row[1] is not None]
    series = []
    for label, rows in (("Recognized", recognized), ("Scheduled, as of now", later), ("Due, not run", due)):
        if label.startswith("Due") and not due:
            continue
        sums: dict[date, Decimal] = defaultdict(Decimal)
        for _, month, amount in rows:
            sums[month] += amount
        series.append((f"{label} {currency}", [sums[month] for month in months]))
    return Chart("Revenue by month", [f"{month:%b %Y}" for month in months], series, stacked=True)
