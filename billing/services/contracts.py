"""Start, renew and end contracts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import connection, transaction

from billing import pricing
from billing.charging import next_billing
from billing.errors import BillingError, NotFound, WrongState
from billing.events import CommitmentLine, ContractEnded, ContractRenewed, ContractStarted, head_of
from billing.models import (
    BusinessEntity,
    Contract,
    ContractItem,
    ContractPhase,
    ContractStatus,
    Customer,
    Product,
    Proration,
    RecognitionMethod,
    Renewal,
    TaxRate,
)
from billing.periods import Measure, add_months, day_words
from billing.publishing import publish
from billing.refusals import again_if_lost
from billing.services.promises import commitment, refuse_without_price, still_to_bill
from billing.services.terms import Item, read_items

_CHUNK = 1000


@transaction.atomic
def draft_contract(
    *, customer: Customer, number: str, start: date, items: Sequence[dict[str, Any]], **terms: Any
) -> Contract:
    """Write a draft with one phase over the whole term.

    `terms` are fields of Contract (term_months, renewal, payment_terms_days, end, reference, attributes); the end follows
    from the term where it is not given. Each item is a dict of ContractItem's fields with `product` as an instance.
    Raises BillingError with what to mend.
    """
    if not items:
        raise BillingError("A contract needs at least one item: a product with its price.")
    if Contract.objects.filter(number=number).exists():
        raise BillingError(f"There is a contract {number} already.", code="duplicate")
    end = terms.pop("end", None)
    if end is None and terms.get("term_months"):
        end = add_months(start, terms["term_months"])
    currency = terms.pop("currency", None) or customer.currency
    contract = Contract(
        customer=customer,
        business_entity=customer.business_entity,
        number=number,
        start=start,
        end=end,
        currency=currency,
        **terms,
    )
    contract.tenant_id = customer.tenant_id
    contract.full_clean(exclude=["tenant", "attributes"])
    contract.save()
    phase = ContractPhase.objects.create(tenant_id=contract.tenant_id, contract=contract, start=start, end=end)
    for item in items:
        add_item(contract=contract, phase=phase, **item)
    return contract


def add_item(
    *,
    contract: Contract,
    phase: ContractPhase,
    product: Product,
    tax_rate: TaxRate | None = None,
    **fields: Any,
) -> ContractItem:
    """Add an item to a draft contract's phase. Raises BillingError for a price that does not fit its model."""
    if contract.status != ContractStatus.DRAFT:
        raise WrongState(f"Contract {contract.number} has started; its items are changed by a modification.")
    return build_item(contract=contract, phase=phase, product=product, tax_rate=tax_rate, **fields)


_MEASURES = {
    RecognitionMethod.STRAIGHT_LINE_MONTHS.value: Measure.MONTHS,
    RecognitionMethod.EQUAL_PER_PERIOD.value: Measure.EQUAL_MONTHS,
}


def measure_of(entity: BusinessEntity, method: str) -> str:
    """Say by what an item agreed now, with this recognition method, prices part of a billing period."""
    if entity.proration == Proration.AS_EARNED:
        return _MEASURES.get(method, Measure.DAYS).value
    return (Measure.MONTHS if entity.proration == Proration.BY_MONTHS else Measure.DAYS).value


