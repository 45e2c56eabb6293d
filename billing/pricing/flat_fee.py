"""Flat fee: the same amount whatever the quantity. `P = c`: 500.00 for 1,500 GB is 500.00."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from billing.pricing.base import decimal_parameter, only


class FlatFee:
    code = "flat_fee"
    label = "Flat fee"
    metered = False

    def clean(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        only(parameters, "amount")
        return {"amount": str(decimal_parameter(parameters, "amount"))}

    def amount(self, parameters: Mapping[str, Any], quantity: Decimal) -> Decimal:
        return Decimal(parameters["amount"])
