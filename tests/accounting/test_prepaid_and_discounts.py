"""Prepaid credits with breakage, discounts, tax included in the price, contracts ended early: worked cases, peers' examples."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from accounting import schedules
from accounting.checks import check_ledger
from accounting.earning import Earning
from accounting.recognition import recognize_revenue
from accounting.reports.contract_revenue import parts_to_come, posted_revenue
from billing.models import BusinessEntity, Contract, CreditUse, Customer, Invoice, Product, TaxRate, Tenant
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, end_contract, start_contracts
from billing.services.credit_notes import issue_credit_note
from billing.services.gateways import add_gateway, record_payout
from billing.services.invoices import finalize_invoices, void_invoice
from billing.services.one_off import NewLine, draft_invoice
from billing.services.payments import receive_payment
from billing.services.prepaid import consume_credits, expire_credits
from billing.services.usage import record_usage
from billing.services.wallets import apply_wallet, top_up_wallet
from billing.tenancy import tenant_scope
from tests.billing.test_documents import refused
from tests.company import make_company
from tests.journal import journal, text

D = Decimal
JAN = date(2026, 1, 1)


@pytest.fixture(autouse=True)
def books_agree(tenant: Tenant) -> Any:
    yield
    assert check_ledger(tenant).problems == []


@pytest.fixture
def prepaid(tenant: Tenant) -> Product:
    return Product.objects.create(code="credits", name="Credits", recognition_method="as_consumed")


def invoiced(customer: Customer, *lines: NewLine, on: date = JAN, **more: Any) -> Invoice:
    """A finalized invoice outside any contract."""
    draft = draft_invoice(customer_id=customer.pk, issued_on=on, lines=lines, **more)
    finalize_invoices([draft.pk])
    draft.refresh_from_db()
    return draft


def sold(product: Product, units: str, price: str, until: date) -> NewLine:
    return NewLine(
        product=product,
        quantity=D(units),
        unit_amount=D(price) / D(units),
        period_start=date(2026, 3, 1),
        period_end=until,
    )


def test_prepaid_credits_with_breakage(customer: Customer, prepaid: Product) -> None:
    """C11: 500.00 of credits for 500.00, 300.00 used in March, the rest expires on 31 December."""
    invoiced(customer, sold(prepaid, "500", "500", date(2027, 1, 1)), on=date(2026, 3, 1))
    consume_credits(customer_id=customer.pk, product_id=prepaid.pk, units=D(300), on=date(2026, 3, 31))
    recognize_revenue(through=date(2026, 12, 30))
    assert CreditUse.objects.count() == 1
    (schedule,) = schedules.read_where("NOT s.is_void", [])
    assert posted_revenue([schedule])[schedule.id] == [(date(2026, 3, 31), D(300))]
    assert parts_to_come(schedule, Earning([schedule])) == [(date(2026, 12, 31), D(200))]
    recognize_revenue(through=date(2026, 12, 31))
    assert posted_revenue([schedule])[schedule.id] == [(date(2026, 3, 31), D(300)), (date(2026, 12, 31), D(200))]
    assert expire_credits(through=date(2027, 5, 1)) == 0
    assert journal() == text("""
        2026-03-01  Invoice finalized
            Dr AR - Customers                        500.00
            Cr Deferred Revenue                      500.00
        2026-03-31  Prepaid credits used
            Dr Deferred Revenue                      300.00
            Cr Sales and Services Revenue            300.00
        2026-12-31  Prepaid credits expired
            Dr Deferred Revenue                      200.00
            Cr Breakage Revenue                      200.00
    """)


def test_credits_that_expire_first_are_used_first_to_the_cent(customer: Customer, prepaid: Product) -> None:
    """PE13 with odd cents: 3 credits for 10.00 by June, then 100 for 100.00: 3.33, 3.34, 3.33, then 1.00 each."""
    invoiced(customer, sold(prepaid, "100", "100", date(2027, 3, 1)), on=date(2026, 3, 1))
    invoiced(customer, sold(prepaid, "3", "10", date(2026, 7, 1)), on=date(2026, 3, 1))
    use: dict[str, Any] = {"customer_id": customer.pk, "product_id": prepaid.pk}
    for day, units in ((1, 1), (2, 1), (3, 31)):
        consume_credits(**use, units=D(units), on=date(2026, 4, day), key=f"u{day}")
    assert [f"{each.amount.amount:.2f}" for each in CreditUse.objects.order_by("id")] == [
        "3.33",
        "3.34",
        "3.33",
        "30.00",
    ]
    for changes, reason in (
        ({"units": D("70.5")}, "70 credits that can be used on 1 May 2026, not 70.5"),
        ({"units": D(0)}, "more than zero"),
        ({"on": date(2027, 3, 1)}, "0 credits that can be used"),
        ({"customer_id": 0}, "no customer with the id 0"),
        ({"key": "u3"}, "u3 is recorded already"),
    ):
        with refused(reason):
            consume_credits(**use | {"units": D(1), "on": date(2026, 5, 1)} | changes)


def test_a_credit_note_lowers_what_credits_are_worth(customer: Customer, prepaid: Product) -> None:
    """100 for 100.00, 40 used, 30.00 credited: the other 60 are worth 30.00; half of them used is 15.00, the rest breakage."""
    invoice = invoiced(customer, sold(prepaid, "100", "100", date(2026, 7, 1)), on=date(2026, 3, 1))
    use: dict[str, Any] = {"customer_id": customer.pk, "product_id": prepaid.pk}
    consume_credits(**use, units=D(40), on=date(2026, 3, 2))
    issue_credit_note(
        invoice_id=invoice.pk, lines={invoice.lines.get().pk: D("30")}, on=date(2026, 3, 3), reason="Goodwill"
    )
    consume_credits(**use, units=D(30), on=date(2026, 3, 4))
    expire_credits(through=date(2026, 6, 30))
    assert [f"{each.amount.amount:.2f}" for each in CreditUse.objects.order_by("id")] == ["40.00", "15.00", "15.00"]


def test_credits_of_a_void_invoice_cannot_be_used(customer: Customer, prepaid: Product) -> None:
    invoice = invoiced(customer, sold(prepaid, "100", "100", date(2026, 7, 1)), on=date(2026, 3, 1))
    void_invoice(invoice_id=invoice.pk, on=date(2026, 3, 2), reason="Wrong")
    with refused("0 credits"):
        consume_credits(customer_id=customer.pk, product_id=prepaid.pk, units=D(1), on=date(2026, 3, 3))


def test_tax_included_in_the_price(customer: Customer, product: Product) -> None:
    """C13: 119.00 with 19 % inside."""
    tax = TaxRate.objects.create(code="vat", name="VAT", percent=19)
    line = NewLine(
        product=product,
        unit_amount=D("119"),
        tax_rate=tax,
        tax_included=True,
        period_start=date(2026, 1, 10),
        period_end=date(2026, 2, 10),
    )
    invoiced(customer, line, on=date(2026, 1, 10))
    assert journal() == text("""
        2026-01-10  Invoice finalized
            Dr AR - Customers                        119.00
            Cr Deferred Revenue                      100.00
            Cr Sales Tax                              19.00
    """)


def test_a_discount_on_a_line_is_posted_net(customer: Customer, product: Product) -> None:
    """Row 29: 1,200.00 less 120.00 is 1,080.00, in the books from the start."""
    year = {"period_start": JAN, "period_end": date(2027, 1, 1)}
    invoiced(customer, NewLine(product=product, unit_amount=D("1200"), discount_percent=D(10), **year))
    assert journal() == text("""
        2026-01-01  Invoice finalized
            Dr AR - Customers                      1,080.00
            Cr Deferred Revenue                    1,080.00
    """)


def test_a_discount_on_the_invoice_is_spread_by_list_price(customer: Customer, product: Product) -> None:
    """Row 30: 10.00 off 200.00 and 100.00 is 6.67 and 3.33, whatever the lines' own discounts."""
    lines = [NewLine(product=product, unit_amount=D(200), discount=D(50)), NewLine(product=product, unit_amount=D(100))]
    invoice = invoiced(customer, *lines, discount=D(10))
    assert [(f"{line.discount.amount:.2f}", f"{line.net.amount:.2f}") for line in invoice.lines.all()] == [
        ("56.67", "143.33"),
        ("3.33", "96.67"),
    ]
    nothing_left = [NewLine(product=product, unit_amount=D(200), discount=D(199)), lines[1]]
    invoice = invoiced(customer, *nothing_left, discount_percent=D(50))
    assert [f"{line.net.amount:.2f}" for line in invoice.lines.all()] == ["0.50", "50.00"]


