"""Money columns: several amounts of one document share the document's one currency column."""

from typing import Any

from django.db import models
from djmoney.models.fields import MoneyField
from djmoney.settings import CURRENCY_CHOICES


class CurrencyField(models.CharField):
    """A three-letter ISO 4217 code from the list in the settings."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_length"] = 3
        kwargs.setdefault("choices", CURRENCY_CHOICES)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        # The list is a setting, not part of the schema: changing it must not write a migration.
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("choices", None)
        kwargs.pop("max_length", None)
        return name, path, args, kwargs


class AmountField(MoneyField):
    """A Money whose currency is the model's own `currency` column, declared before it.

    django-money gives each amount a currency column of its own, which lets two amounts of one invoice disagree.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 19)
        kwargs.setdefault("decimal_places", 4)
        kwargs["currency_field_name"] = "currency"
        super().__init__(*args, **kwargs)

    def add_currency_field(self, cls: type[models.Model], name: str) -> None:
        self._currency_field = next(field for field in cls._meta.local_fields if field.name == "currency")

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        for derived in ("currency_field_name", "currency_choices", "default_currency"):
            kwargs.pop(derived, None)
        return name, path, args, kwargs
