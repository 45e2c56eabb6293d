"""Foreign payments at the same time: what a gateway holds is one balance, and loses nothing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection

from accounting.checks import check_ledger
from accounting.currency.revaluation import revalue
from accounting.models import CarryingAmount, JournalLine
from billing.models import BusinessEntity, Customer, Tenant
from billing.services.gateways import add_gateway
from billing.services.payments import receive_payment
from billing.tenancy import tenant_scope
from tests.accounting.rates import rates
from tests.company import make_company

pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal
MANY = 12


@pytest.fixture
def company() -> Tenant:
    made = make_company("acme", name="Acme Inc")
    with tenant_scope(made.pk):
        entity = BusinessEntity.objects.get()
        add_gateway(business_entity=entity, code="cards", name="Cards")
        rates("Date USD\n2026-03-02 1.10\n2026-03-31 1.20")
        for number in range(MANY):
            Customer.objects.create(business_entity=entity, external_id=f"C-{number}", name="Abroad", currency="EUR")
    return made


def test_payments_by_one_gateway_at_once(company: Tenant) -> None:
    def pay(customer: int) -> None:
        try:
            with tenant_scope(company.pk):
                how = {"currency": "EUR", "gateway": "cards", "allocations": {}}
                receive_payment(customer_id=customer, received_on=date(2026, 3, 2), amount=D("10.01"), **how)
        finally:
            connection.close()

    with tenant_scope(company.pk):
        customers = list(Customer.objects.values_list("pk", flat=True))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(pay, customers))
    with tenant_scope(company.pk):
        held = CarryingAmount.objects.get(role="accounts_receivable.payment_gateways")
        assert (held.amount, held.base) == (MANY * D("10.01"), MANY * D("11.01"))
    assert check_ledger(company).problems == []


def test_two_revaluations_at_once_post_one(company: Tenant) -> None:
    with tenant_scope(company.pk):
        customer = Customer.objects.first()
        assert customer is not None
        how = {"currency": "EUR", "allocations": {}}
        receive_payment(customer_id=customer.pk, received_on=date(2026, 3, 2), amount=D(100), **how)

    def run(_: int) -> int:
        try:
            with tenant_scope(company.pk):
                return revalue(at=date(2026, 3, 31)).balances
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(run, range(3))) == [0, 0, 1]
    with tenant_scope(company.pk):
        lost = JournalLine.objects.filter(role="fx_loss_unrealized").values_list("base_debit", "base_credit")
        assert sorted(lost) == [(0, 10), (10, 0)]
