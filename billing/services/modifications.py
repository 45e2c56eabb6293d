"""Change a started contract from a day on: upgrade, downgrade, price change, extension, termination.

What is billed beyond that day is given back by days, what takes its place is charged by days: on one invoice where that is
not negative, else by credit notes and an invoice. Example (C3): 300.00 for April, from 16 April 450.00: an invoice of
225.00 less 150.00.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from billing.charging import Charge, billed_on, charge, next_billing, service_periods
from billing.errors import BillingError, NotFound, WrongState
from billing.events import ContractModified, ModifiedLine
from billing.models import (
    OPEN_STATUSES,
    Adjustment,
    Contract,
    ContractItem,
    ContractModification,
    ContractPhase,
    ContractStatus,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    ModificationKind,
    PriceAllocation,
    Renewal,
    Treatment,
)
from billing.money import format_money, round_money
from billing.periods import DateRange, day_words
from billing.publishing import publish
from billing.services.billing_run import BillingRun, draft_invoices
from billing.services.contracts import build_item, set_cursors
from billing.services.credit_notes import Keep, issue_credit_note
from billing.services.invoices import finalize_invoices
from billing.services.promises import (
    is_earned_as_whole,
    is_obligation,
    promise,
    refuse_without_price,
    standalone_value,
    still_to_bill,
)
from billing.services.returns import money_kept_of
from billing.services.terms import Item, read_items
from billing.services.unused import WHOLE, Unused, has_days, terms_since, within
from billing.services.wallets import apply_wallet, apply_wallets

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
    refuse_without_price(contract, list(after.values()))
    unused = _unused(before, after, change)
    lines = _lines(contract, before, after, replaced_by, unused if change.credit_unused else [], change.effective_on)
    modification = ContractModification.objects.create(
        tenant_id=contract.tenant_id,
        contract=contract,
        number=contract.modifications_made,
        kind=_kind(lines, old_end, change),
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
    _settle(contract, modification, before, after, unused if change.credit_unused else [], change)
    return modification


def _lock(contract_id: int, change: Modification) -> Contract:
    contract = Contract.objects.select_for_update().filter(pk=contract_id).first()
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
    contract.save(update_fields=["status", "end", "renewal", "modifications_made"])
    ended = [*change.replace, *change.remove]
    contract.items.filter(pk__in=ended).update(end=day)
    phase = _phase_on(contract, day)
    replaced_by = {}
    for item_id, fields in change.replace.items():
        old = ContractItem.objects.get(pk=item_id)
        kept = {name: getattr(old, name) for name in _KEPT}
        if fields.get("product", old.product) == old.product:
            kept |= {"recognition_method": old.recognition_method, "description": old.description}
            if not {"price", "pricing"} & set(fields):
                kept |= {name: getattr(old, name) for name in _PRICE}
        end = items[item_id].terms.end if change.end is None else None
        new = build_item(contract=contract, phase=phase, **(kept | {"start": day, "end": end} | dict(fields)))
        replaced_by[new.pk] = item_id
    for fields in change.add:
        build_item(contract=contract, phase=phase, **({"start": day} | dict(fields)))
    return replaced_by


# What an item that replaces another takes over from it, unless told otherwise.
_KEPT = ("product", "quantity", "interval_months", "timing", "tax_rate", "is_metered", "obligation", "minimum")
_PRICE = ("price", "pricing_model", "pricing", "standalone_price")  # Of the same product, unless it gets another.


def _phase_on(contract: Contract, day: date) -> ContractPhase:
    phases = list(contract.phases.order_by("start"))
    return next((phase for phase in reversed(phases) if phase.start <= day), phases[0])


def _unused(before: Mapping[int, Item], after: Mapping[int, Item], change: Modification) -> list[Unused]:
    """Find what is billed for days that an item no longer covers: whole periods, and the rest of one by its days."""
    ends = {pk: item.terms.end for pk, item in after.items() if item.terms.end and pk in before}
    cut = {pk: end for pk, end in ends.items() if before[pk].billed_until > end}
    lines = (
        InvoiceLine.objects.filter(contract_item__in=cut, period_end__isnull=False)
        .exclude(invoice__status=InvoiceStatus.VOID)
        .select_related("invoice")
        .prefetch_related("credits")
        .order_by("period_start", "id")
    )
    unused = []
    for line in lines:
        assert line.contract_item_id is not None
        assert line.period_start is not None
        assert line.period_end is not None
        end = cut[line.contract_item_id]
        # What an earlier modification gave back is not billed any more.
        until = min(line.period_end, before[line.contract_item_id].billed_until)
        if until <= max(end, line.period_start):
            continue
        if line.invoice.status == InvoiceStatus.DRAFT:
            raise WrongState(f"Draft invoice {line.invoice_id} bills days that fall away; finalize or delete it first.")
        rest = DateRange(max(line.period_start, end), until)
        left = line.net.amount - sum((credit.net.amount for credit in line.credits.all()), ZERO)
        share = Decimal(rest.days) / Decimal((line.period_end - line.period_start).days)
        net = min(round_money(line.net.amount * share, line.invoice.currency), left)
        if net > 0:
            unused.append(Unused(line.contract_item_id, line.pk, line.invoice_id, rest, net))
    return unused


def _lines(
    contract: Contract,
    before: Mapping[int, Item],
    after: Mapping[int, Item],
    replaced_by: Mapping[int, int],
    unused: Sequence[Unused],
    day: date,
) -> list[ModifiedLine]:
    lines = []
    terms = terms_since(contract, day)
    for pk, item in after.items():
        old = before.get(pk)
        # Only what is not billed yet can still change; what is billed too far is given back.
        since = old.billed_until if old else item.terms.start
        of_item = [each for each in unused if each.item_id == pk]
        for term in terms if is_obligation(contract, item) else WHOLE:
            here, was_here = within(item, term), within(old, term) if old else None
            if not (has_days(here) or (was_here and has_days(was_here)) or term is WHOLE[0]):
                continue
            told = promise(here, allocation=contract.price_allocation)
            told["committed"] = still_to_bill(contract, here.terms, since=since)
            was = still_to_bill(contract, was_here.terms, since=since) if was_here else ZERO
            was += sum((each.within(term, contract.currency) for each in of_item), ZERO)
            by_standalone = contract.price_allocation == PriceAllocation.STANDALONE
            left = standalone_value(here, since=max(day, here.terms.start)) if by_standalone else None
            lines.append(
                ModifiedLine(
                    **told, was_committed=was, replaces=replaced_by.get(pk), standalone_left=left, term_start=term.start,
                    term_end=term.end,
                )
            )  # fmt: skip
    return lines


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
        signed_on=modification.signed_on,
    )


def _settle(
    contract: Contract,
    modification: ContractModification,
    before: Mapping[int, Item],
    after: Mapping[int, Item],
    unused: Sequence[Unused],
    change: Modification,
) -> None:
    """Bill what new items cost by `signed_on`, less what is unused; credit the unused part where it is more than that."""
    cursors = []
    charges: list[tuple[Item, Charge]] = []
    # Where it is agreed ahead and gives something back, what takes its place is billed with it, not on a day to come.
    through = max(change.signed_on, change.effective_on) if unused else change.signed_on
    for pk, item in after.items():
        billed_until = item.billed_until
        if pk not in before and not item.terms.is_metered and item.terms.in_advance:
            for period in service_periods(item.terms, since=item.terms.start):
                if billed_on(item.terms, period) > through:
                    break
                charges.append((item, replace(charge(item.terms, period), billed_on=change.signed_on)))
                billed_until = period.end
        if item.terms.end:
            billed_until = max(min(billed_until, item.terms.end), item.terms.start)
        cursors.append((pk, billed_until, next_billing(item.terms, billed_until)))
    set_cursors(cursors)
    given_back = [
        (after[each.item_id], Charge(each.period, change.signed_on, Decimal(1), -each.net, -each.net))
        for each in unused
    ]
    total = sum((each.net for _, each in [*charges, *given_back]), ZERO)
    if total < 0:
        # Before the invoice: what is billed must not exceed the modified price on the way, or the price would follow.
        _credit(contract, unused, modification, change)
    on_invoice = [*charges, *given_back] if total >= 0 else charges
    if on_invoice:
        drafts = draft_invoices({(contract.pk, change.signed_on): on_invoice}, BillingRun())
        finalize_invoices(drafts)
        apply_wallets(drafts)  # What was given back into the wallet pays for what takes its place.


def _credit(
    contract: Contract, unused: Sequence[Unused], modification: ContractModification, change: Modification
) -> None:
    by_invoice: dict[int, dict[int, Decimal]] = {}
    for each in unused:
        by_invoice.setdefault(each.invoice_id, {})[each.line_id] = each.net
    unpaid = ZERO
    for invoice_id, lines in by_invoice.items():
        paid = money_kept_of(Invoice.objects.get(pk=invoice_id))
        note = issue_credit_note(
            invoice_id=invoice_id,
            lines=lines,
            on=change.signed_on,
            reason=f"{modification.get_kind_display()} from {day_words(change.effective_on)}: {change.reason.strip()}"[
                :200
            ],
            keep=Keep.WALLET,  # as far as it was paid
            modification_id=modification.pk,
        )
        unpaid += max(note.to_wallet.amount - paid, ZERO)
    _settle_earlier(contract, unpaid, on=change.signed_on)


def _settle_earlier(contract: Contract, amount: Decimal, *, on: date) -> None:
    """Let what an earlier modification had set off, and this one gives back, settle what is open of the contract's invoices.

    300.00 for April, unpaid; from the 16th 450.00, an invoice of 225.00 less 150.00; then given up: of the 225.00 credited,
    75.00 are that invoice's and 150.00 the first one's.
    """
    allocations = {}
    open_ones = Invoice.objects.filter(contract=contract, status__in=OPEN_STATUSES, issued_on__lte=on)
    for invoice in open_ones.order_by("due_on", "id"):
        part = min(amount, invoice.due.amount)
        if part > 0:
            allocations[invoice.pk] = part
            amount -= part
    if allocations:
        apply_wallet(customer_id=contract.customer_id, currency=contract.currency, on=on, allocations=allocations)


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
