"""Ageing, statements, invoice register and cash receipts: worked examples, any past day, and ties to the trial balance."""

import io
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone
from pypdf import PdfReader

from accounting.models import Account, AccountingPeriod, DefaultAccount, Level
from accounting.periods import close_period
from accounting.reports.asked import Mistakes
from accounting.reports.rendering.pdf import write_pdf
from accounting.reports.trial_balance import trial_balance
from billing.models import Contract, Customer, Invoice, TaxRate
from billing.services.billing_run import run_billing
from billing.services.credit_notes import issue_credit_note
from billing.services.invoices import void_invoice
from billing.services.payments import allocate_payment, receive_payment
from tests.report_text import prove, run, shown, text

D = Decimal


@pytest.fixture
def overpaid(sell: Callable[..., Contract], customer: Customer) -> Customer:
    """C9: invoice 80.00 of 1 May, paid with 100.00; 50.00 on 1 June, 20.00 of it out of the rest on 10 June."""
    sell(amount="80", start=date(2026, 5, 1), interval_months=12, number="K-1", terms={"term_months": 12})
    sell(amount="50", start=date(2026, 6, 1), interval_months=12, number="K-2", terms={"term_months": 12})
    run_billing(through=date(2026, 5, 1), finalize=True)
    paid = receive_payment(
        customer_id=customer.pk, received_on=date(2026, 5, 20), amount=D("100"), currency="USD", reference="WIRE-7"
    )
    run_billing(through=date(2026, 6, 1), finalize=True)
    second = Invoice.objects.get(issued_on=date(2026, 6, 1))
    allocate_payment(payment_id=paid.pk, allocations={second.pk: D("20")}, on=date(2026, 6, 10))
    return customer


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        # Customer | not due | 1–30 | 31–60 | 61–90 | over 90 | not on an invoice | total | held
        ("2026-05-10", "Globex |  80.00 |  0.00 |  0.00 | 0.00 |  0.00 | 0.00 |  80.00 |  0.00"),
        ("2026-05-31", "Globex |   0.00 |  0.00 |  0.00 | 0.00 |  0.00 | 0.00 |   0.00 | 20.00"),
        ("2026-06-01", "Globex |  50.00 |  0.00 |  0.00 | 0.00 |  0.00 | 0.00 |  50.00 | 20.00"),
        ("2026-07-01", "Globex |  30.00 |  0.00 |  0.00 | 0.00 |  0.00 | 0.00 |  30.00 |  0.00"),
        ("2026-07-02", "Globex |   0.00 | 30.00 |  0.00 | 0.00 |  0.00 | 0.00 |  30.00 |  0.00"),
        ("2026-07-31", "Globex |   0.00 | 30.00 |  0.00 | 0.00 |  0.00 | 0.00 |  30.00 |  0.00"),
        ("2026-08-01", "Globex |   0.00 |  0.00 | 30.00 | 0.00 |  0.00 | 0.00 |  30.00 |  0.00"),
        ("2026-12-31", "Globex |   0.00 |  0.00 |  0.00 | 0.00 | 30.00 | 0.00 |  30.00 |  0.00"),
    ],
)
def test_the_ageing_of_any_past_day(overpaid: Customer, at: str, expected: str) -> None:
    """Due 30 days after 1 June is 1 July: overdue from 2 July on."""
    report = run("ar-ageing", at=at)
    assert shown(report).splitlines()[0] == text(expected)
    prove(report)


def test_the_ageing_by_invoice_and_with_other_buckets(overpaid: Customer) -> None:
    report = run("ar-ageing", at="2026-07-20", by="invoice", buckets="10,20")
    assert shown(report) == text("""
        Globex | INV-000002 | 2026-07-01 | 19 | | | 30.00 | | | 30.00
        ---
        Total  |            |            |    | 0.00 | 0.00 | 30.00 | 0.00 | 0.00 | 30.00
    """)
    prove(report)
    for wrong in ("x", "30,30", "0", "60,30", ",".join(map(str, range(1, 12)))):
        with pytest.raises(Mistakes, match="rising numbers of days"):
            run("ar-ageing", at="2026-07-20", buckets=wrong)


