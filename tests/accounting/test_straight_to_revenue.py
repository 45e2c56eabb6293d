"""What is earned on the day it is billed: straight to revenue, or through deferred revenue, as the policy says."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from accounting.checks import check_ledger
from accounting.engine import InvalidRule
from accounting.models import AccountingPolicy, AccountingRule, RecognitionSchedule, RuleVersion
from accounting.policies import PolicyRefused, change_policy
from accounting.recognition import recognize_revenue
from accounting.replaying import replay_ledger
from accounting.rule_versions import draft_version
from accounting.setup import set_up_books
from billing.models import BusinessEntity, Contract, Customer, Invoice, Product, TaxRate, Tenant
from billing.services.billing_run import run_billing
from billing.services.credit_notes import issue_credit_note
from billing.services.invoices import finalize_invoices, void_invoice
from billing.services.one_off import NewLine, draft_invoice
from billing.services.usage import record_usage
from billing.services.write_offs import recover_write_off, write_off_invoice
from tests.accounting.test_closing import USUAL
from tests.journal import journal, text

D = Decimal
JAN = date(2026, 1, 1)
Sell = Callable[..., Contract]


@pytest.fixture(autouse=True)
def books_agree(tenant: Tenant) -> Iterator[None]:
    yield
    assert check_ledger(tenant).problems == []
    assert replay_ledger().differences == []


def through_deferred() -> None:
    change_policy(**{**USUAL, "straight_to_revenue": False}, blocks={})


def billed(customer: Customer, product: Product, amount: str = "100", *, on: date = JAN, **line: Any) -> Invoice:
    draft = draft_invoice(
        customer_id=customer.pk, issued_on=on, lines=[NewLine(product=product, unit_amount=D(amount), **line)]
    )
    finalize_invoices([draft.pk])
    draft.refresh_from_db()
    return draft


def test_what_has_no_service_period_is_revenue_with_its_invoice(customer: Customer, product: Product) -> None:
    """Row 2: 100.00 with 10 % tax, earned at once."""
    tax = TaxRate.objects.create(code="t", name="Tax", percent=10)
    billed(customer, product, tax_rate=tax)
    assert recognize_revenue(through=date(2026, 12, 31)).entries == 0
    assert journal() == text("""
        2026-01-01  Invoice finalized
            Dr AR - Customers                        110.00
            Cr Sales and Services Revenue            100.00
            Cr Sales Tax                              10.00
    """)


def test_by_the_other_policy_it_passes_through_deferred_revenue(customer: Customer, product: Product) -> None:
    through_deferred()
    tax = TaxRate.objects.create(code="t", name="Tax", percent=10)
    billed(customer, product, tax_rate=tax)
    recognize_revenue(through=JAN)
    assert journal() == text("""
        2026-01-01  Invoice finalized
            Dr AR - Customers                        110.00
            Cr Deferred Revenue                      100.00
            Cr Sales Tax                              10.00
        2026-01-01  Revenue recognized
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
    """)


def test_bad_debt_of_a_service_delivered(sell: Sell) -> None:
    """C10 whole: 500.00 and 20 % tax, written off, 120.00 of it comes in a year later."""
    vat = TaxRate.objects.create(code="vat", name="VAT", percent=20)
    sell(
        amount="500", start=date(2026, 2, 1), recognition_method="point_in_time", tax_rate=vat, terms={"term_months": 1}
    )
    run_billing(through=date(2026, 2, 1), finalize=True)
    recognize_revenue(through=date(2026, 8, 31))
    invoice = Invoice.objects.get()
    write_off_invoice(invoice_id=invoice.pk, on=date(2026, 9, 1), reason="Insolvent")
    recover_write_off(invoice_id=invoice.pk, amount=D("120"), received_on=date(2027, 9, 1))
    assert journal() == text("""
        2026-02-01  Invoice finalized
            Dr AR - Customers                        600.00
            Cr Sales and Services Revenue            500.00
            Cr Sales Tax                             100.00
        2026-09-01  Invoice written off
            Dr Bad Debt Expense                      500.00
            Dr Sales Tax                             100.00
            Cr AR - Customers                        600.00
        2027-09-01  Write-off recovered
            Dr AR - Customers                        120.00
            Cr Bad Debt Expense                      100.00
            Cr Sales Tax                              20.00
        2027-09-01  Payment received
            Dr Cash                                  120.00
            Cr AR - Customers                        120.00
    """)


def test_what_is_earned_on_another_day_is_deferred(customer: Customer, product: Product) -> None:
    """A service of several days, or of one day that is not the invoice's, waits for the recognition run."""
    billed(customer, product, period_start=JAN, period_end=date(2026, 1, 3))
    billed(customer, product, period_start=date(2026, 1, 2), period_end=date(2026, 1, 3))
    billed(customer, product, period_start=JAN, period_end=date(2026, 1, 2))
    assert [line.split()[1:3] for line in journal().splitlines() if " Cr " in line] == [
        ["Deferred", "Revenue"], ["Deferred", "Revenue"], ["Sales", "and"]
    ]  # fmt: skip


