"""Several subsidiaries in one NetSuite account: each document in its own, and the others' books left alone."""

import pytest

from accounting.setup import set_up_books
from billing.models import BusinessEntity, Customer, Product
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.services.tenants import add_business_entity
from integrations import setup
from integrations.delivery import drain
from integrations.models import Connection, MappingKind, OutboxItem
from integrations.readiness import readiness
from integrations.reconciliation import reconcile
from tests.accounting.rates import rates
from tests.integrations.conftest import QUICK
from tests.integrations.world import JANUARY, START, a_month

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("mode", ["journal_entries", "documents"])
def test_the_books_of_one_subsidiary_among_several(connect, erp, mode) -> None:
    erp.prefer(Subsidiaries=3)
    customer = erp.make("customer", companyName="Berlin", subsidiary={"id": "2"})
    connection = connect(mode=mode)
    chosen = connection.mappings.get(kind="subsidiary")
    assert chosen.external_name == "Parent Company"  # The only one that keeps books in our currency.
    a_month(customers=2)
    result = drain(connection.pk, until_empty=True, seconds=180)
    assert (result.parked, result.waiting) == (0, 0)
    erp.make(
        "invoice",
        entity={"id": customer},
        tranDate="2026-01-05",
        item={"items": [{"item": {"id": "1"}, "amount": 5}]},
    )
    _, findings = reconcile(Connection.objects.get(), through=JANUARY)
    assert findings.differences == []


@pytest.mark.parametrize("mode", ["journal_entries", "documents"])
def test_two_entities_of_one_connection_post_into_their_own_subsidiaries(entity, erp, mode) -> None:
    erp.prefer(Subsidiaries=3)
    berlin = add_business_entity(tenant=entity.tenant, code="de", name="Acme GmbH", currency="EUR")
    set_up_books(business_entity=berlin)
    made, _ = setup.create_connection(business_entity=None, erp="netsuite", mode=mode)
    made.options = {**QUICK, "read_timeout": 2.0}
    connection = setup.connect_sandbox(made, erp.url)
    assert readiness(connection) == []
    mapped = connection.mappings.filter(kind=MappingKind.SUBSIDIARY).values_list("internal_id", "external_id")
    assert dict(mapped) == {entity.pk: "1", berlin.pk: "2"}
    bill(entity, "USD"), bill(berlin, "EUR")
    drain(connection.pk, until_empty=True, seconds=180)
    assert list(OutboxItem.objects.exclude(state="delivered").values_list("kind", "reason")) == []
    kind = "journalEntry" if mode == "journal_entries" else "invoice"
    assert sorted((each["subsidiary"]["id"], each["currency"]["id"]) for each in erp.objects(kind)) == [
        ("1", symbol_id(erp, "USD")),
        ("2", symbol_id(erp, "EUR")),
    ]
    _, findings = reconcile(Connection.objects.get(), through=JANUARY)
    assert findings.differences == []


def test_the_only_subsidiary_is_not_suggested_for_books_in_another_currency(entity, erp) -> None:
    berlin = add_business_entity(tenant=entity.tenant, code="de", name="Acme GmbH", currency="EUR")
    set_up_books(business_entity=berlin)
    made, _ = setup.create_connection(business_entity=berlin, erp="netsuite", mode="journal_entries")
    made.options = {**QUICK, "read_timeout": 2.0}
    connection = setup.connect_sandbox(made, erp.url)
    assert "Map the business entity Acme GmbH." in readiness(connection)
    assert not connection.mappings.filter(kind=MappingKind.SUBSIDIARY).exists()


def test_each_subsidiarys_books_are_compared_in_their_own_base_currency(entity, erp) -> None:
    """120.00 USD at 1.10 are 109.09 EUR in Berlin, and 120.00 EUR are 132.00 USD at home; receivables go in base currency."""
    erp.prefer(Subsidiaries=3)
    berlin = add_business_entity(tenant=entity.tenant, code="de", name="Acme GmbH", currency="EUR")
    set_up_books(business_entity=berlin)
    made, _ = setup.create_connection(business_entity=None, erp="netsuite", mode="journal_entries")
    made.options = {**QUICK, "read_timeout": 2.0}
    connection = setup.connect_sandbox(made, erp.url)
    rates("Date USD\n2025-12-31 1.10")
    bill(entity, "EUR"), bill(berlin, "USD")
    drain(connection.pk, until_empty=True, seconds=180)
    assert list(OutboxItem.objects.exclude(state="delivered").values_list("kind", "reason")) == []
    kept, findings = reconcile(Connection.objects.get(), through=JANUARY)
    assert findings.differences == []
    assert sorted((row["account"], row["currency"], row["ours"], row["theirs"]) for row in kept.accounts) == [
        ("AR - Customers (books in EUR)", "EUR", "109.09", "109.09"),
        ("Accounts Receivable", "USD", "132.00", "132.00"),
        ("Deferred Revenue", "USD", "-132.00", "-132.00"),
        ("Deferred Revenue (books in EUR)", "EUR", "-109.09", "-109.09"),
    ]


def bill(entity: BusinessEntity, currency: str) -> None:
    product, _ = Product.objects.get_or_create(code="plan", defaults={"name": "Plan"})
    customer = Customer.objects.create(
        business_entity=entity, external_id=f"C-{currency}", name=f"Customer {currency}", currency=currency
    )
    item = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "120"}}
    contract = draft_contract(customer=customer, number=f"K-{currency}", start=START, items=[item])
    start_contracts([contract.pk])
    run_billing(through=JANUARY, finalize=True)


def symbol_id(erp, symbol: str) -> str:
    return erp.query(f"SELECT id FROM currency WHERE symbol = '{symbol}'")[0]["id"]
