"""A company of its own for tests that commit: several sessions see it."""

from accounting.setup import set_up_books
from billing.models import BusinessEntity, Customer, Tenant
from billing.services.tenants import create_tenant
from billing.tenancy import tenant_scope


def make_globex() -> tuple[Tenant, Customer]:
    """Give a company with books in dollars, and its one customer."""
    made = create_tenant(slug="globex", name="Globex", currency="USD")
    with tenant_scope(made.pk):
        entity = BusinessEntity.objects.get()
        set_up_books(business_entity=entity)
        return made, Customer.objects.create(business_entity=entity, external_id="C-1", name="Globex", currency="USD")
