"""The trial balance: every account's balance on one side, and both sides equal."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from accounting.balances import balances

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
    """Give every account's balance at the end of a day; accounts without any lines are left out."""
    rows = [
        AccountBalance(
            each.account_id,
            each.code,
            each.name,
            each.role,
            each.category,
            max(each.balance, ZERO),
            max(-each.balance, ZERO),
        )
        for each in balances(business_entity_id=business_entity_id, at=at)
    ]
    return TrialBalance(business_entity_id, at, rows)
