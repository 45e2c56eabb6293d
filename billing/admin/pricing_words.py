"""Prices as people write and read them; the stored numbers are the pricing models' business (`billing.pricing`)."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget

from billing import pricing
from billing.admin.base import TenantForm
from billing.money import format_unit_price

HELP = (
    "Flat fee and per unit: just the amount, such as 49.50. Tiered: one tier a line with its upper bound, such as "
    "“500: 2.00”, and a last line “above: 1.00”."
)


def in_words(model: str, parameters: Mapping[str, Any], currency: str) -> str:
    """Say a price in a sentence."""
    if model == "flat_fee":
        return f"{_price(parameters['amount'], currency)} flat"
    if model == "per_unit":
        return f"{_price(parameters['unit_amount'], currency)} per unit"
    if model == "tiered":
        return "; ".join(
            f"{_bound(tier['up_to'])}: {_price(tier['unit_amount'], currency)} each" for tier in parameters["tiers"]
        )
    return json.dumps(parameters)


def _bound(up_to: str | None) -> str:
    return "above" if up_to is None else f"up to {Decimal(up_to):,}"


def _price(amount: str, currency: str) -> str:
    return f"{format_unit_price(Decimal(amount), currency)} {currency}"


def to_text(model: str, parameters: Mapping[str, Any]) -> str:
    """Write a price as the form takes it."""
    if model == "flat_fee":
        return str(parameters["amount"])
    if model == "per_unit":
        return str(parameters["unit_amount"])
    if model == "tiered":
        return "\n".join(
            f"{'above' if tier['up_to'] is None else tier['up_to']}: {tier['unit_amount']}"
            for tier in parameters["tiers"]
        )
    return json.dumps(parameters)


def from_text(model: str, text: str) -> dict[str, Any]:
    """Read a price as the form takes it. Raises InvalidPricing with what to mend."""
    text = text.strip()
    if text.startswith("{"):
        try:
            given = json.loads(text)
        except json.JSONDecodeError as error:
            raise pricing.InvalidPricing(f"The price is not valid JSON (line {error.lineno}). {HELP}") from error
        return pricing.validate(model, given)
    if model == "flat_fee":
        return pricing.validate(model, {"amount": text})
    if model == "per_unit":
        return pricing.validate(model, {"unit_amount": text})
    return pricing.validate(model, {"tiers": [_tier(line) for line in text.splitlines() if line.strip()]})


def _tier(line: str) -> dict[str, str | None]:
    bound, colon, amount = line.partition(":")
    if not colon:
        raise pricing.InvalidPricing(f"“{line.strip()}” is not a tier. {HELP}")
    bound = bound.strip()
    return {"up_to": None if bound.lower() == "above" else bound, "unit_amount": amount.strip()}


# What the pricing models call what a person types.
_NAMES = re.compile("“(?:unit_)?amount”")


class PricedForm(TenantForm):
    """A form of something with a price: the price is typed as text, stored as the pricing model's numbers."""

    price_text = forms.CharField(
        label="Amount", help_text=HELP, widget=UnfoldAdminTextareaWidget(attrs={"rows": 1}), required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["price_text"] = to_text(self.instance.pricing_model, self.instance.pricing)

    def _update_errors(self, errors: ValidationError) -> None:
        # The model speaks of its column “pricing”; the person typed into “Amount”.
        found = errors.error_dict.pop("pricing", None) if hasattr(errors, "error_dict") else None
        if found and not self.has_error("price_text") and not self.has_error("pricing_model"):
            self.add_error("price_text", ValidationError(found))
        super()._update_errors(errors)

    def read_price(self, model: str) -> dict[str, Any] | None:
        """Read the typed price; an error is put at the field."""
        try:
            return from_text(model, self.cleaned_data.get("price_text") or "")
        except pricing.InvalidPricing as error:
            self.add_error("price_text", _NAMES.sub("The amount", str(error)))
            return None