def test_drafts_that_do_not_fit_are_refused(customer: Customer, product: Product, prepaid: Product) -> None:
    good = NewLine(product=product, unit_amount=D(100))
    for lines, more, reason in (
        ([], {}, "at least one line"),
        ([good], {"customer_id": 0}, "no customer with the id 0"),
        ([good], {"discount": D("100.01")}, "between nothing and 100.00 USD"),
        ([good], {"discount": D(1), "discount_percent": D(1)}, "not both"),
        ([NewLine(product=product, unit_amount=D(-1))], {}, "not negative"),
        ([NewLine(product=product, unit_amount=D(1), quantity=D(0))], {}, "more than zero"),
        ([NewLine(product=product, unit_amount=D(1), discount=D(2))], {}, "between nothing and 1.00 USD"),
        ([NewLine(product=product, unit_amount=D(1), discount=D("0.001"))], {}, "between nothing"),
        ([NewLine(product=product, unit_amount=D(1), discount=D(1), discount_percent=D(1))], {}, "not both"),
        ([NewLine(product=product, unit_amount=D(1), period_start=JAN)], {}, "both days"),
        ([NewLine(product=prepaid, unit_amount=D(1))], {}, "prepaid credits need"),
    ):
        with refused(reason):
            draft_invoice(**{"customer_id": customer.pk, "issued_on": JAN, "lines": lines} | more)


