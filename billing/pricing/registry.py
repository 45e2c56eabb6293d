"""The list of pricing models. A new model is one file and one line here."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from billing.pricing.base import InvalidPricing, PricingModel
from billing.pricing.flat_fee import FlatFee
from billing.pricing.per_unit import PerUnit
from billing.pricing.tiered import Tiered

_MODELS: dict[str, PricingModel] = {model.code: model for model in (FlatFee(), PerUnit(), Tiered())}

CHOICES = [(model.code, model.label) for model in _MODELS.values()]


def get(code: str) -> PricingModel:
    """Find a pricing model by its code. Raises InvalidPricing."""
    try:
        return _MODELS[code]
    except KeyError:
        known = ", ".join(_MODELS)
        raise InvalidPricing(f"There is no pricing model “{code}”; choose one of {known}.") from None


def validate(code: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the parameters normalised for storage. Raises InvalidPricing with what to mend."""
    return get(code).clean(parameters)


def rate(code: str, parameters: Mapping[str, Any], quantity: Decimal) -> Decimal:
    """Give the unrounded amount for a quantity, in the price's currency."""
    return get(code).amount(parameters, quantity)
