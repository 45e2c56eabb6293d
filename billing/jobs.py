"""Billing's long work, as jobs: the billing run, finalizing many drafts, the import of contracts."""

import base64
import tempfile
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing.errors import BillingError
from billing.importing.column_map import load_column_map
from billing.importing.contracts import import_contracts
from billing.models import Invoice, InvoiceStatus
from billing.money import format_money
from billing.printing.bundles import bundles
from billing.services.billing_run import finalize_what_is_draft, run_billing
from billing.services.jobs import JobKind, JobResult, Progress, register
from billing.wording import counted

_BATCH = 500
_SHOWN_ROWS = 200


def _run_billing(parameters: Mapping[str, Any], progress: Progress) -> JobResult:
    run = run_billing(
        through=date.fromisoformat(parameters["through"]), finalize=parameters["finalize"], on_progress=progress
    )
    words = f"{counted(run.drafted, 'invoice', 'invoices')} drafted{_totals(run.drafted_total)}."
    if parameters["finalize"]:
        words += f" {run.finalized:,} finalized{_totals(run.finalized_total)}."
    return JobResult(words if run.drafted or run.finalized else "Nothing was due: everything is billed by that date.")


def _finalize(parameters: Mapping[str, Any], progress: Progress) -> JobResult:
    wanted = Invoice.objects.filter(pk__in=parameters["invoices"], status=InvoiceStatus.DRAFT)
    ids = list(wanted.order_by("issued_on", "id").values_list("id", flat=True))
    totals: dict[str, Decimal] = {}
    count = 0
    for start in range(0, len(ids), _BATCH):
        for invoice in finalize_what_is_draft(ids[start : start + _BATCH]):
            totals[invoice.currency] = totals.get(invoice.currency, Decimal(0)) + invoice.total
            count += 1
        progress(min(start + _BATCH, len(ids)), len(ids))
    return JobResult(f"{counted(count, 'invoice', 'invoices')} finalized{_totals(totals)}.")


def _import(parameters: Mapping[str, Any], progress: Progress) -> JobResult:
    if "file_base64" not in parameters:
        raise BillingError("The file is no longer kept. Import it anew, as a new import.")
    with tempfile.TemporaryDirectory() as folder:
        data, columns = Path(folder, "contracts.csv"), Path(folder, "columns.toml")
        content = base64.b64decode(parameters["file_base64"])
        data.write_bytes(content)
        # A row with a line break in it counts twice: then it ends sooner than it says.
        lines = content.rstrip().count(b"\n")
        columns.write_bytes(base64.b64decode(parameters["columns_base64"]))
        result = import_contracts(
            path=data,
            columns=load_column_map(columns),
            business_entity=parameters.get("business_entity", ""),
            skip_bad_rows=parameters["skip_bad_rows"],
            on_progress=lambda done, _: progress(done, max(done, lines)),
        )
    details = tuple(f"Line {row.line}: {row.reason}" for row in result.rejected[:_SHOWN_ROWS])
    if len(result.rejected) > _SHOWN_ROWS:
        details += (f"… and {len(result.rejected) - _SHOWN_ROWS:,} more.",)
    if not result.imported:
        return JobResult(
            f"Nothing was imported: {len(result.rejected):,} rows are bad. Mend them, or import again and skip bad rows.",
            details,
        )
    words = f"{result.customers:,} customers, {result.products:,} products and {result.contracts:,} contracts imported"
    words += f", {result.unchanged:,} were there already" if result.unchanged else ""
    words += f", {len(result.rejected):,} bad rows skipped" if result.rejected else ""
    return JobResult(words + ".", details)


def _print(parameters: Mapping[str, Any], progress: Progress) -> JobResult:
    kind, ids = parameters["kind"], parameters["ids"]
    words = f"{counted(len(ids), 'document is', 'documents are')} drawn. Download below."
    return JobResult(words, files=bundles(kind, ids, progress))


def _totals(totals: Mapping[str, Decimal]) -> str:
    return "".join(f", {format_money(total, currency)}" for currency, total in sorted(totals.items()))


register(JobKind("run_billing", "Billing run", _run_billing))
register(JobKind("finalize_invoices", "Finalize invoices", _finalize))
register(JobKind("print_documents", "Documents as PDF", _print))
register(JobKind("import_contracts", "Import of contracts", _import))
