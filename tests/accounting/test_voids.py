"""Invoices are voided, and billed again or not: what was grossed up, what was earned when invoiced, what obligations earned."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from accounting.checks import check_ledger
from accounting.fulfilment import override_schedule, report_progress
from accounting.models import RecognitionSchedule
from accounting.netting import net_contracts
from accounting.recognition import recognize_revenue
from accounting.replaying import replay_ledger
from accounting.reports.trial_balance import trial_balance
from accounting.setup import set_up_books
from billing.errors import WrongState
from billing.models import BusinessEntity, Contract, Customer, Invoice, Product, Tenant
from billing.periods import DateRange
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.services.invoices import void_invoice
from billing.services.modifications import Modification, modify_contract
from billing.services.tenants import create_tenant
from billing.tenancy import tenant_scope
from tests.accounting.rates import rates
from tests.accounting.test_manual_entries import person
from tests.journal import journal, text

D = Decimal


def company(treatment: str) -> Tenant:
    return create_tenant(slug=treatment.replace("_", "-"), name="Acme", currency="USD")


@pytest.fixture
def grossed_up(db: None) -> Iterator[Tenant]:
    created = company("gross_up")
    with tenant_scope(created.pk):
        set_up_books(business_entity=BusinessEntity.objects.get(), contract_start="gross_up")
        yield created


def sell(
    method: str, *, months: int = 2, item: dict[str, object] | None = None, currency: str = "USD", **terms: object
) -> Contract:
    customer = Customer.objects.create(
        business_entity=BusinessEntity.objects.get(), external_id="C-1", name="Globex", currency=currency
    )
    product = Product.objects.create(code="pro", name="Pro", recognition_method=method)
    line = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "100"}} | (item or {})
    contract = draft_contract(
        customer=customer, number="K-1", start=date(2026, 1, 1), term_months=months, items=[line], **terms
    )
    start_contracts([contract.pk])
    return contract


def void(number: int, on: date, *, bill_again: bool = False) -> None:
    invoice = Invoice.objects.order_by("id")[number]
    void_invoice(invoice_id=invoice.pk, on=on, reason="Wrong", bill_again=bill_again)


def standing() -> dict[str, Decimal]:
    shown = trial_balance(business_entity_id=BusinessEntity.objects.get().pk, at=date(2030, 1, 1))
    found = {account.role: account.debit - account.credit for account in shown.accounts}
    return {role: balance for role, balance in found.items() if balance}


def test_what_is_earned_when_invoiced_and_never_billed_again_leaves_both_sides(grossed_up: Tenant) -> None:
    """200.00 for two months. January's 100.00 are invoiced and earned; voided for good nothing of them is left anywhere."""
    sell("on_invoice")
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    void(0, date(2026, 2, 1))
    assert journal() == text("""
        2026-01-01  Contract started: committed value
            Dr Unbilled Revenue                      200.00
            Cr Deferred Revenue                      200.00
        2026-01-01  Invoice finalized
            Dr AR - Customers                        100.00
            Cr Unbilled Revenue                      100.00
        2026-01-01  Revenue recognized
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
        2026-02-01  Invoice voided: reversal
            Dr Unbilled Revenue                      100.00
            Cr AR - Customers                        100.00
        2026-02-01  Invoice voided
            Dr Sales and Services Revenue            100.00
            Dr Deferred Revenue                      100.00
            Cr Deferred Revenue                      100.00
            Cr Unbilled Revenue                      100.00
    """)
    assert standing() == {"unbilled_revenue": D(100), "deferred_revenue": D(-100)}  # February's, yet to come
    run_billing(through=date(2026, 3, 1), finalize=True)
    recognize_revenue(through=date(2026, 2, 28))
    assert standing() == {"accounts_receivable.customers": D(100), "revenue": D(-100)}
    assert net_contracts(at=date(2026, 2, 28)).contracts == 0
    assert check_ledger(grossed_up).problems == []
    assert replay_ledger().differences == []


