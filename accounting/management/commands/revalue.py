from argparse import ArgumentParser
from typing import Any

from accounting.currency.revaluation import revalue
from billing.management.base import TenantCommand, iso_date
from billing.models import Tenant
from billing.money import amount_text


class Command(TenantCommand):
    help = (
        "Bring open foreign balances to the rate of a month's last day, and back on the day after. Run again it posts the "
        "difference only."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--through", type=iso_date, required=True, metavar="DATE", help="the last day of a month")

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        run = revalue(at=options["through"])
        gains = {currency: amount_text(total, currency) for currency, total in run.total.items()}
        return {"through": options["through"], "balances": run.balances, "unrealized_gain": gains}
