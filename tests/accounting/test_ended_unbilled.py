"""A contract or item ends before what it has earned is billed: its service period ends with it, at the price of its days."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal

import pytest

from accounting.checks import check_ledger
from accounting.models import JournalLine
from accounting.recognition import recognize_revenue
from accounting.replaying import replay_ledger
from accounting.reports.trial_balance import trial_balance
from billing.models import BusinessEntity, Contract, Customer, Invoice, InvoiceLine, Product, Tenant
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, end_contract, start_contracts
from billing.services.credit_notes import issue_credit_note
from billing.services.modifications import Modification, modify_contract
from billing.services.usage import record_usage
from billing.tenancy import tenant_scope
from tests.company import make_company
from tests.journal import journal, text

D = Decimal
JULY, SEPTEMBER = date(2026, 7, 1), date(2026, 9, 1)


@pytest.fixture(params=["memo", "gross_up"])
def company(db: None, request: pytest.FixtureRequest) -> Iterator[Tenant]:
    created = make_company("acme", contract_start=request.param)
    with tenant_scope(created.pk):
        yield created


def sell(**item: object) -> Contract:
    customer = Customer.objects.create(
        business_entity=BusinessEntity.objects.get(), external_id="C-1", name="Globex", currency="USD"
    )
    product = Product.objects.create(code="pro", name="Pro", recognition_method="straight_line_days")
    terms = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "1200"}, "interval_months": 12}
    contract = draft_contract(
        customer=customer, number="K-1", start=date(2026, 1, 1), term_months=12, items=[terms | item]
    )
    start_contracts([contract.pk])
    return contract


def end_by_contract(contract: Contract, end: date, signed: date) -> None:
    end_contract(contract_id=contract.pk, end=end)


def end_by_modification(contract: Contract, end: date, signed: date) -> None:
    change = Modification(effective_on=end, signed_on=signed, reason="Left", end=end)
    modify_contract(contract_id=contract.pk, change=change)


def end_the_item(contract: Contract, end: date, signed: date) -> None:
    change = Modification(effective_on=end, signed_on=signed, reason="Left", remove=[contract.items.get().pk])
    modify_contract(contract_id=contract.pk, change=change)


WAYS: list[Callable[[Contract, date, date], None]] = [end_by_contract, end_by_modification, end_the_item]


@pytest.mark.parametrize("end", WAYS)
def test_a_year_in_arrears_that_ends_in_june_earns_nothing_more(
    company: Tenant, end: Callable[[Contract, date, date], None]
) -> None:
    """1,200.00 for 365 days: 181 of them are 595.07. July's run comes before the invoice."""
    contract = sell(timing="arrears")
    recognize_revenue(through=date(2026, 6, 30))
    end(contract, JULY, JULY)
    assert recognize_revenue(through=date(2026, 7, 31)).entries == 0
    assert check_ledger(company).problems == []
    run_billing(through=date(2026, 7, 31), finalize=True)
    assert recognize_revenue(through=date(2026, 12, 31)).entries == 0
    assert journal(kinds={"revenue_recognized", "invoice_finalized"}).replace("Deferred", "Unbilled") == text("""
        2026-01-31  Revenue recognized
            Dr Unbilled Revenue                      101.92
            Cr Sales and Services Revenue            101.92
        2026-02-28  Revenue recognized
            Dr Unbilled Revenue                       92.05
            Cr Sales and Services Revenue             92.05
        2026-03-31  Revenue recognized
            Dr Unbilled Revenue                      101.92
            Cr Sales and Services Revenue            101.92
        2026-04-30  Revenue recognized
            Dr Unbilled Revenue                       98.63
            Cr Sales and Services Revenue             98.63
        2026-05-31  Revenue recognized
            Dr Unbilled Revenue                      101.92
            Cr Sales and Services Revenue            101.92
        2026-06-30  Revenue recognized
            Dr Unbilled Revenue                       98.63
            Cr Sales and Services Revenue             98.63
        2026-07-01  Invoice finalized
            Dr AR - Customers                        595.07
            Cr Unbilled Revenue                      595.07
    """)
    assert check_ledger(company).problems == []
    assert replay_ledger().differences == []


@pytest.mark.parametrize("end", WAYS)
def test_what_was_earned_beyond_the_end_is_taken_back(
    company: Tenant, end: Callable[[Contract, date, date], None]
) -> None:
    """In September the end of June is agreed: July and August, 101.92 each, were never owed, and are taken out of themselves."""
    contract = sell(timing="arrears")
    recognize_revenue(through=date(2026, 8, 31))
    end(contract, JULY, SEPTEMBER)
    recognize_revenue(through=date(2026, 9, 30))
    told = journal(kinds={"revenue_recognized"})
    assert told[told.index("2026-07-31") :].replace("Deferred", "Unbilled") == text("""
        2026-07-31  Revenue recognized
            Dr Unbilled Revenue                      101.92
            Cr Sales and Services Revenue            101.92
        2026-07-31  Revenue recognized
            Dr Sales and Services Revenue            101.92
            Cr Unbilled Revenue                      101.92
        2026-08-31  Revenue recognized
            Dr Unbilled Revenue                      101.92
            Cr Sales and Services Revenue            101.92
        2026-08-31  Revenue recognized
            Dr Sales and Services Revenue            101.92
            Cr Unbilled Revenue                      101.92
    """)
    assert check_ledger(company).problems == []
    run_billing(through=date(2026, 9, 30), finalize=True)
    assert recognize_revenue(through=date(2026, 12, 31)).entries == 0
    assert standing() == {"accounts_receivable.customers": D("595.07"), "revenue": D("-595.07")}
    assert check_ledger(company).problems == []
    assert replay_ledger().differences == []


