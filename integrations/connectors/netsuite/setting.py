"""What writing for NetSuite needs to know of the account: currencies, subsidiaries, taxes, and the connection's options."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from billing.money import minor_unit
from integrations.connectors.base import Company, Rejected

JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """What writing needs to know of the account: currencies, subsidiaries, taxes, and the connection's options."""

    company: Company
    currencies: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def currency(self, code: str) -> JsonObject:
        """Give the currency's reference. Raises Rejected for one that the account does not have."""
        known = self.currencies or self.company.extra.get("currencies", {})
        if code not in known:
            raise Rejected(
                "currency",
                f"The document is in {code}, which is not a currency of this NetSuite account. Add it there (Lists > "
                "Accounting > Currencies), import the lists and send the item again.",
            )
        return {"id": known[code]}

    def subsidiary(self, wanted: str) -> str:
        """Give the subsidiary of a document: its own, the connection's, the account's first; "" in an account without."""
        return wanted or str(self.options.get("subsidiary") or self.company.extra.get("subsidiary", ""))

    @property
    def fed(self) -> tuple[str, ...]:
        """Give the subsidiaries that the connection feeds, as far as that is known: the one chosen, else all that are mapped."""
        chosen = self.options.get("subsidiary")
        known = [chosen] if chosen else self.options.get("subsidiaries") or []
        return tuple(sorted({str(each) for each in known if str(each).isdigit()}, key=int))

    def home(self, subsidiary: str) -> str:
        """Give the currency that a subsidiary keeps its books in."""
        homes: Mapping[str, str] = self.company.extra.get("subsidiaries", {})
        return homes.get(subsidiary) or self.company.home_currency

    def amount(self, value: Decimal, currency: str) -> Decimal:
        """Give the amount with the currency's digits. Raises Rejected where digits would be lost."""
        exact = value.quantize(minor_unit(currency))
        kept = self.company.extra.get("digits", {}).get(currency)
        if exact != value or (kept is not None and exact != round(exact, int(kept))):
            raise Rejected("amount", f"The amount {value} {currency} has more digits than NetSuite keeps.")
        return exact
