"""A contract is an asset or a liability at a month's end, not both (matrix row 28)."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from django.db.models import F, Sum
from django.utils import timezone

from accounting.checks import check_ledger
from accounting.closing import CheckOutcome, dry_run
from accounting.models import AccountingPeriod, JournalLine
from accounting.netting import net_contracts
from accounting.periods import close_period
from accounting.recognition import recognize_revenue
from accounting.replaying import replay_ledger
from billing.errors import BillingError
from billing.models import BusinessEntity, Contract, Customer, Product, Tenant
from billing.periods import end_of_month
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.services.modifications import Modification, modify_contract
from billing.services.usage import record_usage
from billing.tenancy import tenant_scope
from tests.accounting.rates import rates
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


def in_arrears(customer: Customer, product: Product) -> Contract:
    """A year at 90.00 a month in arrears, earned by months as one obligation; lived until June."""
    item = {
        "product": product, "pricing_model": "flat_fee", "pricing": {"amount": "90"}, "timing": "arrears",
        "recognition_method": "straight_line_months",
    }  # fmt: skip
    contract = draft_contract(
        customer=customer, number="K-1", start=date(2026, 1, 1), term_months=12, revenue_span="term", items=[item]
    )
    start_contracts([contract.pk])
    for month in range(1, 7):
        run_billing(through=date(2026, month, 1), finalize=True)
        recognize_revenue(through=end_of_month(date(2026, month, 1)))
    return contract


NETTED = {"contract_balances_netted", "contract_netting_reversed"}


@pytest.mark.parametrize(("currency", "rate"), [("USD", 1), ("EUR", 2)])
def test_what_a_catch_up_leaves_in_credit_is_a_liability_at_the_months_end(
    customer: Customer, product: Product, tenant: Tenant, currency: str, rate: int
) -> None:
    """By 30 June 540.00 are earned and 450.00 billed. Agreed on 10 July: 120.00 from March on. March, April and May are billed
    anew, dated 1 April to 1 June: by 30 June 810.00 are billed, so 270.00 are a contract liability and not an asset of less
    than nothing. The credit of 270.00 and the catch-up of 120.00 are July's."""
    if currency == "EUR":
        rates("\n".join(["Date USD", *(f"2026-{month:02}-28 2.00" for month in range(1, 8)), "2026-07-10 2.00"]))
        customer.currency = currency
        customer.save()
    contract = in_arrears(customer, product)
    change = Modification(
        effective_on=date(2026, 3, 1), signed_on=date(2026, 7, 10), reason="Agreed", treatment="catch_up",
        replace={contract.items.get().pk: {"pricing_model": "flat_fee", "pricing": {"amount": "120"}}},
    )  # fmt: skip
    modify_contract(contract_id=contract.pk, change=change)
    run_billing(through=date(2026, 7, 10), finalize=True)
    check = named_check()
    assert check.message.startswith("1 contract stands on the wrong side")
    assert check.details == (f"K-1: -270.00 {currency} unbilled, 0.00 {currency} deferred",)
    assert dict(net_contracts(at=date(2026, 6, 30)).total) == {currency: D(270)}
    assert named_check().passed
    amount = f"{270 * rate}.00"
    assert journal(kinds=NETTED, in_base=True) == text(f"""
        2026-06-30  Contract balances netted
            Dr Unbilled Revenue                      {amount}
            Cr Deferred Revenue                      {amount}
        2026-07-01  Contract balances netted: reversal
            Dr Deferred Revenue                      {amount}
            Cr Unbilled Revenue                      {amount}
    """)
    assert net_contracts(at=date(2026, 6, 30)).contracts == 0
    recognize_revenue(through=date(2026, 7, 31))
    assert check_ledger(tenant).problems == []
    assert replay_ledger().differences == []


def test_what_is_recognized_after_its_invoice_is_an_asset_at_the_months_end(
    customer: Customer, product: Product, tenant: Tenant
) -> None:
    """July's 90.00, billed on 1 August before July was recognized: by 31 July they are earned and not billed, an asset."""
    contract = in_arrears(customer, product)
    run_billing(through=date(2026, 8, 1), finalize=True)
    recognize_revenue(through=date(2026, 7, 31))
    net_contracts(at=date(2026, 7, 31))
    assert journal(kinds=NETTED) == text("""
        2026-07-31  Contract balances netted
            Dr Unbilled Revenue                       90.00
            Cr Deferred Revenue                       90.00
        2026-08-01  Contract balances netted: reversal
            Dr Deferred Revenue                       90.00
            Cr Unbilled Revenue                       90.00
    """)
    assert contract_stands(contract, date(2026, 7, 31)) == {"unbilled_revenue": D(90), "deferred_revenue": D(0)}
    assert contract_stands(contract, date(2026, 8, 1)) == {"unbilled_revenue": D(0), "deferred_revenue": D(0)}
    assert check_ledger(tenant).problems == []


def named_check() -> CheckOutcome:
    june = AccountingPeriod.objects.get(start=date(2026, 6, 1))
    return next(each for each in dry_run(june, today=date(2026, 7, 10)).checks if each.code == "contract_sides")


def contract_stands(contract: Contract, at: date) -> dict[str, Decimal]:
    rows = JournalLine.objects.filter(
        contract_id=contract.pk, date__lte=at, role__in=("unbilled_revenue", "deferred_revenue")
    )
    return dict(rows.order_by().values_list("role").annotate(stands=Sum(F("debit") - F("credit"))))


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
