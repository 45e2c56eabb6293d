"""Books that are fed by files: the same outbox, files that hold each document once, and a proof by re-import."""

import csv
import io
import json
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounting.models import Account
from billing.models import Tenant
from billing.tenancy import tenant_scope
from integrations import adopting, archive, setup
from integrations.archive import UnreadableReport
from integrations.delivery import drain
from integrations.documents import Kind
from integrations.models import Connection, ExportedDocument, ExportFile, Mapping, OutboxItem, ReportUpload
from integrations.reconciliation import reconcile
from tests.integrations.world import JANUARY, a_busy_month, a_month

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def books(entity):
    def open_books(mode: str, *, payments: bool = False) -> Connection:
        made, _ = setup.create_connection(business_entity=entity, erp="csv_export", mode=mode, send_payments=payments)
        return setup.connect_files(made)

    return open_books


def sheets(file: ExportFile) -> dict[str, list[dict[str, str]]]:
    with zipfile.ZipFile(io.BytesIO(bytes(file.content))) as zipped:
        return {name: list(csv.DictReader(io.StringIO(zipped.read(name).decode()))) for name in zipped.namelist()}


def test_each_journal_is_in_one_file_and_comes_back_equal(books) -> None:
    connection = books("journal_entries")
    a_busy_month()
    assert drain(connection.pk, until_empty=True, seconds=180).parked == 0
    made = archive.make_files(connection, user=None)
    assert archive.make_files(connection, user=None) is None
    ((name, rows),) = sheets(made).items()
    assert name.endswith("_journal_entry.csv")
    assert len({row["Reference"] for row in rows}) == 17
    assert sum(Decimal(row["Debit"] or 0) for row in rows) == sum(Decimal(row["Credit"] or 0) for row in rows)

    with zipfile.ZipFile(io.BytesIO(bytes(made.content))) as zipped:
        content = zipped.read(name)
    assert archive.upload_report(connection, Kind.JOURNAL_ENTRY, content, user=None) == 17
    _, findings = reconcile(connection, through=JANUARY)
    assert findings.differences == []

    changed = content.replace(b"10.01", b"10.02", 1)
    archive.upload_report(connection, Kind.JOURNAL_ENTRY, changed, user=None)
    _, findings = reconcile(connection, through=JANUARY)
    assert "changed in the ERP" in {each["cause"] for each in findings.differences}


