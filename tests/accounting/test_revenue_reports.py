"""Deferred revenue, revenue schedule, contract balances, remaining obligation, tax and MRR: worked examples by hand."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from accounting.recognition import recognize_revenue
from accounting.reports.asked import Mistakes
from billing.models import Contract, Customer, Invoice, Product, TaxRate
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, end_contract, start_contracts
from billing.services.credit_notes import issue_credit_note
from billing.services.invoices import void_invoice
from billing.services.usage import record_usage
from tests.report_text import prove, run, shown, text

D = Decimal


def released(at: str) -> list[tuple[str, str]]:
    report = run("deferred-revenue", from_="2025-01-01", at=at)
    prove(report)
    return [(row.cells[0], str(row.cells[1].normalize())) for row in report.tables[1].rows]


def test_the_waterfall_of_a_leap_year_by_days(sell: Callable[..., Contract]) -> None:
    """C1: 3,660.00 for 2028, 10.00 a day; two months recognized, 3,060.00 left for ten months."""
    sell(amount="3660", start=date(2028, 1, 1), interval_months=12, terms={"term_months": 12})
    run_billing(through=date(2028, 1, 1), finalize=True)
    recognize_revenue(through=date(2028, 2, 29))
    report = run("deferred-revenue", from_="2027-12-01", at="2028-02-29")
    assert shown(report) == text("""
        January 2028  |     0.00 | 3,660.00 | -310.00 | 0.00 | 0.00 | 3,350.00
        February 2028 | 3,350.00 |     0.00 | -290.00 | 0.00 | 0.00 | 3,060.00
        ---
        Total         |          | 3,660.00 | -600.00 | 0.00 | 0.00
    """)
    assert shown(report, "release") == text("""
        March 2028     | 310.00 | 2,750.00
        April 2028     | 300.00 | 2,450.00
        May 2028       | 310.00 | 2,140.00
        June 2028      | 300.00 | 1,840.00
        July 2028      | 310.00 | 1,530.00
        August 2028    | 310.00 | 1,220.00
        September 2028 | 300.00 |   920.00
        October 2028   | 310.00 |   610.00
        November 2028  | 300.00 |   310.00
        December 2028  | 310.00 |     0.00
        ---
        Total          | 3,060.00
    """)
    prove(report)


def test_the_release_has_the_cents_of_the_schedules(sell: Callable[..., Contract]) -> None:
    """C2: 1,000.00 over three months, the odd cent last. By days: 100.00 from 20 August to 19 November (92 days) is
    13.04, 32.61, 33.70 and the rest, 20.65."""
    sell(amount="100", start=date(2025, 8, 20), interval_months=3, number="K-1", terms={"term_months": 3})
    sell(
        amount="1000",
        start=date(2026, 1, 1),
        interval_months=3,
        number="K-2",
        recognition_method="straight_line_months",
        terms={"term_months": 3},
    )
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2025, 8, 31))
    assert released("2025-08-31") == [("September 2025", "32.61"), ("October 2025", "33.7"), ("November 2025", "20.65")]
    recognize_revenue(through=date(2026, 1, 31))
    assert released("2026-01-31") == [("February 2026", "333.33"), ("March 2026", "333.34")]


def test_what_a_credit_leaves_is_released_evenly(sell: Callable[..., Contract]) -> None:
    """The life cycle's figures: 1,200.00 by months, 240.00 credited at the end of June: (600 - 240) / 6 = 60.00."""
    sell(
        amount="1200",
        start=date(2025, 1, 1),
        interval_months=12,
        recognition_method="straight_line_months",
        terms={"term_months": 12},
    )
    run_billing(through=date(2025, 1, 1), finalize=True)
    recognize_revenue(through=date(2025, 6, 30))
    invoice = Invoice.objects.get()
    issue_credit_note(
        invoice_id=invoice.pk, lines={invoice.lines.get().pk: D("240")}, on=date(2025, 6, 30), reason="Less"
    )
    months = ("July", "August", "September", "October", "November", "December")
    assert released("2025-06-30") == [(f"{month} 2025", "6E+1") for month in months]
    recognize_revenue(through=date(2025, 8, 31))
    assert released("2025-08-31") == [(f"{month} 2025", "6E+1") for month in months[2:]]
    report = run("deferred-revenue", from_="2025-06-01", at="2025-08-31")
    assert (
        shown(report).splitlines()[:3]
        == text("""
        June 2025   | 700.00 | 0.00 | -100.00 | -240.00 | 0.00 | 360.00
        July 2025   | 360.00 | 0.00 |  -60.00 |    0.00 | 0.00 | 300.00
        August 2025 | 300.00 | 0.00 |  -60.00 |    0.00 | 0.00 | 240.00
    """).splitlines()
    )


