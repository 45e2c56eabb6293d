"""Change a started contract from a day on: upgrade, downgrade, price change, extension, termination.

What is billed beyond that day is given back, what takes its place is charged, by days or by months as the revenue runs
(`Proration`): on one invoice where that is not negative, else by credit notes and an invoice. Example (C3): 300.00 for April,
from 16 April 450.00: an invoice of 225.00 less 150.00.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q

from billing.errors import BillingError, NotFound, WrongState
from billing.events import ContractModified, ModifiedLine, head_of
from billing.models import (
    Adjustment,
    Contract,
    ContractItem,
    ContractModification,
    ContractPhase,
    ContractStatus,
    ModificationKind,
    Product,
    Renewal,
    Treatment,
)
from billing.money import format_money
from billing.periods import day_words
from billing.publishing import publish
from billing.services.contracts import build_item
from billing.services.modification_billing import bill_difference, find_unused
from billing.services.modification_lines import modified_lines
from billing.services.promises import is_obligation, refuse_without_price
from billing.services.terms import Item, read_items

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Modification:
    """What is agreed anew. `replace` and `add` hold fields of ContractItem; replaced items end on `effective_on`.

    `end` moves the contract's end; items that ran to the old end go on to the new one if `extend_items`. `credit_unused`:
    what is billed for days that fall away is given back. The invoice is dated `signed_on`.
    """

    effective_on: date
    signed_on: date
    reason: str
    treatment: str = Treatment.PROSPECTIVE
    adjustment: str = Adjustment.STRAIGHT_LINE
    replace: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    add: Sequence[Mapping[str, Any]] = ()
    remove: Sequence[int] = ()
    end: date | None = None
    extend_items: bool = True
    credit_unused: bool = True


@transaction.atomic
def modify_contract(*, contract_id: int, change: Modification, by: Any = None) -> ContractModification:
    """Change an active contract, tell the books, and bill or credit the difference that is due by `signed_on`.

    One that has ended can be extended: it goes on from its end, and is active again.
    Raises NotFound, WrongState, BillingError with what to mend; then nothing has changed.
    """
    contract = _lock(contract_id, change)
    before = {item.id: item for item in read_items("i.contract_id = %s", [contract.pk], lock=True)}
    _refuse_unfit(contract, before, change)
    old_end = contract.end
    replaced_by = _write(contract, before, change)
    after = {item.id: item for item in read_items("i.contract_id = %s", [contract.pk])}
    refuse_without_price(contract, after.values())
    unused = find_unused(before, after)
    given_back = unused if change.credit_unused else []
    lines = modified_lines(
        contract, before, after, replaced_by=replaced_by, given_back=given_back, since=change.effective_on
    )
    modification = _record(contract, lines, _kind(lines, old_end, change), change, by)
    publish([_event(contract, modification, lines)])
    bill_difference(modification, before, after, given_back)
    return modification


def _record(
    contract: Contract, lines: Sequence[ModifiedLine], kind: ModificationKind, change: Modification, by: Any
) -> ContractModification:
    return ContractModification.objects.create(
        tenant_id=contract.tenant_id,
        contract=contract,
        number=contract.modifications_made,
        kind=kind,
        effective_on=change.effective_on,
        signed_on=change.signed_on,
        treatment=change.treatment,
        adjustment=change.adjustment,
        reason=change.reason.strip(),
        changes=[
            {
                "item": line.contract_item_id,
                "replaces": line.replaces,
                "end": line.end and line.end.isoformat(),
                "before": f"{line.was_committed:f}",
                "after": f"{line.committed:f}",
            }
            for line in lines
        ],
        made_by=by,
    )


def _lock(contract_id: int, change: Modification) -> Contract:
    contract = Contract.objects.select_for_update(no_key=True).filter(pk=contract_id).first()
    if contract is None:
        raise NotFound(f"There is no contract with the id {contract_id}.")
    if contract.status == ContractStatus.ENDED and contract.end:
        if not change.end or change.end <= contract.end:
            raise WrongState(
                f"Contract {contract.number} ended on {day_words(contract.end - timedelta(days=1))}; it can only be "
                "extended: give it an end after that."
            )
        contract.status = ContractStatus.ACTIVE
    if contract.status != ContractStatus.ACTIVE:
        raise WrongState(
            f"Contract {contract.number} is {contract.get_status_display().lower()}; only an active one is modified."
        )
    return contract


def _refuse_unfit(contract: Contract, items: Mapping[int, Item], change: Modification) -> None:
    day = change.effective_on
    if not change.reason.strip():
        raise BillingError("Say what was agreed; an auditor will ask.")
    if not (change.replace or change.add or change.remove or change.end):
        raise BillingError("Nothing changes: replace, add or remove an item, or move the contract's end.")
    if day < contract.start or (contract.end and day > contract.end):
        raise BillingError(f"Contract {contract.number} can be modified from {contract.start} to {contract.end} only.")
    if change.end and (change.end < day or change.end <= contract.start):
        raise BillingError(
            f"The contract's new end {change.end} lies before the day from which the modification holds."
        )
    _refuse_unfit_items(contract, items, change)
    if change.treatment == Treatment.SEPARATE and (change.replace or change.remove):
        raise BillingError(
            "A separate contract only adds to what was promised; to replace an item, choose another treatment."
        )
    if change.treatment == Treatment.CATCH_UP and not any(is_obligation(contract, item) for item in items.values()):
        raise BillingError(
            f"Contract {contract.number} earns each service period's own price, so there is nothing to catch up. "
            "Choose the prospective treatment."
        )


def _refuse_unfit_items(contract: Contract, items: Mapping[int, Item], change: Modification) -> None:
    day = change.effective_on
    for item_id in (*change.replace, *change.remove):
        item = items.get(item_id)
        if item is None:
            raise NotFound(f"Contract {contract.number} has no item with the id {item_id}.")
        name = f"“{item.name}”"
        if item.terms.end == item.terms.start:
            raise BillingError(f"{name} was ended on its first day, {day_words(day)}; choose what took its place.")
        if not item.terms.start <= day or (item.terms.end and item.terms.end < day):
            raise BillingError(
                f"{name} runs from {day_words(item.terms.start)} to {day_words(item.terms.end) if item.terms.end else 'no end'}; "
                f"it cannot be ended on {day_words(day)}. Choose a day from its start on."
            )
        if item_id in change.replace and item.terms.end == day and change.end is None:
            raise BillingError(
                f"{name} ends on {day_words(day)}, so nothing is left to replace. Choose an earlier day, move the contract's "
                "end too, or let the contract renew first."
            )
    end = change.end or contract.end
    if end and any(fields.get("start", day) >= end for fields in change.add):
        raise BillingError(
            f"Contract {contract.number} ends on {day_words(end)}, so what is added by then has no day left. Choose an earlier "
            "day, move the contract's end too, or let the contract renew first."
        )


def _write(contract: Contract, items: Mapping[int, Item], change: Modification) -> dict[int, int]:
    """Write the contract's new terms. Answers which new item replaces which old one."""
    contract.modifications_made += 1
    if change.end:
        _move_end(contract, change.end, extend_items=change.extend_items)
    contract.save(update_fields=["status", "end", "renewal", "modifications_made"])
    ended = [*change.replace, *change.remove]
    day = change.effective_on
    contract.items.filter(pk__in=ended).update(end=day)
    phase = _phase_on(contract, day)
    replaced_by = {}
    for item_id, fields in change.replace.items():
        old = ContractItem.objects.get(pk=item_id)
        kept = taken_over(old, fields.get("product", old.product))
        if kept["product"] == old.product and not {"price", "pricing"} & set(fields):
            kept |= {name: getattr(old, name) for name in _PRICE}
        end = items[item_id].terms.end if change.end is None else None
        new = build_item(contract=contract, phase=phase, **(kept | {"start": day, "end": end} | dict(fields)))
        replaced_by[new.pk] = item_id
    for fields in change.add:
        build_item(contract=contract, phase=phase, **({"start": day} | dict(fields)))
    return replaced_by