def test_documents_are_numbered_in_the_order_of_their_import(books) -> None:
    connection = books("documents", payments=True)
    a_busy_month()
    assert drain(connection.pk, until_empty=True, seconds=180).parked == 0
    names = sorted(sheets(archive.make_files(connection, user=None)))
    order = [name.partition("_")[2].removesuffix(".csv") for name in names]
    assert order == ["customer", "product", "invoice", "credit_note", "credit_allocation", "payment", "invoice_void"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"Date,Account,Debit\n", "missing: credit"),
        (b"Date,Account,Debit,Credit,Reference\n01/02/2026,1000,1,0,X\n", "not a date"),
        (b"Date,Account,Debit,Credit,Reference\n2026-01-02,1000,NaN,0,X\n", "not a number"),
        (b"Date,Account,Debit,Credit\n2026-01-02,1000,1,0\n", "neither a Reference nor a Number"),
        (b"\xff\xfe", "UTF-8"),
        (b"", "missing: date, account, debit, credit"),
        (b"Date;Account;Debit;Credit;Reference\n", "save it with commas"),
        (b'Date,Account,Debit,Credit,Reference\n2026-01-02,1000,"1.234,56",0,X\n', "1.234,56 is not a number"),
        (b'Date,Account,Debit,Credit,Reference\n2026-01-02,1000,"1,5",0,X\n', "1,5 is not a number"),
        (b"Date,Account,Debit,Credit,Reference\n2026-01-02,1000,1\n", "Line 2 has 3 values"),
        (b"Date,Account,Debit,Credit,Debit\n", "a column twice: debit"),
        (b"Date,Account,Debit,Credit,Reference\n2026-01-02,1,1,0,X\n2026-01-03,2,0,1,X\n", "X has another date"),
        (b"Date,Account,Debit,Credit,Reference\n2026-W01-1,1,1,0,X\n", "Line 2: 2026-W01-1 is not a date"),
        (b"Date,Account,Debit,Credit,Reference\n2026-01-02,1,1e5,0,X\n", "Line 2: 1e5 is not a number"),
        (
            b"Date,Account,Debit,Credit,Reference\n2026-01-02,1,9999999999999999,0,X\n",
            "Line 2: 9999999999999999 is not",
        ),
        (b"Date,Account,Debit,Credit,Reference\n2026-01-02,1,0.00001,0,X\n", "up to 4 decimals"),
        ("Date,Account,Debit,Credit,Reference\n2026-01-02,1,１２,0,X\n".encode(), "１２ is not a number"),
        (b"Date,Account,Debit,Credit,Reference\n2026-01-02,1\x00,1,0,X\n", "Line 2: the account holds a NUL"),
        (b"Date,Account,Debit,Credit,Reference\n2026-01-02,1,1,0," + b"X" * 51, "the reference has 51 characters"),
        (b"Date,Account,Debit,Credit,Number\n2026-01-02,1,1,0," + b"X" * 101, "the number has 101 characters"),
        (b"Date,Account,Debit,Credit,Reference,Currency\n2026-01-02,1,1,0,X,USDX\n", "“USDX” is not a currency code"),
        (b'Date,Account,Debit,Credit,Reference\n2026-01-02,"1\n0",1,0,X\nx,1,0,1,X\n', "Line 4: x is not a date"),
        (
            b'Date,Account,Debit,Credit,Reference\n2026-01-02,1,1,0,X\n2026-01-02,"' + b"9" * 200_000,
            "Line 3: this is not",
        ),
    ],
)
def test_a_report_that_cannot_be_read_changes_nothing(books, content, words) -> None:
    connection = books("journal_entries")
    archive.upload_report(
        connection, Kind.JOURNAL_ENTRY, b"Date,Account,Debit,Credit,Reference\n2026-01-02,1000,1,0,X\n", user=None
    )
    with pytest.raises(UnreadableReport, match=words):
        archive.upload_report(connection, Kind.JOURNAL_ENTRY, content, user=None)
    assert connection.reported.count() == 1


@pytest.mark.parametrize(
    "day",
    ["2026-01-02", "2026-01-02T00:00:00", "2026-01-02T00:00:00.000Z", "2026-01-02 12:00 AM", "2026-01-02T00:00+01:00"],
)
def test_a_day_may_come_with_its_midnight(books, day: str) -> None:
    connection = books("journal_entries")
    content = f"Date,Account,Debit,Credit,Reference\n{day},1000,-0,0,X\n".encode()
    archive.upload_report(connection, Kind.JOURNAL_ENTRY, content, user=None)
    [taken] = connection.reported.all()
    assert (taken.date, taken.postings) == (date(2026, 1, 2), [["1000", "0"]])


def test_a_file_of_another_kind_is_refused(books) -> None:
    connection = books("documents", payments=True)
    a_busy_month()
    drain(connection.pk, until_empty=True, seconds=30)
    invoices = file_of(archive.make_files(connection, user=None), "invoice")
    with pytest.raises(UnreadableReport, match="of the kind “invoice”, but you said that the file lists"):
        archive.upload_report(connection, Kind.PAYMENT, invoices, user=None)
    assert connection.reported.count() == 0


def file_of(made: ExportFile, kind: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(bytes(made.content))) as zipped:
        return next(zipped.read(name) for name in zipped.namelist() if name.endswith(f"_{kind}.csv"))


