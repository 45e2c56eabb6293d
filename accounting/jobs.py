"""Accounting's long work, as jobs: the recognition run, revaluation, the netting of contracts, previews of rules."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from accounting.books import BooksNotSetUp
from accounting.currency.rates import MissingRate
from accounting.currency.revaluation import revaluation_words, revalue
from accounting.defaults import RoleWithoutAccount
from accounting.events import RevenueRecognized, UsageTruedUp
from accounting.netting import net_contracts
from accounting.previews import preview_version
from accounting.recognition import recognize_revenue
from accounting.unmatched import last_listed, waiting_since
from billing.money import format_money
from billing.refusals import add_refusal
from billing.services.jobs import JobKind, JobResult, Progress, register
from billing.tenancy import current_actor
from billing.wording import counted


def _recognize(parameters: Mapping[str, Any], progress: Progress) -> JobResult:
    listed = last_listed()
    run = recognize_revenue(through=date.fromisoformat(parameters["through"]), on_progress=progress)
    lapsed = f" {counted(run.expired, 'prepaid balance', 'prepaid balances')} expired." if run.expired else ""
    if not run.entries:
        return JobResult(f"Nothing was left to recognize by that date.{lapsed}")
    totals = ", ".join(format_money(total, currency) for currency, total in sorted(run.total.items()))
    if waiting := waiting_since(listed, kinds=(RevenueRecognized.kind, UsageTruedUp.kind)):
        events = counted(run.entries, "event", "events")
        return JobResult(
            f"{totals} of revenue is earned, in {events}. No rule spoke of {waiting:,} of them: nothing is posted for those, and "
            f"they wait on the list of unmatched events.{lapsed}"
        )
    return JobResult(f"{counted(run.entries, 'entry', 'entries')} posted: {totals} of revenue.{lapsed}")


def _net(parameters: Mapping[str, Any], progress: Progress) -> JobResult:
    run = net_contracts(at=date.fromisoformat(parameters["at"]))
    if not run.contracts:
        return JobResult("No contract had both deferred and unbilled revenue on that day.")
    totals = ", ".join(format_money(total, currency) for currency, total in sorted(run.total.items()))
    netted = counted(run.contracts, "contract", "contracts")
    return JobResult(f"{netted} netted: {totals}. The day after, their gross balances are back.")


def _revalue(parameters: Mapping[str, Any], progress: Progress) -> JobResult:
    return JobResult(revaluation_words(revalue(at=date.fromisoformat(parameters["through"]))))


def _preview(parameters: Mapping[str, Any], progress: Progress) -> JobResult:
    preview = preview_version(
        version_id=parameters["version"],
        first_day=date.fromisoformat(parameters["first_day"]),
        last_day=date.fromisoformat(parameters["last_day"]),
        at=timezone.now(),
        by=_person(),
        on_progress=progress,
    )
    words = (
        f"Of {preview.events:,} events {preview.changed_events:,} would have been posted otherwise. Nothing was posted."
    )
    return JobResult(words, about=("accounting.rulepreview", preview.pk))


def _person() -> Any:
    return get_user_model().objects.filter(pk=current_actor().user_id or 0).first()


register(JobKind("preview_rule", "Preview of a rule", _preview))
register(JobKind("revalue_balances", "Revaluation of foreign balances", _revalue))
register(JobKind("net_contracts", "Contract netting", _net))
register(JobKind("recognize_revenue", "Revenue recognition", _recognize))
add_refusal(MissingRate)
add_refusal(RoleWithoutAccount)
add_refusal(BooksNotSetUp)
