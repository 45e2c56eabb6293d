"""What each connection gets, and how.

`journal_entries`: one item per posted entry (or a summary of a day's or month's), nothing else (with `ar_customer` "each"
also the customers that the receivable lines name). `documents`: customers, products, invoices, voids and credit notes;
payments and refunds only when switched on; never entries. Neither ever sends contracts.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from django.db import connection as database

from billing.tenancy import current_tenant_id
from integrations.connectors import base
from integrations.documents import Kind
from integrations.models import Connection, ConnectionStatus, SyncMode

_KEPT = 200
SWITCHING = "switching"  # The option of a connection whose mode is being switched (see `integrations.switching`).
SWITCHED_AT = "switched_at"  # The option that keeps the moment of the last switch.
_MODE = "SELECT sync_mode, send_payments FROM integrations_connection WHERE id = %s FOR SHARE"
_kept: "OrderedDict[int, tuple[int, dict[int | None, Target]]]" = OrderedDict()


class Unit(StrEnum):
    """How entries are sent: each by itself, or added up."""

    EACH = "each"
    DAY = "day"
    MONTH = "month"


def leaves_drafts(connection: Connection) -> bool:
    """Tell whether what is sent stays a draft there: by a person's choice, as far as the ERP has drafts in the mode."""
    return Policy.of(connection.options).draft and connection.sync_mode in base.get(connection.erp).drafts


class WhenLocked(StrEnum):
    """What becomes of a document whose date the ERP has locked."""

    HOLD = "hold"
    FIRST_OPEN = "first_open"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a person decided about a connection. Kept in its options; every default is the cautious one."""

    payments: Unit = Unit.EACH
    others: Unit = Unit.EACH
    draft: bool = False
    approval: bool = False
    start: date | None = None
    when_locked: WhenLocked = WhenLocked.ASK
    pull_payments: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Policy":
        """Read a connection's options."""
        start = options.get("start")
        return cls(
            payments=Unit(options.get("summarize_payments", Unit.EACH)),
            others=Unit(options.get("summarize_others", Unit.EACH)),
            draft=bool(options.get("draft", False)),
            approval=bool(options.get("approval", False)),
            start=date.fromisoformat(start) if start else None,
            when_locked=WhenLocked(options.get("when_locked", WhenLocked.ASK)),
            pull_payments=bool(options.get("pull_payments", False)),
        )

    def unit(self, event_kind: str) -> Unit:
        """Say how the entries of a business event are sent. Money moving (payments, refunds, payouts) has its own way."""
        is_payment = event_kind.startswith(("payment_", "refund_", "payout_", "dispute_"))
        return self.payments if is_payment else self.others


@dataclass(frozen=True, slots=True)
class Target:
    """A connection as far as deciding what to send goes."""

    tenant_id: int
    connection_id: int
    sync_mode: str
    send_payments: bool
    customer_each: bool
    erp: str
    policy: Policy
    is_switching: bool = False

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

    def takes_day(self, day: date) -> bool:
        """Tell whether what happened on a day is sent: not what was before the connection went live."""
        return self.policy.start is None or day >= self.policy.start


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
    return {
        entity_id: _locked(target) if target.is_switching else target for entity_id, target in chosen.items() if target
    }


def _locked(target: Target) -> Target:
    """Read the mode of a connection that is being switched so that it holds until the end of this transaction."""
    with database.cursor() as cursor:
        cursor.execute(_MODE, [target.connection_id])
        sync_mode, send_payments = cursor.fetchone()
    return replace(target, sync_mode=sync_mode, send_payments=send_payments)


def _read() -> dict[int | None, Target]:
    connections = Connection.objects.exclude(status=ConnectionStatus.DISABLED).defer("credentials")
    return {  # While a connection is being set up nothing is collected: going live brings what happened since.
        each.business_entity_id: Target(
            tenant_id=each.tenant_id,
            connection_id=each.pk,
            sync_mode=each.sync_mode,
            send_payments=each.send_payments,
            customer_each=each.option("ar_customer", "") == "each",
            erp=each.erp,
            policy=Policy.of(each.options),
            is_switching=bool(each.option(SWITCHING, False)),
        )
        for each in connections
        if not each.option("setting_up", False)
    }
