"""What each sync mode sends, and to which connection: one query a batch.

`journal_entries`: one item per posted entry, nothing else (with `ar_customer` "each" also the customers that the
receivable lines name). `documents`: customers, products, invoices, voids and credit notes; payments only when switched
on; never entries. Neither ever sends contracts.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection as database

from billing.tenancy import current_tenant_id
from integrations.connectors import base
from integrations.documents import Kind
from integrations.models import SyncMode

# By hand: every finalized invoice asks this, and building it through the ORM took longer than running it.
_TARGETS = """
SELECT business_entity_id, tenant_id, id, sync_mode, send_payments, options ->> 'ar_customer', erp
  FROM integrations_connection
 WHERE tenant_id = %s AND status <> 'disabled' AND (business_entity_id = ANY(%s) OR business_entity_id IS NULL)
"""


@dataclass(frozen=True, slots=True)
class Target:
    """A connection as far as deciding what to send goes."""

    tenant_id: int
    connection_id: int
    sync_mode: str
    send_payments: bool
    customer_each: bool
    erp: str

    @property
    def takes_entries(self) -> bool:
        return self.sync_mode == SyncMode.JOURNAL_ENTRIES

    @property
    def takes_documents(self) -> bool:
        return self.sync_mode == SyncMode.DOCUMENTS

    @property
    def takes_payments(self) -> bool:
        return self.takes_documents and self.send_payments

    def takes(self, kind: Kind) -> bool:
        """Tell whether the ERP gets this kind as a document of its own."""
        return kind in base.get(self.erp).batch_size


def targets(business_entity_ids: Iterable[int]) -> dict[int, Target]:
    """Give, by business entity, the connection its books go to: its own, else the one for all entities."""
    wanted = set(business_entity_ids)
    with database.cursor() as cursor:
        cursor.execute(_TARGETS, [current_tenant_id(), list(wanted)])
        rows = cursor.fetchall()
    found: dict[int | None, Target] = {
        entity_id: Target(tenant_id, pk, mode, payments, customers == "each", erp)
        for entity_id, tenant_id, pk, mode, payments, customers, erp in rows
    }
    chosen = {entity_id: found.get(entity_id) or found.get(None) for entity_id in wanted}
    return {entity_id: target for entity_id, target in chosen.items() if target}
