"""Create a tenant with its first business entity and number series."""

from django.db import transaction

from billing.errors import BillingError
from billing.fields import CURRENCIES
from billing.models import BusinessEntity, NumberSeries, Proration, SeriesKind, Tenant
from billing.models.tenant import time_zone_fault
from billing.signals import business_entity_added
from billing.tenancy import tenant_scope


@transaction.atomic
def create_tenant(*, slug: str, name: str, currency: str, time_zone: str = "") -> Tenant:
    """Create the tenant, its business entity `main` and its number series; an existing one is left as it is.

    `time_zone` is the business entity's, such as Europe/Berlin: its days are those of the books; UTC where none is said. Raises
    BillingError for an unknown currency or time zone, and when the tenant exists with others.
    """
    if currency not in dict(CURRENCIES):
        raise BillingError(f"“{currency}” is not a currency code that Counterfoil keeps books in, such as USD or EUR.")
    if time_zone and (fault := time_zone_fault(time_zone)):
        raise BillingError(fault)
    tenant, _ = Tenant.objects.get_or_create(slug=slug, defaults={"name": name})
    with tenant_scope(tenant.pk):
        entity = BusinessEntity.objects.filter(code="main").first()
        if entity and entity.base_currency != currency:
            raise BillingError(
                f"The tenant “{slug}” exists and keeps its books in {entity.base_currency}, not in {currency}. "
                "Choose another name, or leave the currency as it is."
            )
        if entity and time_zone and entity.time_zone != time_zone:
            raise BillingError(
                f"The tenant “{slug}” exists and keeps its books by the days of {entity.time_zone}, not of {time_zone}. "
                "Leave the time zone as it is, or change it at the business entity."
            )
        if entity is None:
            add_business_entity(tenant=tenant, code="main", name=name, currency=currency, time_zone=time_zone or "UTC")
    return tenant


@transaction.atomic
def add_business_entity(
    *, tenant: Tenant, code: str, name: str, currency: str, time_zone: str = "UTC", country: str = ""
) -> BusinessEntity:
    """Add a legal entity with its own gapless series of invoice and credit note numbers.

    Where the company has books, the entity gets its own with it. The numbers carry the first six letters of its code. Raises
    BillingError when another entity's do already.
    """
    infix = "" if code == "main" else f"{code[:6].upper()}-"
    if NumberSeries.objects.filter(tenant=tenant, prefix=f"INV-{infix}").exists():
        raise BillingError(f"Invoice numbers of another entity begin with INV-{infix}; choose another code.")
    entity = BusinessEntity.objects.create(
        tenant=tenant, code=code, name=name, base_currency=currency, time_zone=time_zone, country=country
    )
    for kind, prefix in ((SeriesKind.INVOICE, "INV-"), (SeriesKind.CREDIT_NOTE, "CN-")):
        NumberSeries.objects.create(tenant=tenant, business_entity=entity, kind=kind, prefix=f"{prefix}{infix}")
    business_entity_added.send(sender=BusinessEntity, entity=entity)
    return entity


def choose_proration(*, code: str, how: str) -> None:
    """Say how an entity prices part of a billing period in what is agreed from now on. Raises BillingError."""
    if how not in Proration.values:
        raise BillingError(f"Part of a billing period is priced in one of these ways: {', '.join(Proration.values)}.")
    if not BusinessEntity.objects.filter(code=code).update(proration=how):
        raise BillingError(f"There is no business entity with the code “{code}”.")
