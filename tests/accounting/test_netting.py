"""A contract is an asset or a liability at a month's end, not both (matrix row 28)."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone

from accounting.checks import check_ledger
from accounting.models import AccountingPeriod
from accounting.netting import net_contracts
from accounting.periods import close_period
from accounting.recognition import recognize_revenue
from billing.errors import BillingError
from billing.models import BusinessEntity, Contract, Customer, Product, Tenant
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.services.usage import record_usage
from billing.tenancy import tenant_scope
from tests.company import make_company
from tests.journal import journal, text

D = Decimal


@pytest.fixture
def plan_and_usage(customer: Customer, product: Product) -> Contract:
    """1,200.00 a year in advance, by months, and usage in arrears."""
    contract = draft_contract(
        customer=customer,
        number="K-1",
        start=date(2026, 1, 1),
        term_months=12,
        items=[
            {
                "product": product,
                "pricing_model": "flat_fee",
                "pricing": {"amount": "1200"},
                "interval_months": 12,
                "recognition_method": "straight_line_months",
            },
            {
                "product": product,
                "pricing_model": "per_unit",
                "pricing": {"unit_amount": "1"},
                "is_metered": True,
                "timing": "arrears",
            },
        ],
    )
    start_contracts([contract.pk])
    run_billing(through=date(2026, 1, 1), finalize=True)
    metered = contract.items.get(is_metered=True)
    record_usage(contract_item_id=metered.pk, used_on=date(2026, 1, 31), quantity=D(250), key="u1")
    recognize_revenue(through=date(2026, 1, 31))
    return contract


def test_a_contract_is_netted_and_gross_again_the_day_after(plan_and_usage: Contract, tenant: Tenant) -> None:
    run = net_contracts(at=date(2026, 1, 31))
    assert (run.contracts, dict(run.total)) == (1, {"USD": D(250)})
    assert journal(kinds={"contract_balances_netted", "contract_netting_reversed"}) == text("""
        2026-01-31  Contract balances netted
            Dr Deferred Revenue                      250.00
            Cr Unbilled Revenue                      250.00
        2026-02-01  Contract balances netted: reversal
            Dr Unbilled Revenue                      250.00
            Cr Deferred Revenue                      250.00
    """)
    assert check_ledger(tenant).problems == []


def test_run_again_it_nets_the_difference(plan_and_usage: Contract, tenant: Tenant) -> None:
    net_contracts(at=date(2026, 1, 31))
    assert net_contracts(at=date(2026, 1, 31)).contracts == 0
    metered = plan_and_usage.items.get(is_metered=True)
    record_usage(contract_item_id=metered.pk, used_on=date(2026, 1, 30), quantity=D(5), key="late")
    recognize_revenue(through=date(2026, 1, 31))
    assert dict(net_contracts(at=date(2026, 1, 31)).total) == {"USD": D(5)}
    assert net_contracts(at=date(2026, 2, 28)).contracts == 1  # from the gross balances, not on top of January's
    assert check_ledger(tenant).problems == []


def test_netting_keeps_out_of_closed_months(plan_and_usage: Contract) -> None:
    with pytest.raises(BillingError, match="not the last day"):
        net_contracts(at=date(2026, 1, 30))
    close_period(period_id=AccountingPeriod.objects.get(start=date(2026, 1, 1)).pk, at=timezone.now())
    with pytest.raises(BillingError, match="January 2026 is closed"):
        net_contracts(at=date(2026, 1, 31))


def test_a_grossed_up_contract_is_shown_net(sell_grossed_up: Callable[..., Tenant]) -> None:
    """Treatment B: 1,200.00 unbilled against deferred when signed; nothing billed, nothing earned: nothing to show."""
    company = sell_grossed_up(amount="100", start=date(2026, 1, 1))
    with tenant_scope(company.pk):
        assert dict(net_contracts(at=date(2026, 1, 31)).total) == {"USD": D(1200)}


@pytest.fixture
def sell_grossed_up(db: None) -> Callable[..., Tenant]:
    def sell(*, amount: str, start: date) -> Tenant:
        company = make_company("gross", contract_start="gross_up")
        with tenant_scope(company.pk):
            entity = BusinessEntity.objects.get()
            customer = Customer.objects.create(business_entity=entity, external_id="C", name="C", currency="USD")
            product = Product.objects.create(code="p", name="P")
            item = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": amount}}
            contract = draft_contract(customer=customer, number="K", start=start, items=[item], term_months=12)
            start_contracts([contract.pk])
        return company

    return sell
