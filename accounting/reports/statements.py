"""Trial balance, balance sheet and income statement: what the accounts add up to."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from accounting.models import Account, AccountingPeriod, Category
from accounting.reports.asked import Asked, Mistakes
from accounting.reports.sql import fetch
from accounting.reports.structure import (
    ZERO,
    Chart,
    Column,
    Further,
    Leads,
    Listed,
    Proof,
    Report,
    Row,
    Style,
    Table,
    Target,
    money,
    month_column,
)
from accounting.reports.trial_balance import trial_balance
from accounting.reports.words import as_of, between
from billing.models import BusinessEntity
from billing.periods import add_months, day_words, end_of_month, first_of_month

_MOST_MONTHS = 36


def trial_balance_report(asked: Asked) -> Report:
    """Show every account's balance at the end of a day; both sides are equal."""
    entity, at, currency = asked.entity, asked["at"], asked.base
    balance = trial_balance(business_entity_id=entity.pk, at=at)
    columns = [
        Column("account", "Account"), Column("name", "Name"), Column("category", "Category"),
        money("debit", "Debit", currency), money("credit", "Credit", currency),
    ]  # fmt: skip
    rows = Listed(
        Row(
            (row.code, row.name, Category(row.category).label, row.debit or None, row.credit or None),
            {"account_id": row.account_id, "account": row.code},
        )
        for row in balance.accounts
    )
    table = Table(
        "accounts",
        "",
        columns,
        rows,
        "Nothing is posted by that day. Entries appear when invoices are finalized.",
        totals=Row(("Total", "", "", balance.debit, balance.credit), style=Style.SUBTOTAL),
        leads=_to_ledger(asked, at),
    )
    proof = Proof("Debits equal credits", balance.debit, balance.credit, currency)
    return Report("Trial balance", as_of(entity, at, currency), currency, [table], proofs=[proof])


def _to_ledger(asked: Asked, at: date) -> Leads:
    def leads(row: Row, key: str) -> Target | None:
        if "account" not in row.about or key in ("name", "category"):
            return None
        if key == "change":
            first, last = sorted((at, asked["compare"]))
            days = {"from_": first + timedelta(days=1), "to": last}
            return Further("lines", asked.also(account=row.about["account"], **days))
        until = asked["compare"] if key == "compare" else at
        first = date(until.year, 1, 1)
        return Further("general-ledger", asked.also(account=row.about["account"], from_=first, to=until))

    return leads


def _to_earnings(asked: Asked, at: date, others: Leads) -> Leads:
    """Lead from what was earned to the income statement: of the year so far, or of the years before it."""
    first = AccountingPeriod.objects.filter(business_entity=asked.entity).order_by("start").first()

    def leads(row: Row, key: str) -> Target | None:
        if "earned" not in row.about or first is None:
            return others(row, key)
        if key not in ("at", "compare"):
            return None
        until = asked["compare"] if key == "compare" else at
        new_year = date(until.year, 1, 1)
        since, last = (new_year, until) if row.about["earned"] else (first.start, new_year - timedelta(days=1))
        return Further("income-statement", asked.also(from_=since, to=last)) if since <= last else None

    return leads


# Balance sheet.


def balance_sheet(asked: Asked) -> Report:
    """Show assets against liabilities and equity at the end of a day, and of another day beside it."""
    entity, at, compare, currency = asked.entity, asked["at"], asked["compare"], asked.base
    days = [day for day in (at, compare) if day]
    columns = [Column("account", "Account"), money("at", day_words(at), currency)]
    if compare:
        columns += [money("compare", day_words(compare), currency), money("change", "Change", currency)]
    positions = [_position(entity, day) for day in days]
    chart = _Chart(entity)
    rows, sums = Listed(), {}
    for category in (Category.ASSETS, Category.LIABILITIES, Category.EQUITY):
        sign = 1 if category == Category.ASSETS else -1
        section = _with_group_totals(chart.section(category, [each.accounts for each in positions], sign))
        if category == Category.EQUITY:
            for place, name in enumerate(("Earnings of earlier years", "Earnings of this year")):
                section.append(
                    _row(name, [each.earnings[place] for each in positions], level=1, about={"earned": place})
                )
        sums[category] = _total(section, len(days))
        rows += [
            Row((category.label,), style=Style.HEADING),
            *section,
            _row(f"Total {category.label.lower()}", sums[category], style=Style.SUBTOTAL),
        ]
    claims = [a + b for a, b in zip(sums[Category.LIABILITIES], sums[Category.EQUITY], strict=True)]
    rows.append(_row("Total liabilities and equity", claims, style=Style.SUBTOTAL))
    leads = _to_earnings(asked, at, _to_ledger(asked, at))
    table = Table("accounts", "", columns, rows, "Nothing is posted by that day.", leads=leads)
    proofs = [
        Proof(f"Assets equal liabilities and equity on {day_words(day)}", own, others, currency)
        for day, own, others in zip(days, sums[Category.ASSETS], claims, strict=True)
    ]
    headline = [(category.label, sums[category][0]) for category in sums]
    return Report("Balance sheet", as_of(entity, at, currency), currency, [table], headline=headline, proofs=proofs)