def test_base_tax_discount_overpayment_credit_and_payout(customer: Customer, product: Product) -> None:
    """PE11: 100.00 less 10.00 with 30.00 tax; 120.00 paid, then 20.00 more by mistake; 50.00 credited; payout less 5.00."""
    add_gateway(business_entity=customer.business_entity, code="cards", name="Cards")
    tax = TaxRate.objects.create(code="t", name="Tax", percent=D("33.3333"))
    invoice = invoiced(customer, NewLine(product=product, unit_amount=D(100), discount=D(10), tax_rate=tax))
    taken = {"customer_id": customer.pk, "received_on": JAN, "amount": D(120), "currency": "USD", "gateway": "cards"}
    receive_payment(**taken, allocations={invoice.pk: D(100)})
    record_payout(
        gateway="cards",
        business_entity_id=customer.business_entity_id,
        paid_on=JAN,
        currency="USD",
        captured=D(120),
        fee=D(5),
        reference="po",
    )
    assert journal(kinds={"invoice_finalized", "payment_captured", "payout_received"}) == text("""
        2026-01-01  Invoice finalized
            Dr AR - Customers                        120.00
            Cr Sales and Services Revenue             90.00
            Cr Sales Tax                              30.00
        2026-01-01  Payment captured
            Dr AR - Payment Gateways                 120.00
            Cr AR - Customers                        100.00
            Cr Unapplied Payments                     20.00
        2026-01-01  Gateway payout
            Dr Cash                                  115.00
            Dr Payment Gateway Fees                    5.00
            Cr AR - Payment Gateways                 120.00
    """)


