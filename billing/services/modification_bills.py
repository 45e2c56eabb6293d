"""What a modification gives back and what it bills: the money side of `billing.services.modifications`.

What is billed beyond the day is given back by days, what takes its place is charged by days: on one invoice where that is
not negative, else by credit notes and an invoice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from billing.charging import Charge, billed_on, charge, next_billing, service_periods
from billing.errors import BillingError, WrongState
from billing.models import ContractModification, InvoiceLine, InvoiceStatus
from billing.money import round_money
from billing.periods import DateRange, day_words
from billing.services.billing_run import BillingRun, draft_invoices
from billing.services.contracts import set_cursors
from billing.services.credit_notes import Keep, issue_credit_note
from billing.services.invoices import finalize_invoices
from billing.services.terms import Item

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Unused:
    """The part of a billed line that falls away; positive, net of tax."""

    item_id: int
    line_id: int
    invoice_id: int
    period: DateRange
    net: Decimal


def find_unused(
    before: Mapping[int, Item], after: Mapping[int, Item], *, on: date, signed_on: date, give_back: bool
) -> list[Unused]:
    """Find what is billed for days that an item no longer covers from `on`: whole periods, and the rest of one by its days.

    Raises WrongState for drafts that bill such days, BillingError where they are still to come and are to be given back.
    """
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
    if unused and on > signed_on and give_back:
        until = max(before[each.item_id].billed_until for each in unused)
        raise BillingError(
            f"The contract is billed until {day_words(until)}, beyond {day_words(on)}, a day still to come. "
            f"Let the modification hold from {day_words(until)}, or sign it on the day."
        )
    return unused


def settle(
    modification: ContractModification,
    before: Mapping[int, Item],
    after: Mapping[int, Item],
    unused: Sequence[Unused],
) -> None:
    """Bill what new items cost by the day of signing, less what is unused; credit the unused part where it is more than that."""
    cursors = []
    charges: list[tuple[Item, Charge]] = []
    for pk, item in after.items():
        billed_until = item.billed_until
        if pk not in before and not item.terms.is_metered and item.terms.in_advance:
            for period in service_periods(item.terms, since=item.terms.start):
                if billed_on(item.terms, period) > modification.signed_on:
                    break
                charges.append((item, replace(charge(item.terms, period), billed_on=modification.signed_on)))
                billed_until = period.end
        if item.terms.end:
            billed_until = max(min(billed_until, item.terms.end), item.terms.start)
        cursors.append((pk, billed_until, next_billing(item.terms, billed_until)))
    set_cursors(cursors)
    given_back = [
        (after[each.item_id], Charge(each.period, modification.signed_on, Decimal(1), -each.net, -each.net))
        for each in unused
    ]
    total = sum((each.net for _, each in [*charges, *given_back]), ZERO)
    if total < 0:
        # Before the invoice: what is billed must not exceed the modified price on the way, or the price would follow.
        _credit(unused, modification)
    on_invoice = [*charges, *given_back] if total >= 0 else charges
    if on_invoice:
        run = BillingRun()
        finalize_invoices(draft_invoices({(modification.contract_id, modification.signed_on): on_invoice}, run))


def _credit(unused: Sequence[Unused], modification: ContractModification) -> None:
    reason = f"{modification.get_kind_display()} from {day_words(modification.effective_on)}: {modification.reason}"
    by_invoice: dict[int, dict[int, Decimal]] = {}
    for each in unused:
        by_invoice.setdefault(each.invoice_id, {})[each.line_id] = each.net
    for invoice_id, lines in by_invoice.items():
        issue_credit_note(
            invoice_id=invoice_id,
            lines=lines,
            on=modification.signed_on,
            reason=reason[:200],
            keep=Keep.WALLET,  # as far as it was paid
            modification_id=modification.pk,
        )
