from typing import Any

from accounting.manual_entries import post_scheduled
from billing.clock import today
from billing.management.base import TenantCommand, iso_date
from billing.models import BusinessEntity, Tenant


class Command(TenantCommand):
    help = (
        "Post the manual entries that repeat and reverse by themselves, up to a day (today). The clock does it hourly."
    )

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--through", type=iso_date, metavar="DATE", help="the last day; today when left out")

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        repeated = reversed_ = 0
        refused: list[str] = []
        for entity in BusinessEntity.objects.order_by("code"):
            run = post_scheduled(business_entity_id=entity.pk, through=options["through"] or today(entity))
            repeated, reversed_ = repeated + run.repeated, reversed_ + run.reversed
            refused += run.refused
        return {"repeated": repeated, "reversed": reversed_, "refused": refused, "exit_code": 1 if refused else 0}