class _Position:
    """Where the accounts of an entity stand at the end of a day, debit less credit, and what it has earned so far."""

    def __init__(self, accounts: Mapping[int, Decimal], earlier: Decimal, total: Decimal) -> None:
        self.accounts = accounts
        self.earnings = (earlier, total - earlier)


def _position(entity: BusinessEntity, day: date) -> _Position:
    now = trial_balance(business_entity_id=entity.pk, at=day)
    before = trial_balance(business_entity_id=entity.pk, at=date(day.year, 1, 1) - timedelta(days=1))
    earned = [
        sum((row.credit - row.debit for row in each.accounts if row.category in _RESULT), ZERO)
        for each in (before, now)
    ]
    return _Position({row.account_id: row.debit - row.credit for row in now.accounts}, *earned)


_RESULT = (Category.INCOME, Category.EXPENSES)


class _Chart:
    """An entity's chart as sections of a statement: accounts below the group they belong to, in order of their codes."""

    def __init__(self, entity: BusinessEntity) -> None:
        self._children: dict[int | None, list[Account]] = defaultdict(list)
        for account in Account.objects.filter(business_entity=entity).order_by("code"):
            self._children[account.parent_id].append(account)

    def section(self, category: str, figures: Sequence[Mapping[int, Decimal]], sign: int) -> list[Row]:
        """Give the rows of a category's accounts that have a figure anywhere, times the sign."""
        roots = [account for account in self._children[None] if account.category == category]
        return [row for account in roots for row in self._rows(account, figures, sign, level=1)]

    def _rows(self, account: Account, figures: Sequence[Mapping[int, Decimal]], sign: int, level: int) -> list[Row]:
        if account.is_group:
            children = self._children[account.pk]
            below = [row for child in children for row in self._rows(child, figures, sign, level + 1)]
            if not below:
                return []
            heading = Row((str(account),), style=Style.HEADING, level=level)
            total = Row((f"Total {account}",), {"below": len(below)}, Style.SUBTOTAL, level)
            return [heading, *below, total] if len(below) > 1 else [heading, *below]
        if not any(account.pk in each for each in figures):
            return []
        amounts = [ZERO + sign * each.get(account.pk, ZERO) for each in figures]  # ZERO takes the sign off a zero.
        return [_row(str(account), amounts, level=level, about={"account": account.code})]


def _with_group_totals(rows: Sequence[Row]) -> list[Row]:
    """Fill in what the lines below each group of accounts add up to."""
    filled = []
    for place, row in enumerate(rows):
        if "below" in row.about:
            lines = [each.cells[1:] for each in rows[place - row.about["below"] : place] if each.style is Style.LINE]
            sums = [sum(column, ZERO) for column in zip(*lines, strict=True)]
            filled.append(Row((row.cells[0], *sums), style=row.style, level=row.level))
        else:
            filled.append(row)
    return filled


def _row(
    name: str,
    amounts: Sequence[Decimal],
    *,
    style: Style = Style.LINE,
    level: int = 0,
    about: Mapping[str, object] | None = None,
) -> Row:
    change = [amounts[0] - amounts[1]] if len(amounts) == 2 else []
    return Row((name, *amounts, *change), about or {}, style, level)


def _total(rows: Sequence[Row], figures: int) -> list[Decimal]:
    lines = [row.cells for row in rows if row.style is Style.LINE]
    return [sum((cells[1 + place] for cells in lines), ZERO) for place in range(figures)]


# Income statement.