def test_what_the_run_has_not_posted_is_due_now(sell: Callable[..., Contract]) -> None:
    sell(
        amount="1200",
        start=date(2025, 1, 1),
        interval_months=12,
        recognition_method="straight_line_months",
        terms={"term_months": 12},
    )
    run_billing(through=date(2025, 1, 1), finalize=True)
    recognize_revenue(through=date(2025, 1, 31))
    assert released("2025-03-31")[:2] == [("Due by 31 March 2025", "2E+2"), ("April 2025", "1E+2")]


def test_a_voided_invoice_leaves_nothing_deferred(sell: Callable[..., Contract]) -> None:
    """C14, seen from both sides of the void."""
    sell(
        amount="1200",
        start=date(2026, 1, 1),
        interval_months=12,
        recognition_method="straight_line_months",
        terms={"term_months": 12},
    )
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    void_invoice(invoice_id=Invoice.objects.get().pk, on=date(2026, 2, 10), reason="Wrong customer")
    report = run("deferred-revenue", from_="2026-01-01", at="2026-02-28")
    assert shown(report).splitlines()[1] == "February 2026|1,100.00|0.00|0.00|-1,100.00|0.00|0.00"
    assert released("2026-02-28") == []


def test_the_revenue_schedule_by_product_customer_and_contract(sell: Callable[..., Contract], product: Product) -> None:
    """C12's support, 340.00 over a year: eleven months of 28.33 and a last of 28.37."""
    sell(
        amount="340",
        start=date(2026, 1, 1),
        interval_months=12,
        recognition_method="straight_line_months",
        terms={"term_months": 12},
    )
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 2, 28))
    asked = {"from_": "2026-01-01", "at": "2026-02-28", "to": "2026-12-31"}
    for by, name in (("product", "Pro plan"), ("customer", "Globex"), ("contract", "K-1")):
        report = run("revenue-schedule", by=by, **asked)
        (row,) = report.tables[0].rows
        assert row.cells[0] == name
        assert row.cells[1:] == (*[D("28.33")] * 2, D(0), *[D("28.33")] * 9, D("28.37"), D("340.00"))
        prove(report)
    assert list(run("revenue-schedule", product="pro", **asked).tables[0].rows)
    early = run(
        "revenue-schedule", by="product", **{**asked, "from_": "2025-06-01"}
    )  # Nothing happened before January.
    assert early.tables[0].columns == run("revenue-schedule", by="product", **asked).tables[0].columns
    assert early.charts[0].labels[0] == "Jan 2026"
    late = run("revenue-schedule", from_="2026-01-01", at="2026-04-15", to="2026-12-31")
    (row,) = late.tables[0].rows
    assert row.cells[1:6] == (D("28.33"), D("28.33"), D("0"), D("0"), D("56.66"))
    # The chart shows all that the table does; what is due stands in the month of the day asked for.
    series = dict(late.charts[0].series)
    assert sum(map(sum, series.values())) == D("340.00")
    assert series["Due, not run USD"][3] == D("56.66") and "Due, not run USD" not in dict(report.charts[0].series)
    with pytest.raises(Mistakes, match="must lie between"):
        run("revenue-schedule", from_="2026-01-01", at="2025-04-15", to="2026-12-31")


@pytest.fixture
def usage(sell: Callable[..., Contract]) -> Contract:
    """The arrears companion: 250.00 of usage in January, invoiced with 10 % tax on 1 February."""
    tax = TaxRate.objects.create(code="vat", name="VAT 10 %", percent=10, jurisdiction="Utopia")
    contract = sell(
        amount="0",
        pricing_model="per_unit",
        pricing={"unit_amount": "2.50"},
        start=date(2026, 1, 1),
        timing="arrears",
        is_metered=True,
        tax_rate=tax,
        terms={"term_months": 12},
    )
    record_usage(contract_item_id=contract.items.get().pk, used_on=date(2026, 1, 10), quantity=D(100), key="u1")
    recognize_revenue(through=date(2026, 1, 31))
    run_billing(through=date(2026, 2, 1), finalize=True)
    return contract


