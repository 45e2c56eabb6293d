"""Record usage, and add it up."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from django.db import connection, transaction

from billing.errors import BillingError, NotFound, WrongState
from billing.events import UsageRecorded
from billing.models import ContractItem, ContractStatus, UsageRecord
from billing.periods import DateRange
from billing.publishing import publish


@transaction.atomic
def record_usage(*, contract_item_id: int, used_on: date, quantity: Decimal, key: str) -> UsageRecord:
    """Record units used on a day; `key` is the sender's own id, and a second record with it is refused.

    Raises NotFound, WrongState for an item that is not priced by usage or already billed for that day, BillingError.
    """
    item = ContractItem.objects.select_for_update().select_related("contract").filter(pk=contract_item_id).first()
    if item is None:
        raise NotFound(f"There is no contract item with the id {contract_item_id}.")
    contract = item.contract
    if not item.is_metered or contract.status != ContractStatus.ACTIVE:
        raise WrongState(f"Item {item.pk} of contract {contract.number} is not priced by usage, or not active.")
    if used_on < item.start or (item.end and used_on >= item.end):
        raise BillingError(f"{used_on} lies outside the item's term.")
    if used_on < item.billed_until:
        raise WrongState(
            f"The item is billed until {item.billed_until}; record a correction on a later day instead.",
            code="billed",
        )
    if UsageRecord.objects.filter(key=key).exists():
        raise BillingError(f"Usage with the key {key} is recorded already.", code="duplicate")
    usage = UsageRecord.objects.create(
        tenant_id=item.tenant_id, contract_item=item, used_on=used_on, quantity=quantity, key=key
    )
    publish(
        [
            UsageRecorded(
                tenant_id=item.tenant_id,
                business_entity_id=contract.business_entity_id,
                occurred_on=used_on,
                currency=contract.currency,
                key=str(usage.pk),
                usage_id=usage.pk,
                customer_id=contract.customer_id,
                contract_id=contract.pk,
                contract_item_id=item.pk,
                product_id=item.product_id,
                quantity=quantity,
            )
        ]
    )
    return usage


def usage_by_period(periods: Mapping[int, Sequence[DateRange]]) -> dict[tuple[int, DateRange], Decimal]:
    """Add up the usage of many items, each in its own service periods, in one query. Never less than zero."""
    wanted = [(item, period) for item, each in periods.items() for period in each]
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT v.place, greatest(coalesce(sum(u.quantity), 0), 0) "
            "FROM unnest(%s::int[], %s::bigint[], %s::date[], %s::date[]) AS v(place, item, start, until) "
            "LEFT JOIN billing_usagerecord u ON u.contract_item_id = v.item AND u.used_on >= v.start "
            "AND u.used_on < v.until GROUP BY v.place",
            [
                list(range(len(wanted))),
                [item for item, _ in wanted],
                [period.start for _, period in wanted],
                [period.end for _, period in wanted],
            ],
        )
        return {wanted[place]: quantity for place, quantity in cursor.fetchall()}
