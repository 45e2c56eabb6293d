"""What documents come to on receivables, at the account of payments and by customer, in their currency and in base currency."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from billing.money import round_money
from integrations.reconciliation.findings import Findings

_ZERO = Decimal(0)
IN_BASE = ", all in base currency"  # The ending of the names of such sums.


class Effect(NamedTuple):
    """What a kind of document does: to receivables (1 adds, -1 takes away), and to the account of payments."""

    sign: int
    moves: int


class Amount(NamedTuple):
    """One document's total. `rate` is base units per unit of its currency; None where nobody tells it."""

    total: Decimal
    currency: str
    base: str
    rate: Decimal | None

    @property
    def in_base(self) -> Decimal | None:
        """Give the total in base currency, rounded to its minor unit."""
        if self.currency == self.base:
            return self.total
        return None if self.rate is None else round_money(self.total * self.rate, self.base)


class _Sums:
    """One kind of sum, by what it is a sum of: an account or a customer."""

    def __init__(self) -> None:
        self.by_currency: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(_nothing)
        self.in_base: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(_nothing)
        self.foreign: set[tuple[str, str]] = set()
        self._untold: set[tuple[str, str]] = set()

    def add(self, whose: str, side: str, sign: int, amount: Amount) -> None:
        self.by_currency[whose, amount.currency][side] += sign * amount.total
        key = (whose, amount.base)
        if amount.currency != amount.base:
            self.foreign.add(key)
        if (in_base := amount.in_base) is None:
            self._untold.add(key)
        else:
            self.in_base[key][side] += sign * in_base

    def told(self) -> list[tuple[str, str, dict[str, Decimal]]]:
        """Give the sums in base currency of what is partly foreign, as far as all rates are told."""
        return [(*key, self.in_base[key]) for key in sorted(self.foreign - self._untold)]


class Sums:
    """Adds up both sides, "ours" and "theirs"."""

    def __init__(self) -> None:
        self._receivables, self._moved, self._customers = _Sums(), _Sums(), _Sums()

    def add(self, side: str, effect: Effect, amount: Amount, *, customer: str, account: str) -> None:
        """Count one document."""
        self._receivables.add("", side, effect.sign, amount)
        self._customers.add(customer, side, effect.sign, amount)
        if effect.moves:
            self._moved.add(account, side, effect.moves, amount)

    @property
    def differing(self) -> set[str]:
        """Give the customers of whom the documents do not come to the same."""
        both = [*self._customers.by_currency.items(), *self._customers.in_base.items()]
        return {customer for (customer, _), sums in both if sums["ours"] != sums["theirs"]}

    @property
    def foreign(self) -> set[str]:
        """Give the customers with documents in another currency than the base currency."""
        return {customer for customer, _ in self._customers.foreign}

    def tell(self, findings: Findings, *, names: Mapping[str, str]) -> None:
        """Note what accounts come to, and the customers that differ.

        A sum in base currency is shown beside the others but is no difference of its own: each document's total and rate
        have been compared by themselves.
        """
        for label, sums in (("payments to account", self._moved), ("receivables", self._receivables)):
            for (account, currency), both in sorted(sums.by_currency.items()):
                if sums is self._moved and not account and not any(both.values()):
                    continue  # What is void went nowhere.
                name = f"{label} {account}".strip()
                findings.account(
                    name=name, external_id=account, currency=currency, ours=both["ours"], theirs=both["theirs"]
                )
            for account, base, both in sums.told():
                name = f"{label} {account}".strip() + IN_BASE
                findings.account(
                    name=name,
                    external_id=account,
                    currency=base,
                    ours=both["ours"],
                    theirs=both["theirs"],
                    is_repeat=True,
                )
        for (customer, currency), both in sorted(self._customers.by_currency.items()):
            if both["ours"] != both["theirs"]:
                name = names.get(customer, customer or "without a customer")
                findings.customer(name=name, external_id=customer, currency=currency, **both)
        for customer, base, both in self._customers.told():
            if both["ours"] != both["theirs"]:
                name = names.get(customer, customer or "without a customer") + IN_BASE
                findings.customer(name=name, external_id=customer, currency=base, **both)


def _nothing() -> dict[str, Decimal]:
    return {"ours": _ZERO, "theirs": _ZERO}
