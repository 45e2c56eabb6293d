from typing import Any

from django.db import connection as database
from django.db import transaction

from billing.management.base import TenantCommand
from billing.models import Tenant
from billing.tenancy import tenant_scope
from integrations import vault
from integrations.models import Connection


class Command(TenantCommand):
    help = (
        "Encrypt the stored credentials with the newest vault key (the first of COUNTERFOIL_VAULT_KEYS). Afterwards the "
        "older keys can be removed. Safe to run again. Without --tenant: for all of them."
    )
    tenant_required = False

    def run(self, *, tenant: Tenant | None, **options: Any) -> dict[str, Any]:
        tenant_ids = [tenant.pk] if tenant else list(Tenant.objects.values_list("id", flat=True))
        rotated = 0
        for tenant_id in tenant_ids:
            with tenant_scope(tenant_id), transaction.atomic():
                rotated += _rotate()
        return {"rotated": rotated}


def _rotate() -> int:
    """Rewrite the sealed text itself: what is encrypted never appears in clear here."""
    ids = list(Connection.objects.select_for_update(no_key=True).only("id").values_list("id", flat=True))
    with database.cursor() as cursor:
        cursor.execute("SELECT id, credentials FROM integrations_connection WHERE id = ANY(%s)", [ids])
        rows = [(pk, vault.rotate(sealed)) for pk, sealed in cursor.fetchall() if sealed]
        for pk, sealed in rows:
            cursor.execute("UPDATE integrations_connection SET credentials = %s WHERE id = %s", [sealed, pk])
    return len(rows)
