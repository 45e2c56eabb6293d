"""Per unit: a rate for each unit. `P = r · q`: 500 at 2.00 is 1,000.00."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from billing.pricing.base import decimal_parameter, only


class PerUnit:
    code = "per_unit"
    label = "Per unit"
    metered = True

    def clean(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        only(parameters, "unit_amount")
        return {"unit_amount": str(decimal_parameter(parameters, "unit_amount"))}

    def amount(self, parameters: Mapping[str, Any], quantity: Decimal) -> Decimal:
        return Decimal(parameters["unit_amount"]) * quantity
