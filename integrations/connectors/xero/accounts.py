"""Account codes and tax rates as Xero has them at this moment: we keep the ids, for people renumber codes."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from integrations.connectors.base import MissingMapping, Rejected

Read = Callable[[], dict[str, Any]]


class Accounts:
    """Codes by account id, and percentages by tax type.

    `known` are the codes, and the currencies of bank accounts, as the company last told them; `read` and `read_rates` ask
    for what is not known yet, once.
    """

    def __init__(self, known: dict[str, Any], *, read: Read, read_rates: Read) -> None:
        self._known = known
        self._rates: dict[str, Any] | None = None
        self._read, self._read_rates, self._is_fresh = read, read_rates, False

    def code(self, account_id: str) -> str:
        """Give an account's code. Raises MissingMapping for an account that is gone or has none, DeliveryError."""
        codes = self._with(account_id, "codes")
        if account_id not in codes:
            raise MissingMapping(
                "account",
                None,
                "An account that the mapping names is archived or gone in Xero, or has no code there. Read the lists again, "
                "mend the mapping and send the item again.",
            )
        return str(codes[account_id])

    def bank(self, account_id: str, currency: str) -> str:
        """Give the bank account for money in a currency: the one named if it is in it, else the only one that is.

        Raises Rejected where no account, or more than one, is in that currency, DeliveryError.
        """
        banks = self._with(account_id, "banks")
        if banks.get(account_id, currency) == currency:  # Of what is no bank account Xero itself says so.
            return account_id
        fitting = [each for each, kept in banks.items() if kept == currency]
        if len(fitting) != 1:
            found = (
                "no account is" if not fitting else f"{len(fitting)} accounts are, and it cannot be told which is meant"
            )
            raise Rejected(
                "currency",
                f"This is money in {currency}, but the account that payments go to is kept in {banks[account_id]}. Xero spends "
                f"and receives money in the bank account's own currency only, and in {currency} {found}. Have exactly one bank "
                f"account in {currency} there, or enter this in Xero by hand and skip it here, then send the item again.",
            )
        return str(fitting[0])

    def tax_percent(self, tax_type: str) -> Decimal | None:
        """Give a tax rate's percentage, None where Xero does not know it. Raises DeliveryError."""
        if self._rates is None:
            self._rates = self._read_rates()
        found = self._rates.get(tax_type)
        return Decimal(str(found)) if found is not None else None

    def _with(self, account_id: str, what: str) -> dict[str, Any]:
        """Give what is known of accounts, read anew where it lacks one. Raises DeliveryError."""
        if account_id not in self._known.get(what, {}) and not self._is_fresh:
            self._known, self._is_fresh = self._read(), True
        found: dict[str, Any] = self._known.get(what, {})
        return found