def as_the_erp_writes(content: bytes, names: dict[str, str]) -> bytes:
    """An export that knows its own numbers and names only: no reference of ours, customers by name, amounts with commas."""
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["Number", "Date", "Customer", "Currency", "Total", "Tax"])
    for number, row in {(row.get("Number") or row["Reference"]): row for row in rows}.items():
        total = f"{Decimal(row['Total']):,.2f}"
        writer.writerow([number, row["Date"], names[row["Customer"]], "", total, row.get("Tax", "0.00")])
    return text.getvalue().encode()


def test_the_erps_own_export_is_compared_by_number_and_name(books) -> None:
    connection = books("documents")
    a_busy_month()
    drain(connection.pk, until_empty=True, seconds=30)
    made = archive.make_files(connection, user=None)
    names = {row["Reference"]: row["Name"] for row in sheets(made)[next(n for n in sheets(made) if "customer" in n)]}
    for kind in (Kind.INVOICE, Kind.CREDIT_NOTE):
        archive.upload_report(connection, kind, as_the_erp_writes(file_of(made, kind.value), names), user=None)
    _, findings = reconcile(connection, through=JANUARY)
    # What is void here was imported with its total, and its void is a row of its own file: the export still shows it.
    assert causes(findings) == {"in import files that are not marked as imported", "balances differ"}
    archive.mark_imported(made, user=None)
    for kind in (Kind.INVOICE, Kind.CREDIT_NOTE):
        archive.upload_report(connection, kind, as_the_erp_writes(file_of(made, kind.value), names), user=None)
    _, findings = reconcile(connection, through=JANUARY)
    void = next(each for each in findings.differences if each["kind"] == "invoice")
    assert (void["ours"], void["detail"], void["cause"]) == ("0.00", "The total differs.", "changed in the ERP")


def causes(findings: Any) -> set[str]:
    return {each["cause"] for each in findings.differences}


def test_until_the_erps_export_shows_a_document_the_cause_says_how_far_it_came(books) -> None:
    connection = books("documents")
    a_month(customers=1)
    drain(connection.pk, until_empty=True, seconds=30)

    def cause() -> set[str]:
        return causes(reconcile(connection, through=JANUARY)[1]) - {"balances differ"}

    assert cause() == {"waits for the next import files"}
    made = archive.make_files(connection, user=None)
    assert cause() == {"in import files that are not marked as imported"}
    archive.upload_report(
        connection, Kind.INVOICE, b"Reference,Date,Total\n", user=None
    )  # From before they are imported.
    archive.mark_imported(made, user=None)
    with pytest.raises(ValueError, match="imported already"):
        archive.mark_imported(made, user=None)
    assert cause() == {"no export was uploaded since it was imported"}
    archive.upload_report(connection, Kind.INVOICE, b"Reference,Date,Total\n", user=None)
    assert cause() == {"not in the ERP's export"}
    archive.upload_report(connection, Kind.INVOICE, file_of(made, "invoice"), user=None)
    assert reconcile(connection, through=JANUARY)[1].differences == []
    assert ReportUpload.objects.get().document_count == 1
    archive.mark_not_imported(made)
    made.refresh_from_db()
    assert made.imported_at is None


def test_what_the_erp_did_not_import_is_put_into_the_next_files(books) -> None:
    connection = books("documents")
    a_month(customers=2)
    drain(connection.pk, until_empty=True, seconds=30)
    made = archive.make_files(connection, user=None)
    item = OutboxItem.objects.filter(kind="invoice").first()
    with pytest.raises(adopting.CannotDecide, match="not marked as imported"):
        adopting.send_anew(item)
    archive.mark_imported(made, user=None)
    with pytest.raises(adopting.CannotDecide, match="No export of the ERP was uploaded since"):
        adopting.send_anew(item)
    reference = ExportedDocument.objects.filter(kind="invoice").order_by("id")[0].reference
    other = [row for row in file_of(made, "invoice").splitlines() if reference.encode() not in row]
    archive.upload_report(connection, Kind.INVOICE, b"\n".join(other), user=None)
    adopting.send_anew(item)
    drain(connection.pk, until_empty=True, seconds=30)
    ((name, rows),) = sheets(archive.make_files(connection, user=None)).items()
    assert name.endswith("_invoice.csv")
    assert {row["Reference"] for row in rows} == {reference}


