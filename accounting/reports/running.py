"""Run a report: read what is asked, see the books as of one moment, and keep them in view until the last row is written."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO, Any

from django.db import connection, transaction

from accounting.balances import keep_summed
from accounting.reports.asked import Asked, read
from accounting.reports.catalog import ReportKind
from accounting.reports.rendering import csv, pdf, xlsx
from accounting.reports.rendering.pdf import TooLong
from accounting.reports.structure import Report
from billing.tenancy import current_tenant_id, tenant_scope

FORMATS = {"csv": csv.CONTENT_TYPE, "xlsx": xlsx.CONTENT_TYPE, "pdf": pdf.CONTENT_TYPE}
_CHUNK = 64 * 1024
_WRITERS: dict[str, Callable[[Report, IO[bytes]], None]] = {"xlsx": xlsx.write_xlsx, "pdf": pdf.write_pdf}


@contextmanager
def one_moment() -> Iterator[None]:
    """See the books as they are at one moment: rows and totals agree, whatever is posted meanwhile."""
    outermost = not connection.in_atomic_block
    if outermost:
        keep_summed()
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def build(kind: ReportKind, data: Mapping[str, Any]) -> tuple[Asked, Report]:
    """Build a report from parameters as they stand in an address. Raises Mistakes."""
    asked = read(kind.parameters, data)
    return asked, kind.build(asked)


def export(kind: ReportKind, data: Mapping[str, Any], form: str) -> tuple[str, Iterator[bytes]]:
    """Give a file's name and its content, part by part. Raises Mistakes, TooLong.

    CSV is written while the rows are read, and a workbook into a file on disk, so neither needs memory. The content may
    be read after the request's scope has been left: it enters the company's scope again by itself.
    """
    with one_moment():
        asked, report = build(kind, data)
        if form != "csv":
            return _name(kind, asked, form), _written(report, form)
    return _name(kind, asked, form), _streamed(kind, dict(data), current_tenant_id())


def _written(report: Report, form: str) -> Iterator[bytes]:
    rows = sum(len(table.rows) for table in report.tables)
    if form == "xlsx" and rows > xlsx.MOST_ROWS:
        raise TooLong(f"This report has {rows:,} rows, more than a workbook takes. Choose fewer days, or CSV.")
    file = TemporaryFile()  # noqa: SIM115 - closed by whoever reads it to the end
    try:
        _WRITERS[form](report, file)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return _read(file)


def _read(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while part := file.read(_CHUNK):
            yield part


def _streamed(kind: ReportKind, data: Mapping[str, Any], tenant_id: int) -> Iterator[bytes]:
    with tenant_scope(tenant_id), one_moment():
        _, report = build(kind, data)
        yield from csv.csv_parts(report)


def _name(kind: ReportKind, asked: Asked, form: str) -> str:
    days = [str(each) for each in sorted(asked[name] for name in ("from", "at", "to") if asked[name])]
    return "-".join([kind.code, asked.entity.code, *days]) + f".{form}"
