"""Money travels as `{"amount": "12.34", "currency": "USD"}`: both parts, always, and the amount as text."""

import re
from decimal import Decimal
from operator import attrgetter
from typing import Any

from djmoney.money import Money
from rest_framework import serializers

from billing.api.choices import ChoiceField
from billing.fields import CURRENCY_CHOICES
from billing.money import amount_text, minor_digits, round_money

CURRENCIES: list[tuple[str, str]] = list(CURRENCY_CHOICES or ())
_AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,10})?", re.ASCII)


class AmountTextField(serializers.CharField):
    """Digits as text. A JSON number is refused: programs read it as binary floating point and lose cents."""

    default_error_messages = {
        "not_text": 'Write the amount as text in quotes, such as "12.34", so that no cent is lost.'
    }

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("not_text")
        if not _AMOUNT.fullmatch(data):
            raise serializers.ValidationError(f"“{data[:40]}” is not an amount such as 12.34.")
        return data


class MoneySerializer(serializers.Serializer):
    """An amount and its currency. `amount` is text with exactly the currency's decimals: "12.34" USD, "12" JPY."""

    amount = AmountTextField(
        help_text='Text, never a number: "12.34". At most the decimals that the currency has.',
    )
    currency = ChoiceField(CURRENCIES, help_text="ISO 4217 code.")

    def __init__(self, *args: Any, currency_from: str = "", all_digits: bool = False, **kwargs: Any) -> None:
        """`currency_from` names the attribute with the currency of a plain Decimal; `all_digits` keeps unit prices whole."""
        self._currency_of = attrgetter(currency_from) if currency_from else None
        self._all_digits = all_digits
        super().__init__(*args, **kwargs)

    def get_attribute(self, instance: Any) -> Any:
        value = super().get_attribute(instance)
        return Money(value, self._currency_of(instance)) if self._currency_of and value is not None else value

    def to_internal_value(self, data: Any) -> Money:
        if not isinstance(data, dict):
            raise serializers.ValidationError(
                {"non_field_errors": ['Write money as {"amount": "12.34", "currency": "USD"}.']}
            )
        if unknown := sorted(set(map(str, data)) - {"amount", "currency"}):
            raise serializers.ValidationError({unknown[0]: ["Money has an amount and a currency, nothing else."]})
        parts = super().to_internal_value(data)
        amount, currency = Decimal(parts["amount"]), parts["currency"]
        if amount != round_money(amount, currency):
            raise serializers.ValidationError(
                {"amount": [f"{currency} has {minor_digits(currency)} decimals; “{parts['amount']}” has more."]}
            )
        return Money(amount, currency)

    def to_representation(self, value: Money) -> dict[str, str]:
        currency = value.currency.code
        text = amount_text(value.amount, currency)
        if self._all_digits and Decimal(text) != value.amount:
            text = f"{value.amount.normalize():f}"
        return {"amount": text, "currency": currency}
