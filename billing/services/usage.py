"""Record usage, and add it up."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import connection, transaction

from billing.errors import BillingError, NotFound, WrongState
from billing.events import UsageRecorded, head_of
from billing.models import ContractItem, ContractStatus, Renewal, UsageRecord
from billing.periods import DateRange, day_words
from billing.publishing import publish
from billing.tenancy import current_tenant_id


@dataclass(frozen=True, slots=True)
class Usage:
    """Units used on one day, as sent; `key` is the sender's own id of the record."""

    contract_item_id: int
    used_on: date
    quantity: Decimal
    key: str


def record_usage(*, contract_item_id: int, used_on: date, quantity: Decimal, key: str) -> UsageRecord:
    """Record one day's units; see `record_usages`."""
    return record_usages([Usage(contract_item_id, used_on, quantity, key)])[0]


@transaction.atomic
def record_usages(sent: Sequence[Usage]) -> list[UsageRecord]:
    """Record units used, all or none of them.

    Raises NotFound, WrongState for an item that is not priced by usage or already billed for that day, BillingError for a
    day outside the term or a key that was recorded before.
    """
    items = {
        item.pk: item
        for item in ContractItem.objects.select_for_update(of=("self",), no_key=True)
        .select_related("contract")
        .filter(pk__in={each.contract_item_id for each in sent})
        .order_by("pk")
    }
    keys = Counter(each.key for each in sent)
    twice = next((key for key, count in keys.items() if count > 1), None)
    twice = twice or UsageRecord.objects.filter(key__in=list(keys)).values_list("key", flat=True).first()
    if twice is not None:
        raise BillingError(f"Usage with the key {twice} is recorded already.", code="duplicate")
    for each in sent:
        _refuse_unfit(each, items.get(each.contract_item_id))
    records = UsageRecord.objects.bulk_create(
        UsageRecord(
            tenant_id=current_tenant_id(),
            contract_item=items[each.contract_item_id],
            used_on=each.used_on,
            quantity=each.quantity,
            key=each.key,
        )
        for each in sent
    )
    publish([_event(record) for record in records])
    return records


def _refuse_unfit(sent: Usage, item: ContractItem | None) -> None:
    if item is None:
        raise NotFound(f"Usage {sent.key}: there is no contract item with the id {sent.contract_item_id}.")
    contract = item.contract
    if not item.is_metered or contract.status != ContractStatus.ACTIVE:
        raise WrongState(
            f"Usage {sent.key}: item {item.pk} of contract {contract.number} is not priced by usage, or not active."
        )
    # A contract that renews goes on after its end, which the next billing run moves.
    ends = (item.end, contract.end if contract.renewal == Renewal.NONE else None)
    if sent.used_on < item.start or any(end and sent.used_on >= end for end in ends):
        raise BillingError(f"Usage {sent.key}: {day_words(sent.used_on)} lies outside the item's term.")
    if sent.used_on < item.billed_until:
        raise WrongState(
            f"Usage {sent.key}: the item is billed until {day_words(item.billed_until)}; record a correction on a later "
            "day instead.",
            code="billed",
        )


def _event(record: UsageRecord) -> UsageRecorded:
    item, contract = record.contract_item, record.contract_item.contract
    return UsageRecorded(
        **head_of(contract, on=record.used_on, key=record.pk),
        usage_id=record.pk,
        customer_id=contract.customer_id,
        contract_id=contract.pk,
        contract_item_id=item.pk,
        product_id=item.product_id,
        quantity=record.quantity,
    )


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
