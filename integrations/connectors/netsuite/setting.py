"""What writing for NetSuite needs to know of the account: currencies, subsidiaries, taxes, and the connection's options."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from billing.money import minor_unit
from integrations.connectors.base import Company, Rejected

JsonObject = dict[str, Any]


def reference_field(options: Mapping[str, Any]) -> str:
    """Give the script id that the connection names, such as custbody_counterfoil; "" for none, or what is no such id."""
    name = str(options.get("reference_field") or "").strip().lower()
    return name if re.fullmatch(r"custbody\w{1,40}", name) else ""


@dataclass(frozen=True)
class Setting:
    """What writing needs to know of the account: currencies, subsidiaries, taxes, and the connection's options."""

    company: Company
    currencies: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reference_field(self) -> str:
        """Give the custom field of transactions that carries our reference beside the external id; "" for none."""
        return reference_field(self.options)

    def marks(self, reference: str) -> JsonObject:
        """Give the properties by which we know our own transactions there."""
        return {"externalId": reference} | ({self.reference_field: reference} if self.reference_field else {})

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

    @property
    def has_several_homes(self) -> bool:
        """Tell whether subsidiaries keep their books in different currencies."""
        return len(set(self.company.extra.get("subsidiaries", {}).values())) > 1

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
