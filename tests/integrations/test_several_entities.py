"""Several legal entities of one tenant, each to its own company of the ERP, the rest to one for all."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from accounting.setup import set_up_books
from billing.models import BusinessEntity, Customer, Invoice, Product, Tenant
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.services.payments import receive_payment
from billing.services.tenants import add_business_entity
from integrations.backfill import backfill
from integrations.delivery import drain
from integrations.models import Connection, OutboxItem
from integrations.reconciliation import reconcile
from integrations.sandbox.server import start_in_thread
from integrations.setup import connect_sandbox, create_connection
from integrations.upkeep import switch_off
from tests.integrations.books import Books
from tests.integrations.conftest import QUICK
from tests.integrations.world import JANUARY

pytestmark = pytest.mark.django_db(transaction=True)
START = date(2026, 1, 1)


@pytest.fixture
def boxes() -> Iterator[list[Any]]:
    with ExitStack() as stack:
        yield [stack.enter_context(start_in_thread("quickbooks", port=0, limits="off")) for _ in range(2)]


def signed_in(entity: BusinessEntity | None, mode: str, url: str) -> Connection:
    made, _ = create_connection(business_entity=entity, erp="quickbooks", mode=mode, send_payments=mode == "documents")
    made.options = QUICK
    return connect_sandbox(made, url)


def sell_and_collect(entity: BusinessEntity, amount: str) -> None:
    customer = Customer.objects.create(
        business_entity=entity, external_id=f"C-{entity.code}", name=f"Customer of {entity.name}", currency="USD"
    )
    product, _ = Product.objects.get_or_create(code="plan", defaults={"name": "Plan"})
    item = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": amount}}
    contract = draft_contract(customer=customer, number=f"K-{entity.code}", start=START, items=[item])
    start_contracts([contract.pk])
    run_billing(through=JANUARY, finalize=True)
    total = Invoice.objects.get(contract=contract).total.amount
    receive_payment(customer_id=customer.pk, received_on=JANUARY, amount=Decimal(total), currency="USD")


@pytest.mark.parametrize(
    ("mode", "entity_of", "held"),
    [("documents", "Invoice", (1, 2)), ("journal_entries", "JournalEntry", (2, 4))],
)
def test_each_company_gets_its_own_entity_and_agrees(entity, boxes, mode, entity_of, held) -> None:
    others = [
        add_business_entity(tenant=Tenant.objects.get(), code=code, name=code.title(), currency="USD")
        for code in ("north", "south")
    ]
    for other in others:
        set_up_books(business_entity=other)
    own, for_all = signed_in(entity, mode, boxes[0].url), signed_in(None, mode, boxes[1].url)
    for number, each in enumerate((entity, *others)):
        sell_and_collect(each, f"{10 + number}.00")
    for connection, box, wanted in zip((own, for_all), boxes, held, strict=True):
        assert drain(connection.pk, until_empty=True, seconds=30).parked == 0
        assert Books(box.url).count(entity_of) == wanted
        assert reconcile(connection, through=JANUARY)[1].differences == []
        # A back-fill brings nothing that is another connection's.
        assert backfill(connection, since=START) == 0
    switch_off(own.pk, reason="Sold")
    sell_more = OutboxItem.objects.filter(connection=for_all).count()
    receive_payment(
        customer_id=Customer.objects.get(business_entity=entity).pk,
        received_on=JANUARY,
        amount=Decimal(1),
        currency="USD",
    )
    assert OutboxItem.objects.filter(connection=for_all).count() > sell_more
