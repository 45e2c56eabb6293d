"""Where accounts stand, without adding up all lines: sealed balances, then days, then the few lines not yet summed.

A closed period has sealed what every account stood at; after it, daily balances hold all but the newest entries; those
are read from their lines. Each answer is one statement, so it is exact however much is posted and summed meanwhile.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import connection

# Reading so many entries line by line costs less than it would to notice.
_FEW = 500

# What moved after the last period that was sealed by the date, and what was sealed then.
_SEAL = """
WITH seal AS MATERIALIZED (
    SELECT seal_id, "end" FROM accounting_accountingperiod
    WHERE business_entity_id = %(entity)s AND status = 'closed' AND "end" <= %(until)s ORDER BY start DESC LIMIT 1
)
"""
_STANDING = """
SELECT account_id, currency, debit, credit, base_debit, base_credit FROM accounting_sealedbalance
    WHERE seal_id = (SELECT seal_id FROM seal) {account}
UNION ALL
SELECT account_id, currency, debit, credit, base_debit, base_credit FROM accounting_dailybalance
    WHERE business_entity_id = %(entity)s AND date < %(until)s
    AND date >= coalesce((SELECT "end" FROM seal), '-infinity') {account}
UNION ALL
SELECT account_id, currency, debit, credit, base_debit, base_credit FROM counterfoil_unsummed(%(entity)s, %(account)s)
    WHERE date < %(until)s AND date >= coalesce((SELECT "end" FROM seal), '-infinity')
"""
_MOVED = """
SELECT account_id, currency, debit, credit, base_debit, base_credit FROM accounting_dailybalance
    WHERE business_entity_id = %(entity)s AND date >= %(since)s AND date < %(until)s
UNION ALL
SELECT account_id, currency, debit, credit, base_debit, base_credit FROM counterfoil_unsummed(%(entity)s, NULL)
    WHERE date >= %(since)s AND date < %(until)s
"""


@dataclass(frozen=True, slots=True)
class Movement:
    """Debits and credits of an account, in the base currency of its books."""

    debit: Decimal
    credit: Decimal

    @property
    def balance(self) -> Decimal:
        return self.debit - self.credit


def balances(*, business_entity_id: int, at: date) -> dict[int, Movement]:
    """Give what every account with lines has been debited and credited by the end of a day, in base currency."""
    return _ask(f"{_SEAL} {_SUMS.format(rows=_STANDING.format(account=''))}", business_entity_id, until=at)


def movements(*, business_entity_id: int, since: date, until: date) -> dict[int, Movement]:
    """Give what moved on every account from one day to another, both included, in base currency."""
    return _ask(_SUMS.format(rows=_MOVED), business_entity_id, until=until, since=since)


def account_balance(*, business_entity_id: int, account_id: int, at: date) -> Decimal:
    """Give debit less credit of an account at the end of a day, in base currency."""
    rows = _STANDING.format(account="AND account_id = %(account)s")
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_SEAL} SELECT coalesce(sum(base_debit) - sum(base_credit), 0) FROM ({rows}) standing",
            _parameters(business_entity_id, at, account_id),
        )
        return Decimal(cursor.fetchone()[0])


_SUMS = "SELECT account_id, sum(base_debit), sum(base_credit) FROM ({rows}) rows GROUP BY account_id"


def _ask(sql: str, entity_id: int, *, until: date, since: date | None = None) -> dict[int, Movement]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {**_parameters(entity_id, until, None), "since": since})
        return {account_id: Movement(debit, credit) for account_id, debit, credit in cursor.fetchall()}


def _parameters(entity_id: int, at: date, account_id: int | None) -> Mapping[str, object]:
    return {"entity": entity_id, "until": date.fromordinal(at.toordinal() + 1), "account": account_id}


def sum_up(*, wait: bool = False) -> int:
    """Add the entries posted since the last time to the daily balances. Answers how many.

    Run by the clock for every tenant. Where another process is at it, this one leaves it alone or, told so, waits.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT counterfoil_sum_up(%s)", [wait])
        return int(cursor.fetchone()[0])


def keep_summed() -> None:
    """Sum up when so much waits that a report would notice: where no clock runs, reading keeps the balances close."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(last_entry - first_entry + 1), 0) > %s FROM accounting_unsummedentries", [_FEW]
        )
        if cursor.fetchone()[0]:
            sum_up()


def rebuild() -> int:
    """Make the daily balances anew from all lines. Answers how many there are. Needed only after damage by hand."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT counterfoil_rebuild_balances()")
        return int(cursor.fetchone()[0])
