from typing import Any

from accounting.balances import rebuild
from billing.management.base import TenantCommand
from billing.models import Tenant


class Command(TenantCommand):
    help = "Make the daily balances anew from all journal lines; needed only when check_ledger says that they differ."

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        return {"daily_balances": rebuild()}
