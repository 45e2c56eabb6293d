from typing import Any

from django.db.models import Count

from billing.management.base import TenantCommand
from billing.models import Tenant
from billing.tenancy import tenant_scope
from integrations import outbox
from integrations.delivery import DrainResult, drain
from integrations.models import Connection, ConnectionStatus, OutboxItem, OutboxState

_SHOWN = 10


class Command(TenantCommand):
    help = (
        "Deliver what the outbox holds, until it is empty or everything left is parked or waits for a later try. "
        "Without --tenant: for all of them. Safe to run again, and beside other workers."
    )
    tenant_required = False

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--parked", action="store_true", help="also try again what was parked, after its reason was mended"
        )
        parser.add_argument(
            "--after-restore",
            action="store_true",
            help="look in the ERP for everything that waits before it is sent: it may have been delivered since the backup",
        )

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        tenant_ids = [tenant.pk] if tenant else list(Tenant.objects.values_list("id", flat=True))
        result = DrainResult()
        for tenant_id in tenant_ids:
            with tenant_scope(tenant_id):
                for connection in Connection.objects.exclude(status=ConnectionStatus.DISABLED).order_by("id"):
                    if options["after_restore"]:
                        outbox.look_first(connection.pk)
                    if options["parked"]:
                        parked = OutboxItem.objects.filter(connection=connection, state=OutboxState.PARKED)
                        outbox.send_again(list(parked.values_list("id", flat=True)))
                    result += self._drain(connection)
        return {
            "delivered": result.delivered,
            "parked": result.parked,
            "waiting": result.waiting,
            "calls": result.calls,
        }

    def _drain(self, connection: Connection) -> DrainResult:
        result = drain(connection.pk, until_empty=True, progress=self.progress)
        connection.refresh_from_db(fields=["status", "status_reason"])  # The sign-in may have ended only now.
        if connection.status != ConnectionStatus.CONNECTED:
            self.stderr.write(f"{connection}: {connection.get_status_display()}. {connection.status_reason}".strip())
        self._explain(connection)
        return result

    def _explain(self, connection: Connection) -> None:
        """Say in words what is parked, each reason once."""
        parked = OutboxItem.objects.filter(connection=connection, state=OutboxState.PARKED)
        reasons = parked.order_by().values_list("reason").annotate(items=Count("id")).order_by("-items", "reason")
        for words, items in reasons[:_SHOWN]:
            self.stderr.write(f"{connection}: {items:,} parked. {words}")
        if (more := reasons.count() - _SHOWN) > 0:
            self.stderr.write(f"{connection}: {more:,} more reasons; the outbox's page shows all.")
