"""Money columns: several amounts of one document share the document's one currency column."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.lookups import Exact, In
from djmoney.models.fields import MoneyField
from djmoney.money import Money
from djmoney.settings import CURRENCY_CHOICES
from psycopg import sql

# The settings decide; without a setting the library offers all it knows.
CURRENCIES: list[tuple[str, str]] = list(CURRENCY_CHOICES or [])

# For check constraints on hot tables. PostgreSQL reads a check anew for each statement, and makes a decimal of an integer
# each time: with a zero that is one already, a line's check costs a quarter.
ZERO_IN_SQL = Decimal("0.0")


class Literal(models.Value):
    """A constant of the code that goes into the statement as text, for the condition of a partial index.

    One plan serves all values of a statement (`plan_cache_mode` in the settings), and a plan that does not know the value
    cannot choose an index that holds some of the values only.
    """

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[()]]:
        return sql.quote(str(self.value)).replace("%", "%%"), ()


class ListedField(models.CharField):
    """One of the members of an enumeration. A query that compares it with a member names it in its text: see `Literal`."""

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs

    def as_literal(self, value: Any) -> Any:
        """Give a member of an enumeration as a literal, and everything else as it is."""
        return Literal(value.value) if isinstance(value, models.Choices) else value


@ListedField.register_lookup
class _ListedExact(Exact):
    def get_prep_lookup(self) -> Any:
        return self.lhs.output_field.as_literal(super().get_prep_lookup())


@ListedField.register_lookup
class _ListedIn(In):
    def get_prep_lookup(self) -> Any:
        values = super().get_prep_lookup()
        return [self.lhs.output_field.as_literal(value) for value in values] if self.rhs_is_direct_value() else values


class CurrencyField(models.CharField):
    """A three-letter ISO 4217 code from the list in the settings."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_length"] = 3
        kwargs.setdefault("choices", CURRENCIES)
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

    if TYPE_CHECKING:  # the stubs take a MoneyField for a DecimalField
        _pyi_private_set_type: Any
        _pyi_private_get_type: Money  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 19)
        kwargs.setdefault("decimal_places", 4)
        kwargs["currency_field_name"] = "currency"
        super().__init__(*args, **kwargs)

    def add_currency_field(self, cls: type[models.Model], name: str) -> None:
        self._currency_field: Any = next(field for field in cls._meta.local_fields if field.name == "currency")

    def get_default(self) -> Any:
        # The library's default brings the settings' currency along, and would write it over the document's.
        default = super().get_default()
        return default.amount if isinstance(default, Money) else default

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        for derived in ("currency_field_name", "currency_choices", "default_currency"):
            kwargs.pop(derived, None)
        return name, path, args, kwargs
