"""Report pages and files: every report for whoever may look, in every format; names of all scripts; nothing a formula."""

import csv
import io
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import openpyxl
import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from accounting.admin import report_view
from accounting.reports.catalog import REPORTS
from accounting.reports.rendering import pdf
from accounting.reports.structure import Column, Kind, Listed, Report, Row, Table
from billing.models import BusinessEntity, Contract, Customer, Role, Tenant
from billing.services.billing_run import run_billing
from billing.services.tenants import add_business_entity
from tests.report_text import prove, run

NAMES = ["Ärzte & Söhne <GmbH>", "Łódź Żółw", "Αθήνα", "Москва", "東京サービス", "北京公司", "서울", "ไทย"]
EVIL = ["=HYPERLINK(\"http://x\")", "+1+1", "-2+3", "@SUM(A1)", "\tx", "＝1+1"]  # fmt: skip
GIVEN = {"customer-statement": {"customer": "C-1"}}
LISTED = [code for code, kind in REPORTS.items() if kind.is_listed]


@pytest.mark.parametrize("code", LISTED)
def test_every_report_opens_as_page_and_file_and_proves_itself(code: str, story: Contract, viewer: Client) -> None:
    given = GIVEN.get(code, {})
    page = viewer.get(reverse("admin:" + code.replace("-", "_")), given)
    assert page.status_code == 200
    assert "Differs" not in page.content.decode()
    assert page.context["tables"], page.context.get("mistakes")
    days = {"at": "2026-02-28", "from": "2026-01-01", "to": "2026-02-28"}
    asked = {
        name: day for name, day in days.items() if name in {each.name for each in REPORTS[code].parameters}
    } | given
    prove(run(code, **asked))
    for form, start in (("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK"), ("pdf", b"%PDF")):
        answer = viewer.get(reverse("admin:report_file", args=[code, form]), asked)
        assert answer.status_code == 200
        assert answer.getvalue().startswith(start)
        assert answer["Content-Disposition"].startswith(f'attachment; filename="{code}-main-')


def test_the_index_names_every_report_and_says_what_it_is(viewer: Client, tenant: Tenant) -> None:
    page = viewer.get(reverse("admin:reports")).content.decode()
    for code in LISTED:
        assert reverse("admin:" + code.replace("-", "_")) in page
    assert all(REPORTS[code].sentence.endswith(".") for code in LISTED)


def test_wrong_parameters_are_said_in_words(viewer: Client, story: Contract) -> None:
    page = viewer.get(reverse("admin:ar_ageing"), {"at": "never", "bogus": "1"}).content.decode()
    assert "Enter a valid date" in page
    page = viewer.get(reverse("admin:journal"), {"from": "2026-02-01", "to": "2026-01-01"}).content.decode()
    assert "The last day lies before the first" in page
    answer = viewer.get(reverse("admin:report_file", args=["ar-ageing", "csv"]), {"at": "never"})
    assert answer.status_code == 400
    assert viewer.get(reverse("admin:report_file", args=["ar-ageing", "exe"])).status_code == 404
    assert "bogus" in viewer.get(reverse("admin:ar_ageing"), {"bogus": "1"}).content.decode()


@pytest.fixture
def named(story: Contract, customer: Customer, sell: Callable[..., Contract]) -> list[str]:
    """Invoices of customers with names of all scripts, and with names that want to be formulas."""
    names = [*NAMES, *EVIL]
    for number, name in enumerate(names):
        contract = sell(amount="1234.50", start=date(2026, 2, 1), number=f"N-{number}", terms={"term_months": 1})
        Contract.objects.filter(pk=contract.pk).update(
            customer=Customer.objects.create(
                business_entity=customer.business_entity, external_id=f"N-{number}", name=name, currency="USD"
            )
        )
    run_billing(through=date(2026, 2, 1), finalize=True)
    return names


def test_a_csv_has_plain_amounts_iso_dates_and_no_formulas(named: list[str], viewer: Client) -> None:
    asked = {"at": "2026-04-15", "by": "invoice"}
    data = viewer.get(reverse("admin:report_file", args=["ar-ageing", "csv"]), asked).getvalue().decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(data)))
    assert rows[0][:4] == ["Customer", "Invoice", "Due on", "Days overdue"]
    found = {row[0]: row for row in rows[1:]}
    assert found["Москва"][2:] == ["2026-03-03", "43", "", "", "1234.50", "", "", "", "1234.50"]
    for name in EVIL:
        assert name not in found
        assert f"'{name}" in found
    assert rows[-1][0] == "Total"


def test_a_workbook_has_numbers_dates_and_no_formulas(named: list[str], viewer: Client) -> None:
    asked = {"at": "2026-04-15", "by": "invoice"}
    data = viewer.get(reverse("admin:report_file", args=["ar-ageing", "xlsx"]), asked).getvalue()
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    found = {row[0].value: row for row in sheet.iter_rows()}
    for name in named:
        assert found[name][0].data_type == "s"
    row = found["Łódź Żółw"]
    assert (row[2].value.date(), row[3].value, row[6].value, row[6].number_format) == (
        date(2026, 3, 3), 43, 1234.5, "#,##0.00",
    )  # fmt: skip


