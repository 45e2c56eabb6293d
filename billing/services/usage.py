"""Record usage, and add it up."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

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


def usage_in_periods(contract_item_id: int, periods: Sequence[DateRange]) -> dict[DateRange, Decimal]:
    """Add up an item's usage per service period."""
    return {period: usage_between(contract_item_id, period.start, period.end) for period in periods}


def usage_between(contract_item_id: int, start: date, end: date) -> Decimal:
    """Add up an item's usage from one day up to but not including another."""
    total = UsageRecord.objects.filter(contract_item=contract_item_id, used_on__gte=start, used_on__lt=end).aggregate(
        total=Sum("quantity")
    )["total"]
    return max(total or Decimal(0), Decimal(0))
