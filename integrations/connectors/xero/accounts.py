"""Account codes and tax rates as Xero has them at this moment: we keep the ids, for people renumber codes."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from integrations.connectors.base import MissingMapping

Read = Callable[[], dict[str, Any]]


class Accounts:
    """Codes by id, and percentages by tax type; read again, once, for what is not known yet."""

    def __init__(self, known: dict[str, Any], read: Read) -> None:
        self._known, self._read, self._is_fresh = known, read, False

    def code(self, account_id: str) -> str:
        """Give an account's code. Raises MissingMapping for an account that is gone or has none, DeliveryError."""
        found = self._look("codes", account_id)
        if not found:
            raise MissingMapping(
                "account",
                None,
                "An account that the mapping names is not in Xero any more, or has no code there. Read the lists again, mend "
                "the mapping and send the item again.",
            )
        return str(found)

    def tax_percent(self, tax_type: str) -> Decimal | None:
        """Give a tax rate's percentage, None where Xero does not know it."""
        found = self._look("rates", tax_type)
        return Decimal(str(found)) if found is not None else None

    @property
    def receivable(self) -> str:
        """Give the id of the organisation's account of receivables."""
        return str(self._look("system", "DEBTORS") or "")

    def _look(self, what: str, name: str) -> Any:
        found = self._known.get(what, {}).get(name)
        if found is None and not self._is_fresh:
            self._known, self._is_fresh = self._read(), True
            found = self._known.get(what, {}).get(name)
        return found