@pytest.mark.parametrize("method", ["on_invoice", "straight_line_months"])
def test_what_is_billed_again_stays_committed(grossed_up: Tenant, method: str) -> None:
    sell(method)
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    void(0, date(2026, 2, 1), bill_again=True)
    assert standing() == {"unbilled_revenue": D(200), "deferred_revenue": D(-200)}
    run_billing(through=date(2026, 2, 1), finalize=True)
    recognize_revenue(through=date(2026, 2, 28))
    assert standing() == {"accounts_receivable.customers": D(200), "revenue": D(-200)}
    assert check_ledger(grossed_up).problems == []
    assert replay_ledger().differences == []


def test_what_was_voided_for_good_and_is_billed_after_all_is_committed_anew(grossed_up: Tenant) -> None:
    """February is voided for good, then January to be billed again: the run bills both."""
    sell("straight_line_months")
    run_billing(through=date(2026, 2, 1), finalize=True)
    void(1, date(2026, 2, 2))
    assert standing() == {"accounts_receivable.customers": D(100), "deferred_revenue": D(-100)}
    void(0, date(2026, 2, 2), bill_again=True)
    run_billing(through=date(2026, 2, 2), finalize=True)
    recognize_revenue(through=date(2026, 2, 28))
    assert standing() == {"accounts_receivable.customers": D(200), "revenue": D(-200)}
    assert check_ledger(grossed_up).problems == []
    assert replay_ledger().differences == []


@pytest.mark.parametrize("treatment", ["memo", "gross_up"])
def test_a_year_voided_after_a_month_is_as_if_it_had_never_been(db: None, treatment: str) -> None:
    """C14 under both treatments: January's 100.00 go back, and nothing more is earned."""
    created = company(treatment)
    with tenant_scope(created.pk):
        set_up_books(business_entity=BusinessEntity.objects.get(), contract_start=treatment)
        sell("straight_line_months", months=12, item={"interval_months": 12, "pricing": {"amount": "1200"}})
        run_billing(through=date(2026, 1, 1), finalize=True)
        recognize_revenue(through=date(2026, 1, 31))
        void(0, date(2026, 2, 10))
        assert standing() == {}
        assert recognize_revenue(through=date(2026, 12, 31)).entries == 0
        assert check_ledger(created).problems == []
        assert replay_ledger().differences == []


@pytest.fixture
def memo(db: None) -> Iterator[Tenant]:
    created = company("memo")
    with tenant_scope(created.pk):
        set_up_books(business_entity=BusinessEntity.objects.get(), contract_start="memo")
        yield created


def test_what_was_earned_before_the_invoice_goes_back_when_it_is_never_billed(memo: Tenant) -> None:
    """Billed behind each month, 100.00: all of January and half of February (14 of 28 days) are earned before their invoices."""
    sell("straight_line_days", item={"timing": "arrears"})
    recognize_revenue(through=date(2026, 1, 31))
    run_billing(through=date(2026, 2, 1), finalize=True)
    recognize_revenue(through=date(2026, 2, 14))
    void(0, date(2026, 2, 15))
    assert journal() == text("""
        2026-01-31  Revenue recognized
            Dr Unbilled Revenue                      100.00
            Cr Sales and Services Revenue            100.00
        2026-02-01  Invoice finalized
            Dr AR - Customers                        100.00
            Cr Unbilled Revenue                      100.00
        2026-02-14  Revenue recognized
            Dr Unbilled Revenue                       50.00
            Cr Sales and Services Revenue             50.00
        2026-02-15  Invoice voided: reversal
            Dr Unbilled Revenue                      100.00
            Cr AR - Customers                        100.00
        2026-02-15  Invoice voided
            Dr Sales and Services Revenue            100.00
            Cr Unbilled Revenue                      100.00
    """)
    recognize_revenue(through=date(2026, 2, 28))
    run_billing(through=date(2026, 3, 1), finalize=True)
    assert standing() == {"accounts_receivable.customers": D(100), "revenue": D(-100)}  # February's
    assert check_ledger(memo).problems == []
    assert replay_ledger().differences == []


