"""What the browser's tests find when they begin."""

from datetime import date
from decimal import Decimal

from django.contrib.auth import get_user_model

from billing.models import BusinessEntity, Customer, Membership, Product, Role, Tenant
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.tenancy import tenant_scope
from tests.company import make_company


def billed_company(role: Role) -> Tenant:
    """A company with one finalized invoice over 250.00, and a person of this role: ann."""
    tenant = make_company("acme", name="Acme Inc")
    with tenant_scope(tenant.pk):
        entity = BusinessEntity.objects.get()
        customer = Customer.objects.create(business_entity=entity, external_id="C-1", name="Globex", currency="USD")
        item = {
            "product": Product.objects.create(code="pro", name="Pro plan"),
            "pricing_model": "flat_fee",
            "pricing": {"amount": Decimal("250.00")},
        }
        contract = draft_contract(customer=customer, number="K-1", start=date(2026, 1, 1), items=[item])
        start_contracts([contract.pk])
        run_billing(through=date(2026, 1, 31), finalize=True)
    user = get_user_model().objects.create_user(username="ann", password="quiet-harbour-9", is_staff=True)
    Membership.objects.create(tenant=tenant, user=user, role=role)
    return tenant
