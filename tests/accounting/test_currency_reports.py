"""Reports of a company that is paid in a foreign currency: every figure is proved, in base currency and in the other."""

from datetime import date
from decimal import Decimal

import pytest

from accounting.currency.revaluation import revalue
from accounting.recognition import recognize_revenue
from accounting.reports.catalog import REPORTS
from accounting.reports.release import release
from billing.models import Customer, Invoice, TaxRate
from billing.services.billing_run import run_billing
from billing.services.credit_notes import issue_credit_note
from billing.services.payments import receive_payment
from tests.accounting.rates import rates
from tests.report_text import prove, run, shown, text

D = Decimal


@pytest.fixture
def paid_abroad(sell, customer) -> Customer:
    """C7 and C8, with 10 % tax on a second invoice of 200.00 EUR, half of which is credited."""
    rates("Date USD\n2026-03-01 1.10\n2026-03-20 1.15\n2026-03-31 1.08\n2026-04-10 1.05\n2026-04-30 1.05")
    customer.currency = "EUR"
    customer.save()
    year = {"interval_months": 12, "terms": {"term_months": 12}}
    tax = TaxRate.objects.create(code="tax", name="Tax", percent=10, jurisdiction="FR")
    sell(amount="1000", start=date(2026, 3, 1), **year)
    run_billing(through=date(2026, 3, 1), finalize=True)
    first = Invoice.objects.get()
    paid = {"customer_id": customer.pk, "currency": "EUR"}
    receive_payment(**paid, received_on=date(2026, 3, 20), amount=D("400"), allocations={first.pk: D("400")})
    sell(amount="200", start=date(2026, 3, 20), number="K-2", tax_rate=tax, **year)
    run_billing(through=date(2026, 3, 20), finalize=True)
    second = Invoice.objects.get(issued_on=date(2026, 3, 20))
    recognize_revenue(through=date(2026, 3, 31))
    revalue(at=date(2026, 3, 31))
    receive_payment(**paid, received_on=date(2026, 4, 10), amount=D("600"), allocations={first.pk: D("600")})
    issue_credit_note(
        invoice_id=second.pk, lines={second.lines.get().pk: D("100")}, on=date(2026, 4, 10), reason="Half"
    )
    recognize_revenue(through=date(2026, 4, 30))
    revalue(at=date(2026, 4, 30))
    return customer


def test_every_report_is_proved_in_both_currencies(paid_abroad: Customer) -> None:
    days = {"from": "2026-03-01", "to": "2026-04-30"}
    for code, kind in REPORTS.items():
        names = {each.name for each in kind.parameters}
        if not kind.is_listed:
            continue
        for at in ("2026-03-31", "2026-04-30"):
            asked = {name: day for name, day in {**days, "at": at, "to": at}.items() if name in names}
            asked |= {"customer": "C-1"} if code == "customer-statement" else {}
            prove(run(code, **asked))
            if "currency" in names:
                prove(run(code, **asked, currency="EUR"))


def test_ageing_stands_at_the_value_of_the_day(paid_abroad: Customer) -> None:
    """31 March: 600.00 and 220.00 EUR at 1.08; the end of April: 110.00 EUR at 1.05."""
    assert dict(run("ar-ageing", at="2026-03-31").headline)["Owed"] == D("885.60")
    assert dict(run("ar-ageing", at="2026-03-31", currency="EUR").headline)["Owed"] == D("820.00")
    assert dict(run("ar-ageing", at="2026-04-30").headline)["Owed"] == D("115.50")


def test_a_statement_is_in_the_customers_currency(paid_abroad: Customer) -> None:
    statement = run("customer-statement", customer="C-1", from_="2026-03-01", to="2026-04-30")
    assert statement.currency == "EUR"
    assert [row.cells[-1] for row in statement.tables[0].rows] == [0, 1000, 600, 820, 220, 110]


def test_receipts_tell_the_exchange_difference(paid_abroad: Customer) -> None:
    assert shown(run("cash-receipts", from_="2026-03-01", to="2026-04-30")) == text("""
        2026-03-20|Payment received|Globex||Bank transfer|460.00|0.00|-20.00|440.00|0.00
        2026-04-10|Payment received|Globex||Bank transfer|630.00|0.00|30.00|660.00|0.00
        ---
        Total|||||1,090.00|0.00|10.00|1,100.00|0.00
    """)


def test_what_rounding_leaves_of_a_foreign_balance_falls_into_the_last_month(sell, customer) -> None:
    """100.00 EUR at 1.0333 are 103.33; twelve months' shares, each rounded, do not add up to it exactly."""
    rates("Date USD\n2026-03-01 1.0333")
    customer.currency = "EUR"
    customer.save()
    sell(amount="100", start=date(2026, 3, 1), interval_months=12, terms={"term_months": 12})
    run_billing(through=date(2026, 3, 1), finalize=True)
    ahead = release(entity_id=customer.business_entity_id, at=date(2026, 3, 1))
    assert ahead is not None
    rest = D("103.33") - sum(amount for _, amount in ahead.months)
    assert 0 < abs(rest) < D("0.005")
    report = run("deferred-revenue", from_="2026-03-01", at="2026-03-01")
    prove(report)
    months = [row.cells[0] for row in report.tables[1].rows]
    assert months[-1] == "February 2027"
    assert report.tables[1].rows[len(months) - 1].cells[1] == ahead.months[-1][1] + rest
