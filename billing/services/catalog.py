"""Add and change what is sold: product families, products, list prices, tax rates."""

from typing import Any, TypeVar

from django.db import transaction

from billing import pricing
from billing.errors import BillingError, NotFound
from billing.models import Price, Product, ProductFamily, TaxRate

_Entry = TypeVar("_Entry", ProductFamily, Product, Price, TaxRate)

# What nothing else was derived from. A price's numbers or a tax rate's percent change by adding another.
_CHANGEABLE: dict[type, frozenset[str]] = {
    ProductFamily: frozenset({"name"}),
    Product: frozenset({"name", "description", "family", "is_active"}),
    Price: frozenset({"name", "is_active"}),
    TaxRate: frozenset({"name", "jurisdiction", "is_active"}),
}


@transaction.atomic
def add_entry(model: type[_Entry], **fields: Any) -> _Entry:
    """Add an entry to the catalog. Raises BillingError when there is one of that code or name, or a price does not fit."""
    identity = {name: fields[name] for name in (("product", "name", "currency") if model is Price else ("code",))}
    if model.objects.filter(**identity).exists():
        raise BillingError(
            f"There is a {model._meta.verbose_name} “{identity.get('code') or identity['name']}” already.",
            code="duplicate",
        )
    return _save(model(**fields))


@transaction.atomic
def change_entry(model: type[_Entry], entry_id: int, **changes: Any) -> _Entry:
    """Change the harmless fields of an entry. Raises NotFound, BillingError for a field that must not change."""
    entry = model.objects.select_for_update(no_key=True).filter(pk=entry_id).first()
    if entry is None:
        raise NotFound(f"There is no {model._meta.verbose_name} with the id {entry_id}.")
    if fixed := sorted(set(changes) - _CHANGEABLE[model]):
        raise BillingError(
            f"The {fixed[0].replace('_', ' ')} of a {model._meta.verbose_name} cannot change; add another."
        )
    for field, value in changes.items():
        setattr(entry, field, value)
    return _save(entry)


def _save(entry: _Entry) -> _Entry:
    if isinstance(entry, Price):
        try:
            entry.pricing = pricing.validate(entry.pricing_model, entry.pricing)
        except pricing.InvalidPricing as error:
            raise BillingError(str(error)) from error
    entry.full_clean(exclude=["tenant"])
    entry.save()
    return entry
