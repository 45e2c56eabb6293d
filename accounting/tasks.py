"""What the clock asks of accounting. Each may be lost, late or doubled without harm."""

import logging

from accounting.balances import sum_up
from accounting.manual_entries import post_scheduled
from billing.clock import today
from billing.every_tenant import in_every_tenant
from billing.models import BusinessEntity

_log = logging.getLogger(__name__)


def sum_up_all() -> None:
    """Add what was posted to the daily balances, for every company. Scheduled every minute."""
    in_every_tenant(_sum_up)


def _sum_up() -> None:
    sum_up()


def post_scheduled_all() -> None:
    """Post what repeats and reverses by itself and is due, for every company. Scheduled every hour.

    What cannot be posted (an account is deactivated) is logged, and the close check list shows it as due.
    """
    in_every_tenant(_post_scheduled)


def _post_scheduled() -> None:
    for entity in BusinessEntity.objects.order_by("pk"):
        run = post_scheduled(business_entity_id=entity.pk, through=today(entity))
        for refusal in run.refused:
            _log.warning("A scheduled entry is not posted: %s", refusal)
