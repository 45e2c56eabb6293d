"""Obligations: allocation by standalone prices, one promise over a whole term, what becomes of it. Numbers from worked cases."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from accounting.checks import check_ledger
from accounting.models import JournalLine, PerformanceObligation, RecognitionSchedule
from accounting.recognition import recognize_revenue
from billing.errors import BillingError
from billing.models import Contract, ContractPhase, Customer, Invoice, Price, Product, Tenant
from billing.services.billing_run import run_billing
from billing.services.contracts import add_item, draft_contract, start_contracts
from billing.services.credit_notes import issue_credit_note
from billing.services.invoices import void_invoice
from tests.journal import journal, text

D = Decimal
Sell = Callable[..., Contract]


def yearly(product: Product, amount: str, **more: Any) -> dict[str, Any]:
    return {
        "product": product, "pricing_model": "flat_fee", "pricing": {"amount": amount}, "interval_months": 12, **more
    }  # fmt: skip


@pytest.fixture
def licence(tenant: Tenant) -> Product:
    return Product.objects.create(code="licence", name="Licence", recognition_method="point_in_time")


@pytest.fixture
def support(tenant: Tenant) -> Product:
    return Product.objects.create(code="support", name="Support", recognition_method="straight_line_months")


@pytest.fixture
def bundle(customer: Customer, licence: Product, support: Product) -> Contract:
    """C12: a licence (600.00 alone) and twelve months of support (400.00 alone), together for 850.00."""
    contract = draft_contract(
        customer=customer,
        number="K-12",
        start=date(2026, 1, 1),
        term_months=12,
        price_allocation="standalone",
        items=[yearly(licence, "550", standalone_price=D(600)), yearly(support, "300", standalone_price=D(400))],
    )
    start_contracts([contract.pk])
    return contract


def posted(product: Product) -> list[Decimal]:
    """What was posted as revenue of a product, in the order of its dates."""
    lines = JournalLine.objects.filter(role="revenue", product_id=product.pk).order_by("date", "id")
    return [line.credit - line.debit for line in lines]


def test_a_discount_is_allocated_by_standalone_prices(bundle: Contract, support: Product, tenant: Tenant) -> None:
    """C12: 510.00 and 340.00, a line each (docs/decisions/0023); support is 28.33 eleven times and 28.37 at last."""
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    assert journal() == text("""
        2026-01-01  Invoice finalized
            Dr AR - Customers                        850.00
            Cr Deferred Revenue                      510.00
            Cr Deferred Revenue                      340.00
        2026-01-01  Revenue recognized
            Dr Deferred Revenue                      510.00
            Cr Sales and Services Revenue            510.00
        2026-01-31  Revenue recognized
            Dr Deferred Revenue                       28.33
            Cr Sales and Services Revenue             28.33
    """)
    recognize_revenue(through=date(2026, 12, 31))
    assert posted(support) == [D("28.33")] * 11 + [D("28.37")]
    assert check_ledger(tenant).problems == []


def test_the_cents_of_an_allocation_go_by_largest_remainder(customer: Customer, tenant: Tenant) -> None:
    """100.00 over three promises of equal standalone price: the first of equals gets the cent."""
    products = [Product.objects.create(code=f"p{n}", name=f"Part {n}") for n in range(3)]
    contract = draft_contract(
        customer=customer,
        number="K-1",
        start=date(2026, 1, 1),
        term_months=12,
        price_allocation="standalone",
        items=[
            yearly(product, amount, standalone_price=D(50))
            for product, amount in zip(products, ["100", "0", "0"], strict=True)
        ],
    )
    start_contracts([contract.pk])
    prices = [each.amount.amount for each in RecognitionSchedule.objects.order_by("id")]
    assert prices == [D("33.34"), D("33.33"), D("33.33")]


def test_a_list_price_is_the_standalone_price(customer: Customer, licence: Product, support: Product) -> None:
    """The licence's own standalone price holds before its list price; support has its list price, 400.00, sold for less."""
    listed = Price.objects.create(
        product=support, name="List", currency="USD", pricing_model="flat_fee", pricing={"amount": "400"}
    )
    alone = Price.objects.create(
        product=licence,
        name="List",
        currency="USD",
        pricing_model="flat_fee",
        pricing={"amount": "999"},
        standalone_price=D(600),
    )
    contract = draft_contract(
        customer=customer,
        number="K-1",
        start=date(2026, 1, 1),
        term_months=12,
        price_allocation="standalone",
        items=[yearly(licence, "550", price=alone), yearly(support, "300", price=listed)],
    )
    start_contracts([contract.pk])
    found = PerformanceObligation.objects.order_by("number")
    assert [(each.name, each.stated_price.amount, each.standalone_price.amount) for each in found] == [
        ("Licence", D(550), D(600)),
        ("Support", D(300), D(400)),
    ]
    assert [each.amount.amount for each in RecognitionSchedule.objects.order_by("id")] == [D(510), D(340)]