def build_item(
    *,
    contract: Contract,
    phase: ContractPhase,
    product: Product,
    tax_rate: TaxRate | None = None,
    **fields: Any,
) -> ContractItem:
    """Write an item with its negotiated or list price. Raises BillingError for a price that does not fit its model."""
    price = fields.get("price")
    if price is not None:
        if price.currency != contract.currency or price.product_id != product.pk:
            raise BillingError(f"The price “{price}” is not one of {product} in {contract.currency}.")
        fields.setdefault("pricing_model", price.pricing_model)
        fields.setdefault("pricing", price.pricing)
    try:
        fields["pricing"] = pricing.validate(fields["pricing_model"], fields["pricing"])
        quantity = Decimal(fields.get("quantity", 1))
        if pricing.rate(fields["pricing_model"], fields["pricing"], quantity) >= pricing.LARGEST:
            raise BillingError(f"Price times quantity must stay below {pricing.LARGEST:,} {contract.currency}.")
    except pricing.InvalidPricing as error:
        raise BillingError(str(error)) from error
    fields.setdefault("recognition_method", product.recognition_method)
    fields.setdefault("start", phase.start)
    fields["measure"] = measure_of(contract.business_entity, fields["recognition_method"])
    item = ContractItem(
        tenant_id=contract.tenant_id,
        contract=contract,
        phase=phase,
        product=product,
        tax_rate=tax_rate,
        **fields,
    )
    item.billed_until = item.start
    item.full_clean(exclude=["tenant", "pricing", "billed_until"])
    item.save()
    return item


@transaction.atomic
def start_contracts(contract_ids: Sequence[int]) -> None:
    """Start drafts: from now on they are billed and earn revenue. Raises WrongState, NotFound; then none is started."""
    contracts = {
        contract.pk: contract
        for contract in Contract.objects.select_for_update(no_key=True).filter(pk__in=contract_ids).order_by("pk")
    }
    if missing := set(contract_ids) - set(contracts):
        raise NotFound(f"There is no contract with the id {min(missing)}.")
    for contract in contracts.values():
        if contract.status != ContractStatus.DRAFT:
            raise WrongState(f"Contract {contract.number} is {contract.get_status_display().lower()}, not a draft.")
    items = _items_of(contracts)
    for contract in contracts.values():
        if not items[contract.pk]:
            raise BillingError(f"Contract {contract.number} has no items; add a product with its price first.")
        refuse_without_price(contract, items[contract.pk])
    Contract.objects.filter(pk__in=contracts).update(status=ContractStatus.ACTIVE)
    _schedule_billing([item for each in items.values() for item in each])
    publish(
        [
            ContractStarted(
                **head_of(contract, on=contract.start, key=contract.pk),
                **commitment(contract, items[contract.pk], since=None),
            )
            for contract in contracts.values()
        ]
    )


def renew_contracts(*, through: date) -> int:
    """Give every contract that renews, and whose term is over by the date, its further terms. Answers how many terms.

    The term is the same number of months; prices and cadence stay. Runs in transactions of some hundred contracts.
    """
    renewed = 0
    while part := again_if_lost(partial(_renew_some, through)):
        renewed += part
    return renewed


@transaction.atomic
def _renew_some(through: date) -> int:
    due = list(
        Contract.objects.select_for_update(no_key=True)
        .filter(status=ContractStatus.ACTIVE, renewal=Renewal.SAME_TERMS, end__lte=through)
        .order_by("pk")[:_CHUNK]
    )
    if due:
        _renew(due)
    return len(due)


def _renew(contracts: Sequence[Contract]) -> None:
    ends = {}
    for contract in contracts:
        assert contract.end is not None
        assert contract.term_months is not None
        ends[contract.pk] = contract.end
        contract.terms_renewed += 1
        contract.end = add_months(contract.start, contract.term_months * (contract.terms_renewed + 1))
    Contract.objects.bulk_update(contracts, ["end", "terms_renewed"])
    with connection.cursor() as cursor:
        for table in ("contractphase", "contractitem"):
            # Only what ran to the end of the old term goes on in the new one.
            cursor.execute(
                f'UPDATE billing_{table} x SET "end" = v.new FROM unnest(%s::bigint[], %s::date[], %s::date[]) '
                'AS v(contract, old, new) WHERE x.contract_id = v.contract AND x."end" = v.old',
                [list(ends), list(ends.values()), [contract.end for contract in contracts]],
            )
    items = _items_of({contract.pk: contract for contract in contracts})
    _schedule_billing([item for each in items.values() for item in each])
    publish(
        [
            ContractRenewed(
                **head_of(contract, on=ends[contract.pk], key=f"{contract.pk}:{contract.terms_renewed}"),
                **commitment(contract, items[contract.pk], since=ends[contract.pk]),
            )
            for contract in contracts
        ]
    )


