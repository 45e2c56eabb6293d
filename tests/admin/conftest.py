"""Signed-in clients per role, and a company with something of everything."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from accounting.recognition import recognize_revenue
from billing.models import Contract, Customer, Invoice, InvoiceStatus, Membership, Role, Tenant
from billing.services.billing_run import run_billing
from billing.services.payments import receive_payment
from tests.admin.erp import (  # noqa: F401 - fixtures
    box,
    connect,
    connection,
    erp_account,
    kept,
    parked,
    queue,
    stranger,
    unconnected,
)


@pytest.fixture
def sign_in(tenant: Tenant) -> Callable[[str], Client]:
    """Give a client signed in with a role in the company."""

    def client_for(role: str) -> Client:
        user = get_user_model().objects.create_user(username=f"{role}-person", password="x", is_staff=True)
        Membership.objects.create(tenant=tenant, user=user, role=role)
        client = Client()
        client.force_login(user)
        return client

    return client_for


@pytest.fixture
def viewer(sign_in: Callable[[str], Client]) -> Client:
    return sign_in(Role.VIEWER)


@pytest.fixture
def finance(sign_in: Callable[[str], Client]) -> Client:
    return sign_in(Role.FINANCE)


@pytest.fixture
def accountant(sign_in: Callable[[str], Client]) -> Client:
    return sign_in(Role.ACCOUNTANT)


@pytest.fixture
def administrator(sign_in: Callable[[str], Client]) -> Client:
    return sign_in(Role.ADMIN)


@pytest.fixture
def contract(sell: Callable[..., Contract]) -> Contract:
    return sell(amount="100.00", start=date(2026, 1, 1), number="K-1")


@pytest.fixture
def draft(contract: Contract) -> Invoice:
    """A draft over 100.00 for January."""
    run_billing(through=date(2026, 1, 31))
    return Invoice.objects.get()


@pytest.fixture
def story(contract: Contract, customer: Customer) -> Contract:
    """January and February billed, January paid and earned, March a draft."""
    run_billing(through=date(2026, 2, 28), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    receive_payment(customer_id=customer.pk, received_on=date(2026, 2, 5), amount=Decimal("100.00"), currency="USD")
    run_billing(through=date(2026, 3, 31))
    assert Invoice.objects.filter(status=InvoiceStatus.DRAFT).count() == 1
    return contract
