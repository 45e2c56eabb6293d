"""What the clock does for every company in turn, so that trouble with one holds up none of the others."""

import logging
from collections.abc import Callable

from billing.models import Tenant
from billing.tenancy import tenant_scope

_log = logging.getLogger(__name__)


def in_every_tenant(work: Callable[[], None]) -> None:
    """Do some work in the scope of each tenant. What fails is logged; when all had their turn, the first failure is raised."""
    failures: list[Exception] = []
    for tenant_id, slug in Tenant.objects.values_list("id", "slug"):
        try:
            with tenant_scope(tenant_id):
                work()
        except Exception as error:  # noqa: BLE001
            _log.exception("%s failed for %s; the other companies have their turn.", work.__name__, slug)
            failures.append(error)
    if failures:
        raise failures[0]
