"""The archive of a connection that is fed by files: what connectors put there, files out, the ERP's own export in."""

import csv
import hashlib
import io
import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from billing.fields import CURRENCIES
from billing.importing import plain
from billing.models import Customer
from integrations.connectors import base
from integrations.connectors.base import ErpDocument, ErpPosting, ErpRow
from integrations.counterparts import row_of
from integrations.documents import STAGES, Kind
from integrations.kinds import kind_sent
from integrations.models import (
    Connection,
    ErpRecord,
    ExportedDocument,
    ExportFile,
    MappingKind,
    RecordKind,
    ReportedDocument,
    ReportUpload,
    SyncMode,
)
from integrations.models import Mapping as MappingRow

_LARGEST = 50 * 1024 * 1024
_AMOUNT = re.compile(r"-?([0-9]{1,30}|[0-9]{1,3}(,[0-9]{3}){1,10})(\.[0-9]{1,30})?")
_TIME = re.compile("[T ][0-9:.]+( ?[AaPp][Mm])?(Z| ?[+-][0-9:]+)?$")  # some ERPs write a day with its midnight
_BEYOND, _DECIMALS = 10**15, 4  # what the columns of amounts hold
_TOLD = 60
_CURRENCIES = frozenset(dict(CURRENCIES))


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
    waiting = list(
        ExportedDocument.objects.select_for_update(no_key=True).filter(connection=connection, file=None).order_by("id")
    )
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


def contents_of(file: ExportFile) -> list[tuple[str, int, int]]:
    """Give the files of a set in the order of their import: name, documents, lines."""
    counts: dict[str, list[int]] = defaultdict(list)
    for kind, rows in ExportedDocument.objects.filter(file=file).values_list("kind", "rows"):
        counts[kind].append(len(rows))
    with zipfile.ZipFile(io.BytesIO(bytes(file.content))) as zipped:
        names = sorted(zipped.namelist())
    return [(name, len(counts[_kind_in(name)]), sum(counts[_kind_in(name)])) for name in names]


def _kind_in(name: str) -> str:
    return name.partition("_")[2].removesuffix(".csv")


def reported_kinds(connection: Connection) -> list[Kind]:
    """Give the kinds of which a reconciliation of this connection reads the ERP's export."""
    if connection.sync_mode == SyncMode.JOURNAL_ENTRIES:
        return [Kind.JOURNAL_ENTRY]
    kinds = [kind for kind in base.get(connection.erp).reads if kind is not Kind.JOURNAL_ENTRY]
    return [kind for kind in kinds if connection.send_payments or kind in (Kind.INVOICE, Kind.CREDIT_NOTE)]


@transaction.atomic
def mark_imported(file: ExportFile, *, user: Any) -> None:
    """Note that a person imported the files into the ERP. Raises ValueError where that was said before."""
    marked = ExportFile.objects.filter(pk=file.pk, imported_at=None).update(imported_at=Now(), imported_by=user)
    if not marked:
        raise ValueError("These files are marked as imported already.")


@transaction.atomic
def mark_not_imported(file: ExportFile) -> None:
    """Take the mark back: the files were not imported after all, or the ERP refused them."""
    ExportFile.objects.filter(pk=file.pk).update(imported_at=None, imported_by=None)


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
                external_id=_short(number, 50, "number", line),
                number=number,
                name=_short(row["name"], 500, "name", line),
                type=_short(row.get("type", ""), 100, "type", line).lower(),
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
def upload_report(connection: Connection, kind: Kind, content: bytes, *, user: Any) -> int:
    """Take the ERP's export of one kind as what it holds now, in place of an earlier one; give how many documents.

    Journals: Reference (or Number), Date, Account, Debit, Credit, Currency, one row a line. Documents: Reference or Number,
    Date, Customer (our reference, number or name), Currency, Total, Tax. A document without our reference is known by the
    number we gave it. Raises UnreadableReport, and nothing is changed.
    """
    is_journal = kind is Kind.JOURNAL_ENTRY
    needed = ("date", "account", "debit", "credit") if is_journal else ("date", "total")
    known = _Known(connection, kind)
    documents: dict[str, ReportedDocument] = {}
    first_line: dict[str, int] = {}
    for line, row in _read(content, needed=needed):
        number = _short(row.get("number", ""), 100, "number", line)
        key = _short(row.get("reference", ""), 50, "reference", line) or number
        if not key:
            raise UnreadableReport(f"Line {line}: there is neither a Reference nor a Number.")
        document = ReportedDocument(
            tenant_id=connection.tenant_id,
            connection=connection,
            kind=kind.value,
            external_id=number or key,
            reference=known.reference(row, line),
            number=number or key,
            date=_day(row["date"], line),
            currency=_currency(row.get("currency", ""), line),
            customer=known.customer(_short(row.get("customer", ""), 200, "customer", line)),
            account="" if is_journal else _short(row.get("account", ""), 50, "account", line),
            total=_number(row.get("total", ""), line),
            tax=_number(row.get("tax", ""), line),
        )
        first = documents.setdefault(key, document)
        for name in ("date", "currency", "customer", "total"):
            if getattr(first, name) != getattr(document, name):
                raise UnreadableReport(
                    f"Line {line}: {key} has another {name} than on line {first_line[key]}. Every document needs a "
                    "reference or number of its own."
                )
        first_line.setdefault(key, line)
        if is_journal:
            amount = _number(row["debit"], line) - _number(row["credit"], line)
            first.postings.append([row["account"], str(amount)])
    ReportedDocument.objects.filter(connection=connection, kind=kind.value).delete()
    ReportedDocument.objects.bulk_create(documents.values(), batch_size=1000)
    ReportUpload.objects.update_or_create(
        connection=connection,
        kind=kind.value,
        defaults={"by": user, "document_count": len(documents), "digest": hashlib.sha256(content).hexdigest()},
    )
    return len(documents)