@transaction.atomic
def end_contract(*, contract_id: int, end: date) -> Contract:
    """End a contract early: nothing from `end` on is billed any more. Raises WrongState when later days are billed.

    The event is dated `end` and says what of each item's committed value falls away.
    """
    contract = Contract.objects.select_for_update(no_key=True).filter(pk=contract_id).first()
    if contract is None:
        raise NotFound(f"There is no contract with the id {contract_id}.")
    if contract.status != ContractStatus.ACTIVE:
        raise WrongState(f"Contract {contract.number} is {contract.get_status_display().lower()}, not active.")
    if end <= contract.start or (contract.end and end > contract.end):
        raise BillingError(
            f"Contract {contract.number} can end after {day_words(contract.start)} and by the end of its term only."
        )
    if end == contract.end and contract.renewal == Renewal.NONE:
        raise WrongState(f"Contract {contract.number} ends on {day_words(end)} already.")
    billed = contract.items.filter(billed_until__gt=end).order_by("-billed_until").first()
    if billed:
        raise WrongState(
            f"Contract {contract.number} is billed until {day_words(billed.billed_until)}. "
            f"End it on {day_words(billed.billed_until)}, or void the later invoices first and let their periods be billed again."
        )
    before = {item.id: _still_to_bill(contract, item) for item in read_items("i.contract_id = %s", [contract.pk])}
    contract.end, contract.renewal = end, Renewal.NONE
    contract.save(update_fields=["end", "renewal"])
    contract.phases.filter(start__lt=end).exclude(end__lt=end).update(end=end)
    contract.items.filter(start__lt=end).exclude(end__lt=end).update(end=end)
    contract.items.filter(start__gte=end).update(next_billing_on=None)
    _schedule_billing(read_items("i.contract_id = %s AND i.start < %s", [contract.pk, end]))
    publish([_ended(contract, end, before)])
    return contract


def _still_to_bill(contract: Contract, item: Item) -> Decimal:
    return still_to_bill(contract, item.terms, since=item.billed_until)


def _ended(contract: Contract, end: date, before: Mapping[int, Decimal]) -> ContractEnded:
    items = read_items("i.contract_id = %s", [contract.pk])
    after = {item.id: _still_to_bill(contract, item) if item.terms.start < end else Decimal(0) for item in items}
    lines = tuple(
        CommitmentLine(
            contract_id=contract.pk,
            contract_item_id=item.id,
            product_id=item.product_id,
            product_family_id=item.product_family_id,
            pricing_model=item.terms.pricing_model,
            recognition_method=item.recognition_method,
            committed=before[item.id] - after[item.id],
        )
        for item in items
    )
    return ContractEnded(
        **head_of(contract, on=end, key=f"{contract.pk}:{end}"),
        contract_id=contract.pk,
        contract_number=contract.number,
        customer_id=contract.customer_id,
        withdrawn=sum((line.committed for line in lines), Decimal(0)),
        lines=lines,
    )


def _items_of(contracts: dict[int, Contract]) -> dict[int, list[Item]]:
    items: dict[int, list[Item]] = defaultdict(list)
    for item in read_items("i.contract_id = ANY(%s)", [list(contracts)]):
        items[item.contract_id].append(item)
    return items


def _schedule_billing(items: Sequence[Item]) -> None:
    set_cursors([(item.id, item.billed_until, next_billing(item.terms, item.billed_until)) for item in items])


def set_cursors(cursors: Sequence[tuple[int, date, date | None]]) -> None:
    """Write how far each item is billed and when it is next, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE billing_contractitem i SET billed_until = v.until, next_billing_on = v.next "
            "FROM unnest(%s::bigint[], %s::date[], %s::date[]) AS v(id, until, next) WHERE i.id = v.id",
            [list(column) for column in zip(*cursors, strict=True)] or [[], [], []],
        )
