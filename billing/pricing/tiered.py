"""Tiered (graduated): each unit at the rate of the tier it falls in, upper bounds inclusive.

0–500 at 2.00, 501–2,000 at 1.50, above at 1.00: 1,500 units are 500 · 2.00 + 1,000 · 1.50 = 2,500.00.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from billing.money import ZERO
from billing.pricing.base import InvalidPricing, clean_decimal, only


class Tiered:
    code = "tiered"
    label = "Tiered (graduated)"
    metered = True

    def clean(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        only(parameters, "tiers")
        tiers = parameters.get("tiers")
        if not isinstance(tiers, list) or not tiers:
            raise InvalidPricing("A tiered price needs a list of at least one tier.")
        cleaned, reached = [], ZERO
        for place, tier in enumerate(tiers, start=1):
            if not isinstance(tier, Mapping) or set(tier) != {"up_to", "unit_amount"}:
                raise InvalidPricing(f"Tier {place} must have “up_to” and “unit_amount”, and nothing else.")
            unit_amount = clean_decimal(tier["unit_amount"], what=f"The unit amount of tier {place}")
            last = place == len(tiers)
            if last != (tier["up_to"] is None):
                raise InvalidPricing("The last tier, and only the last, has no upper bound (“up_to” is null).")
            if last:
                cleaned.append({"up_to": None, "unit_amount": str(unit_amount)})
                continue
            up_to = clean_decimal(tier["up_to"], what=f"The upper bound of tier {place}")
            if up_to <= reached:
                raise InvalidPricing(f"Tier {place} ends at {up_to}, but must end above {reached}.")
            reached = up_to
            cleaned.append({"up_to": str(up_to), "unit_amount": str(unit_amount)})
        return {"tiers": cleaned}

    def amount(self, parameters: Mapping[str, Any], quantity: Decimal) -> Decimal:
        total, reached = ZERO, ZERO
        for tier in parameters["tiers"]:
            ceiling = quantity if tier["up_to"] is None else min(quantity, Decimal(tier["up_to"]))
            if ceiling <= reached:
                break
            total += (ceiling - reached) * Decimal(tier["unit_amount"])
            reached = ceiling
        return total