class _Known:
    """What went out in files, to know our documents and customers again by what the ERP says of them."""

    def __init__(self, connection: Connection, kind: Kind) -> None:
        self._kind, self._prefix = kind, f"{connection.reference_prefix}-"
        sent = ExportedDocument.objects.filter(connection=connection, kind=kind.value).values_list("reference", "rows")
        self._by_number = {
            str(rows[0]["Number"]): reference for reference, rows in sent if rows and rows[0].get("Number")
        }
        mapped = MappingRow.objects.filter(connection=connection, kind=MappingKind.CUSTOMER)
        theirs = {pk: external for pk, external in mapped.values_list("internal_id", "external_id") if pk is not None}
        self._customers: dict[str, set[str]] = defaultdict(set)
        for customer in Customer.objects.filter(pk__in=theirs):
            for text in (customer.external_id, customer.name, theirs[customer.pk]):
                self._customers[text.casefold()].add(theirs[customer.pk])

    def reference(self, row: Mapping[str, str], line: int) -> str:
        """Give our reference of a document, empty for the ERP's own. Raises UnreadableReport for one of another kind."""
        number = row.get("number", "")
        found = row.get("reference", "") or self._by_number.get(number, "")
        if not found and number.startswith(self._prefix):
            found = number
        sent = kind_sent(found) if found.startswith(self._prefix) else None
        if sent not in (None, self._kind):
            raise UnreadableReport(
                f"Line {line}: {found} is one of our documents of the kind “{_words(sent)}”, but you said that the file lists "
                f"documents of the kind “{_words(self._kind)}”. Choose what it lists, or another file."
            )
        return found

    def customer(self, text: str) -> str:
        """Give the customer as our mapping names it, where the text names just one of ours."""
        found = self._customers.get(text.casefold(), set())
        return next(iter(found)) if len(found) == 1 else text


def _words(kind: Kind | None) -> str:
    return (kind or "").replace("_", " ")


def _read(content: bytes, *, needed: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    if len(content) > _LARGEST:
        raise UnreadableReport("The file is larger than 50 MB. Upload a shorter period.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableReport("The file is not UTF-8 text. Save it as CSV in UTF-8, then upload it again.") from error
    rows = list(_rows(text))
    head = [name.strip().lower() for name in rows[0][1]] if rows else []
    lacking = [name for name in needed if name not in head]
    if lacking:
        hint = " Its columns are separated by semicolons; save it with commas." if ";" in "".join(head) else ""
        raise UnreadableReport(f"The first line must name the columns; missing: {', '.join(lacking)}.{hint}")
    twice = sorted({name for name in head if name and head.count(name) > 1})
    if twice:
        raise UnreadableReport(f"The first line names a column twice: {', '.join(twice)}.")
    found = []
    for number, row in rows[1:]:
        if not any(value.strip() for value in row):
            continue
        if len(row) < len(head) or any(value.strip() for value in row[len(head) :]):
            raise UnreadableReport(
                f"Line {number} has {len(row)} values, but the first line names {len(head)} columns."
            )
        found.append((number, {name: value.strip() for name, value in zip(head, row, strict=False)}))
        for name, value in zip(head, row, strict=False):
            if unfit := plain.unfit(value):
                raise UnreadableReport(f"Line {number}: the {name} holds {unfit}.")
    return found


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Give each row with the line on which it begins; one row may go over several lines."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for row in reader:
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableReport(f"Line {line}: this is not CSV ({error}).") from error


def _short(text: str, longest: int, name: str, line: int) -> str:
    """Give a text that fits; a longer one would not be known again. Raises UnreadableReport."""
    if len(text) > longest:
        raise UnreadableReport(f"Line {line}: the {name} has {len(text):,} characters; {longest} are the most.")
    return text


def _currency(text: str, line: int) -> str:
    code = text.upper()
    if code and code not in _CURRENCIES:
        raise UnreadableReport(f"Line {line}: “{text[:_TOLD]}” is not a currency code such as USD.")
    return code


def _day(text: str, line: int) -> date:
    day = plain.day(_TIME.sub("", text))
    if day is None:
        raise UnreadableReport(f"Line {line}: {text[:_TOLD]} is not a date as YYYY-MM-DD.")
    return day


def _number(text: str, line: int) -> Decimal:
    """Read an amount with a decimal point, with or without commas between thousands; anything else could be misread."""
    if text and not _AMOUNT.fullmatch(text):
        raise UnreadableReport(
            f"Line {line}: {text[:_TOLD]} is not a number as 1234.56 or 1,234.56. Amounts have a point before the cents."
        )
    amount = Decimal(text.replace(",", "") or "0")
    if abs(amount) >= _BEYOND or amount != round(amount, _DECIMALS):
        raise UnreadableReport(
            f"Line {line}: {text[:_TOLD]} is not an amount of up to {_DECIMALS} decimals, below {_BEYOND:,}."
        )
    return amount or Decimal(0)  # -0 is zero
