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
