"""Companies with books for tests."""

from functools import cache

from django.db import connection, models, transaction

from accounting.models import (
    Account,
    AccountingPolicy,
    AccountingRule,
    ContractStartTreatment,
    DefaultAccount,
    RuleVersion,
)
from accounting.setup import set_up_books
from billing.models import BusinessEntity, Customer, NumberSeries, Tenant
from billing.services.tenants import create_tenant
from billing.tenancy import tenant_scope

_WRITTEN = (
    Tenant, BusinessEntity, NumberSeries, AccountingPolicy, Account, DefaultAccount, AccountingRule, RuleVersion,
)  # fmt: skip


def make_company(
    slug: str, *, name: str = "", currency: str = "USD", contract_start: str = ContractStartTreatment.MEMO
) -> Tenant:
    """Make a company with one entity, its books set up."""
    company = create_tenant(slug=slug, name=name or slug.title(), currency=currency)
    with tenant_scope(company.pk):
        set_up_books(business_entity=BusinessEntity.objects.get(), contract_start=contract_start)
    return company


def make_globex() -> tuple[Tenant, Customer]:
    """Make a company of its own for tests that commit, which several sessions see; give it with its one customer."""
    made = make_company("globex")
    with tenant_scope(made.pk):
        entity = BusinessEntity.objects.get()
        return made, Customer.objects.create(business_entity=entity, external_id="C-1", name="Globex", currency="USD")


def copy_acme() -> Tenant:
    """Give the company of most tests, made once in a process and copied from then on: a third of what making one costs.

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
        company = make_company("acme", name="Acme Inc")
        rows = []
        with tenant_scope(company.pk):
            for model in _WRITTEN:
                cursor.execute(f"SELECT jsonb_agg(t ORDER BY id)::text FROM {model._meta.db_table} t")
                rows.append((model, cursor.fetchone()[0]))
        transaction.set_rollback(True)
    return company.pk, rows