def test_a_void_takes_it_back_with_the_invoice(customer: Customer, product: Product) -> None:
    invoice = billed(customer, product)
    void_invoice(invoice_id=invoice.pk, on=date(2026, 2, 1), reason="Wrong")
    assert recognize_revenue(through=date(2026, 12, 31)).entries == 0
    assert journal(kinds={"invoice_voided"}) == text("""
        2026-02-01  Invoice voided: reversal
            Dr Sales and Services Revenue            100.00
            Cr AR - Customers                        100.00
    """)
    schedule = RecognitionSchedule.objects.get()
    assert (schedule.recognized.amount, schedule.straight.amount, schedule.is_void) == (0, 0, True)


def test_a_credit_note_is_an_allowance_and_takes_revenue_no_further(customer: Customer, product: Product) -> None:
    invoice = billed(customer, product)
    issue_credit_note(invoice_id=invoice.pk, lines={invoice.lines.get().pk: D(40)}, on=date(2026, 1, 9), reason="Late")
    assert recognize_revenue(through=date(2026, 12, 31)).entries == 0
    assert journal(kinds={"credit_note_issued"}) == text("""
        2026-01-09  Credit note issued
            Dr Sales Returns and Allowances           40.00
            Cr AR - Customers                         40.00
    """)


def test_each_invoice_follows_the_policy_of_its_time(customer: Customer, product: Product) -> None:
    """The replay (after each test) makes both forms again."""
    billed(customer, product)
    through_deferred()
    billed(customer, product, "70")
    change_policy(**USUAL, blocks={})
    recognize_revenue(through=JAN)
    assert [line.split()[1:3] for line in journal().splitlines() if " Cr " in line] == [
        ["Sales", "and"], ["Deferred", "Revenue"], ["Sales", "and"]
    ]  # fmt: skip


def older(rule: AccountingRule) -> list[dict[str, str]]:
    """The lines of the rule before anything went straight to revenue."""
    return [line for line in rule.versions.get(is_active=True).lines if line["amount"] != "net_earned"]


def test_a_rule_that_leaves_it_out_goes_on_through_deferred_revenue(
    customer: Customer, product: Product, entity: BusinessEntity
) -> None:
    """Books from before, by the rules they have; `update_books` brings the line, and then the policy can be chosen."""
    rule = AccountingRule.objects.get(code="invoice-finalized")
    lines = older(rule)
    RuleVersion.objects.filter(rule=rule).update(lines=lines)
    AccountingPolicy.objects.update(straight_to_revenue=False)
    billed(customer, product)
    with pytest.raises(PolicyRefused, match="update_books"):
        change_policy(**USUAL, blocks={})
    set_up_books(business_entity=entity)
    change_policy(**USUAL, blocks={})
    billed(customer, product, "70")
    assert [line.split()[1:3] for line in journal().splitlines() if " Cr " in line] == [
        ["Deferred", "Revenue"], ["Sales", "and"]
    ]  # fmt: skip


def test_while_the_policy_holds_a_rule_without_the_line_is_refused(tenant: Tenant) -> None:
    rule = AccountingRule.objects.get(code="invoice-finalized")
    with pytest.raises(InvalidRule, match="net_earned"):
        draft_version(rule=rule, effective_from=JAN, description="Other", lines=older(rule))
    AccountingPolicy.objects.update(straight_to_revenue=False)
    draft_version(rule=rule, effective_from=JAN, description="Other", lines=older(rule))


def test_usage_that_a_run_has_looked_at_is_earned_as_it_was_used(sell: Sell, product: Product) -> None:
    """A run on 10 January found no usage yet. The service period is open: what is used is earned in it, not by the invoice."""
    contract = sell(
        amount="0", start=JAN, pricing_model="per_unit", pricing={"unit_amount": "1"}, is_metered=True, timing="arrears",
        recognition_method="on_invoice",
    )  # fmt: skip
    recognize_revenue(through=date(2026, 1, 10))
    record_usage(contract_item_id=contract.items.get().pk, used_on=date(2026, 1, 15), quantity=D(100), key="u1")
    run_billing(through=date(2026, 2, 1), finalize=True)
    recognize_revenue(through=date(2026, 2, 1))
    assert journal(kinds={"revenue_recognized"}) == text("""
        2026-01-31  Revenue recognized
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
    """)
