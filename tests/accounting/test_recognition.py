"""When a price becomes revenue: month by month, to the cent, whatever happens to the invoice or the period meanwhile."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounting.checks import check_ledger
from accounting.models import AccountingPeriod, JournalEntry, RecognitionSchedule
from accounting.periods import PeriodError, close_period, reopen_period
from accounting.recognition import recognize_revenue
from accounting.reports.trial_balance import trial_balance
from accounting.spreading import monthly_parts
from billing.models import BusinessEntity, Contract, Customer, Invoice, Product
from billing.periods import DateRange
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, end_contract, start_contracts
from billing.services.credit_notes import issue_credit_note
from billing.services.invoices import void_invoice
from billing.services.usage import record_usage
from billing.tenancy import tenant_scope
from tests.company import make_company
from tests.journal import journal, text

D = Decimal
Sell = Callable[..., Contract]


def revenue() -> list[tuple[str, str]]:
    """Every posting of revenue: its date and amount, credit positive."""
    return [
        (f"{line.date}", f"{line.credit - line.debit:.2f}")
        for entry in JournalEntry.objects.order_by("date", "id")
        for line in entry.lines.filter(role="revenue")
    ]


@pytest.mark.parametrize(
    ("amount", "start", "end", "method", "parts"),
    [
        # RR2
        ("400", (2025, 8, 20), (2025, 12, 20), "straight_line_days", "39.34 98.36 101.64 98.36 62.30"),
        # A partial first and last month count by their days: 12/31 + 3 + 19/31 of a month
        ("400", (2025, 8, 20), (2025, 12, 20), "straight_line_months", "38.71 100.00 100.00 100.00 61.29"),
        ("340", (2026, 1, 1), (2027, 1, 1), "straight_line_months", "28.33 " * 11 + "28.37"),  # C12
        ("3000", (2026, 1, 1), (2026, 4, 1), "straight_line_months", "1000.00 1000.00 1000.00"),  # RR3
        ("31", (2026, 1, 15), (2026, 2, 15), "straight_line_days", "17.00 14.00"),  # PE1
        ("30", (2026, 4, 16), (2026, 5, 16), "straight_line_days", "15.00 15.00"),  # PE12: from the 16th of 30 days
        ("510", (2026, 1, 1), (2027, 1, 1), "point_in_time", "510.00"),
    ],
)
def test_a_price_is_spread_over_its_months(amount, start, end, method, parts):
    service = DateRange(date(*start), date(*end))
    spread = monthly_parts(amount=D(amount), service=service, method=method, currency="USD")
    assert [f"{part:.2f}" for _, part in spread] == [f"{D(part):.2f}" for part in parts.split()]
    assert sum(part for _, part in spread) == D(amount)


def test_an_annual_price_by_days(sell: Sell) -> None:
    """PE2: 365.00 a year is 1.00 a day: 31, 28, 31."""
    sell(amount="365", start=date(2026, 1, 1), interval_months=12, terms={"term_months": 12})
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 3, 31))
    assert revenue() == [("2026-01-31", "31.00"), ("2026-02-28", "28.00"), ("2026-03-31", "31.00")]


def test_a_run_in_mid_month_counts_the_days_so_far(sell: Sell) -> None:
    sell(amount="310", start=date(2026, 1, 1), terms={"term_months": 12})
    run_billing(through=date(2026, 1, 1), finalize=True)
    for day in (10, 10, 20, 31):
        recognize_revenue(through=date(2026, 1, day))
    assert revenue() == [("2026-01-10", "100.00"), ("2026-01-20", "100.00"), ("2026-01-31", "110.00")]


def test_a_run_to_an_earlier_date_takes_nothing_back(sell: Sell) -> None:
    sell(amount="1200", start=date(2026, 1, 1), interval_months=12, terms={"term_months": 12})
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 3, 31))
    before = revenue()
    for through in (date(2026, 3, 30), date(2026, 2, 15), date(2025, 12, 31)):
        assert recognize_revenue(through=through).entries == 0
    assert revenue() == before


def test_a_credit_is_spread_over_the_rest(sell: Sell) -> None:
    """L9: 1,200.00 by months, 240.00 credited after six: (600.00 - 240.00) / 6 is 60.00 a month."""
    method = "straight_line_months"
    sell(
        amount="1200", start=date(2025, 1, 1), interval_months=12, recognition_method=method, terms={"term_months": 12}
    )
    run_billing(through=date(2025, 1, 1), finalize=True)
    recognize_revenue(through=date(2025, 6, 30))
    invoice = Invoice.objects.get()
    issue_credit_note(
        invoice_id=invoice.pk, lines={invoice.lines.get().pk: D("240")}, on=date(2025, 6, 30), reason="L6"
    )
    recognize_revenue(through=date(2025, 12, 31))
    assert [amount for _, amount in revenue()] == ["100.00"] * 6 + ["60.00"] * 6


def test_a_credit_of_what_is_earned_is_an_allowance(sell: Sell, tenant: Any) -> None:
    sell(amount="100", start=date(2026, 1, 1), terms={"term_months": 1})
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    invoice = Invoice.objects.get()
    issue_credit_note(
        invoice_id=invoice.pk, lines={invoice.lines.get().pk: D("30")}, on=date(2026, 2, 1), reason="Late"
    )
    assert journal(kinds={"credit_note_issued"}) == text("""
        2026-02-01  Credit note issued
            Dr Sales Returns and Allowances           30.00
            Cr AR - Customers                         30.00
    """)
    assert check_ledger(tenant).problems == []


def test_quarterly_usage_is_earned_as_it_is_used(sell: Sell, tenant: Any) -> None:
    """Two months of a quarter in arrears: what was used is earned in the month, not spread over the quarter."""
    contract = sell(
        amount="0",
        pricing_model="per_unit",
        pricing={"unit_amount": "1"},
        start=date(2026, 1, 1),
        timing="arrears",
        interval_months=3,
        is_metered=True,
        terms={"term_months": 12},
    )
    item = contract.items.get()
    for day, quantity in ((date(2026, 1, 10), 100), (date(2026, 2, 10), 30)):
        record_usage(contract_item_id=item.pk, used_on=day, quantity=D(quantity), key=str(day))
        recognize_revenue(through=day)
    recognize_revenue(through=date(2026, 1, 31))  # late and earlier: nothing
    run_billing(through=date(2026, 4, 1), finalize=True)
    recognize_revenue(through=date(2026, 4, 30))
    assert revenue() == [("2026-01-10", "100.00"), ("2026-02-10", "30.00")]
    assert check_ledger(tenant).problems == []


def test_what_ends_early_is_earned_by_its_end(sell: Sell, tenant: Any) -> None:
    """A year in arrears, recognized for January, ended on 1 March: nothing is spread beyond."""
    contract = sell(
        amount="365", start=date(2026, 1, 1), timing="arrears", interval_months=12, terms={"term_months": 12}
    )
    recognize_revenue(through=date(2026, 1, 31))
    end_contract(contract_id=contract.pk, end=date(2026, 3, 1))
    run_billing(through=date(2026, 3, 1), finalize=True)
    recognize_revenue(through=date(2026, 2, 28))
    assert Invoice.objects.get().net.amount == D("59.00")
    assert revenue() == [("2026-01-31", "31.00"), ("2026-02-28", "28.00")]
    assert check_ledger(tenant).problems == []


def test_a_draft_of_a_contract_that_is_over_is_earned_all_the_same(sell: Sell) -> None:
    sell(amount="100", start=date(2026, 1, 1), timing="arrears", terms={"term_months": 1})
    run_billing(through=date(2026, 2, 1))
    assert Contract.objects.get().status == "ended"
    recognize_revenue(through=date(2026, 1, 31))
    assert revenue() == [("2026-01-31", "100.00")]


def test_what_was_voided_for_good_earns_nothing_more(sell: Sell, tenant: Any) -> None:
    sell(amount="1200", start=date(2026, 1, 1), interval_months=12, terms={"term_months": 12})
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 2, 28))
    void_invoice(invoice_id=Invoice.objects.get().pk, on=date(2026, 3, 1), reason="Never signed")
    assert recognize_revenue(through=date(2026, 12, 31)).entries == 0
    assert RecognitionSchedule.objects.get().is_void
    assert {account.debit - account.credit for account in _balances().accounts} == {D(0)}
    assert check_ledger(tenant).problems == []


def _balances() -> Any:
    return trial_balance(business_entity_id=BusinessEntity.objects.get().pk, at=date(2030, 1, 1))


# Gross-up: the committed value stands in unbilled and deferred revenue from the start


def test_a_credit_under_gross_up_lowers_what_is_committed(db: None) -> None:
    """1,200.00 grossed up and billed; 900.00 credited after three months: every control account agrees, then is zero."""
    company = make_company("gross", contract_start="gross_up")
    with tenant_scope(company.pk):
        customer = Customer.objects.create(
            business_entity=BusinessEntity.objects.get(), external_id="C-1", name="Globex", currency="USD"
        )
        product = Product.objects.create(code="pro", name="Pro plan", recognition_method="straight_line_months")
        item = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "1200"}, "interval_months": 12}
        contract = draft_contract(customer=customer, number="K-1", start=date(2026, 1, 1), items=[item], term_months=12)
        start_contracts([contract.pk])
        run_billing(through=date(2026, 1, 1), finalize=True)
        recognize_revenue(through=date(2026, 3, 31))
        invoice = Invoice.objects.get()
        credited = {invoice.lines.get().pk: D("900.00")}
        issue_credit_note(invoice_id=invoice.pk, lines=credited, on=date(2026, 3, 31), reason="Cancelled")
        assert check_ledger(company).problems == []
        assert recognize_revenue(through=date(2026, 12, 31)).entries == 0
        standing = {account.role: account.debit - account.credit for account in _balances().accounts}
        assert standing == {
            "accounts_receivable.customers": D("300.00"),
            "unbilled_revenue": D(0),
            "deferred_revenue": D(0),
            "revenue": D("-300.00"),
        }


# Periods


def _close(start: date) -> None:
    close_period(period_id=AccountingPeriod.objects.get(start=start).pk, at=timezone.now())


def test_a_late_event_goes_to_the_first_open_period_and_says_so(sell: Sell) -> None:
    sell(amount="100", start=date(2026, 1, 1), terms={"term_months": 12})
    run_billing(through=date(2026, 2, 1), finalize=True)
    _close(date(2026, 1, 1))
    recognize_revenue(through=date(2026, 1, 31))
    assert journal(kinds={"revenue_recognized"}) == text("""
        2026-02-01  Revenue recognized (of 2026-01-31, whose period is closed)
            Dr Deferred Revenue                      100.00
            Cr Sales and Services Revenue            100.00
    """)


def test_nothing_goes_before_or_between_closed_periods_either(sell: Sell) -> None:
    """January and March are closed; December and February never had an entry: what is late for them goes to April."""
    sell(amount="300", start=date(2026, 1, 1), interval_months=3, terms={"term_months": 3})
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    sell(amount="7", start=date(2026, 3, 1), interval_months=12, number="K-2", terms={"term_months": 12})
    run_billing(through=date(2026, 3, 1), finalize=True)
    for start in (date(2026, 1, 1), date(2026, 3, 1)):
        _close(start)
    for number, start in (("K-3", date(2025, 12, 1)), ("K-4", date(2026, 2, 1))):
        sell(amount="50", start=start, interval_months=12, number=number, terms={"term_months": 12})
    run_billing(through=date(2026, 3, 1), finalize=True)
    late = JournalEntry.objects.filter(event__kind="invoice_finalized").order_by("id")[2:]
    assert [f"{entry.date} {entry.description}" for entry in late] == [
        "2026-04-01 Invoice finalized (of 2025-12-01, whose period is closed)",
        "2026-04-01 Invoice finalized (of 2026-02-01, whose period is closed)",
    ]


def test_periods_close_in_order_and_reopen_in_reverse(sell: Sell) -> None:
    sell(amount="100", start=date(2026, 1, 1), terms={"term_months": 12})
    run_billing(through=date(2026, 2, 1), finalize=True)
    january, february = AccountingPeriod.objects.order_by("start")
    now = timezone.now()
    with pytest.raises(PeriodError, match="January 2026 is still open"):
        close_period(period_id=february.pk, at=now)
    _close(date(2026, 1, 1))
    with pytest.raises(PeriodError, match="closed already"):
        close_period(period_id=january.pk, at=now)
    _close(date(2026, 2, 1))
    with pytest.raises(PeriodError, match="February 2026 is closed; reopen it"):
        reopen_period(period_id=january.pk, reason="Mistake", at=now)
    with pytest.raises(PeriodError, match="Say why"):
        reopen_period(period_id=february.pk, reason=" ", at=now)
    assert reopen_period(period_id=february.pk, reason="Mistake", at=now).reopen_reason == "Mistake"
    with pytest.raises(PeriodError, match="is open"):
        reopen_period(period_id=february.pk, reason="Mistake", at=now)
