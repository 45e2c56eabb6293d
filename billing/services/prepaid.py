"""Prepaid credits: sold by an invoice line, used, or expired.

The line's quantity is the credits sold, its service period the days on which they can be used. What is used is revenue, what
expires is breakage; each at the price of what is left, so that parts add up to the line's price exactly.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

from django.db import transaction
from django.db.models import QuerySet, Sum

from billing.errors import BillingError, NotFound
from billing.events import head_of
from billing.models import (
    CreditUse,
    CreditUseKind,
    Customer,
    InvoiceLine,
    InvoiceStatus,
    RecognitionMethod,
)
from billing.money import round_money
from billing.payment_events import ConsumedLine, CreditsConsumed, CreditsExpired
from billing.periods import day_words
from billing.publishing import publish
from billing.refusals import part_by_part
from billing.services.duplicates import is_recorded
from billing.services.returns import credited_of

ZERO = Decimal(0)
_CHUNK = 1000
_SOLD = (InvoiceStatus.FINALIZED, InvoiceStatus.PARTIALLY_PAID, InvoiceStatus.PAID, InvoiceStatus.WRITTEN_OFF)


@dataclass(slots=True)
class Left:
    """What is left of one line's credits, and of its price net of tax."""

    line: InvoiceLine
    units: Decimal
    amount: Decimal

    def take(self, units: Decimal) -> Decimal:
        """Take units, and give their part of the price; the last take the rest."""
        whole = units == self.units
        amount = self.amount if whole else round_money(self.amount * units / self.units, self.line.currency)
        self.units -= units
        self.amount -= amount
        return amount


def credits_left(lines: Iterable[InvoiceLine]) -> list[Left]:
    """Give what is left of each line that sold credits: two queries, however many lines."""
    lines = list(lines)
    used: dict[int, tuple[Decimal, Decimal]] = defaultdict(lambda: (ZERO, ZERO))
    for line, units, amount in (
        CreditUse.objects.filter(invoice_line__in=lines)
        .order_by()
        .values_list("invoice_line")
        .annotate(units_sum=Sum("units"), amount_sum=Sum("amount"))
    ):
        used[line] = (units, amount)
    credited = credited_of(invoice_line__in=lines)
    return [
        Left(
            line,
            line.quantity - used[line.pk][0],
            max(line.net.amount - used[line.pk][1] - credited[line.pk][0], ZERO),
        )
        for line in lines
    ]


def _selling() -> QuerySet[InvoiceLine]:
    return InvoiceLine.objects.filter(
        recognition_method=RecognitionMethod.AS_CONSUMED, invoice__status__in=_SOLD
    ).select_related("invoice", "product", "contract_item")


def usable_credits(*, customer_id: int, product_id: int, on: date) -> QuerySet[InvoiceLine]:
    """Give the customer's lines whose credits can be used on a day, those that expire first at the head."""
    return (
        _selling()
        .filter(invoice__customer=customer_id, product=product_id, period_start__lte=on, period_end__gt=on)
        .order_by("period_end", "id")
    )


@transaction.atomic
def consume_credits(*, customer_id: int, product_id: int, units: Decimal, on: date, key: str = "") -> list[CreditUse]:
    """Use credits, those that expire first at the head. Raises NotFound, and BillingError where too few are left.

    `key` is the sender's own id of the use; a second one is refused.
    """
    if not Customer.objects.filter(pk=customer_id).exists():
        raise NotFound(f"There is no customer with the id {customer_id}.")
    if units <= 0:
        raise BillingError("Say how many credits were used: more than zero.")
    if is_recorded(CreditUse, column="key", value=key):
        raise BillingError(f"A use of credits with the key {key} is recorded already.", code="duplicate")
    lines = usable_credits(customer_id=customer_id, product_id=product_id, on=on).select_for_update(
        of=("self",), no_key=True
    )
    wanted, taken = units, []
    available = [left for left in credits_left(lines) if left.units > 0]
    total = sum((left.units for left in available), ZERO)
    if total < units:
        raise BillingError(
            f"The customer has {total.normalize():f} credits that can be used on {day_words(on)}, not {units.normalize():f}.",
            code="exceeds_balance",
        )
    for left in available:
        part = min(wanted, left.units)
        if part:
            taken.append((left.line, part, left.take(part)))
            wanted -= part
    return _record(CreditUseKind.CONSUMED, [(line, part, amount, on) for line, part, amount in taken], key)


def expire_credits(*, through: date) -> int:
    """Let credits expire whose last day was by the date. Answers of how many lines; again it does nothing.

    Dated the last day on which they could be used. Works in transactions of a thousand lines.
    """
    return part_by_part(partial(_expire_some, through))


@transaction.atomic
def _expire_some(through: date, after: int) -> tuple[int, int]:
    """Answer of how many lines credits expired, and the id of the last one that was looked at."""
    lines = list(
        _selling()
        .filter(period_end__lte=through + timedelta(days=1), pk__gt=after)
        .exclude(credit_uses__kind=CreditUseKind.EXPIRED)
        .order_by("pk")
        .select_for_update(of=("self",), no_key=True)[:_CHUNK]
    )
    rest = []
    for left in credits_left(lines):
        if left.units > 0:
            assert left.line.period_end is not None
            units = left.units
            rest.append((left.line, units, left.take(units), left.line.period_end - timedelta(days=1)))
    return len(_record(CreditUseKind.EXPIRED, rest, "")), lines[-1].pk if lines else after


def _record(
    kind: CreditUseKind, taken: Sequence[tuple[InvoiceLine, Decimal, Decimal, date]], key: str
) -> list[CreditUse]:
    uses = CreditUse.objects.bulk_create(
        CreditUse(
            tenant_id=line.tenant_id,
            invoice_line=line,
            kind=kind,
            on=on,
            units=units,
            currency=line.currency,
            amount=amount,
            key=key,
        )
        for line, units, amount, on in taken
    )
    event = CreditsConsumed if kind == CreditUseKind.CONSUMED else CreditsExpired
    publish(
        [
            event(
                **head_of(use.invoice_line.invoice, on=use.on, key=use.pk),
                credit_use_id=use.pk,
                invoice_id=use.invoice_line.invoice_id,
                customer_id=use.invoice_line.invoice.customer_id,
                contract_id=use.invoice_line.invoice.contract_id,
                units=use.units,
                amount=use.amount.amount,
                lines=(_about(use),),
            )
            for use in uses
        ]
    )
    return uses


def _about(use: CreditUse) -> ConsumedLine:
    line = use.invoice_line
    return ConsumedLine(
        contract_id=line.invoice.contract_id,
        contract_item_id=line.contract_item_id,
        product_id=line.product_id,
        product_family_id=line.product.family_id,
        pricing_model=line.contract_item.pricing_model if line.contract_item else None,
        recognition_method=line.recognition_method,
        line_id=line.pk,
        period_start=line.period_start,
        period_end=line.period_end,
        amount=use.amount.amount,
    )
