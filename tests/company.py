"""A company with books, made as the application makes it once in a process and copied from then on."""

from functools import cache

from django.db import connection, models, transaction

from accounting.models import Account, AccountingPolicy, AccountingRule, DefaultAccount, RuleVersion
from accounting.setup import set_up_books
from billing.models import BusinessEntity, NumberSeries, Tenant
from billing.services.tenants import create_tenant
from billing.tenancy import tenant_scope

_WRITTEN = (
    Tenant, BusinessEntity, NumberSeries, AccountingPolicy, Account, DefaultAccount, AccountingRule, RuleVersion,
)  # fmt: skip


def make_acme() -> Tenant:
    """Give a company with one entity in USD, its books set up: a third of what `set_up_books` costs, for most tests.

    Its rows have the ids of the first: the sequences are past them, so nothing else gets them. Triggers run as ever.
    """
    tenant_id, rows = _rows()
    with tenant_scope(tenant_id), connection.cursor() as cursor:
        for model, json in rows:
            table = model._meta.db_table
            cursor.execute(
                f"INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, %s::jsonb)", [json]
            )
    return Tenant.objects.get(pk=tenant_id)


@cache
def _rows() -> tuple[int, list[tuple[type[models.Model], str]]]:
    with transaction.atomic(), connection.cursor() as cursor:
        company = create_tenant(slug="acme", name="Acme Inc", currency="USD")
        rows = []
        with tenant_scope(company.pk):
            set_up_books(business_entity=BusinessEntity.objects.get())
            for model in _WRITTEN:
                cursor.execute(f"SELECT jsonb_agg(t ORDER BY id)::text FROM {model._meta.db_table} t")
                rows.append((model, cursor.fetchone()[0]))
        transaction.set_rollback(True)
    return company.pk, rows
