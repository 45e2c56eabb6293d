"""What money that goes other ways looks like in the reports: gateways, refunds, write-offs, wallets, prepaid credits."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from accounting.recognition import recognize_revenue
from accounting.reports.catalog import REPORTS
from billing.models import BusinessEntity, Contract, Customer, Invoice, TaxRate
from billing.services.billing_run import run_billing
from billing.services.credit_notes import issue_credit_note
from billing.services.gateways import add_gateway, record_payout
from billing.services.payments import receive_payment
from billing.services.refunds import refund_credit_note
from billing.services.wallets import apply_wallet, top_up_wallet
from billing.services.write_offs import recover_write_off, write_off_invoice
from tests.report_text import prove, run, shown, text

D = Decimal


@pytest.fixture
def life_cycle(sell: Callable[..., Contract], customer: Customer, entity: BusinessEntity) -> Invoice:
    """The reference product's life cycle, L1 to L9: 1,200.00 and 10 % tax, paid by card, 264.00 given back."""
    add_gateway(business_entity=entity, code="cards", name="Cards")
    sell(
        amount="1200",
        start=date(2025, 1, 1),
        interval_months=12,
        recognition_method="straight_line_months",
        tax_rate=TaxRate.objects.create(code="tax", name="Sales tax", percent=10, jurisdiction="Ohio"),
        terms={"term_months": 12},
    )
    run_billing(through=date(2025, 1, 1), finalize=True)
    invoice = Invoice.objects.get()
    recognize_revenue(through=date(2025, 1, 31))
    paid = {"amount": D("1320"), "currency": "USD", "gateway": "cards", "reference": "ch-1"}
    receive_payment(customer_id=customer.pk, received_on=date(2025, 2, 10), **paid)
    payout = {"gateway": "cards", "business_entity_id": entity.pk, "currency": "USD"}
    record_payout(**payout, paid_on=date(2025, 2, 12), captured=D("1320"), fee=D("40"), reference="po-1")
    recognize_revenue(through=date(2025, 6, 30))
    line = invoice.lines.get().pk
    note = issue_credit_note(
        invoice_id=invoice.pk, lines={line: D("240")}, on=date(2025, 6, 30), reason="Goodwill", keep="refund"
    )
    refund_credit_note(credit_note_id=note.pk, on=date(2025, 7, 2), gateway="cards")
    record_payout(**payout, paid_on=date(2025, 7, 4), captured=D("0"), withheld=D("264"), reference="po-2")
    recognize_revenue(through=date(2025, 12, 31))
    return invoice


def test_the_life_cycle_in_every_report(life_cycle: Invoice) -> None:
    """The closing balances as printed: cash 1,016.00, fees 40.00, revenue 960.00, tax 96.00, all else zero."""
    assert shown(run("trial-balance", at="2025-12-31")) == text("""
        1000  | Cash                       | Assets      | 1,016.00 |
        2400  | Sales Tax                  | Liabilities |          |    96.00
        4000  | Sales and Services Revenue | Income      |          |   960.00
        5100  | Payment Gateway Fees       | Expenses    |    40.00 |
        ---
        Total |                            |             | 1,056.00 | 1,056.00
    """)
    assert dict(run("income-statement", from_="2025-01-01", to="2025-12-31").headline)["Net income"] == D("920")
    assert dict(run("ar-ageing", at="2025-01-31").headline)["Owed"] == D("1320")
    assert shown(run("ar-ageing", at="2025-06-30")).splitlines()[0].endswith("|0.00|264.00")
    assert (
        shown(run("tax", from_="2025-01-01", to="2025-12-31")).splitlines()[0]
        == "Ohio|Sales tax|10|960.00|120.00|-24.00|96.00"
    )
    half = run("deferred-revenue", from_="2025-06-01", at="2025-06-30")
    assert shown(half).splitlines()[0] == "June 2025|700.00|0.00|-100.00|-240.00|0.00|360.00"
    assert [row.cells[1] for row in half.tables[1].rows] == [D("60")] * 6
    cash = run("cash-receipts", from_="2025-01-01", to="2025-12-31")
    assert shown(cash) == text("""
        2025-02-10 | Payment captured by a gateway | Globex | ch-1 | Card | 0.00 | 1,320.00 | 0.00 | 1,320.00 | 0.00
        ---
        Total      |                               |        |      |      | 0.00 | 1,320.00 | 0.00 | 1,320.00 | 0.00
    """).replace("Card", cash.tables[0].rows.part(0, 1)[0].cells[4])
    assert shown(cash, "returned").splitlines()[-1].endswith("0.00|-264.00|0.00|0.00|-264.00")
    for code, kind in REPORTS.items():
        if kind.is_listed:
            names = {each.name for each in kind.parameters}
            days = {"at": "2025-09-30", "from": "2025-01-01", "to": "2025-12-31"}
            asked = {name: day for name, day in days.items() if name in names}
            prove(run(code, **asked, **({"customer": "Globex"} if code == "customer-statement" else {})))


