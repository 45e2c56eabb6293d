"""What each sync mode sends, and to which connection.

`journal_entries`: one item per posted entry, nothing else (with `ar_customer` "each" also the customers that the
receivable lines name). `documents`: customers, products, invoices, voids and credit notes; payments only when switched
on; never entries. Neither ever sends contracts.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from billing.tenancy import current_tenant_id
from integrations.models import Connection, ConnectionStatus, SyncMode

_KEPT = 200
_kept: "OrderedDict[int, tuple[int, dict[int | None, Target]]]" = OrderedDict()


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


def targets(business_entity_ids: Iterable[int], *, stamp: int) -> dict[int, Target]:
    """Give, by business entity, the connection its books go to: its own, else the one for all entities.

    `stamp` is the books' (a trigger moves it with every change of a connection): what was read under it still holds.
    """
    tenant_id = current_tenant_id()
    kept = _kept.get(tenant_id)
    if kept is None or kept[0] != stamp:
        kept = _kept[tenant_id] = (stamp, _read())
        if len(_kept) > _KEPT:
            _kept.popitem(last=False)
    found = kept[1]
    chosen = {entity_id: found.get(entity_id) or found.get(None) for entity_id in set(business_entity_ids)}
    return {entity_id: target for entity_id, target in chosen.items() if target}


def _read() -> dict[int | None, Target]:
    connections = Connection.objects.exclude(status=ConnectionStatus.DISABLED)
    return {
        each.business_entity_id: Target(
            each.tenant_id, each.pk, each.sync_mode, each.send_payments, each.option("ar_customer", "") == "each"
        )
        for each in connections
    }
