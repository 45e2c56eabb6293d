"""Where accounts stand, without adding up all lines: sealed balances, then days, then the few lines not yet summed.

A closed period has sealed what every account stood at; after it, daily balances hold all but the newest entries; those
are read from their lines. Each answer is one statement, so it is exact however much is posted and summed meanwhile.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db import connection

from billing import statements

# Reading so many entries line by line costs less than it would to notice.
_FEW = 500


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """Debits and credits of an account, in the base currency of its books, with what a report shows of the account."""

    debit: Decimal
    credit: Decimal
    account_id: int
    code: str
    name: str
    role: str
    category: str

    @property
    def balance(self) -> Decimal:
        """Debit less credit."""
        return self.debit - self.credit


def balances(*, business_entity_id: int, at: date) -> list[AccountBalance]:
    """Give what each account with lines has been debited and credited by the end of a day, by code, in base currency."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.debit, s.credit, a.id, a.code, a.name, a.role, a.category FROM ("
            "SELECT account_id, sum(base_debit) AS debit, sum(base_credit) AS credit "
            "FROM counterfoil_standing(%s, %s) GROUP BY account_id) s "
            "JOIN accounting_account a ON a.id = s.account_id ORDER BY a.code",
            [business_entity_id, _after(at)],
        )
        return [AccountBalance(*row) for row in cursor.fetchall()]


def account_balance(*, business_entity_id: int, account_id: int, at: date) -> Decimal:
    """Give debit less credit of an account at the end of a day, in base currency."""
    asked = [business_entity_id, _after(at), account_id]
    [[balance]] = statements.execute("SELECT counterfoil_account_balance(%s, %s, %s)", asked)
    return Decimal(balance)


def _after(day: date) -> date:
    return day + timedelta(days=1)


def sum_up() -> int:
    """Add the entries posted since the last time to the daily balances. Answers how many.

    Run by the clock for every tenant. Where another process is at it, this one leaves it alone.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT counterfoil_sum_up(wait => false)")
        return int(cursor.fetchone()[0])


def keep_summed() -> None:
    """Sum up when so much waits that a report would notice: where no clock runs, reading keeps the balances close."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(last_entry - first_entry + 1), 0) FROM accounting_unsummedentries")
        waiting = cursor.fetchone()[0]
    if waiting > _FEW:
        sum_up()


def rebuild() -> int:
    """Make the daily balances anew from all lines. Answers how many there are. Needed only after damage by hand."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT counterfoil_rebuild_balances()")
        return int(cursor.fetchone()[0])