@pytest.mark.parametrize("mode", ["journal_entries", "documents"])
def test_by_command_from_making_the_company_to_books_that_agree(capsys, tmp_path: Path, mode: str) -> None:
    def run(name: str, *arguments: str) -> dict[str, Any]:
        call_command(name, *arguments, "--json")
        return json.loads(capsys.readouterr().out)

    payments = ["--payments"] if mode == "documents" else []
    create = ("create_tenant", "globex", "--currency", "USD", "--erp", "csv_export", "--mode", mode, *payments)
    made = run(*create)
    assert (made["status"], made["to_do"]) == ("connected", [])
    assert run(*create)["to_do"] == []
    of = ("--tenant", "globex")
    with tenant_scope(Tenant.objects.get(slug="globex").pk):
        a_month(customers=2)
    run("run_billing", *of, "--through", "2026-02-28", "--finalize")
    run("recognize_revenue", *of, "--through", "2026-02-28")
    sent = run("sync_erp", *of)
    assert (sent["parked"], sent["waiting"]) == (0, 0)
    path = tmp_path / "files.zip"
    files = run("erp_files", *of, "--out", str(path))
    assert files["documents"] == sent["delivered"]
    assert run("erp_files", *of, "--out", str(tmp_path / "none.zip")) == {"documents": 0}
    with pytest.raises(SystemExit):  # Nothing was imported yet.
        run("reconcile_erp", *of, "--through", "2026-02-28")
    capsys.readouterr()
    run("erp_files", *of, "--imported", str(files["files"]))
    kind = "journal_entry" if mode == "journal_entries" else "invoice"
    with zipfile.ZipFile(path) as zipped:
        export = tmp_path / "export.csv"
        export.write_bytes(next(zipped.read(name) for name in zipped.namelist() if name.endswith(f"_{kind}.csv")))
    assert run("erp_files", *of, "--export", kind, str(export)) == {
        "read": {kind: {"journal_entry": 8, "invoice": 4}[kind]}
    }
    assert run("reconcile_erp", *of, "--through", "2026-02-28")["differences"] == []


def test_files_that_cannot_be_written_stay_for_the_next_time(books, tenant, tmp_path: Path) -> None:
    connection = books("journal_entries")
    a_month(customers=1)
    drain(connection.pk, until_empty=True, seconds=30)
    there = tmp_path / "files.zip"
    there.write_bytes(b"another")
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("erp_files", "--tenant", tenant.slug, "--out", str(there))
    assert (there.read_bytes(), ExportFile.objects.count()) == (b"another", 0)
    with pytest.raises(CommandError, match=r"“invoice” is not compared here. An export lists: journal_entry"):
        call_command("erp_files", "--tenant", tenant.slug, "--export", "invoice", str(there))


def test_files_have_no_address(capsys) -> None:
    with pytest.raises(CommandError, match="have no address"):
        call_command(
            "create_tenant",
            "globex",
            "--currency",
            "USD",
            "--erp",
            "csv_export",
            "--mode",
            "documents",
            "--erp-url",
            "http://x",
        )
    assert not Tenant.objects.filter(slug="globex").exists()


def test_our_accounts_go_to_the_chart_that_was_uploaded(entity) -> None:
    made, _ = setup.create_connection(business_entity=entity, erp="csv_export", mode="journal_entries")
    setup.connect_files(made)
    archive.upload_accounts(made, b"Number,Name,Type\n9000,Marketing,expenses\n")
    account = Account.objects.create(
        business_entity=entity, code="7777", name="Marketing", category="expenses", normal_balance="debit"
    )
    setup.connect_files(made)
    assert Mapping.objects.get(kind="account", internal_id=account.pk).external_id == "9000"
