from decimal import Decimal
from typing import Any

from accounting.recognition import recognize_revenue
from billing.management.base import TenantCommand, iso_date
from billing.models import BusinessEntity, Tenant
from billing.money import amount_text


class Command(TenantCommand):
    help = "Post the revenue earned up to and including a date. Run again it posts the difference only."

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--through", type=iso_date, required=True, metavar="DATE", help="the last day of service")

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        run = recognize_revenue(through=options["through"], on_progress=self.progress)
        totals = {currency: amount_text(total, currency) for currency, total in run.total.items()}
        currencies = set(BusinessEntity.objects.values_list("base_currency", flat=True))
        # One figure where the company keeps its books in one currency; amounts of different currencies have no sum.
        only = currencies.pop() if len(currencies) == 1 else None
        total = totals.get(only, amount_text(Decimal(0), only)) if only else None
        return {"entries": run.entries, "expired": run.expired, "total": total, "currency": only, "totals": totals}
