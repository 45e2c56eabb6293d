"""Add and change customers."""

from typing import Any

from django.db import transaction

from billing.errors import BillingError, NotFound
from billing.models import BusinessEntity, Customer

_CHANGEABLE = frozenset({"name", "email", "address", "country", "tax_id", "is_active"})


@transaction.atomic
def create_customer(
    *, external_id: str, name: str, business_entity: BusinessEntity | None = None, currency: str = "", **details: Any
) -> Customer:
    """Add a customer, billed in its business entity's currency unless another is given.

    `details` are fields of Customer. Raises BillingError for an id that is taken, and where the business entity must be
    named because there are several.
    """
    if Customer.objects.filter(external_id=external_id).exists():
        raise BillingError(f"There is a customer with the id {external_id} already.", code="duplicate")
    entity = business_entity or only_entity()
    customer = Customer(
        tenant_id=entity.tenant_id,
        business_entity=entity,
        external_id=external_id,
        name=name,
        currency=currency or entity.base_currency,
        **details,
    )
    customer.full_clean(exclude=["tenant"])
    customer.save()
    return customer


@transaction.atomic
def change_customer(*, customer_id: int, **changes: Any) -> Customer:
    """Change how a customer is called and reached, or whether it is active; finalized invoices keep what they say.

    Raises NotFound, and BillingError for what cannot change: the id, the currency, the business entity.
    """
    customer = Customer.objects.select_for_update(no_key=True).filter(pk=customer_id).first()
    if customer is None:
        raise NotFound(f"There is no customer with the id {customer_id}.")
    if fixed := sorted(set(changes) - _CHANGEABLE):
        raise BillingError(f"A customer's {fixed[0].replace('_', ' ')} cannot change.")
    for field, value in changes.items():
        setattr(customer, field, value)
    customer.full_clean(exclude=["tenant", "business_entity"])
    if changes:
        customer.save(update_fields=list(changes))
    return customer


def entity_of(code: str) -> BusinessEntity:
    """Give the business entity with a code; for an empty text the company's one. Raises NotFound, BillingError."""
    if not code:
        return only_entity()
    entity = BusinessEntity.objects.filter(code=code).first()
    if entity is None:
        raise NotFound(f"There is no business entity “{code}”.")
    return entity


def only_entity() -> BusinessEntity:
    """Give the company's one business entity. Raises BillingError where it has several, or none."""
    entities = list(BusinessEntity.objects.order_by("code")[:2])
    if len(entities) != 1:
        raise BillingError("Name the business entity: the company has several." if entities else "There is no entity.")
    return entities[0]
