"""Books that are fed by files: the same outbox, files that hold each document once, and a proof by re-import."""

import csv
import io
import zipfile
from decimal import Decimal

import pytest

from integrations import archive, mapping, setup, sign_in
from integrations.archive import UnreadableReport
from integrations.delivery import drain
from integrations.documents import Kind
from integrations.models import Connection, ExportFile
from integrations.reconciliation import reconcile
from tests.integrations.test_every_kind import a_busy_month
from tests.integrations.world import JANUARY

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def books(entity):
    def open_books(mode: str, *, payments: bool = False) -> Connection:
        made, _ = setup.create_connection(business_entity=entity, erp="csv_export", mode=mode, send_payments=payments)
        connection = sign_in.connect(made)
        mapping.import_lists(connection)
        mapping.create_missing(connection)
        mapping.suggest(connection)
        mapping.confirm(connection)
        return connection

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
    assert archive.upload_report(connection, Kind.JOURNAL_ENTRY, content) == 17
    _, findings = reconcile(connection, through=JANUARY)
    assert findings.differences == []

    changed = content.replace(b"10.01", b"10.02", 1)
    archive.upload_report(connection, Kind.JOURNAL_ENTRY, changed)
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
    ],
)
def test_a_report_that_cannot_be_read_changes_nothing(books, content, words) -> None:
    connection = books("journal_entries")
    archive.upload_report(
        connection, Kind.JOURNAL_ENTRY, b"Date,Account,Debit,Credit,Reference\n2026-01-02,1000,1,0,X\n"
    )
    with pytest.raises(UnreadableReport, match=words):
        archive.upload_report(connection, Kind.JOURNAL_ENTRY, content)
    assert connection.reported.count() == 1


def test_a_file_of_another_kind_is_refused(books) -> None:
    connection = books("documents", payments=True)
    a_busy_month()
    drain(connection.pk, until_empty=True, seconds=30)
    invoices = file_of(archive.make_files(connection, user=None), "invoice")
    with pytest.raises(UnreadableReport, match="of the kind “invoice”, but you said that the file lists"):
        archive.upload_report(connection, Kind.PAYMENT, invoices)
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
        archive.upload_report(connection, kind, as_the_erp_writes(file_of(made, kind.value), names))
    _, findings = reconcile(connection, through=JANUARY)
    # What is void here was imported with its total, and its void is a row of its own file: the export still shows it.
    assert {(each["kind"], each["cause"]) for each in findings.differences} == {
        ("invoice", "changed in the ERP"),
        ("account", "balances differ"),
    }
    void = next(each for each in findings.differences if each["kind"] == "invoice")
    assert (void["ours"], void["detail"]) == ("0.00", "The total differs.")