def test_items_of_one_name_are_one_obligation(customer: Customer, licence: Product, support: Product) -> None:
    """A licence that is of no use without its service is one promise with it, earned as the dearest of its items is."""
    contract = draft_contract(
        customer=customer,
        number="K-1",
        start=date(2026, 1, 1),
        term_months=12,
        items=[yearly(support, "900", obligation="Platform"), yearly(licence, "300", obligation="Platform")],
    )
    start_contracts([contract.pk])
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    assert [(each.name, each.stated_price.amount) for each in PerformanceObligation.objects.all()] == [
        ("Platform", D(1200))
    ]
    assert journal() == text("""
        2026-01-01  Invoice finalized
            Dr AR - Customers                      1,200.00
            Cr Deferred Revenue                    1,200.00
        2026-01-31  Revenue recognized
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
    """)


def free_month(customer: Customer, product: Product, span: str) -> Contract:
    """Twelve months for 1,100.00, billed 100.00 a month from month 2."""
    contract = draft_contract(
        customer=customer,
        number="K-17",
        start=date(2026, 1, 1),
        term_months=12,
        revenue_span=span,
        items=[
            {
                "product": product,
                "pricing_model": "flat_fee",
                "pricing": {"amount": "100"},
                "start": date(2026, 2, 1),
                "recognition_method": "straight_line_months",
            }
        ],
    )
    trial = contract.phases.get()
    trial.kind, trial.end = "trial", date(2026, 2, 1)
    trial.save()
    phase = ContractPhase.objects.create(contract=contract, start=date(2026, 2, 1), end=contract.end)
    contract.items.update(phase=phase)
    contract.refresh_from_db()
    add_item(
        contract=contract,
        phase=trial,
        product=product,
        pricing_model="flat_fee",
        pricing={"amount": "100"},
        recognition_method="straight_line_months",
    )
    start_contracts([contract.pk])
    return contract


def test_a_free_first_month_is_part_of_the_whole_term(customer: Customer, product: Product, tenant: Tenant) -> None:
    """C17: 91.67 a month, from the first."""
    free_month(customer, product, "term")
    recognize_revenue(through=date(2026, 1, 31))
    run_billing(through=date(2026, 2, 1), finalize=True)
    recognize_revenue(through=date(2026, 2, 28))
    assert journal() == text("""
        2026-01-31  Revenue recognized
            Dr Unbilled Revenue                       91.67
            Cr Sales and Services Revenue             91.67
        2026-02-01  Invoice finalized
            Dr AR - Customers                        100.00
            Cr Unbilled Revenue                       91.67
            Cr Deferred Revenue                        8.33
        2026-02-28  Revenue recognized
            Dr Deferred Revenue                        8.33
            Dr Unbilled Revenue                       83.34
            Cr Sales and Services Revenue             91.67
    """)
    run_billing(through=date(2026, 12, 31), finalize=True)
    recognize_revenue(through=date(2026, 12, 31))
    assert posted(product) == [D("91.67")] * 11 + [D("91.63")]
    schedule = RecognitionSchedule.objects.get()
    assert (schedule.billed.amount, schedule.recognized.amount) == (D(1100), D(1100))
    assert check_ledger(tenant).problems == []


