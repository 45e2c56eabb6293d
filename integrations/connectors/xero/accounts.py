"""Account codes and tax rates as Xero has them at this moment: we keep the ids, for people renumber codes."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from integrations.connectors.base import MissingMapping

Read = Callable[[], dict[str, Any]]


class Accounts:
    """Codes by account id, and percentages by tax type.

    `known` are the codes as the company last told them; `read_codes` and `read_rates` ask for what is not known yet, once.
    """

    def __init__(self, known: dict[str, Any], *, read_codes: Read, read_rates: Read) -> None:
        self._codes: dict[str, Any] = known.get("codes", {})
        self._rates: dict[str, Any] | None = None
        self._read_codes, self._read_rates, self._is_fresh = read_codes, read_rates, False

    def code(self, account_id: str) -> str:
        """Give an account's code. Raises MissingMapping for an account that is gone or has none, DeliveryError."""
        if account_id not in self._codes and not self._is_fresh:
            self._codes, self._is_fresh = self._read_codes(), True
        if account_id not in self._codes:
            raise MissingMapping(
                "account",
                None,
                "An account that the mapping names is archived or gone in Xero, or has no code there. Read the lists again, "
                "mend the mapping and send the item again.",
            )
        return str(self._codes[account_id])

    def tax_percent(self, tax_type: str) -> Decimal | None:
        """Give a tax rate's percentage, None where Xero does not know it. Raises DeliveryError."""
        if self._rates is None:
            self._rates = self._read_rates()
        found = self._rates.get(tax_type)
        return Decimal(str(found)) if found is not None else None
