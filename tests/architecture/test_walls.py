"""Tenants are walls: every table that names a tenant has row-level security, and no query runs without one."""

import pytest
from django.apps import apps
from django.db import connection, transaction

from billing.models import Customer, Tenant
from billing.services.tenants import create_tenant
from billing.tenancy import TenantModel, TenantRequired, tenant_scope

NOT_WALLED = {
    "billing_membership": "read to learn which tenant a person may enter",
    "billing_apikey": "read to learn which tenant a key may enter; holds digests only",
    "accounting_posting_under_way": "holds ids for the length of a transaction; the check looks through it at commit",
}


def test_every_table_with_a_tenant_is_walled(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity FROM pg_class c JOIN pg_attribute a "
            "ON a.attrelid = c.oid AND a.attname = 'tenant_id' WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
        )
        walled = dict(cursor.fetchall())
    assert {table for table, has_wall in walled.items() if not has_wall} == set(NOT_WALLED)


def test_every_model_of_ours_belongs_to_a_tenant():
    ours = [
        model for app in ("billing", "accounting", "integrations") for model in apps.get_app_config(app).get_models()
    ]
    assert {model.__name__ for model in ours if not issubclass(model, TenantModel)} == {
        "Tenant",
        "Membership",
        "ApiKey",
        "WorkerBeat",
    }


def test_the_role_is_no_superuser(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False, False)


def test_a_query_without_a_tenant_fails(db):
    with pytest.raises(TenantRequired):
        Customer.objects.count()


def test_a_queryset_made_outside_asks_for_the_tenant_when_it_runs(tenant):
    customers = Customer.objects.all()
    stranger = create_tenant(slug="stranger", name="Stranger", currency="USD")
    with tenant_scope(stranger.pk):
        assert "tenant_id" in str(customers.query) and list(customers) == []


def _database_scope() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('counterfoil.tenant', true)")
        return cursor.fetchone()[0] or ""


@pytest.mark.django_db(transaction=True)
def test_scopes_nest_and_survive_rollbacks_and_errors():
    first, second = (Tenant.objects.create(slug=slug, name=slug) for slug in ("first", "second"))
    with tenant_scope(first.pk):
        with pytest.raises(ZeroDivisionError), transaction.atomic(), tenant_scope(second.pk):
            1 / 0  # noqa: B018
        assert _database_scope() == str(first.pk)
        with transaction.atomic():
            with pytest.raises(ZeroDivisionError), transaction.atomic(), tenant_scope(second.pk):
                1 / 0  # noqa: B018
            assert _database_scope() == str(first.pk)
        with transaction.atomic(), tenant_scope(second.pk):
            assert _database_scope() == str(second.pk)
        assert _database_scope() == str(first.pk)
    assert _database_scope() == ""