def test_a_customer_may_be_named_by_id_or_name(overpaid: Customer, tenant: object) -> None:
    for name in ("C-1", "Globex", "globex"):
        assert run("ar-ageing", at="2026-06-01", customer=name).headline[0] == ("Owed", D("50"))
    with pytest.raises(Mistakes, match="There is no customer “Nobody”"):
        run("ar-ageing", at="2026-06-01", customer="Nobody")
    Customer.objects.create(business_entity=overpaid.business_entity, external_id="C-2", name="Globex", currency="USD")
    with pytest.raises(Mistakes, match="Several answer to “Globex”; give the external id"):
        run("ar-ageing", at="2026-06-01", customer="Globex")


def test_a_closed_period_gives_the_same_ageing_for_ever(overpaid: Customer) -> None:
    """Voids, credits, payments, other defaults: nothing of later changes what was said of June."""
    before = [
        (shown(run("ar-ageing", at=at)), shown(run("ar-ageing", at=at, by="invoice")))
        for at in ("2026-05-31", "2026-06-30")
    ]
    for month in AccountingPeriod.objects.order_by("start"):
        close_period(period_id=month.pk, at=timezone.now())
    invoice = Invoice.objects.get(number="INV-000002")
    issue_credit_note(
        invoice_id=invoice.pk, lines={invoice.lines.get().pk: D("5")}, on=date(2026, 6, 15), reason="Late"
    )
    receive_payment(customer_id=overpaid.pk, received_on=date(2026, 6, 20), amount=D("25"), currency="USD")
    entity = overpaid.business_entity
    other = Account.objects.create(
        business_entity=entity, code="1115", name="AR - Other", category="assets", normal_balance="debit"
    )
    default = DefaultAccount.objects.get(role="accounts_receivable.customers", level=Level.TENANT)
    default.account_code = other.code
    default.save()
    after = [
        (shown(run("ar-ageing", at=at)), shown(run("ar-ageing", at=at, by="invoice")))
        for at in ("2026-05-31", "2026-06-30")
    ]
    assert after == before
    july = run("ar-ageing", at="2026-07-31")
    assert july.headline[0] == ("Owed", D("0"))
    prove(july)


def test_receivables_spread_over_accounts_still_tie(sell: Callable[..., Contract], customer: Customer) -> None:
    """One customer's receivable goes to an account of its own: the ageing has both accounts, as the trial balance has."""
    special = Account.objects.create(
        business_entity=customer.business_entity,
        code="1115",
        name="AR - Large",
        category="assets",
        normal_balance="debit",
    )
    other = Customer.objects.create(
        business_entity=customer.business_entity, external_id="C-2", name="Ärzte & Söhne", currency="USD"
    )
    DefaultAccount.objects.create(
        role="accounts_receivable.customers", level=Level.CUSTOMER, customer=customer, account_code=special.code
    )
    sell(amount="80", start=date(2026, 5, 1), number="K-1", terms={"term_months": 1})
    run_billing(through=date(2026, 5, 1), finalize=True)
    balances = {
        row.code: row.debit
        for row in trial_balance(business_entity_id=customer.business_entity_id, at=date(2026, 5, 31)).accounts
    }
    assert balances["1115"] == D("80")
    report = run("ar-ageing", at="2026-05-31")
    assert report.headline[0] == ("Owed", D("80"))
    prove(report)
    assert other.name not in shown(report)


def test_a_statement_shows_the_whole_payment_and_what_is_left(overpaid: Customer) -> None:
    report = run("customer-statement", customer="C-1", from_="2026-05-15", to="2026-07-20")
    assert shown(report) == text("""
        2026-05-15 | Balance before    |            |       |        |  80.00
        2026-05-20 | Payment           | INV-000001 |       | 100.00 | -20.00
        2026-06-01 | Invoice           | INV-000002 | 50.00 |        |  30.00
        ---
        Total      |                   |            | 50.00 | 100.00 |  30.00
    """)
    assert shown(report, "open") == text("""
        INV-000002 | 2026-06-01 | 2026-07-01 | 19 | 50.00 | 30.00
        ---
        Total      |            |            |    | 50.00 | 30.00
    """)
    prove(report)
    with pytest.raises(Mistakes, match="required"):
        run("customer-statement", from_="2026-05-15", to="2026-07-20")