def _move_end(contract: Contract, end: date, *, extend_items: bool) -> None:
    """Let the contract end on a day. What runs to the old end goes on to the new one; what would run beyond it, ends with it."""
    old_end = contract.end
    contract.end, contract.renewal = end, Renewal.NONE
    contract.phases.filter(Q(end=old_end) | Q(end__gt=end), start__lt=end).update(end=end)
    items = contract.items.filter(start__lt=end)
    if extend_items:
        items.filter(end=old_end, end__isnull=False).update(end=end)
    elif old_end and end > old_end:
        contract.items.filter(end=None, start__lt=old_end).update(end=old_end)
    items.filter(end__gt=end).update(end=end)


_PRICE = ("price", "pricing_model", "pricing", "standalone_price")  # Of the same product, unless it gets another.
_TAKEN_OVER = ("quantity", "interval_months", "timing", "tax_rate", "is_metered", "obligation", "minimum")


def taken_over(old: ContractItem, product: Product) -> dict[str, Any]:
    """Give what an item of a product takes over from the one that it replaces or follows, unless told otherwise.

    One of the same product is recognized and called like that, too.
    """
    kept = {"product": product, **{name: getattr(old, name) for name in _TAKEN_OVER}}
    if product == old.product:
        kept |= {"recognition_method": old.recognition_method, "description": old.description}
    return kept