def test_a_written_off_debt_leaves_the_ageing_and_its_recovery_comes_back(
    sell: Callable[..., Contract], customer: Customer
) -> None:
    """C10: 600.00 with 100.00 of tax, written off in September 2026; 120.00 comes in a year later."""
    tax = TaxRate.objects.create(code="vat", name="VAT", percent=20, jurisdiction="GB")
    sell(
        amount="500",
        start=date(2026, 2, 1),
        recognition_method="point_in_time",
        tax_rate=tax,
        terms={"term_months": 1},
    )
    run_billing(through=date(2026, 2, 1), finalize=True)
    recognize_revenue(through=date(2026, 2, 28))
    invoice = Invoice.objects.get()
    write_off_invoice(invoice_id=invoice.pk, on=date(2026, 9, 1), reason="Insolvent")
    recover_write_off(invoice_id=invoice.pk, amount=D("120"), received_on=date(2027, 9, 1))
    owed = [dict(run("ar-ageing", at=day).headline)["Owed"] for day in ("2026-08-31", "2026-09-01", "2027-09-01")]
    assert owed == [D("600"), D("0"), D("0")]
    assert (
        shown(run("tax", from_="2026-01-01", to="2026-12-31")).splitlines()[0] == "GB|VAT|20|0.00|100.00|-100.00|0.00"
    )
    statement = run("customer-statement", customer="C-1", from_="2026-01-01", to="2027-12-31")
    assert [row.cells[-1] for row in statement.tables[0].rows] == [D(0), D(600), D(0), D(120), D(0)]
    prove(statement)


def test_a_wallet_is_held_until_it_is_applied(sell: Callable[..., Contract], customer: Customer) -> None:
    """100.00 paid into the wallet; 60.00 of it settles an invoice of 60.00."""
    top_up_wallet(customer_id=customer.pk, amount=D("100"), currency="USD", on=date(2026, 1, 1), bonus=D(0))
    sell(amount="60", start=date(2026, 2, 1), terms={"term_months": 1})
    run_billing(through=date(2026, 2, 1), finalize=True)
    if Invoice.objects.get().due.amount:
        apply_wallet(customer_id=customer.pk, currency="USD", on=date(2026, 2, 1))
    assert shown(run("ar-ageing", at="2026-01-31")).splitlines()[0].endswith("|0.00|100.00")
    assert shown(run("ar-ageing", at="2026-02-28")).splitlines()[0].endswith("|0.00|40.00")
    prove(run("ar-ageing", at="2026-02-28"))
    prove(run("cash-receipts", from_="2026-01-01", to="2026-02-28"))


def test_one_currency_at_a_time(life_cycle: Invoice) -> None:
    """Everything is in USD: asked for in USD it is what it is in the base currency; in EUR there is nothing."""
    days = {"at": "2025-05-31", "from": "2025-01-01", "to": "2025-12-31"}
    for code, kind in REPORTS.items():
        names = {each.name for each in kind.parameters}
        if kind.is_listed and "currency" in names:
            asked = {name: day for name, day in days.items() if name in names}
            asked |= {"customer": "Globex"} if code == "customer-statement" else {}
            assert shown(run(code, **asked, currency="USD")) == shown(run(code, **asked)), code
            other = run(code, **asked, currency="EUR")
            assert all(not value for _, value in other.headline if isinstance(value, Decimal)), code
            prove(other)
