"""What all tests share: one company with books, in scope; and text journals a bookkeeper can read."""

import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import TransactionTestCase, override_settings
from pytest_django.plugin import DjangoDbBlocker

from billing.models import BusinessEntity, Contract, Customer, Product, Tenant
from billing.services.contracts import draft_contract, start_contracts
from billing.tenancy import tenant_scope
from tests.cleaning import empty_what_was_written
from tests.company import copy_acme
from tests.template import migrated_template


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Give each run a database of its own, so that two runs in one checkout do not meet; drop what dead runs left."""
    test_settings = connection.settings_dict["TEST"]
    with django_db_blocker.unblock(), connection._nodb_cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE 'test\\_counterfoil\\_%'")
        for (name,) in cursor.fetchall():
            if not Path(f"/proc/{name.split('_')[2]}").exists():
                cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    test_settings["NAME"] = f"test_counterfoil_{os.getpid()}_{worker}"
    with django_db_blocker.unblock():
        test_settings["TEMPLATE"] = migrated_template()


@pytest.fixture(autouse=True, scope="session")
def _quick_cleaning() -> Iterator[None]:
    """After a transactional test, delete what it wrote: truncating every table takes some thirty times as long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda self: empty_what_was_written())
        yield


@pytest.fixture(autouse=True, scope="session")
def _quick_passwords() -> Iterator[None]:
    """Hash the passwords of tests in no time: what guards real ones takes a third of a second by design."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture
def tenant(db: None) -> Iterator[Tenant]:
    """A company with one entity in USD, its books set up, in scope."""
    company = copy_acme()
    with tenant_scope(company.pk):
        yield company


@pytest.fixture
def entity(tenant: Tenant) -> BusinessEntity:
    return BusinessEntity.objects.get()


@pytest.fixture
def customer(entity: BusinessEntity) -> Customer:
    return Customer.objects.create(business_entity=entity, external_id="C-1", name="Globex", currency="USD")


@pytest.fixture
def product(tenant: Tenant) -> Product:
    return Product.objects.create(code="pro", name="Pro plan")


@pytest.fixture
def sell(customer: Customer, product: Product) -> Callable[..., Contract]:
    """Start a contract of one flat-fee item: `sell(amount="100", start=date(2026, 1, 1), interval_months=1)`."""

    def start_one(
        *, amount: str, start: date, number: str = "K-1", terms: dict[str, Any] | None = None, **item: Any
    ) -> Contract:
        item = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": amount}} | item
        contract = draft_contract(customer=customer, number=number, start=start, items=[item], **(terms or {}))
        start_contracts([contract.pk])
        contract.refresh_from_db()
        return contract

    return start_one