def test_every_name_prints(named: list[str], viewer: Client) -> None:
    data = viewer.get(reverse("admin:report_file", args=["ar-ageing", "pdf"]), {"at": "2026-04-15"}).getvalue()
    pages = PdfReader(io.BytesIO(data)).pages
    words = "".join(page.extract_text() for page in pages)
    for name in (*NAMES[:4], NAMES[7]):
        assert name in words, name
    assert "1,234.50" in words
    assert "Page 1 of" in words
    again = viewer.get(reverse("admin:report_file", args=["ar-ageing", "pdf"]), {"at": "2026-04-15"}).getvalue()
    assert again == data


def test_one_entity_at_a_time(story: Contract, viewer: Client) -> None:
    second = add_business_entity(tenant=story.tenant, code="eu", name="Europe", currency="EUR")
    page = viewer.get(reverse("admin:balance_sheet"), {"business_entity": "eu"}).content.decode()
    assert "Europe, EUR" in page
    assert "100.00" not in page
    assert "Europe (EUR)" in viewer.get(reverse("admin:trial_balance")).content.decode()
    wrong = viewer.get(reverse("admin:trial_balance"), {"business_entity": "us"}).content.decode()
    assert "There is no such business entity" in wrong
    assert BusinessEntity.objects.filter(pk=second.pk).exists()


def test_another_companys_customer_is_not_found(story: Contract, sign_in: Callable[[str], Client]) -> None:
    client = sign_in(Role.ADMIN)
    page = client.get(reverse("admin:customer_statement"), {"customer": "Nobody Ltd"}).content.decode()
    assert "There is no customer “Nobody Ltd”" in page
    lines = client.get(reverse("admin:lines"), {"to": "2026-12-31", "customer_id": "999999"}).content.decode()
    assert "No lines answer to this" in lines


def test_a_long_report_comes_page_by_page_with_the_totals_of_all(story: Contract, viewer: Client) -> None:
    before, report_view.PAGE = report_view.PAGE, 2
    try:
        asked = {"from": "2026-01-01", "to": "2026-02-28"}
        first = viewer.get(reverse("admin:journal"), asked)
        second = viewer.get(reverse("admin:journal"), {**asked, "page": "2"})
    finally:
        report_view.PAGE = before
    assert (len(first.context["tables"][0].rows), len(second.context["tables"][0].rows)) == (2, 2)
    assert "Later rows" in first.content.decode()
    assert "Earlier rows" in second.content.decode()
    total = str(first.context["tables"][0].foot[-1].shown)
    assert total == str(second.context["tables"][0].foot[-1].shown)
    assert Decimal("400.00") == Decimal(total.split(">")[1].split("<")[0].replace(",", ""))


def test_lines_behind_a_figure_say_what_they_were_narrowed_down_to(story: Contract, customer: Customer) -> None:
    given = {"to": "2026-02-28", "role": "deferred_revenue", "event": "-invoice_voided,by_hand"}
    about = run("lines", **given, customer_id=customer.pk, invoice_id=0).about
    assert about.endswith(
        f"Accounts of deferred revenue. All but invoice voided, by hand. Customer: {customer}. Without an invoice."
    )


def test_numbers_of_entries_and_invoices_stay_whole_on_paper(story: Contract, viewer: Client) -> None:
    asked = {"from": "2026-01-01", "to": "2026-02-28"}
    answer = viewer.get(reverse("admin:report_file", args=["journal", "pdf"]), asked)
    words = PdfReader(io.BytesIO(answer.getvalue())).pages[0].extract_text().split()
    assert "INV-000001" in words
    assert any(len(word) == len("JE-00000001") and word.startswith("JE-") for word in words)


def test_a_number_that_is_longer_than_those_it_was_measured_by_is_not_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "_SAMPLE", 1)
    columns = [Column(str(place), f"Number {place}", Kind.MONEY, "USD") for place in range(12)]
    long = Decimal("-123456789012.34")
    rows = Listed([Row([Decimal(1)] * 12), Row([long] * 12)])
    paper = io.BytesIO()
    pdf.write_pdf(Report("Long", "", "USD", [Table("all", "", columns, rows, "")]), paper)
    assert PdfReader(paper).pages[0].extract_text().count("-123,456,789,012.34") == 12


def test_a_workbook_has_columns_as_wide_as_its_texts_and_page_numbers(story: Contract, viewer: Client) -> None:
    Customer.objects.update(name="A customer with a name that takes more room than most")
    answer = viewer.get(reverse("admin:report_file", args=["ar-ageing", "xlsx"]), {"at": "2026-02-28"})
    sheet = openpyxl.load_workbook(io.BytesIO(answer.getvalue())).active
    assert sheet is not None
    assert 54 < sheet.column_dimensions["A"].width < 64
    assert sheet.oddFooter.right.text == "Page &P of &N"


def test_reports_of_months_begin_with_the_first_that_has_something(story: Contract) -> None:
    for code in ("mrr", "deferred-revenue"):
        asked = {"from": "2025-01-01", "at": "2026-02-28", "to": "2026-02-28"}
        names = {each.name for each in REPORTS[code].parameters}
        report = run(code, **{name: day for name, day in asked.items() if name in names})
        prove(report)
        assert [row.cells[0] for row in report.tables[0].rows] == ["January 2026", "February 2026"]
        assert report.charts[0].labels[0] == "Jan 2026"
    assert not run("mrr", **{"from": "2024-01-01", "to": "2024-03-31"}).tables[0].rows
