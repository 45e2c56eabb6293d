"""What a modification bills, and what it gives back of what is billed for days that fall away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from billing.charging import Charge, billed_on, charge, next_billing, service_periods
from billing.errors import WrongState
from billing.models import OPEN_STATUSES, ContractModification, Invoice, InvoiceLine, InvoiceStatus
from billing.money import round_money
from billing.periods import DateRange, day_words, share_of
from billing.services.billing_run import BillingRun, draft_invoices
from billing.services.contracts import set_cursors
from billing.services.credit_notes import Keep, issue_credit_note
from billing.services.invoices import finalize_invoices
from billing.services.returns import credited_of, money_kept_of
from billing.services.terms import Item
from billing.services.wallets import apply_wallet, apply_wallets

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Unused:
    """The part of a billed line that falls away; positive, net of tax, in the invoice's currency.

    `billed` are the days of the whole line, `measure` is what they are divided by.
    """

    item_id: int
    line_id: int
    invoice_id: int
    period: DateRange
    net: Decimal
    billed: DateRange
    measure: str

    def between(self, start: date, end: date | None, currency: str) -> Decimal:
        """Give the share, by the line's measure, of a term that begins on `start`, rounded to the currency's minor unit."""
        # Each term's is what has fallen away by its end less what had by its start: the parts add up.
        return self._until(end or self.period.end, currency) - self._until(start, currency)

    def _until(self, day: date, currency: str) -> Decimal:
        day = min(day, self.period.end)
        if day <= self.period.start:
            return ZERO
        return round_money(
            self.net * self._share(DateRange(self.period.start, day)) / self._share(self.period), currency
        )

    def _share(self, part: DateRange) -> Decimal:
        return share_of(part, self.billed, self.measure)


def find_unused(before: Mapping[int, Item], after: Mapping[int, Item]) -> list[Unused]:
    """Find what is billed for days that an item no longer covers: whole periods, and the rest of one by its measure.

    What is credited already is not given back again. Raises WrongState where such days stand on a draft.
    """
    ends = {pk: item.terms.end for pk, item in after.items() if item.terms.end and pk in before}
    cut = {pk: end for pk, end in ends.items() if before[pk].billed_until > end}
    lines = (
        InvoiceLine.objects.filter(contract_item__in=cut, period_end__isnull=False)
        .exclude(invoice__status=InvoiceStatus.VOID)
        .select_related("invoice")
        .order_by("period_start", "id")
    )
    credited = credited_of(invoice_line__in=lines)
    found = (_unused_of(line, cut[line.contract_item_id or 0], before, credited[line.pk][0]) for line in lines)
    return [each for each in found if each is not None]


def _unused_of(line: InvoiceLine, day: date, before: Mapping[int, Item], credited: Decimal) -> Unused | None:
    """Tell what of a line falls away from a day on, less what was credited of it."""
    item_id, start, end = line.contract_item_id, line.period_start, line.period_end
    assert item_id is not None
    assert start is not None
    assert end is not None
    # What an earlier modification gave back is not billed any more.
    until = min(end, before[item_id].billed_until)
    since = max(start, day)
    if until <= since:
        return None
    if line.invoice.status == InvoiceStatus.DRAFT:
        raise WrongState(f"Draft invoice {line.invoice_id} bills days that fall away; finalize or delete it first.")
    rest = DateRange(since, until)
    whole, measure = DateRange(start, end), before[item_id].terms.measure
    share = share_of(rest, whole, measure)
    net = min(round_money(line.net.amount * share, line.invoice.currency), line.net.amount - credited)
    return Unused(item_id, line.pk, line.invoice_id, rest, net, whole, measure) if net > 0 else None


def bill_difference(
    modification: ContractModification,
    before: Mapping[int, Item],
    after: Mapping[int, Item],
    given_back: Sequence[Unused],
) -> None:
    """Bill what new items cost by the day of signing, less what is given back; credit that where it is more.

    Moves the items' cursors: the billing run goes on from there.
    """
    signed_on = modification.signed_on
    fresh = [item for pk, item in after.items() if pk not in before]
    # Where it is agreed ahead and gives something back, what takes its place is billed with it, not on a day to come.
    through = max(signed_on, modification.effective_on) if given_back else signed_on
    charges = [(item, each) for item in fresh for each in _due(item, through, signed_on)]
    billed_until = {pk: item.billed_until for pk, item in after.items()}
    billed_until |= {item.id: each.period.end for item, each in charges}
    _move_cursors(after, billed_until)
    less = [
        (after[each.item_id], Charge(each.period, signed_on, Decimal(1), -each.net, -each.net)) for each in given_back
    ]
    on_invoice = [*charges, *less]
    if sum((each.net for _, each in on_invoice), ZERO) < 0:
        # Before the invoice: what is billed must not exceed the modified price on the way, or the price would follow.
        _credit(modification, given_back)
        on_invoice = charges
    if on_invoice:
        drafts = draft_invoices({(modification.contract_id, signed_on): on_invoice}, BillingRun())
        finalize_invoices(drafts)
        apply_wallets(drafts)  # What was given back into the wallet pays for what takes its place.


def _due(item: Item, through: date, signed_on: date) -> list[Charge]:
    """Charge the periods of a new item that are due by a day, on that of signing. What is billed in arrears waits."""
    due: list[Charge] = []
    if item.terms.is_metered or not item.terms.in_advance:
        return due
    for period in service_periods(item.terms, since=item.terms.start):
        if billed_on(item.terms, period) > through:
            break
        due.append(replace(charge(item.terms, period), billed_on=signed_on))
    return due


def _move_cursors(items: Mapping[int, Item], billed_until: Mapping[int, date]) -> None:
    cursors = []
    for pk, item in items.items():
        until = billed_until[pk]
        if item.terms.end:
            until = max(min(until, item.terms.end), item.terms.start)
        cursors.append((pk, until, next_billing(item.terms, until)))
    set_cursors(cursors)


def _credit(modification: ContractModification, given_back: Sequence[Unused]) -> None:
    by_invoice: dict[int, dict[int, Decimal]] = {}
    for each in given_back:
        by_invoice.setdefault(each.invoice_id, {})[each.line_id] = each.net
    kind, day = modification.get_kind_display(), day_words(modification.effective_on)
    beyond_money = ZERO
    for invoice_id, lines in by_invoice.items():
        money = money_kept_of(Invoice.objects.get(pk=invoice_id))
        note = issue_credit_note(
            invoice_id=invoice_id,
            lines=lines,
            on=modification.signed_on,
            reason=f"{kind} from {day}: {modification.reason}"[:200],
            keep=Keep.WALLET,  # as far as it was paid
            modification_id=modification.pk,
        )
        beyond_money += max(note.to_wallet.amount - money, ZERO)
    _settle_earlier(modification, beyond_money)


def _settle_earlier(modification: ContractModification, amount: Decimal) -> None:
    """Let what an earlier modification had set off, and this one gives back, settle what is open of the contract's invoices.

    300.00 for April, unpaid; from the 16th 450.00, an invoice of 225.00 less 150.00; then given up: of the 225.00 credited,
    75.00 are that invoice's and 150.00 the first one's.
    """
    contract, on = modification.contract, modification.signed_on
    allocations = {}
    open_ones = Invoice.objects.filter(contract=contract, status__in=OPEN_STATUSES, issued_on__lte=on)
    for invoice in open_ones.order_by("due_on", "id"):
        part = min(amount, invoice.due.amount)
        if part > 0:
            allocations[invoice.pk] = part
            amount -= part
    if allocations:
        apply_wallet(customer_id=contract.customer_id, currency=contract.currency, on=on, allocations=allocations)
