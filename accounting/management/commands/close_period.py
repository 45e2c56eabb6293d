from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounting.closing import close_checked, dry_run
from accounting.models import AccountingPeriod
from accounting.periods import PeriodError, reopen_period
from billing.clock import today
from billing.management.base import TenantCommand, iso_date
from billing.models import BusinessEntity, Tenant
from billing.periods import first_of_month
from billing.services.customers import only_entity


class Command(TenantCommand):
    help = "Check a month and close it. --dry-run only checks (exit code 1 when something blocks); --reopen opens it again."

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--month", type=iso_date, required=True, metavar="DATE", help="any day of the month")
        parser.add_argument("--entity", metavar="CODE", help="the business entity; needed where there are several")
        parser.add_argument("--dry-run", action="store_true", help="show the check list and change nothing")
        parser.add_argument(
            "--reopen", metavar="REASON", help="open the closed month again; the reason stays on record"
        )

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        period = _find(options["month"], options["entity"])
        if options["reopen"] is not None:
            reopen_period(period_id=period.pk, reason=options["reopen"], at=timezone.now())
            return {"period": str(period), "status": "open"}
        day = today(period.business_entity)
        if options["dry_run"]:
            outcome = dry_run(period, today=day)
            return {
                "period": str(period),
                "through": period.end - timedelta(days=1),
                "can_close": outcome.can_close,
                "checks": [{check.result: f"{check.label}: {check.message}"} for check in outcome.checks],
                "exit_code": 0 if outcome.can_close else 1,
            }
        closed = close_checked(period_id=period.pk, at=timezone.now(), today=day)
        assert closed.seal is not None
        return {"period": str(closed), "status": "closed", "entries": closed.seal.entries, "digest": closed.seal.digest}


def _find(month: Any, code: str | None) -> AccountingPeriod:
    entity = BusinessEntity.objects.filter(code=code).first() if code else only_entity()
    if entity is None:
        raise PeriodError(f"There is no business entity “{code}”.")
    periods = AccountingPeriod.objects.select_related("business_entity")
    period = periods.filter(business_entity=entity, start=first_of_month(month)).first()
    if period is None:
        raise PeriodError(f"Nothing is posted in {month:%B %Y}; there is nothing to close.")
    return period
