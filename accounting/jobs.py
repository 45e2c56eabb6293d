"""Accounting's long work, as jobs: the recognition run."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from accounting.books import BooksNotSetUp
from accounting.defaults import RoleWithoutAccount
from accounting.recognition import recognize_revenue
from billing.money import format_money
from billing.refusals import add_refusal
from billing.services.jobs import JobKind, JobResult, Progress, register


def _recognize(parameters: Mapping[str, Any], progress: Progress) -> JobResult:
    run = recognize_revenue(through=date.fromisoformat(parameters["through"]), on_progress=progress)
    if not run.entries:
        return JobResult("Nothing was left to recognize by that date.")
    totals = ", ".join(format_money(total, currency) for currency, total in sorted(run.total.items()))
    return JobResult(f"{run.entries:,} entries posted: {totals} of revenue.")


register(JobKind("recognize_revenue", "Revenue recognition", _recognize))
add_refusal(RoleWithoutAccount)
add_refusal(BooksNotSetUp)
