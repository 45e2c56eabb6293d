"""The archive of a connection that is fed by files: what connectors put there, files out, the ERP's own export in."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction

from integrations.connectors.base import ErpDocument, ErpPosting, ErpRow
from integrations.counterparts import row_of
from integrations.documents import STAGES, Kind
from integrations.models import Connection, ErpRecord, ExportedDocument, ExportFile, RecordKind, ReportedDocument

_LARGEST = 50 * 1024 * 1024


class UnreadableReport(ValueError):
    """An uploaded file cannot be used; nothing was changed."""


class Archive:
    """See `connectors.base.Archive`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, kind: Kind, bodies: Mapping[str, str]) -> None:
        """Keep documents for the next file."""
        ExportedDocument.objects.bulk_create(
            [
                ExportedDocument(
                    tenant_id=self._connection.tenant_id,
                    connection=self._connection,
                    kind=kind.value,
                    reference=reference,
                    rows=json.loads(body),
                )
                for reference, body in bodies.items()
            ],
            ignore_conflicts=True,
        )

    def held(self, kind: Kind, references: Sequence[str]) -> set[str]:
        """Give those references that are kept already."""
        rows = ExportedDocument.objects.filter(connection=self._connection, kind=kind.value, reference__in=references)
        return set(rows.values_list("reference", flat=True))

    def rows(self) -> list[ErpRow]:
        """Give the lists as they were uploaded or made."""
        return [row_of(each) for each in ErpRecord.objects.filter(connection=self._connection)]

    def reported(self, kind: Kind, *, through: date, since: date | None) -> Iterator[ErpDocument]:
        """Give what the ERP's export said it holds."""
        rows = ReportedDocument.objects.filter(connection=self._connection, kind=kind.value, date__lte=through)
        for each in (rows.filter(date__gte=since) if since else rows).iterator(chunk_size=1000):
            postings = tuple(ErpPosting(account, Decimal(amount)) for account, amount in each.postings)
            yield ErpDocument(
                kind=kind.value,
                external_id=each.external_id,
                reference=each.reference,
                number=each.number,
                date=each.date.isoformat(),
                currency=each.currency,
                customer=each.customer,
                account=each.account,
                total=each.total,
                tax=each.tax,
                postings=postings,
            )


@transaction.atomic
def make_files(connection: Connection, *, user: Any) -> ExportFile | None:
    """Put everything that is in no file yet into one ZIP of CSV files; None when there is nothing new."""
    waiting = list(ExportedDocument.objects.select_for_update().filter(connection=connection, file=None).order_by("id"))
    if not waiting:
        return None
    content = _zip(waiting)
    made = ExportFile.objects.create(
        connection=connection,
        made_by=user,
        document_count=len(waiting),
        digest=hashlib.sha256(content).hexdigest(),
        content=content,
    )
    ExportedDocument.objects.filter(id__in=[each.pk for each in waiting]).update(file=made)
    return made


def _zip(documents: Sequence[ExportedDocument]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        # Numbered in the order in which they have to be imported.
        for number, kind in enumerate(sorted(Kind, key=lambda each: STAGES[each]), start=1):
            rows = [row for each in documents if each.kind == kind for row in each.rows]
            if rows:
                archive.writestr(f"{number:02d}_{kind.value}.csv", _csv(rows))
    return buffer.getvalue()


def _csv(rows: Sequence[Mapping[str, str]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@transaction.atomic
def upload_accounts(connection: Connection, content: bytes) -> int:
    """Read the ERP's chart: columns Number, Name and, if there is one, Type (one of our categories). Give how many."""
    rows = _read(content, needed=("number", "name"))
    seen: set[str] = set()
    records = []
    for line, row in rows:
        number = row["number"]
        if not number or number in seen:
            raise UnreadableReport(f"Line {line}: every account needs a number of its own.")
        seen.add(number)
        records.append(
            ErpRecord(
                tenant_id=connection.tenant_id,
                connection=connection,
                kind=RecordKind.ACCOUNT,
                external_id=number[:50],
                number=number[:100],
                name=row["name"][:500],
                type=row.get("type", "").lower()[:100],
            )
        )
    ErpRecord.objects.bulk_create(
        records,
        update_conflicts=True,
        unique_fields=["connection", "kind", "external_id"],
        update_fields=["name", "number", "type"],
    )
    return len(records)


@transaction.atomic
def upload_report(connection: Connection, kind: Kind, content: bytes) -> int:
    """Take the ERP's export of one kind as what it holds now, in place of an earlier one; give how many documents.

    Journals: Reference (or Number), Date, Account, Debit, Credit, Currency, one row a line. Documents: Reference or Number,
    Date, Customer, Currency, Total, Tax. Raises UnreadableReport, and nothing is changed.
    """
    is_journal = kind is Kind.JOURNAL_ENTRY
    needed = ("date", "account", "debit", "credit") if is_journal else ("date", "total")
    documents: dict[str, ReportedDocument] = {}
    for line, row in _read(content, needed=needed):
        key = row.get("reference") or row.get("number") or ""
        if not key:
            raise UnreadableReport(f"Line {line}: there is neither a Reference nor a Number.")
        document = documents.get(key)
        if document is None:
            document = documents[key] = ReportedDocument(
                tenant_id=connection.tenant_id,
                connection=connection,
                kind=kind.value,
                external_id=row.get("number") or key,
                reference=row.get("reference", ""),
                number=row.get("number") or key,
                date=_day(row["date"], line),
                currency=row.get("currency", "").upper()[:3],
                customer=row.get("customer", ""),
                account=row.get("account", "") if not is_journal else "",
                total=_number(row.get("total", ""), line),
                tax=_number(row.get("tax", ""), line),
            )
        if is_journal:
            amount = _number(row["debit"], line) - _number(row["credit"], line)
            document.postings.append([row["account"], str(amount)])
    ReportedDocument.objects.filter(connection=connection, kind=kind.value).delete()
    ReportedDocument.objects.bulk_create(documents.values(), batch_size=1000)
    return len(documents)


def _read(content: bytes, *, needed: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    if len(content) > _LARGEST:
        raise UnreadableReport("The file is larger than 50 MB. Upload a shorter period.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableReport("The file is not UTF-8 text. Save it as CSV in UTF-8, then upload it again.") from error
    try:
        rows = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise UnreadableReport(f"The file is not a CSV file: {error}.") from error
    head = [name.strip().lower() for name in rows[0]] if rows else []
    lacking = [name for name in needed if name not in head]
    if lacking:
        raise UnreadableReport(f"The first line must name the columns; missing: {', '.join(lacking)}.")
    return [
        (number, {name: value.strip() for name, value in zip(head, row, strict=False)})
        for number, row in enumerate(rows[1:], start=2)
        if any(value.strip() for value in row)
    ]


def _day(text: str, line: int) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise UnreadableReport(f"Line {line}: {text} is not a date as YYYY-MM-DD.") from None


def _number(text: str, line: int) -> Decimal:
    try:
        value = Decimal(text.replace(",", "") or "0")
    except InvalidOperation:
        raise UnreadableReport(f"Line {line}: {text} is not a number.") from None
    if not value.is_finite():
        raise UnreadableReport(f"Line {line}: {text} is not a number.")
    return value
