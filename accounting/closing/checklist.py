"""The close check list: named checks, each blocking or a warning, each with the page where what it finds is mended.

Other apps add theirs (`register`), such as what only the ERP's side knows; they are named by their module
`close_checks`, which is found by its name.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils.module_loading import autodiscover_modules

from accounting.models import AccountingPeriod, AccountingPolicy, PeriodStatus
from accounting.periods import PeriodError, close_period

_SHOWN = 10


class CloseRefused(PeriodError):
    """A blocking check found something; the text names it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found: how many, in words, the first few by name, and the query of the page where they are listed."""

    count: int
    message: str
    details: tuple[str, ...] = ()
    query: str = ""


@dataclass(frozen=True, slots=True)
class CloseCheck:
    """One line of the check list. `find` looks at a period and today's date; `page` is the admin's name of a page.

    `is_blocking` is the usual answer; the company's policy may differ, but where `is_fixed` says that sealing needs it.
    """

    code: str
    label: str
    find: Callable[[AccountingPeriod, date], Found]
    page: str
    is_blocking: bool = field(default=True, kw_only=True)
    is_fixed: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """A check's answer for one period. `url` is the address in the admin where a person mends it."""

    code: str
    label: str
    is_blocking: bool
    count: int
    message: str
    details: tuple[str, ...]
    url: str

    @property
    def passed(self) -> bool:
        return self.count == 0

    @property
    def result(self) -> str:
        if self.passed:
            return "passed"
        return "blocking" if self.is_blocking else "warning"


@dataclass(frozen=True, slots=True)
class CloseDryRun:
    """What closing a period would meet. Nothing was changed to find it out."""

    period: AccountingPeriod
    checks: list[CheckOutcome] = field(default_factory=list)

    @property
    def last_day(self) -> date:
        return last_day(self.period)

    @property
    def can_close(self) -> bool:
        return not self.blocking

    @property
    def blocking(self) -> list[CheckOutcome]:
        return [check for check in self.checks if check.is_blocking and not check.passed]

    @property
    def warnings(self) -> list[CheckOutcome]:
        return [check for check in self.checks if not check.is_blocking and not check.passed]


_checks: dict[str, CloseCheck] = {}


def register(*checks: CloseCheck) -> None:
    """Add checks to the list, in the order given. Called by the apps' modules `close_checks`."""
    for check in checks:
        _checks[check.code] = check


def close_checks() -> list[CloseCheck]:
    """Give the check list of all apps, in its order."""
    autodiscover_modules("close_checks")
    return list(_checks.values())


def dry_run(period: AccountingPeriod, *, today: date) -> CloseDryRun:
    """Run the check list for a period, as of a date in the entity's time zone; changes nothing."""
    chosen: dict[str, bool] = AccountingPolicy.objects.values_list("close_choices", flat=True).get()
    return CloseDryRun(
        period,
        [_outcome(check, period, today, chosen.get(check.code, check.is_blocking)) for check in close_checks()],
    )


def _outcome(check: CloseCheck, period: AccountingPeriod, today: date, is_blocking: bool) -> CheckOutcome:
    found = check.find(period, today)
    return CheckOutcome(
        code=check.code,
        label=check.label,
        is_blocking=is_blocking,
        count=found.count,
        message=found.message,
        details=found.details[:_SHOWN],
        url=reverse(f"admin:{check.page}") + (f"?{found.query}" if found.query else ""),
    )


@transaction.atomic
def close_checked(*, period_id: int, at: datetime, today: date, by: Any = None) -> AccountingPeriod:
    """Close a period when no blocking check finds anything; what the checks said is kept with the seal.

    Raises CloseRefused with what blocks it, PeriodError when an earlier month is open; then nothing has changed.
    """
    # Locked first: nothing can be posted between the checks and the seal.
    period = AccountingPeriod.objects.select_for_update(no_key=True).get(pk=period_id)
    if period.status == PeriodStatus.CLOSED:
        raise PeriodError(f"{period} is closed already.")
    outcome = dry_run(period, today=today)
    if outcome.blocking:
        reasons = " ".join(check.message for check in outcome.blocking)
        raise CloseRefused(f"{period} cannot be closed yet. {reasons}")
    checks = [
        {
            "code": check.code,
            "label": check.label,
            "result": check.result,
            "count": check.count,
            "message": check.message,
        }
        for check in outcome.checks
    ]
    return close_period(period_id=period_id, at=at, by=by, checks=checks)


def last_day(period: AccountingPeriod) -> date:
    """Give the last day that a period covers."""
    return period.end - timedelta(days=1)
