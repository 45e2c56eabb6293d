"""Companies to measure on: books in USD and a connection that takes journal entries."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Company:
    tenant_id: int
    entity_id: int
    customer_id: int
    product_id: int


def make_company(slug: str) -> Company:
    from accounting.setup import set_up_books
    from billing.models import BusinessEntity, Customer, Product
    from billing.services.tenants import create_tenant
    from billing.tenancy import tenant_scope
    from integrations.models import Connection

    tenant = create_tenant(slug=slug, name=slug, currency="USD")
    with tenant_scope(tenant.pk):
        entity = BusinessEntity.objects.get()
        set_up_books(business_entity=entity)
        customer = Customer.objects.create(business_entity=entity, external_id="c", name="Globex", currency="USD")
        product = Product.objects.create(code="pro", name="Pro plan")
        Connection.objects.create(erp="quickbooks", name="QuickBooks", sync_mode="journal_entries", status="connected")
    return Company(tenant.pk, entity.pk, customer.pk, product.pk)


def sell_contracts(count: int) -> None:
    """Start monthly contracts of one flat fee, in the tenant's scope."""
    from tempfile import TemporaryDirectory

    from billing.importing.column_map import load_column_map
    from billing.importing.contracts import import_contracts

    with TemporaryDirectory() as folder:
        import_contracts(path=write_contracts(Path(folder), count), columns=load_column_map(column_map(Path(folder))))


def write_contracts(folder: Path, count: int) -> Path:
    """Write a CSV of contracts: like a telephone company's, made up by arithmetic."""
    path = folder / f"contracts-{count}.csv"
    with path.open("w") as file:
        file.write("id,product,term,amount\n")
        for number in range(count):
            product = ("dsl", "fiber", "phone")[number % 3]
            term = (1, 12, 24)[number // 3 % 3]
            file.write(f"N{number:07d},{product},{term},{18 + number * 37 % 100}.{number * 13 % 20 * 5:02d}\n")
    return path


def column_map(folder: Path) -> Path:
    path = folder / "columns.toml"
    path.write_text(
        f"""
[customer]
external_id = {{ column = "id" }}
[product]
code = {{ column = "product" }}
[contract]
number = {{ column = "id" }}
start = {{ value = "{date(2026, 1, 1)}" }}
term_months = {{ column = "term" }}
renewal = {{ column = "term", map = {{ "1" = "same_terms", "12" = "none", "24" = "none" }} }}
[item]
amount = {{ column = "amount" }}
"""
    )
    return path