def test_what_was_earned_before_the_invoice_stays_unbilled_until_it_is_billed_again(memo: Tenant) -> None:
    sell("straight_line_days", item={"timing": "arrears"})
    recognize_revenue(through=date(2026, 1, 31))
    run_billing(through=date(2026, 2, 1), finalize=True)
    void(0, date(2026, 2, 15), bill_again=True)
    assert standing() == {"unbilled_revenue": D(100), "revenue": D(-100)}
    run_billing(through=date(2026, 2, 15), finalize=True)
    assert standing() == {"accounts_receivable.customers": D(100), "revenue": D(-100)}
    assert check_ledger(memo).problems == []
    assert replay_ledger().differences == []


def test_what_was_earned_at_one_rate_goes_back_at_it(memo: Tenant) -> None:
    """100.00 EUR earned at 1.10, invoiced at 1.20 and voided at 1.30: 110.00 USD leave revenue, no difference stays."""
    rates("Date USD\n2026-01-31 1.10\n2026-02-01 1.20\n2026-02-15 1.30")
    sell("straight_line_days", item={"timing": "arrears"}, currency="EUR")
    recognize_revenue(through=date(2026, 1, 31))
    run_billing(through=date(2026, 2, 1), finalize=True)
    void(0, date(2026, 2, 15))
    assert journal(in_base=True) == text("""
        2026-01-31  Revenue recognized
            Dr Unbilled Revenue                      110.00
            Cr Sales and Services Revenue            110.00
        2026-02-01  Invoice finalized
            Dr AR - Customers                        120.00
            Cr Unbilled Revenue                      110.00
            Cr FX Gain, Realized                      10.00
        2026-02-15  Invoice voided: reversal
            Dr Unbilled Revenue                      110.00
            Dr FX Gain, Realized                      10.00
            Cr AR - Customers                        120.00
        2026-02-15  Invoice voided
            Dr Sales and Services Revenue            110.00
            Cr Unbilled Revenue                      110.00
    """)
    assert standing() == {}
    assert check_ledger(memo).problems == []
    assert replay_ledger().differences == []


def test_an_obligation_that_is_earned_when_invoiced_goes_back_with_its_invoice(grossed_up: Tenant) -> None:
    """By standalone prices each term is an obligation; this invoice alone had earned it."""
    sell("on_invoice", months=1, price_allocation="standalone")
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    void(0, date(2026, 2, 1))
    assert journal() == text("""
        2026-01-01  Invoice finalized
            Dr AR - Customers                        100.00
            Cr Deferred Revenue                      100.00
        2026-01-01  Revenue recognized
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
        2026-02-01  Invoice voided: reversal
            Dr Deferred Revenue                      100.00
            Cr AR - Customers                        100.00
        2026-02-01  Invoice voided
            Dr Sales and Services Revenue            100.00
            Cr Deferred Revenue                      100.00
    """)
    assert recognize_revenue(through=date(2026, 2, 28)).entries == 0
    assert check_ledger(grossed_up).problems == []
    assert replay_ledger().differences == []


def test_an_obligation_costs_less_by_what_is_never_billed(memo: Tenant) -> None:
    """300.00 for three months. January's invoice is voided for good: 200.00 are left, two thirds earned by February's end.

    ASC 606-10-32-43: the part of a change of price that belongs to what is done counts in the period of the change.
    """
    sell("straight_line_months", months=3, price_allocation="standalone")
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    void(0, date(2026, 1, 31))
    run_billing(through=date(2026, 2, 1), finalize=True)
    recognize_revenue(through=date(2026, 2, 28))
    assert journal() == text("""
        2026-01-01  Invoice finalized
            Dr AR - Customers                        100.00
            Cr Deferred Revenue                      100.00
        2026-01-31  Revenue recognized
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
        2026-01-31  Invoice voided: reversal
            Dr Deferred Revenue                      100.00
            Cr AR - Customers                        100.00
        2026-01-31  Invoice voided
            Dr Unbilled Revenue                      100.00
            Cr Deferred Revenue                      100.00
        2026-02-01  Invoice finalized
            Dr AR - Customers                        100.00
            Cr Unbilled Revenue                      100.00
        2026-02-28  Revenue recognized
            Dr Unbilled Revenue                       33.34
            Cr Sales and Services Revenue             33.34
    """)
    void(1, date(2026, 3, 1))
    run_billing(through=date(2026, 3, 1), finalize=True)
    void(2, date(2026, 3, 1))
    recognize_revenue(through=date(2026, 3, 31))
    assert standing() == {}
    assert check_ledger(memo).problems == []
    assert replay_ledger().differences == []