def income_statement(asked: Asked) -> Report:
    """Show income less expenses between two days, as a whole or month by month."""
    entity, since, until, currency = asked.entity, asked["from"], asked["to"], asked.base
    months = months_between(since, until) if asked["by"] == "month" else []
    figures = _by_month(entity, since, until)
    chart = _Chart(entity)
    columns = [
        Column("account", "Account"),
        *(month_column(month, currency) for month in months), money("total", "Total", currency),
    ]  # fmt: skip
    shown = [*months, None]
    rows, sums = Listed(), {}
    for category in _RESULT:
        sign = -1 if category == Category.INCOME else 1
        section = _with_group_totals(
            [_spread(row, figures, sign, shown) for row in chart.section(category, [figures.total], sign)]
        )
        lines = [row for row in section if row.style is Style.LINE]
        total = [sum((row.cells[1 + place] for row in lines), ZERO) for place in range(len(shown))]
        sums[category] = total
        rows += [
            Row((category.label,), style=Style.HEADING),
            *section,
            Row((f"Total {category.label.lower()}", *total), style=Style.SUBTOTAL),
        ]
    net = [income - expense for income, expense in zip(sums[Category.INCOME], sums[Category.EXPENSES], strict=True)]
    rows.append(Row(("Net income", *net), style=Style.SUBTOTAL))
    table = Table(
        "accounts", "", columns, rows, "Nothing is posted between these days.", leads=_to_months(asked, since, until)
    )
    before, after = (_earned(entity, day) for day in (since - timedelta(days=1), until))
    headline = [
        ("Income", sums[Category.INCOME][-1]), ("Expenses", sums[Category.EXPENSES][-1]), ("Net income", net[-1]),
    ]  # fmt: skip
    charts = []
    if len(months) > 1:
        series = [(category.label, sums[category][:-1]) for category in _RESULT]
        charts = [Chart("Income and expenses by month", [f"{month:%b %Y}" for month in months], series)]
    return Report(
        "Income statement", between(entity, since, until, currency), currency, [table], headline=headline, charts=charts,
        proofs=[Proof("Net income equals the movement of the trial balance", net[-1], after - before, currency)],
        landscape=len(months) > 3,
    )  # fmt: skip


class _Months:
    """Debit less credit per account and month, and altogether."""

    def __init__(self, rows: Sequence[tuple[int, date, Decimal]]) -> None:
        self.month = {(account, month): amount for account, month, amount in rows}
        self.total: dict[int, Decimal] = defaultdict(Decimal)
        for account, _, amount in rows:
            self.total[account] += amount
        self.of_code: dict[str, int] = {}


def _by_month(entity: BusinessEntity, since: date, until: date) -> _Months:
    accounts = dict(Account.objects.filter(business_entity=entity, category__in=_RESULT).values_list("pk", "code"))
    rows = fetch(
        "SELECT account_id, date_trunc('month', date)::date, sum(base_debit) - sum(base_credit) "
        "FROM accounting_journalline WHERE account_id = ANY(%s) AND date BETWEEN %s AND %s GROUP BY 1, 2",
        [list(accounts), since, until],
    )
    figures = _Months(rows)
    figures.of_code = {code: pk for pk, code in accounts.items()}
    return figures


def _spread(row: Row, figures: _Months, sign: int, months: Sequence[date | None]) -> Row:
    if row.style is not Style.LINE:
        return row
    account = figures.of_code[row.about["account"]]
    amounts = [
        ZERO + sign * (figures.total[account] if month is None else figures.month.get((account, month), ZERO))
        for month in months
    ]
    return Row((row.cells[0], *amounts), row.about, row.style, row.level)


def months_between(since: date, until: date) -> list[date]:
    months = [first_of_month(since)]
    while (following := add_months(months[-1], 1)) <= until:
        months.append(following)
        if len(months) > _MOST_MONTHS:
            raise Mistakes({"from": [f"Month by month, at most {_MOST_MONTHS} months can be shown; choose fewer."]})
    return months


def _earned(entity: BusinessEntity, at: date) -> Decimal:
    accounts = trial_balance(business_entity_id=entity.pk, at=at).accounts
    return sum((row.credit - row.debit for row in accounts if row.category in _RESULT), ZERO)


def _to_months(asked: Asked, since: date, until: date) -> Leads:
    def leads(row: Row, key: str) -> Target | None:
        if "account" not in row.about or key == "account":
            return None
        first, last = since, until
        if key[:4].isdecimal():
            month = date.fromisoformat(f"{key}-01")
            first, last = max(since, month), min(until, end_of_month(month))
        return Further("lines", asked.also(account=row.about["account"], from_=first, to=last))

    return leads
