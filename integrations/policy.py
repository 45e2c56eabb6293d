"""What each sync mode sends, and to which connection: one query a batch.

`journal_entries`: one item per posted entry, nothing else (with `ar_customer` "each" also the customers that the
receivable lines name). `documents`: customers, products, invoices, voids and credit notes; payments only when switched
on; never entries. Neither ever sends contracts.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from integrations.models import Connection, ConnectionStatus, SyncMode


@dataclass(frozen=True, slots=True)
class Target:
    """A connection as far as deciding what to send goes."""

    tenant_id: int
    connection_id: int
    sync_mode: str
    send_payments: bool
    customer_each: bool

    @property
    def takes_entries(self) -> bool:
        return self.sync_mode == SyncMode.JOURNAL_ENTRIES

    @property
    def takes_documents(self) -> bool:
        return self.sync_mode == SyncMode.DOCUMENTS

    @property
    def takes_payments(self) -> bool:
        return self.takes_documents and self.send_payments


def targets(business_entity_ids: Iterable[int]) -> dict[int, Target]:
    """Give, by business entity, the connection its books go to: its own, else the one for all entities."""
    wanted = set(business_entity_ids)
    rows = (
        Connection.objects.filter(Q(business_entity_id__in=wanted) | Q(business_entity_id=None))
        .exclude(status=ConnectionStatus.DISABLED)
        .values_list("tenant_id", "id", "sync_mode", "send_payments", "options", "business_entity_id")
    )
    found: dict[int | None, Target] = {
        entity_id: Target(tenant_id, pk, mode, payments, options.get("ar_customer") == "each")
        for tenant_id, pk, mode, payments, options, entity_id in rows
    }
    chosen = {entity_id: found.get(entity_id) or found.get(None) for entity_id in wanted}
    return {entity_id: target for entity_id, target in chosen.items() if target}
