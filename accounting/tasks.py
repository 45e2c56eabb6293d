"""What the clock asks of accounting. Each may be lost, late or doubled without harm."""

import logging

from accounting.balances import sum_up
from accounting.manual_entries import post_scheduled
from billing.clock import today
from billing.models import BusinessEntity, Tenant
from billing.tenancy import tenant_scope

_log = logging.getLogger(__name__)


def sum_up_all() -> int:
    """Add what was posted to the daily balances, for every company. Scheduled every minute; answers how many entries."""
    summed = 0
    for tenant_id in Tenant.objects.values_list("id", flat=True):
        with tenant_scope(tenant_id):
            summed += sum_up()
    return summed


def post_scheduled_all() -> int:
    """Post what repeats and reverses by itself and is due, for every company. Scheduled every hour; answers how many.

    What cannot be posted (an account is deactivated) is logged, and the close check list shows it as due.
    """
    posted = 0
    for tenant_id in Tenant.objects.values_list("id", flat=True):
        with tenant_scope(tenant_id):
            for entity in BusinessEntity.objects.order_by("pk"):
                run = post_scheduled(business_entity_id=entity.pk, through=today(entity))
                posted += run.repeated + run.reversed
                for refusal in run.refused:
                    _log.warning("A scheduled entry is not posted: %s", refusal)
    return posted
