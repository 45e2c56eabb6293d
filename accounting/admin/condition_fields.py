"""What a condition of a rule may be compared with: a drop-down where there are few values, names and numbers where many."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.db.models import Model

from billing import pricing
from billing.models import (
    BusinessEntity,
    Contract,
    ContractItem,
    Customer,
    PaymentGateway,
    PaymentMethod,
    Product,
    ProductFamily,
    RecognitionMethod,
)

_MOST_OFFERED = 300
Choices = list[tuple[str, str]]


def _rows(model: type[Model], label: Callable[[Any], str]) -> Choices:
    rows = model._default_manager.order_by("pk")[: _MOST_OFFERED + 1]
    return sorted(((str(row.pk), label(row)) for row in rows), key=lambda each: each[1].lower())


def _currencies() -> Choices:
    used = {*BusinessEntity.objects.values_list("base_currency", flat=True)}
    used |= {*Customer.objects.order_by().values_list("currency", flat=True).distinct()}
    return [(code, code) for code in sorted(used)]


_CHOICES: dict[str, Callable[[], Choices]] = {
    "business_entity_id": lambda: _rows(BusinessEntity, str),
    "product_id": lambda: _rows(Product, lambda product: f"{product.name} ({product.code})"),
    "product_family_id": lambda: _rows(ProductFamily, str),
    "currency": _currencies,
    "pricing_model": lambda: list(pricing.CHOICES),
    "recognition_method": lambda: list(RecognitionMethod.choices),
    "method": lambda: list(PaymentMethod.choices),
    "gateway": lambda: [(each.code, each.name) for each in PaymentGateway.objects.order_by("name")],
}
# Of these a company has thousands: people write what they call them.
_WRITTEN: dict[str, tuple[type[Model], str, str]] = {
    "customer_id": (Customer, "external_id", "customer ids, such as C-1"),
    "contract_id": (Contract, "number", "contract numbers"),
    "contract_item_id": (ContractItem, "pk", "the items' numbers, as the API gives them"),
}
_FEW_ENOUGH: dict[str, tuple[type[Model], str, str]] = {
    "product_id": (Product, "code", "product codes"),
    "product_family_id": (ProductFamily, "code", "codes of families"),
}


def value_field(name: str, label: str) -> forms.Field:
    """Make the field for the values that a condition on `name` compares with."""
    choices = _CHOICES[name]() if name in _CHOICES else []
    if choices and (name not in _FEW_ENOUGH or len(choices) <= _MOST_OFFERED):
        return forms.MultipleChoiceField(
            choices=choices,
            required=False,
            label=label,
            widget=forms.SelectMultiple(attrs={"size": min(max(len(choices), 2), 5)}),
        )
    _, _, what = _WRITTEN.get(name) or _FEW_ENOUGH.get(name) or (None, None, "values")
    return forms.CharField(required=False, label=label, max_length=500, help_text=f"Write {what}; several with commas.")


def shown_values(name: str, field: forms.Field, values: Sequence[Any]) -> Any:
    """Give a stored condition's values as the field shows them."""
    if isinstance(field, forms.MultipleChoiceField):
        return [str(value) for value in values]
    if found := _named(name):
        model, attribute, _ = found
        rows = model._default_manager.in_bulk([value for value in values if isinstance(value, int)])
        return ", ".join(str(getattr(rows[value], attribute)) if value in rows else str(value) for value in values)
    return ", ".join(str(value) for value in values)


def read_values(name: str, label: str, given: Any) -> list[Any]:
    """Read what was chosen or written. Raises ValidationError for what this company does not have."""
    if isinstance(given, str):
        words = [word.strip() for word in given.split(",") if word.strip()]
        found = _named(name)
        return [_find(word, label, *found) for word in words] if found else words
    return [int(value) if name.endswith("_id") else value for value in given or []]


def _named(name: str) -> tuple[type[Model], str, str] | None:
    return _WRITTEN.get(name) or _FEW_ENOUGH.get(name)


def _find(word: str, label: str, model: type[Model], attribute: str, what: str) -> int:
    if attribute == "pk" and not word.isdecimal():
        raise forms.ValidationError(f"{label}: “{word}” is not a number. Write {what}.")
    row = model._default_manager.filter(**{attribute: word}).first()
    if row is None:
        raise forms.ValidationError(f"{label}: there is no “{word}” in this company. Write {what}.")
    return int(row.pk)