def test_months_earned_ahead_of_their_invoices_that_fall_away(company: Tenant) -> None:
    """100.00 a month in advance; January is billed, February and March are earned by a run; the contract ends with January."""
    contract = sell(interval_months=1, pricing={"amount": "100"})
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 3, 31))
    end_contract(contract_id=contract.pk, end=date(2026, 2, 1))
    recognize_revenue(through=date(2026, 3, 31))
    run_billing(through=date(2026, 12, 31), finalize=True)
    assert recognize_revenue(through=date(2026, 12, 31)).entries == 0
    assert standing() == {"accounts_receivable.customers": D("100"), "revenue": D("-100")}
    assert revenue_by_month() == {"2026-01": D(100), "2026-02": D(0), "2026-03": D(0)}
    assert check_ledger(company).problems == []
    assert replay_ledger().differences == []


def test_a_year_billed_ahead_is_taken_back_month_by_month(company: Tenant) -> None:
    """1,200.00 billed in January and earned by days to August; in September the end of June is agreed: 604.93 are credited."""
    contract = sell()
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 8, 31))
    end_by_modification(contract, JULY, SEPTEMBER)
    recognize_revenue(through=date(2026, 9, 30))
    assert standing() == {"accounts_receivable.customers": D("595.07"), "revenue": D("-595.07")}
    months = {
        "01": "101.92",
        "02": "92.05",
        "03": "101.92",
        "04": "98.63",
        "05": "101.92",
        "06": "98.63",
        "07": 0,
        "08": 0,
    }
    assert revenue_by_month() == {f"2026-{month}": D(amount) for month, amount in months.items()}
    assert check_ledger(company).problems == []
    assert replay_ledger().differences == []


def test_a_minimum_falls_with_the_days_of_its_period(company: Tenant) -> None:
    """At least 500.00 a month, 320.00 used by 10 April, when the item ends: 10 of 30 days are 166.67, so 320.00 stay."""
    contract = sell(
        pricing_model="per_unit", pricing={"unit_amount": "1"}, is_metered=True, timing="arrears", interval_months=1,
        minimum=D(500),
    )  # fmt: skip
    run_billing(through=date(2026, 4, 1), finalize=True)
    record_usage(contract_item_id=contract.items.get().pk, used_on=date(2026, 4, 5), quantity=D(320), key="u1")
    recognize_revenue(through=date(2026, 4, 10))
    end_contract(contract_id=contract.pk, end=date(2026, 4, 11))
    recognize_revenue(through=date(2026, 4, 30))
    assert revenue_by_month()["2026-04"] == D(320)
    run_billing(through=date(2026, 4, 30), finalize=True)
    assert recognize_revenue(through=date(2026, 12, 31)).entries == 0
    assert standing() == {"accounts_receivable.customers": D("1820"), "revenue": D("-1820")}
    assert replay_ledger().differences == []


@pytest.mark.parametrize("end", [end_by_modification, end_the_item])
def test_what_was_credited_whole_earns_nothing_when_it_ends_earlier(
    company: Tenant, end: Callable[[Contract, date, date], None]
) -> None:
    """31.00 a month; March is credited whole before it is recognized, then the end on 11 March is agreed."""
    contract = sell(interval_months=1, pricing={"amount": "31"})
    run_billing(through=date(2026, 3, 1), finalize=True)
    invoice = Invoice.objects.get(issued_on=date(2026, 3, 1))
    issue_credit_note(
        invoice_id=invoice.pk, lines={invoice.lines.get().pk: D(31)}, on=date(2026, 3, 5), reason="Outage"
    )
    end(contract, date(2026, 3, 11), date(2026, 3, 20))
    recognize_revenue(through=date(2026, 12, 31))
    run_billing(through=date(2026, 12, 31), finalize=True)
    assert recognize_revenue(through=date(2026, 12, 31)).entries == 0
    assert revenue_by_month() == {"2026-01": D(31), "2026-02": D(31)}
    assert standing() == {"accounts_receivable.customers": D("62"), "revenue": D("-62")}
    assert check_ledger(company).problems == []
    assert replay_ledger().differences == []


def test_usage_that_was_credited_whole_is_not_rated_again(company: Tenant) -> None:
    """A run on 10 March found no usage yet. 100.00 are used, billed and credited whole before the next run: nothing is earned."""
    contract = sell(
        pricing_model="per_unit", pricing={"unit_amount": "1"}, is_metered=True, timing="arrears", interval_months=1
    )
    recognize_revenue(through=date(2026, 3, 10))
    record_usage(contract_item_id=contract.items.get().pk, used_on=date(2026, 3, 15), quantity=D(100), key="u1")
    run_billing(through=date(2026, 4, 1), finalize=True)
    line = InvoiceLine.objects.get(period_start=date(2026, 3, 1))
    issue_credit_note(invoice_id=line.invoice_id, lines={line.pk: D(100)}, on=date(2026, 4, 1), reason="Outage")
    assert recognize_revenue(through=date(2026, 4, 30)).entries == 0
    assert standing() == {}
    assert check_ledger(company).problems == []
    assert replay_ledger().differences == []


def standing() -> dict[str, Decimal]:
    shown = trial_balance(business_entity_id=BusinessEntity.objects.get().pk, at=date(2030, 1, 1))
    found = {account.role: account.debit - account.credit for account in shown.accounts}
    return {role: balance for role, balance in found.items() if balance}


def revenue_by_month() -> dict[str, Decimal]:
    months: dict[str, Decimal] = {}
    for line in JournalLine.objects.filter(role="revenue").order_by("date"):
        months[f"{line.date:%Y-%m}"] = months.get(f"{line.date:%Y-%m}", D(0)) + line.credit - line.debit
    return months
