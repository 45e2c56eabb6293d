"""The trial balance: every account's balance on one side, and both sides equal."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import connection

from billing.tenancy import current_tenant_id

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """One account's balance at the end of a day, in base currency: in the debit or in the credit column."""

    account_id: int
    code: str
    name: str
    role: str
    category: str
    debit: Decimal
    credit: Decimal


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """The balances of one business entity at the end of a day."""

    business_entity_id: int
    at: date
    accounts: list[AccountBalance]

    @property
    def debit(self) -> Decimal:
        return sum((account.debit for account in self.accounts), ZERO)

    @property
    def credit(self) -> Decimal:
        return sum((account.credit for account in self.accounts), ZERO)


def trial_balance(*, business_entity_id: int, at: date) -> TrialBalance:
    """Add up all lines posted up to and including a date; accounts without any are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.id, a.code, a.name, a.role, a.category, greatest(s.balance, 0), greatest(-s.balance, 0) "
            "FROM (SELECT l.account_id, sum(l.base_debit) - sum(l.base_credit) AS balance "
            "      FROM accounting_journalline l WHERE l.date <= %s AND l.account_id IN "
            "      (SELECT id FROM accounting_account WHERE tenant_id = %s AND business_entity_id = %s) "
            "      GROUP BY l.account_id) s JOIN accounting_account a ON a.id = s.account_id ORDER BY a.code",
            [at, current_tenant_id(), business_entity_id],
        )
        return TrialBalance(business_entity_id, at, [AccountBalance(*row) for row in cursor.fetchall()])
