from typing import Any

from accounting.recognition import recognize_revenue
from billing.management.base import TenantCommand, iso_date
from billing.models import Tenant


class Command(TenantCommand):
    help = "Post the revenue earned up to and including a date. Run again it posts the difference only."

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--through", type=iso_date, required=True, metavar="DATE", help="the last day of service")

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        run = recognize_revenue(through=options["through"], on_progress=self.progress)
        return {"entries": run.entries, "total": dict(run.total)}
