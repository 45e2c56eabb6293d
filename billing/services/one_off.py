"""Draft invoices outside contracts: lines with discounts, tax on top or included, and prepaid credits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db import transaction

from billing.errors import BillingError, NotFound
from billing.models import Customer, Invoice, InvoiceLine, Product, RecognitionMethod, TaxRate
from billing.money import allocate, format_money, round_money

ZERO = Decimal(0)
HUNDRED = Decimal(100)
_LARGEST = Decimal(10) ** 12


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLine:
    """What is charged: the list price is `quantity` × `unit_amount`, and includes the tax where `tax_included` says so.

    `discount` is an amount off the list price, `discount_percent` a share of it; give one of them. The service period is
    half-open; without one the line is earned at once.
    """

    product: Product
    unit_amount: Decimal
    quantity: Decimal = Decimal(1)
    description: str = ""
    discount: Decimal = ZERO
    discount_percent: Decimal = ZERO
    tax_rate: TaxRate | None = None
    tax_included: bool = False
    period_start: date | None = None
    period_end: date | None = None
    recognition_method: str = ""


@transaction.atomic
def draft_invoice(
    *,
    customer_id: int,
    issued_on: date,
    lines: Sequence[NewLine],
    payment_terms_days: int = 30,
    discount: Decimal = ZERO,
    discount_percent: Decimal = ZERO,
) -> Invoice:
    """Draft an invoice outside any contract, in the customer's currency.

    A discount on the whole invoice (an amount, or a share) is spread over the lines in proportion to their list prices;
    discounts are posted net. Raises NotFound, and BillingError with what to mend.
    """
    customer = Customer.objects.filter(pk=customer_id).first()
    if customer is None:
        raise NotFound(f"There is no customer with the id {customer_id}.")
    if not lines:
        raise BillingError("An invoice needs at least one line: a product with its price.")
    currency = customer.currency
    list_prices = [_list_price(line, currency) for line in lines]
    discounts = [_own_discount(line, price, currency) for line, price in zip(lines, list_prices, strict=True)]
    for place, share in enumerate(_spread(list_prices, discounts, discount, discount_percent, currency)):
        discounts[place] += share
    rows = [
        _row(place, line, price, off, currency)
        for place, (line, price, off) in enumerate(zip(lines, list_prices, discounts, strict=True), start=1)
    ]
    net = sum((row.net.amount for row in rows), ZERO)
    tax = sum((row.tax.amount for row in rows), ZERO)
    invoice = Invoice.objects.create(
        tenant_id=customer.tenant_id,
        business_entity_id=customer.business_entity_id,
        customer=customer,
        currency=currency,
        issued_on=issued_on,
        due_on=issued_on + timedelta(days=payment_terms_days),
        net=net,
        tax=tax,
        total=net + tax,
    )
    for row in rows:
        row.tenant_id, row.invoice = customer.tenant_id, invoice
    InvoiceLine.objects.bulk_create(rows)
    return invoice


def _list_price(line: NewLine, currency: str) -> Decimal:
    if line.quantity <= 0 or line.unit_amount < 0 or line.quantity * line.unit_amount >= _LARGEST:
        raise BillingError(
            f"“{line.product}”: the quantity must be more than zero, the price not negative nor too large."
        )
    if (line.period_start is None) != (line.period_end is None) or (
        line.period_start and line.period_end and line.period_end <= line.period_start
    ):
        raise BillingError(
            f"“{line.product}”: give both days of the service period, the end after the start, or neither."
        )
    method = line.recognition_method or line.product.recognition_method
    if method == RecognitionMethod.AS_CONSUMED and line.period_end is None:
        raise BillingError(f"“{line.product}”: prepaid credits need a first and a last day on which they can be used.")
    return round_money(line.quantity * line.unit_amount, currency)


def _own_discount(line: NewLine, price: Decimal, currency: str) -> Decimal:
    if line.discount and line.discount_percent:
        raise BillingError(f"“{line.product}”: give the discount as an amount or as a percentage, not both.")
    off = line.discount or round_money(price * line.discount_percent / HUNDRED, currency)
    if not 0 <= off <= price or off != round_money(off, currency):
        raise BillingError(
            f"“{line.product}”: the discount must be between nothing and {format_money(price, currency)}."
        )
    return off


def _spread(
    prices: Sequence[Decimal], discounts: Sequence[Decimal], amount: Decimal, percent: Decimal, currency: str
) -> list[Decimal]:
    left = [price - off for price, off in zip(prices, discounts, strict=True)]
    whole = sum(left, ZERO)
    if amount and percent:
        raise BillingError("Give the invoice's discount as an amount or as a percentage, not both.")
    off = amount or round_money(whole * percent / HUNDRED, currency)
    if not 0 <= off <= whole or off != round_money(off, currency):
        raise BillingError(f"The invoice's discount must be between nothing and {format_money(whole, currency)}.")
    if not off:
        return [ZERO] * len(left)
    shares = allocate(off, prices, currency)
    # Where a line has too little left after its own discount, what is left decides instead of the list prices.
    return (
        shares
        if all(share <= rest for share, rest in zip(shares, left, strict=True))
        else allocate(off, left, currency)
    )


def _row(place: int, line: NewLine, price: Decimal, off: Decimal, currency: str) -> InvoiceLine:
    percent = line.tax_rate.percent if line.tax_rate else ZERO
    charged = price - off
    if line.tax_included:
        net = round_money(charged * HUNDRED / (HUNDRED + percent), currency)
        tax = charged - net
    else:
        net, tax = charged, round_money(charged * percent / HUNDRED, currency)
    return InvoiceLine(
        position=place,
        product=line.product,
        description=line.description or line.product.name,
        quantity=line.quantity,
        currency=currency,
        unit_amount=line.unit_amount,
        discount=off,
        net=net,
        tax_rate=line.tax_rate,
        tax_percent=percent,
        tax_included=line.tax_included,
        tax=tax,
        recognition_method=line.recognition_method or line.product.recognition_method,
        period_start=line.period_start,
        period_end=line.period_end,
    )
