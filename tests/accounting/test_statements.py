"""Trial balance, balance sheet, income statement, general ledger and journal: figures of worked examples."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from accounting.models import Account
from accounting.recognition import recognize_revenue
from accounting.reports.asked import Mistakes
from accounting.reports.structure import Table
from billing.models import Contract, Customer, Invoice
from billing.services.billing_run import run_billing
from billing.services.credit_notes import issue_credit_note
from billing.services.payments import receive_payment
from tests.report_text import prove, run, shown, text

D = Decimal


@pytest.fixture
def cancelled(sell: Callable[..., Contract], customer: Customer) -> Invoice:
    """C4 and C9 together: 1,200.00 for 2026 by months, nine of its months credited on 31 March; and 100.00 paid
    on 5 May, of which nothing is owed but the 300.00 left."""
    sell(
        amount="1200",
        start=date(2026, 1, 1),
        interval_months=12,
        recognition_method="straight_line_months",
        terms={"term_months": 12},
    )
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 3, 31))
    invoice = Invoice.objects.get()
    line = invoice.lines.get()
    issue_credit_note(invoice_id=invoice.pk, lines={line.pk: D("900.00")}, on=date(2026, 3, 31), reason="Cancelled")
    receive_payment(customer_id=customer.pk, received_on=date(2026, 5, 5), amount=D("420.00"), currency="USD")
    return invoice


def test_the_trial_balance(cancelled: Invoice) -> None:
    report = run("trial-balance", at="2026-02-28")
    assert shown(report) == text("""
        1110 | AR - Customers             | Assets      | 1,200.00 |
        2300 | Deferred Revenue           | Liabilities |          | 1,000.00
        4000 | Sales and Services Revenue | Income      |          |   200.00
        ---
        Total |                           |             | 1,200.00 | 1,200.00
    """)
    prove(report)


def test_the_balance_sheet_of_two_days(cancelled: Invoice) -> None:
    """At the end of March 300.00 is owed and earned; by the end of May it is paid, and 120.00 too much."""
    report = run("balance-sheet", at="2026-05-31", compare="2026-01-31")
    assert shown(report) == text("""
        Assets
        1000 Cash                    |   420.00 |     0.00 |    420.00
        1100 Accounts Receivable
        1110 AR - Customers          |     0.00 | 1,200.00 | -1,200.00
        Total assets                 |   420.00 | 1,200.00 |   -780.00
        Liabilities
        2250 Unapplied Payments      |   120.00 |     0.00 |    120.00
        2300 Deferred Revenue        |     0.00 | 1,100.00 | -1,100.00
        Total liabilities            |   120.00 | 1,100.00 |   -980.00
        Equity
        Earnings of earlier years    |     0.00 |     0.00 |      0.00
        Earnings of this year        |   300.00 |   100.00 |    200.00
        Total equity                 |   300.00 |   100.00 |    200.00
        Total liabilities and equity |   420.00 | 1,200.00 |   -780.00
    """)
    prove(report)


def test_a_group_of_accounts_has_its_total(cancelled: Invoice) -> None:
    group = Account.objects.get(code="2300")
    group.pk, group.code, group.name, group.role, group.is_group = None, "2225", "Owed to Customers", "", True
    group.save()
    Account.objects.filter(code__in=["2250", "2300"]).update(parent=group)
    report = run("balance-sheet", at="2026-05-31", compare="2026-01-31")
    owed = text("""
        2225 Owed to Customers       |
        2250 Unapplied Payments      |   120.00 |     0.00 |    120.00
        2300 Deferred Revenue        |     0.00 | 1,100.00 | -1,100.00
        Total 2225 Owed to Customers |   120.00 | 1,100.00 |   -980.00
        Total liabilities            |   120.00 | 1,100.00 |   -980.00
    """)
    assert owed in shown(report)
    prove(report)


def test_earnings_move_to_earlier_years(cancelled: Invoice) -> None:
    report = run("balance-sheet", at="2027-01-01")
    assert "Earnings of earlier years|300.00\nEarnings of this year|0.00" in shown(report)
    prove(report)


def test_the_income_statement_month_by_month(cancelled: Invoice) -> None:
    report = run("income-statement", from_="2026-01-15", to="2026-04-30", by="month")
    assert shown(report) == text("""
        Income
        4000 Sales and Services Revenue | 100.00 | 100.00 | 100.00 | 0.00 | 300.00
        Total income                    | 100.00 | 100.00 | 100.00 | 0.00 | 300.00
        Expenses
        Total expenses                  |   0.00 |   0.00 |   0.00 | 0.00 |   0.00
        Net income                      | 100.00 | 100.00 | 100.00 | 0.00 | 300.00
    """)
    prove(report)
    with pytest.raises(Mistakes, match="at most 36 months"):
        run("income-statement", from_="2020-01-01", to="2026-04-30", by="month")


def on_page(table: Table) -> list[list[Any]]:
    """The cells of the rows that a page has room for."""
    return [list(row.cells[: len(table.page_columns)]) for row in table.rows]


def test_the_general_ledger_of_one_account_and_of_all(cancelled: Invoice) -> None:
    report = run("general-ledger", account="1110", from_="2026-02-01", to="2026-12-31")
    assert [row[-3:] for row in on_page(report.tables[0])] == [
        [None, None, D("1200")],
        [None, D("900"), D("300")],
        [None, D("300"), D("0")],
    ]
    prove(report)
    everything = run("general-ledger", from_="2026-01-01", to="2026-12-31")
    assert dict(everything.headline)["Accounts"] == "5"
    shown_columns = len(everything.tables[0].page_columns)
    assert everything.tables[0].totals.cells[shown_columns - 3 : shown_columns] == (D("2820"), D("2820"), D("0"))
    prove(everything)


def test_the_journal(cancelled: Invoice) -> None:
    report = run("journal", from_="2026-03-01", to="2026-03-31")
    assert [(str(row[0]), *row[2:6], *row[9:]) for row in on_page(report.tables[0])] == [
        ("2026-03-31", "Revenue recognized", "Revenue recognized", "2300", "Deferred Revenue", D("100"), None),
        (
            "2026-03-31",
            "Revenue recognized",
            "Revenue recognized",
            "4000",
            "Sales and Services Revenue",
            None,
            D("100"),
        ),
        ("2026-03-31", "Credit note issued", "Credit note issued", "2300", "Deferred Revenue", D("900"), None),
        ("2026-03-31", "Credit note issued", "Credit note issued", "1110", "AR - Customers", None, D("900")),
    ]
    prove(report)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "at: This field is required"),
        ({"at": "2026-02-30"}, "at: Enter a valid date"),
        ({"at": "1526-02-03"}, "Give a date from 1900-01-01 on"),
        ({"at": "2026-01-31", "business_entity": "x"}, "There is no such business entity. Known: main"),
        ({"at": "2026-01-31", "bogus": "1"}, "There is no such parameter"),
    ],
)
def test_parameters_are_checked_in_words(tenant: object, given: dict[str, str], said: str) -> None:
    with pytest.raises(Mistakes) as raised:
        run("trial-balance", **given)
    assert said in str(raised.value)