def test_coupon_and_prepaid_credit_come_after_tax(customer: Customer, product: Product) -> None:
    """PE14: 50 + 20 of fees, tax 10 % on 70 is 7; a coupon of 10 and prepaid 30 leave 37 of the 77 to pay."""
    top_up_wallet(customer_id=customer.pk, amount=D(30), bonus=D(10), currency="USD", on=JAN)
    tax = TaxRate.objects.create(code="t", name="Tax", percent=10)
    lines = [NewLine(product=product, unit_amount=D(amount), tax_rate=tax) for amount in (50, 20)]
    invoice = invoiced(customer, *lines)
    apply_wallet(customer_id=customer.pk, currency="USD", on=JAN)
    invoice.refresh_from_db()
    assert (invoice.tax.amount, invoice.total.amount, invoice.due.amount) == (D(7), D(77), D(37))


def test_an_invoice_covers_old_usage_and_a_new_term(sell: Callable[..., Contract], customer: Customer) -> None:
    """PE10: unbilled 500.00, invoice of 700.00: 500.00 clears unbilled, 200.00 is deferred."""
    product = Product.objects.create(code="mix", name="Mix")
    usage = {
        "product": product,
        "pricing_model": "per_unit",
        "pricing": {"unit_amount": "1"},
        "is_metered": True,
        "timing": "arrears",
    }
    fixed = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "200"}, "start": date(2026, 2, 1)}
    contract = draft_contract(customer=customer, number="K-9", start=JAN, items=[usage, fixed], term_months=2)
    start_contracts([contract.pk])
    item = contract.items.get(is_metered=True)
    record_usage(contract_item_id=item.pk, used_on=date(2026, 1, 20), quantity=D(500), key="u")
    recognize_revenue(through=date(2026, 1, 31))
    run_billing(through=date(2026, 2, 1), finalize=True)
    assert journal() == text("""
        2026-01-31  Revenue recognized
            Dr Unbilled Revenue                      500.00
            Cr Sales and Services Revenue            500.00
        2026-02-01  Invoice finalized
            Dr AR - Customers                        700.00
            Cr Unbilled Revenue                      500.00
            Cr Deferred Revenue                      200.00
    """)


@pytest.mark.parametrize("treatment", ["memo", "gross_up"])
def test_a_contract_ended_early_takes_back_the_rest_of_what_was_grossed_up(db: None, treatment: str) -> None:
    """1,200.00 a year, four months billed, ended on 15 May: of the 800.00 to come 14 of 31 days of May, 45.16, stay."""
    company = make_company("early", contract_start=treatment)
    with tenant_scope(company.pk):
        entity = BusinessEntity.objects.get()
        customer = Customer.objects.create(business_entity=entity, external_id="C-1", name="Globex", currency="USD")
        product = Product.objects.create(code="pro", name="Pro plan")
        item = {
            "product": product,
            "pricing_model": "flat_fee",
            "pricing": {"amount": "100"},
            "timing": "arrears",
        }
        contract = draft_contract(customer=customer, number="K-1", start=JAN, items=[item], term_months=12)
        start_contracts([contract.pk])
        run_billing(through=date(2026, 5, 1), finalize=True)
        recognize_revenue(through=date(2026, 4, 30))
        end_contract(contract_id=contract.pk, end=date(2026, 5, 15))
        with refused("ends on 15 May 2026 already"):
            end_contract(contract_id=contract.pk, end=date(2026, 5, 15))
        assert journal(kinds={"contract_ended"}) == (
            ""
            if treatment == "memo"
            else text("""
            2026-05-15  Contract ended early: rest of the commitment
                Dr Deferred Revenue                      754.84
                Cr Unbilled Revenue                      754.84
            """)
        )
        run_billing(through=date(2026, 5, 15), finalize=True)
        recognize_revenue(through=date(2026, 5, 31))
        assert check_ledger(company).problems == []
        assert Invoice.objects.latest("id").net.amount == D("45.16")
