from typing import Any

from django.core.management.base import CommandError

from billing.management.base import TenantCommand, iso_date
from billing.models import Tenant
from integrations.connectors.base import DeliveryError
from integrations.models import Connection, ConnectionStatus
from integrations.reconciliation import reconcile


class Command(TenantCommand):
    help = "Compare our books with the ERP's up to a date, to the cent. Exit code 1 on any difference."

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--through", type=iso_date, required=True, metavar="DATE", help="the last day compared")

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        connections = Connection.objects.exclude(status=ConnectionStatus.DISABLED).order_by("id")
        if not connections:
            raise CommandError("This tenant has no ERP connection, so there is nothing to compare with.")
        compared, differences = 0, []
        for connection in connections:
            try:
                _, findings = reconcile(connection, through=options["through"])
            except DeliveryError as error:
                raise CommandError(error.words) from error
            compared += findings.compared
            differences += findings.differences
        return {"compared": compared, "differences": differences, "exit_code": 1 if differences else 0}
