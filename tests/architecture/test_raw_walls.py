"""Raw SQL in one company's scope neither sees nor writes another's rows, in any table; and scopes survive errors."""

from collections.abc import Callable, Iterator

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, models, transaction

from billing.models import BusinessEntity, Customer, Tenant
from billing.services.tenants import create_tenant
from billing.tenancy import TenantModel, TenantRequired, current_tenant_id, tenant_scope
from tests.company import make_company

TENANT_MODELS = [model for model in apps.get_models() if issubclass(model, TenantModel)]


def _scope() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting('counterfoil.tenant', true), '')")
        return str(cursor.fetchone()[0])


@pytest.fixture
def stranger(tenant: Tenant) -> Iterator[Tenant]:
    """Another company with books; the first one's scope is current."""
    other = make_company("stranger")
    with tenant_scope(other.pk):
        entity = BusinessEntity.objects.get()
        Customer.objects.create(business_entity=entity, external_id="S-1", name="Secret", currency="USD")
    return other


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model._meta.label)
def test_a_query_without_a_tenant_fails_whatever_is_asked(db: None, model: type[models.Model]) -> None:
    asked: list[Callable[[], object]] = [
        lambda: list(model.objects.all()),
        model.objects.count,
        lambda: model.objects.filter(pk=1).exists(),
        lambda: model.objects.all().delete(),
        lambda: model.objects.filter(pk=1).update(tenant_id=2),
    ]
    for ask in asked:
        with pytest.raises(TenantRequired):
            ask()


def test_raw_sql_sees_only_the_current_companys_rows(tenant: Tenant, stranger: Tenant) -> None:
    seen = {}
    with connection.cursor() as cursor:
        for model in TENANT_MODELS:
            cursor.execute(
                f"SELECT count(*) FILTER (WHERE tenant_id <> %s), count(*) FILTER (WHERE tenant_id = %s) "
                f"FROM {model._meta.db_table}",
                [tenant.pk, stranger.pk],
            )
            seen[model._meta.label] = cursor.fetchone()
    assert seen == dict.fromkeys(seen, (0, 0))


def test_raw_sql_changes_only_the_current_companys_rows(tenant: Tenant, stranger: Tenant) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE billing_customer SET name = 'Mine'")
        assert cursor.rowcount == 0
        cursor.execute("DELETE FROM accounting_defaultaccount WHERE tenant_id = %s", [stranger.pk])
        assert cursor.rowcount == 0
    with tenant_scope(stranger.pk):
        assert Customer.objects.get().name == "Secret"


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO billing_productfamily (tenant_id, code, name) VALUES ({stranger}, 'x', 'x')",
        "UPDATE billing_businessentity SET tenant_id = {stranger}",
        (
            "INSERT INTO billing_numberseries (tenant_id, business_entity_id, kind, prefix, next_number) "
            "SELECT {stranger}, id, 'x', 'X', 1 FROM billing_businessentity"
        ),
    ],
)
def test_raw_sql_writes_nothing_into_another_company(tenant: Tenant, stranger: Tenant, sql: str) -> None:
    with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.format(stranger=stranger.pk))


def test_an_object_of_another_company_is_not_saved(tenant: Tenant, stranger: Tenant) -> None:
    with tenant_scope(stranger.pk):
        secret = Customer.objects.get()
    with pytest.raises(TenantRequired, match="belongs to another tenant"):
        secret.save()


def test_a_database_error_inside_a_scope_leaves_the_outer_one(tenant: Tenant, stranger: Tenant) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), tenant_scope(stranger.pk), connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")
    assert (_scope(), current_tenant_id()) == (str(tenant.pk), tenant.pk)
    assert Customer.objects.count() == 0


def test_a_savepoint_rolled_back_inside_a_scope_keeps_it(tenant: Tenant, stranger: Tenant) -> None:
    with tenant_scope(stranger.pk):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")
        assert (_scope(), Customer.objects.count()) == (str(stranger.pk), 1)
    assert _scope() == str(tenant.pk)


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_starts_in_the_current_scope() -> None:
    company = create_tenant(slug="again", name="Again", currency="USD")
    with tenant_scope(company.pk):
        connection.close()
        assert BusinessEntity.objects.count() == 1
    connection.close()
    assert _scope() == ""
