"""A caller of the API: a client that sends a key, and the company it belongs to."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from accounting.setup import set_up_books
from billing.models import BusinessEntity, Tenant
from billing.services.api_keys import issue_key
from billing.services.billing_run import run_billing
from billing.services.tenants import create_tenant
from billing.tenancy import tenant_scope
from rest_framework.test import APIClient

V1 = "/api/v1"


class Caller:
    """Sends requests with a key; answers of another status than expected fail the test with their body."""

    def __init__(self, tenant: Tenant, *, may_write: bool = True) -> None:
        issued = issue_key(tenant_id=tenant.pk, name="test", may_write=may_write)
        self.key, self.plain = issued
        self.client = APIClient()
        self.client.credentials(HTTP_AUTHORIZATION=f"Bearer {self.plain}")
        self.last: Any = None

    def __call__(self, method: str, path: str, data: Any = None, *, status: int = 200, **headers: str) -> Any:
        self.last = getattr(self.client, method)(
            f"{V1}{path}", data, headers={name.replace("_", "-"): value for name, value in headers.items()} or None
        )
        assert self.last.status_code == status, self.last.content
        return self.last.json() if self.last.content else None

    def get(self, path: str, data: Any = None, *, status: int = 200) -> Any:
        return self("get", path, data, status=status)

    def post(self, path: str, data: Any = None, *, status: int = 201, **headers: str) -> Any:
        return self("post", path, data, status=status, **headers)

    def patch(self, path: str, data: Any, *, status: int = 200, **headers: str) -> Any:
        return self("patch", path, data, status=status, **headers)

    def delete(self, path: str, *, status: int = 204) -> Any:
        return self("delete", path, status=status)


@pytest.fixture
def caller(tenant: Tenant) -> Caller:
    return Caller(tenant)


@pytest.fixture
def reader(tenant: Tenant) -> Caller:
    return Caller(tenant, may_write=False)


@pytest.fixture
def stranger(tenant: Tenant) -> Caller:
    """Another company's caller."""
    other = create_tenant(slug="other", name="Other Ltd", currency="USD")
    with tenant_scope(other.pk):
        set_up_books(business_entity=BusinessEntity.objects.get())
    return Caller(other)


def usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


@pytest.fixture
def sold(caller: Caller) -> Callable[..., dict[str, Any]]:
    """Create a customer, a product and a started contract through the API alone."""

    def sell(name: str = "a", *, amount: str = "100.00", **item: Any) -> dict[str, Any]:
        customer = caller.post("/customers", {"external_id": f"C-{name}", "name": f"Customer {name}"})
        product = caller.post("/products", {"code": f"p-{name}", "name": f"Product {name}"})
        line = {"product": product["id"], "pricing_model": "flat_fee", "pricing": {"amount": amount}} | item
        contract = caller.post(
            "/contracts",
            {"customer": customer["id"], "number": f"K-{name}", "start": "2026-01-01", "term_months": 12, "items": [line]},
        )
        return caller.post(f"/contracts/{contract['id']}/start", status=200)

    return sell


@pytest.fixture
def invoice(caller: Caller, sold: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """A finalized invoice of 100.00 USD."""
    sold()
    draft = bill(caller)[0]
    return caller.post(f"/invoices/{draft['id']}/finalize", status=200)


def bill(caller: Caller) -> list[dict[str, Any]]:
    """Run billing through January 2026, and list the drafts."""
    with tenant_scope(caller.key.tenant_id):
        run_billing(through=date(2026, 1, 31))
    return caller.get("/invoices", {"status": "draft"})["results"]