def test_contract_assets_and_liabilities(usage: Contract, sell: Callable[..., Contract]) -> None:
    """An asset of 250.00 that is billed on 1 February, beside a liability of 1,200.00 that loses 100.00 a month."""
    sell(
        amount="1200",
        start=date(2026, 1, 1),
        interval_months=12,
        number="K-2",
        recognition_method="straight_line_months",
        terms={"term_months": 12},
    )
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 2, 28))
    january = run("contract-balances", from_="2026-01-01", to="2026-01-31")
    assert shown(january) == text("""
        K-1   | Globex | 0.00 | 0.00 |     0.00 | -250.00 | 0.00 | 0.00 | 250.00 |     0.00 | 0.00
        K-2   | Globex | 0.00 | 0.00 | 1,200.00 | -100.00 | 0.00 | 0.00 |   0.00 | 1,100.00 | 0.00
        ---
        Total |        | 0.00 | 0.00 | 1,200.00 | -350.00 | 0.00 | 0.00 | 250.00 | 1,100.00 | 0.00
    """)
    prove(january)
    february = run("contract-balances", from_="2026-02-01", to="2026-02-28")
    assert shown(february) == text("""
        K-1   | Globex | 250.00 |     0.00 | 250.00 |    0.00 | 0.00 | 0.00 | 0.00 |     0.00 |   0.00
        K-2   | Globex |   0.00 | 1,100.00 |   0.00 | -100.00 | 0.00 | 0.00 | 0.00 | 1,000.00 | 100.00
        ---
        Total |        | 250.00 | 1,100.00 | 250.00 | -100.00 | 0.00 | 0.00 | 0.00 | 1,000.00 | 100.00
    """)
    prove(february)


