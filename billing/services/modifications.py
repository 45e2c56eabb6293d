"""Change a started contract from a day on: upgrade, downgrade, price change, extension, termination.

What is given back and what is billed for it is the business of `modification_bills.py`. Example (C3): 300.00 for April, from
16 April 450.00: an invoice of 225.00 less 150.00.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction

from billing.errors import BillingError, NotFound, WrongState
from billing.events import ContractModified, ModifiedLine
from billing.models import (
    Adjustment,
    Contract,
    ContractItem,
    ContractModification,
    ContractPhase,
    ContractStatus,
    ModificationKind,
    PriceAllocation,
    Renewal,
    Treatment,
)
from billing.money import format_money, round_money
from billing.periods import day_words
from billing.publishing import publish
from billing.services.contracts import build_item
from billing.services.modification_bills import Unused, find_unused, settle
from billing.services.promises import (
    is_earned_as_whole,
    is_obligation,
    promise,
    refuse_without_price,
    renewals,
    standalone_value,
    still_to_bill,
)
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

    Raises NotFound, WrongState, BillingError with what to mend; then nothing has changed.
    """
    contract = _lock(contract_id)
    before = {item.id: item for item in read_items("i.contract_id = %s", [contract.pk], lock=True)}
    _refuse_unfit(contract, before, change)
    old_end = contract.end
    replaced_by = _write(contract, before, change)
    after = {item.id: item for item in read_items("i.contract_id = %s", [contract.pk])}
    refuse_without_price(contract, list(after.values()))
    unused = find_unused(
        before, after, on=change.effective_on, signed_on=change.signed_on, give_back=change.credit_unused
    )
    lines = _lines(contract, before, after, replaced_by, unused if change.credit_unused else [], change.effective_on)
    modification = ContractModification.objects.create(
        tenant_id=contract.tenant_id,
        contract=contract,
        number=contract.modifications_made,
        kind=_kind(contract, before, lines, old_end, change),
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
    publish([_event(contract, modification, lines)])
    settle(modification, before, after, unused if change.credit_unused else [])
    return modification


def _lock(contract_id: int) -> Contract:
    contract = Contract.objects.select_for_update().filter(pk=contract_id).first()
    if contract is None:
        raise NotFound(f"There is no contract with the id {contract_id}.")
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
    if change.treatment == Treatment.CATCH_UP and not is_earned_as_whole(contract, list(items.values())):
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
        name = f"“{item.description or item.product_name}”"
        if not item.terms.start < day or (item.terms.end and item.terms.end < day):
            raise BillingError(
                f"{name} runs from {day_words(item.terms.start)} to {day_words(item.terms.end) if item.terms.end else 'no end'}; "
                f"it cannot be ended on {day_words(day)}. Choose a day after its start."
            )
        if item_id in change.replace and item.terms.end == day and change.end is None:
            raise BillingError(
                f"{name} ends on {day_words(day)}, so nothing is left to replace. Choose an earlier day, move the contract's "
                "end too, or let the contract renew first."
            )


def _write(contract: Contract, items: Mapping[int, Item], change: Modification) -> dict[int, int]:
    """Write the contract's new terms. Answers which new item replaces which old one."""
    contract.modifications_made += 1
    old_end, day = contract.end, change.effective_on
    if change.end:
        contract.end, contract.renewal = change.end, Renewal.NONE
        # What runs to the contract's end, goes on to the new one; what would run beyond it, ends with it.
        contract.phases.filter(start__lt=change.end, end=old_end).update(end=change.end)
        contract.phases.filter(start__lt=change.end, end__gt=change.end).update(end=change.end)
        to_the_end = contract.items.filter(start__lt=change.end, end=old_end, end__isnull=False)
        if change.extend_items:
            to_the_end.update(end=change.end)
        elif old_end and change.end > old_end:
            contract.items.filter(end=None, start__lt=old_end).update(end=old_end)
        contract.items.filter(start__lt=change.end, end__gt=change.end).update(end=change.end)
    contract.save(update_fields=["end", "renewal", "modifications_made"])
    ended = [*change.replace, *change.remove]
    contract.items.filter(pk__in=ended).update(end=day)
    phase = _phase_on(contract, day)
    replaced_by = {}
    for item_id, fields in change.replace.items():
        old = ContractItem.objects.get(pk=item_id)
        kept = {name: getattr(old, name) for name in _KEPT}
        if fields.get("product", old.product) == old.product:
            kept |= {"recognition_method": old.recognition_method, "description": old.description}
        end = items[item_id].terms.end if change.end is None else None
        new = build_item(contract=contract, phase=phase, **(kept | {"start": day, "end": end} | dict(fields)))
        replaced_by[new.pk] = item_id
    for fields in change.add:
        build_item(contract=contract, phase=phase, **({"start": day} | dict(fields)))
    return replaced_by


# What an item that replaces another takes over from it, unless told otherwise.
_KEPT = ("product", "quantity", "interval_months", "timing", "tax_rate", "is_metered", "obligation", "minimum")


def _phase_on(contract: Contract, day: date) -> ContractPhase:
    phases = list(contract.phases.order_by("start"))
    return next((phase for phase in reversed(phases) if phase.start <= day), phases[0])


def _lines(
    contract: Contract,
    before: Mapping[int, Item],
    after: Mapping[int, Item],
    replaced_by: Mapping[int, int],
    unused: Sequence[Unused],
    day: date,
) -> list[ModifiedLine]:
    lines = []
    terms = _terms_since(contract, day)
    for pk, item in after.items():
        old = before.get(pk)
        # Only what is not billed yet can still change; what is billed too far is given back.
        since = old.billed_until if old else item.terms.start
        of_item = [each for each in unused if each.item_id == pk]
        for term in terms if is_obligation(contract, item) else _WHOLE:
            here, was_here = _within(item, term), _within(old, term) if old else None
            if not (_has_days(here) or (was_here and _has_days(was_here)) or term is _WHOLE[0]):
                continue
            told = promise(here, allocation=contract.price_allocation)
            told["committed"] = still_to_bill(contract, here.terms, since=since)
            was = still_to_bill(contract, was_here.terms, since=since) if was_here else ZERO
            was += sum((_unused_within(each, term, contract.currency) for each in of_item), ZERO)
            by_standalone = contract.price_allocation == PriceAllocation.STANDALONE
            left = standalone_value(here, since=max(day, here.terms.start)) if by_standalone else None
            lines.append(
                ModifiedLine(
                    **told, was_committed=was, replaces=replaced_by.get(pk), standalone_left=left, term_start=term.start,
                    term_end=term.end,
                )
            )  # fmt: skip
    return lines


@dataclass(frozen=True, slots=True)
class _Term:
    """A contract's term; without a start: all of them, without an end: the current one, whose end may move."""

    start: date | None = None
    end: date | None = None


_WHOLE = (_Term(),)


def _terms_since(contract: Contract, day: date) -> Sequence[_Term]:
    """Give the terms from the one that holds the day on, where the contract has renewed since then."""
    begun = renewals(contract)
    later = [start for start in begun if start > day]
    if not later:
        return _WHOLE
    first = max((start for start in begun if start <= day), default=contract.start)
    starts = [first, *later]
    return [_Term(start, end) for start, end in zip(starts, [*later, None], strict=True)]


def _within(item: Item, term: _Term) -> Item:
    """Cut an item to the days of a term; where it has none there, it ends on the day it starts."""
    if term.start is None:
        return item
    start = max(item.terms.start, term.start)
    ends = [end for end in (item.terms.end, term.end) if end]
    return replace(item, terms=replace(item.terms, start=start, end=max(start, min(ends)) if ends else None))


def _has_days(item: Item) -> bool:
    return item.terms.end is None or item.terms.end > item.terms.start


def _unused_within(each: Unused, term: _Term, currency: str) -> Decimal:
    if term.start is None:
        return each.net
    # Each term's is what has fallen away by its end less what had by its start: the parts add up.
    until = _unused_until(each, term.end or each.period.end, currency)
    return until - _unused_until(each, term.start, currency)


def _unused_until(each: Unused, day: date, currency: str) -> Decimal:
    days = max((min(day, each.period.end) - each.period.start).days, 0)
    return round_money(each.net * days / each.period.days, currency)


def _kind(
    contract: Contract,
    before: Mapping[int, Item],
    lines: Sequence[ModifiedLine],
    old_end: date | None,
    change: Modification,
) -> ModificationKind:
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
        tenant_id=contract.tenant_id,
        business_entity_id=contract.business_entity_id,
        occurred_on=modification.effective_on,
        currency=contract.currency,
        key=f"{contract.pk}:{modification.number}",
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
    )


def describe(modification: ContractModification) -> str:
    """Say in a sentence what was modified, for a person."""
    change = sum((Decimal(row["after"]) - Decimal(row["before"]) for row in modification.changes), ZERO)
    return (
        f"{modification.get_kind_display()} from {day_words(modification.effective_on)}: the price still to come changes by "
        f"{format_money(change, modification.contract.currency)}."
    )