def test_a_separate_free_trial_carries_no_revenue(customer: Customer, product: Product) -> None:
    """C17, the other policy: what is free and can be cancelled earns nothing."""
    free_month(customer, product, "service_period")
    recognize_revenue(through=date(2026, 1, 31))
    run_billing(through=date(2026, 2, 1), finalize=True)
    recognize_revenue(through=date(2026, 2, 28))
    assert journal() == text("""
        2026-02-01  Invoice finalized
            Dr AR - Customers                        100.00
            Cr Deferred Revenue                      100.00
        2026-02-28  Revenue recognized
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
    """)


def test_a_renewal_clears_what_was_unbilled_and_defers_the_rest(customer: Customer, product: Product) -> None:
    """PE10: 500.00 unbilled, invoice of 700.00: 500.00 clears unbilled revenue, 200.00 is deferred."""
    contract = draft_contract(
        customer=customer,
        number="K-1",
        start=date(2026, 1, 1),
        term_months=12,
        revenue_span="term",
        items=[
            yearly(product, "700", start=date(2026, 6, 1), end=date(2027, 1, 1), obligation="Plan", interval_months=12),
        ],
    )
    contract.items.update(pricing={"amount": "1200"})  # 7 of 12 months by days from 1 June: 703.56
    start_contracts([contract.pk])
    price = RecognitionSchedule.objects.get().amount.amount
    recognize_revenue(through=date(2026, 5, 31))
    earned = sum(posted(product))
    run_billing(through=date(2026, 6, 1), finalize=True)
    assert journal(kinds={"invoice_finalized"}) == text(f"""
        2026-06-01  Invoice finalized
            Dr AR - Customers                        {price:.2f}
            Cr Unbilled Revenue                      {earned:.2f}
            Cr Deferred Revenue                      {price - earned:.2f}
    """)


def test_void_leaves_what_an_obligation_has_earned(bundle: Contract, licence: Product, tenant: Tenant) -> None:
    """The licence is delivered: without its invoice it is unbilled, not unearned."""
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    invoice = Invoice.objects.get()
    void_invoice(invoice_id=invoice.pk, on=date(2026, 2, 1), reason="Wrong address", bill_again=True)
    assert journal(kinds={"invoice_voided"}) == text("""
        2026-02-01  Invoice voided: reversal
            Dr Deferred Revenue                      510.00
            Dr Deferred Revenue                      340.00
            Cr AR - Customers                        850.00
        2026-02-01  Invoice voided
            Dr Unbilled Revenue                      510.00
            Dr Unbilled Revenue                       28.33
            Cr Deferred Revenue                      510.00
            Cr Deferred Revenue                       28.33
    """)
    assert check_ledger(tenant).problems == []
    run_billing(through=date(2026, 2, 1), finalize=True)
    recognize_revenue(through=date(2026, 12, 31))
    assert posted(licence) == [D(510)]
    assert check_ledger(tenant).problems == []


def test_a_credit_lowers_what_is_deferred_of_all_obligations(
    bundle: Contract, support: Product, tenant: Tenant
) -> None:
    """C12 with a credit of 400.00 after January: 311.67 is still deferred (support), the rest is an allowance."""
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    invoice = Invoice.objects.get()
    line = invoice.lines.order_by("id").first()
    assert line is not None
    issue_credit_note(invoice_id=invoice.pk, lines={line.pk: D(400)}, on=date(2026, 2, 1), reason="Goodwill")
    assert journal(kinds={"credit_note_issued"}) == text("""
        2026-02-01  Credit note issued
            Dr Deferred Revenue                      311.67
            Dr Sales Returns and Allowances           88.33
            Cr AR - Customers                        400.00
    """)
    recognize_revenue(through=date(2026, 12, 31))
    assert sum(posted(support)) == D("28.33")
    assert check_ledger(tenant).problems == []


def test_a_contract_without_an_end_has_no_total_price(customer: Customer, product: Product) -> None:
    contract = draft_contract(
        customer=customer, number="K-1", start=date(2026, 1, 1), revenue_span="term", items=[yearly(product, "10")]
    )
    with pytest.raises(BillingError, match="K-1 has no end"):
        start_contracts([contract.pk])