def test_an_obligation_earned_by_reports_costs_less_by_what_is_never_billed(memo: Tenant) -> None:
    """Half of 200.00 is done. January's 100.00 are never billed: half of the rest is 50.00; 100.00 were recognized."""
    sell("percentage", price_allocation="standalone")
    schedule = RecognitionSchedule.objects.get()
    run_billing(through=date(2026, 1, 1), finalize=True)
    report_progress(schedule_id=schedule.pk, reached_on=date(2026, 1, 20), percent=D(50), evidence="Sign-off")
    recognize_revenue(through=date(2026, 1, 31))
    void(0, date(2026, 2, 1))
    run_billing(through=date(2026, 2, 1), finalize=True)
    recognize_revenue(through=date(2026, 2, 28))
    assert standing() == {"accounts_receivable.customers": D(100), "deferred_revenue": D(-50), "revenue": D(-50)}
    assert recognize_revenue(through=date(2026, 2, 28)).entries == 0
    report_progress(schedule_id=schedule.pk, reached_on=date(2026, 3, 10), percent=D(100), evidence="Sign-off")
    recognize_revenue(through=date(2026, 3, 31))
    assert standing() == {"accounts_receivable.customers": D(100), "revenue": D(-100)}
    assert check_ledger(memo).problems == []
    assert replay_ledger().differences == []


def test_an_obligation_written_by_hand_costs_less_too(memo: Tenant) -> None:
    """200.00, of which 150.00 were to be earned in January and 50.00 in February; February's 100.00 are never billed."""
    sell("straight_line_months", price_allocation="standalone")
    schedule = RecognitionSchedule.objects.get()
    january, february = DateRange(date(2026, 1, 1), date(2026, 2, 1)), DateRange(date(2026, 2, 1), date(2026, 3, 1))
    parts = [(january, D(150)), (february, D(50))]
    override_schedule(
        schedule_id=schedule.pk,
        parts=parts,
        reason="Most of the work is in January",
        on=january.start,
        by=person("ann"),
    )
    run_billing(through=date(2026, 2, 1), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    void(1, date(2026, 2, 2))
    recognize_revenue(through=date(2026, 2, 28))
    assert standing() == {"accounts_receivable.customers": D(100), "revenue": D(-100)}
    assert check_ledger(memo).problems == []
    assert replay_ledger().differences == []


@pytest.mark.parametrize("treatment", ["memo", "gross_up"])
def test_what_a_modification_has_given_back_in_part_is_not_voided(db: None, treatment: str) -> None:
    """1,200.00 for the year, of which the invoice of April's upgrade takes 904.11 back: undone, it would be taken back twice."""
    created = company(treatment)
    with tenant_scope(created.pk):
        set_up_books(business_entity=BusinessEntity.objects.get(), contract_start=treatment)
        contract = sell("straight_line_days", months=12, item={"interval_months": 12, "pricing": {"amount": "1200"}})
        run_billing(through=date(2026, 1, 1), finalize=True)
        recognize_revenue(through=date(2026, 3, 31))
        dearer = {contract.items.get().pk: {"pricing_model": "flat_fee", "pricing": {"amount": "1500"}}}
        april = date(2026, 4, 1)
        change = Modification(effective_on=april, signed_on=april, reason="More seats", replace=dearer)
        modify_contract(contract_id=contract.pk, change=change)
        with pytest.raises(WrongState, match="gives back part of what invoice"):
            void(0, date(2026, 4, 10))
        recognize_revenue(through=date(2026, 12, 31))
        # January to March at 1,200.00 a year: 90 of 365 days; the rest at 1,500.00.
        assert standing() == {"accounts_receivable.customers": D("1426.03"), "revenue": D("-1426.03")}
        assert check_ledger(created).problems == []