def test_a_statement_is_a_letter_with_who_bills_and_how_to_pay(overpaid: Customer) -> None:
    entity = overpaid.business_entity
    entity.name, entity.address, entity.country, entity.tax_id = "Acme Inc", "1 Harbor Road\nPortsend", "US", "00-1"
    entity.payment_details = "IBAN XX00"
    entity.save()
    Customer.objects.update(name="Globex GmbH", address="Hauptstraße 5", country="DE")
    paper = io.BytesIO()
    write_pdf(run("customer-statement", customer="C-1", from_="2026-05-15", to="2026-07-20"), paper)
    found = PdfReader(paper).pages[0].extract_text().splitlines()
    place = found.index("From")
    assert found[place : place + 10] == [
        "From", "Acme Inc", "1 Harbor Road", "Portsend", "United States", "Tax ID: 00-1",
        "To", "Globex GmbH", "Hauptstraße 5", "Germany",
    ]  # fmt: skip
    assert found[place + 10 : place + 12] == ["How to pay", "IBAN XX00"]
    assert "The balance equals" not in " ".join(found)  # The proof is ours, not the customer's.
    settled = run("customer-statement", customer="C-1", from_="2026-04-01", to="2026-05-25")
    assert [heading for heading, _ in settled.letter] == ["From", "To"]


@pytest.fixture
def taxed(sell: Callable[..., Contract], customer: Customer) -> Invoice:
    """C10's invoice, 500.00 and 100.00 of tax, half of it credited; and one of 1,200.00 that is voided."""
    vat = TaxRate.objects.create(code="vat", name="VAT", percent=20, jurisdiction="GB")
    sell(amount="500", start=date(2026, 2, 1), number="K-1", tax_rate=vat, terms={"term_months": 1})
    sell(amount="1200", start=date(2026, 2, 2), number="K-2", terms={"term_months": 1})
    run_billing(through=date(2026, 2, 2), finalize=True)
    first = Invoice.objects.get(contract__number="K-1")
    issue_credit_note(invoice_id=first.pk, lines={first.lines.get().pk: D("250")}, on=date(2026, 2, 20), reason="Half")
    void_invoice(invoice_id=Invoice.objects.get(contract__number="K-2").pk, on=date(2026, 3, 3), reason="Mistake")
    return first


def test_the_invoice_register(taxed: Invoice) -> None:
    report = run("invoice-register", from_="2026-02-01", to="2026-03-31")
    assert shown(report) == text("""
        2026-02-01 | INV-000001 | Invoice     | 2026-02-01 | 2026-03-03 | Globex |    500.00 | 100.00 |    600.00
        2026-02-02 | INV-000002 | Invoice     | 2026-02-02 | 2026-03-04 | Globex |  1,200.00 |   0.00 |  1,200.00
        2026-02-20 | CN-000001  | Credit note | 2026-02-20 |            | Globex |   -250.00 | -50.00 |   -300.00
        2026-03-03 | INV-000002 | Void        | 2026-03-03 |            | Globex | -1,200.00 |   0.00 | -1,200.00
        ---
        Total      |            |             |            |            |        |    250.00 |  50.00 |    300.00
    """)
    prove(report)
    assert len(run("invoice-register", from_="2026-02-01", to="2026-02-28").tables[0].rows) == 3


def test_cash_receipts(overpaid: Customer) -> None:
    report = run("cash-receipts", from_="2026-05-01", to="2026-06-30")
    assert shown(report) == text("""
        2026-05-20 | Payment received | Globex | WIRE-7 | Bank transfer | 100.00 | 0.00 | 0.00 | 80.00 | 20.00
        ---
        Total      |                  |        |        |               | 100.00 | 0.00 | 0.00 | 80.00 | 20.00
    """)
    prove(report)


def test_reports_take_the_same_number_of_queries_however_long(
    overpaid: Customer, sell: Callable[..., Contract], django_assert_num_queries: Callable[..., object]
) -> None:
    for number in range(8):
        customer = Customer.objects.create(
            business_entity=overpaid.business_entity,
            external_id=f"X-{number}",
            name=f"Customer {number}",
            currency="USD",
        )
        contract = sell(amount="10", start=date(2026, 6, 1), number=f"X-{number}", terms={"term_months": 12})
        Contract.objects.filter(pk=contract.pk).update(customer=customer)
    run_billing(through=date(2026, 6, 1), finalize=True)
    for code, queries in {"ar-ageing": 7, "invoice-register": 6}.items():
        given = {"at": "2026-06-30"} if code == "ar-ageing" else {"from_": "2026-01-01", "to": "2026-06-30"}
        with django_assert_num_queries(queries):
            report = run(code, **given)
            assert len(list(report.tables[0].rows)) > 8
