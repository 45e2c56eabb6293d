"""Fields and serializers that every resource is made of."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.api.money import MoneySerializer
from billing.fields import AmountField
from billing.tenancy import TenantModel

_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)
_MAX_ID = 2**63 - 1
_PRICE_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,10})?", re.ASCII)


class DayField(serializers.DateField):
    """An ISO date within the range in which adding terms cannot leave the calendar."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators += [
            MinValueValidator(_FIRST_DAY, "Give a date from 1900-01-01 on."),
            MaxValueValidator(_LAST_DAY, "Give a date until 2999-12-31."),
        ]


class QuantityField(serializers.DecimalField):
    """A quantity of up to six decimals, as text or a whole number; a fraction as a JSON number is refused."""

    def __init__(self, *, max_digits: int = 20, decimal_places: int = 6, **kwargs: Any) -> None:
        super().__init__(max_digits=max_digits, decimal_places=decimal_places, **kwargs)

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, float | bool):
            raise serializers.ValidationError(
                'Write a fraction as text in quotes, such as "1.5", so that no digit is lost.'
            )
        return super().to_internal_value(data)


class BarePriceField(QuantityField):
    """A price of up to four decimals whose currency stands beside it: the contract's, or the list price's."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=19, decimal_places=4, **kwargs)


@extend_schema_field(OpenApiTypes.INT64)
class RecordField(serializers.PrimaryKeyRelatedField):
    """The id of another record of the same tenant."""

    def __init__(self, model: type[TenantModel], **kwargs: Any) -> None:
        self.model = model
        super().__init__(queryset=model._base_manager.none(), **kwargs)

    def get_queryset(self) -> models.QuerySet[Any]:
        # The field is made when the module is read, where no tenant is in scope.
        return self.model.objects.all()

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, bool) or not str(data).isascii() or not str(data).isdigit() or int(data) > _MAX_ID:
            self.fail("incorrect_type", data_type=type(data).__name__)
        return super().to_internal_value(int(data))


@extend_schema_field(OpenApiTypes.STR)
class CodeField(serializers.SlugRelatedField):
    """The code of another record of the same tenant."""

    def __init__(self, model: type[TenantModel], **kwargs: Any) -> None:
        self.model = model
        super().__init__("code", queryset=model._base_manager.none(), **kwargs)

    def get_queryset(self) -> models.QuerySet[Any]:
        return self.model.objects.all()

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(serializers.CharField(max_length=100).run_validation(data))


@extend_schema_field({"type": "object", "additionalProperties": {}})
class ObjectField(serializers.JSONField):
    """A JSON object."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise serializers.ValidationError("Send a JSON object.")
        return super().to_internal_value(data)


class PricingField(ObjectField):
    """The numbers of a price: every amount and bound as text, of a size that can be charged."""

    def to_internal_value(self, data: Any) -> Any:
        _check_numbers(super().to_internal_value(data))
        return data


def _check_numbers(value: Any) -> None:
    if isinstance(value, dict | list):
        for below in value.values() if isinstance(value, dict) else value:
            _check_numbers(below)
    elif value is not None and not (isinstance(value, str) and _PRICE_NUMBER.fullmatch(value)):
        raise serializers.ValidationError(
            'Write amounts and bounds as text in quotes, such as "49.50": up to 12 digits and 10 decimals.'
        )


class RequestSerializer(serializers.Serializer):
    """What a caller sends. A field that does not exist is refused: a typing mistake must not be ignored silently."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, dict) and (unknown := sorted(set(map(str, data)) - set(self.fields))):
            known = ", ".join(self.fields)
            raise serializers.ValidationError({name: [f"There is no such field. Known: {known}."] for name in unknown})
        return super().to_internal_value(data)


class RecordSerializer(serializers.ModelSerializer):
    """What a caller gets. Every amount comes with its currency; nothing is written through it."""

    serializer_related_field = serializers.PrimaryKeyRelatedField

    def build_standard_field(self, field_name: str, model_field: Any) -> tuple[Any, dict[str, Any]]:
        if isinstance(model_field, AmountField):
            return MoneySerializer, {}
        return super().build_standard_field(field_name, model_field)

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        for field in fields.values():
            field.read_only = True
            field.required = False
        return fields