def test_the_remaining_obligation(usage: Contract, sell: Callable[..., Contract]) -> None:
    """100.00 a month for two years, billed monthly: 2,400.00 promised, 100.00 earned. Usage promises nothing.

    Within a year: 2,300.00 x 365 / 699 days = 1,201.00.
    """
    sell(amount="100", start=date(2026, 1, 1), number="K-2", terms={"term_months": 24})
    run_billing(through=date(2026, 1, 31), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    report = run("remaining-obligation", at="2026-01-31")
    assert shown(report) == text("""
        K-2   | Globex | 2027-12-31 | 2,400.00 | 100.00 | 0.00 | 0.00 | 2,300.00 | 0.00 | 2,300.00 | 1,201.00 | 1,099.00
        ---
        Total |        |            | 2,400.00 | 100.00 | 0.00 | 0.00 | 2,300.00 | 0.00 | 2,300.00 | 1,201.00 | 1,099.00
    """)
    prove(report)
    run_billing(through=date(2026, 2, 1), finalize=True)
    assert dict(run("remaining-obligation", at="2026-01-31").headline)["Remaining"] == D("2300")
    billed = run("remaining-obligation", at="2026-02-01").tables[0].totals.cells
    assert billed[7:10] == [D("2300"), D("100"), D("2200")]
    assert run("remaining-obligation", at="2027-12-31").tables[0].rows == []


def test_what_an_early_end_withdraws_is_promised_until_that_day(sell: Callable[..., Contract]) -> None:
    """100.00 a month for two years, ended before 1 July: what was said of January stays, nothing is left in July."""
    contract = sell(amount="100", start=date(2026, 1, 1), terms={"term_months": 24})
    run_billing(through=date(2026, 1, 31), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    january = shown(run("remaining-obligation", at="2026-01-31"))
    assert january.splitlines()[0].endswith("2,300.00|0.00|2,300.00|1,201.00|1,099.00")
    end_contract(contract_id=contract.pk, end=date(2026, 7, 1))
    assert shown(run("remaining-obligation", at="2026-01-31")) == january
    assert dict(run("remaining-obligation", at="2026-06-30").headline)["Remaining"] == D("2300")
    assert run("remaining-obligation", at="2026-07-01").tables[0].rows == []
    prove(run("remaining-obligation", at="2026-06-30", by="item"))


def test_tax_by_jurisdiction(usage: Contract, sell: Callable[..., Contract]) -> None:
    """25.00 on 250.00 in Utopia; 100.00 on 500.00 elsewhere, half of it credited; 20.00 on 400.00 at a lower rate."""
    high = TaxRate.objects.create(code="high", name="Standard", percent=20, jurisdiction="Elsewhere")
    low = TaxRate.objects.create(code="low", name="Reduced", percent=5, jurisdiction="Elsewhere")
    sell(amount="500", start=date(2026, 2, 1), number="K-2", tax_rate=high, terms={"term_months": 1})
    sell(amount="400", start=date(2026, 2, 1), number="K-3", tax_rate=low, terms={"term_months": 1})
    run_billing(through=date(2026, 2, 2), finalize=True)
    first = Invoice.objects.get(contract__number="K-2")
    issue_credit_note(invoice_id=first.pk, lines={first.lines.get().pk: D("250")}, on=date(2026, 2, 20), reason="Half")
    report = run("tax", from_="2026-02-01", to="2026-02-28")
    assert shown(report) == text("""
        Elsewhere       | Reduced  |  5 | 400.00 |  20.00 |   0.00 | 20.00
        Elsewhere       | Standard | 20 | 250.00 | 100.00 | -50.00 | 50.00
        Total Elsewhere |          |    | 650.00 | 120.00 | -50.00 | 70.00
        Utopia          | VAT 10 % | 10 | 250.00 |  25.00 |   0.00 | 25.00
        ---
        Total           |          |    | 900.00 | 145.00 | -50.00 | 95.00
    """)
    prove(report)


def test_mrr_movement(usage: Contract, customer: Customer, product: Product, sell: Callable[..., Contract]) -> None:
    """A: 100.00 from January, 120.00 with a second contract from February, nothing from April, 30.00 again from May.
    B: 600.00 a year from March is 50.00. Usage does not recur."""
    other = Customer.objects.create(
        business_entity=customer.business_entity, external_id="B", name="Borealis", currency="USD"
    )
    sell(amount="100", start=date(2026, 1, 1), number="A-1", terms={"term_months": 12})
    sell(amount="20", start=date(2026, 2, 15), number="A-2", terms={"term_months": 12})
    sell(amount="30", start=date(2026, 5, 1), number="A-3", terms={"term_months": 12})
    item = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "600"}, "interval_months": 12}
    # A set-up fee is charged once; a contract that ended early is no such thing.
    fee = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "999"}, "end": date(2026, 4, 1)}
    contract = draft_contract(customer=other, number="B-1", start=date(2026, 3, 1), items=[item, fee], term_months=12)
    start_contracts([contract.pk])
    for number, day in (("A-1", date(2026, 4, 1)), ("A-2", date(2026, 4, 1))):
        end_contract(contract_id=Contract.objects.get(number=number).pk, end=day)
    report = run("mrr", from_="2026-01-01", to="2026-05-31")
    assert shown(report) == text("""
        January 2026  |   0.00 | 100.00 |  0.00 | 0.00 |    0.00 |  0.00 | 100.00
        February 2026 | 100.00 |   0.00 | 20.00 | 0.00 |    0.00 |  0.00 | 120.00
        March 2026    | 120.00 |  50.00 |  0.00 | 0.00 |    0.00 |  0.00 | 170.00
        April 2026    | 170.00 |   0.00 |  0.00 | 0.00 | -120.00 |  0.00 |  50.00
        May 2026      |  50.00 |   0.00 |  0.00 | 0.00 |    0.00 | 30.00 |  80.00
        ---
        Total         |        | 150.00 | 20.00 | 0.00 | -120.00 | 30.00
    """)
    prove(report)
    may = run("mrr", from_="2026-05-01", to="2026-05-31")
    assert shown(may).splitlines()[0] == "May 2026|50.00|0.00|0.00|0.00|0.00|30.00|80.00"
    lost = run("mrr-customers", month="2026-04-30", kind="churn")
    assert shown(lost) == text("""
        Globex | Churn | 120.00 | -120.00 | 0.00
        ---
        Total  |       | 120.00 | -120.00 | 0.00
    """)