def _phase_on(contract: Contract, day: date) -> ContractPhase:
    phases = list(contract.phases.order_by("start"))
    return next((phase for phase in reversed(phases) if phase.start <= day), phases[0])


def _kind(lines: Sequence[ModifiedLine], old_end: date | None, change: Modification) -> ModificationKind:
    if change.end and (old_end is None or change.end < old_end):
        return ModificationKind.TERMINATION
    if change.end:
        return ModificationKind.EXTENSION
    products = {line.contract_item_id: line.product_id for line in lines}
    same = all(products[line.replaces] == line.product_id for line in lines if line.replaces)
    if change.replace and same and not change.add and not change.remove:
        return ModificationKind.PRICE_CHANGE
    grows = sum((line.committed - line.was_committed for line in lines), ZERO) >= 0
    return ModificationKind.UPGRADE if grows else ModificationKind.DOWNGRADE


def _event(contract: Contract, modification: ContractModification, lines: Sequence[ModifiedLine]) -> ContractModified:
    return ContractModified(
        **head_of(contract, on=modification.effective_on, key=f"{contract.pk}:{modification.number}"),
        modification_id=modification.pk,
        modification_kind=modification.kind,
        contract_id=contract.pk,
        contract_number=contract.number,
        customer_id=contract.customer_id,
        treatment=modification.treatment,
        adjustment=modification.adjustment,
        price_allocation=contract.price_allocation,
        revenue_span=contract.revenue_span,
        price_change=sum((line.committed - line.was_committed for line in lines), ZERO),
        term_end=contract.end,
        lines=tuple(lines),
        signed_on=modification.signed_on,
    )


def describe(modification: ContractModification) -> str:
    """Say in a sentence what was modified, for a person."""
    change = sum((Decimal(row["after"]) - Decimal(row["before"]) for row in modification.changes), ZERO)
    contract, kind = modification.contract, modification.kind
    words = (
        f"{modification.get_kind_display()} from {day_words(modification.effective_on)}: the price still to come changes by "
        f"{format_money(change, contract.currency)}."
    )
    if contract.end and kind in (ModificationKind.EXTENSION, ModificationKind.TERMINATION):
        words += f" The contract's last day is {day_words(contract.end - timedelta(days=1))}."
    return words
