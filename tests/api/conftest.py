"""Callers of the API, and something sold through it."""

from collections.abc import Callable
from typing import Any

import pytest

from billing.models import Tenant
from tests.api.caller import Caller, bill
from tests.company import make_company


@pytest.fixture
def caller(tenant: Tenant) -> Caller:
    return Caller(tenant)


@pytest.fixture
def reader(tenant: Tenant) -> Caller:
    return Caller(tenant, may_write=False)


@pytest.fixture
def stranger(tenant: Tenant) -> Caller:
    """Another company's caller."""
    other = make_company("other", name="Other Ltd")
    return Caller(other)


@pytest.fixture
def sold(caller: Caller) -> Callable[..., dict[str, Any]]:
    """Create a customer, a product and a started contract through the API alone."""

    def sell(name: str = "a", *, amount: str = "100.00", **item: Any) -> dict[str, Any]:
        customer = caller.post("/customers", {"external_id": f"C-{name}", "name": f"Customer {name}"})
        product = caller.post("/products", {"code": f"p-{name}", "name": f"Product {name}"})
        line = {"product": product["id"], "pricing_model": "flat_fee", "pricing": {"amount": amount}} | item
        contract = caller.post(
            "/contracts",
            {
                "customer": customer["id"],
                "number": f"K-{name}",
                "start": "2026-01-01",
                "term_months": 12,
                "items": [line],
            },
        )
        return caller.post(f"/contracts/{contract['id']}/start", status=200)

    return sell


@pytest.fixture
def invoice(caller: Caller, sold: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """A finalized invoice of 100.00 USD."""
    sold()
    draft = bill(caller)[0]
    return caller.post(f"/invoices/{draft['id']}/finalize", status=200)
