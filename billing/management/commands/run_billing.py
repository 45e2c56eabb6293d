from typing import Any

from billing.management.base import TenantCommand, iso_date
from billing.models import Tenant
from billing.money import amount_text
from billing.services.billing_run import run_billing


class Command(TenantCommand):
    help = "Draft every invoice that is due by a date, and finalize them if asked to. Safe to run again."

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--through", type=iso_date, required=True, metavar="DATE", help="the last billing day")
        parser.add_argument("--finalize", action="store_true", help="also finalize the drafts")

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        run = run_billing(through=options["through"], finalize=options["finalize"], on_progress=self.progress)
        finalize = options["finalize"]
        totals = run.finalized_total if finalize else run.drafted_total
        return {
            "invoices": run.finalized if finalize else run.drafted,
            "total": {currency: amount_text(total, currency) for currency, total in totals.items()},
            "drafted": run.drafted,
            "finalized": run.finalized,
        }
