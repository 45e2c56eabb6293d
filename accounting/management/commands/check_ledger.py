from typing import Any

from accounting.checks import check_ledger
from billing.management.base import TenantCommand
from billing.models import Tenant


class Command(TenantCommand):
    help = "Add everything up again, for one tenant or all; exit code 1 on any difference."
    tenant_required = False

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        outcomes = [check_ledger(each) for each in ([tenant] if tenant else Tenant.objects.all())]
        problems = [problem for outcome in outcomes for problem in outcome.problems]
        return {
            "ok": not problems,
            "entries": sum(outcome.entries for outcome in outcomes),
            "unmatched": sum(outcome.unmatched for outcome in outcomes),
            "problems": problems,
            "exit_code": 1 if problems else 0,
        }
