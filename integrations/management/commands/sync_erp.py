from typing import Any

from billing.management.base import TenantCommand
from billing.models import Tenant
from billing.tenancy import tenant_scope
from integrations.delivery import DrainResult, drain
from integrations.models import Connection, ConnectionStatus


class Command(TenantCommand):
    help = (
        "Deliver what the outbox holds, until it is empty or everything left is parked or waits for a later try. "
        "Without --tenant: for all of them. Safe to run again, and beside other workers."
    )
    tenant_required = False

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        tenant_ids = [tenant.pk] if tenant else list(Tenant.objects.values_list("id", flat=True))
        result = DrainResult()
        for tenant_id in tenant_ids:
            with tenant_scope(tenant_id):
                for connection in Connection.objects.exclude(status=ConnectionStatus.DISABLED).order_by("id"):
                    result += self._drain(connection)
        return {
            "delivered": result.delivered,
            "parked": result.parked,
            "waiting": result.waiting,
            "calls": result.calls,
        }

    def _drain(self, connection: Connection) -> DrainResult:
        if connection.status != ConnectionStatus.CONNECTED:
            self.stderr.write(f"{connection}: {connection.get_status_display()}. {connection.status_reason}".strip())
        return drain(connection.pk, until_empty=True, progress=self.progress)
