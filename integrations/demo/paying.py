"""How the demo's customers pay, each by habit, and what goes wrong on the way."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import QuerySet

from billing.models import (
    OPEN_STATUSES,
    BusinessEntity,
    Customer,
    Invoice,
    InvoiceStatus,
    Payment,
    PaymentGateway,
    PaymentMethod,
)
from billing.money import round_money
from billing.periods import DateRange
from billing.services.credit_notes import issue_credit_note
from billing.services.gateways import held_by, record_payout
from billing.services.invoices import void_invoice
from billing.services.payments import allocate_payment, receive_payment
from integrations.demo.companies import CURRENCY
from integrations.demo.generator import CustomerPlan, Habit

GATEWAY = "cards"
_FEE = Decimal("0.029")
_DAYS = {Habit.PROMPT: 10, Habit.LATE: 40, Habit.PARTIAL: 12, Habit.OVERPAYS: 8}
_TOO_MUCH = Decimal(100)
_METHODS = (PaymentMethod.BANK_TRANSFER, PaymentMethod.CARD, PaymentMethod.BANK_TRANSFER, PaymentMethod.DIRECT_DEBIT)


def _at_home() -> QuerySet[Invoice]:
    """Give the invoices of this story's customers; the one abroad has its own."""
    return Invoice.objects.filter(currency=CURRENCY)


def receive(plans: Sequence[CustomerPlan], customers: Mapping[str, Customer], *, month: DateRange, until: date) -> None:
    """Record what comes in during a month, up to a day."""
    by_id = {customers[plan.external_id].pk: plan for plan in plans if plan.external_id in customers}
    for invoice in _at_home().filter(status__in=OPEN_STATUSES).order_by("issued_on", "id"):
        plan = by_id[invoice.customer_id]
        if plan.habit == Habit.NEVER:
            continue
        day = invoice.issued_on + timedelta(days=_DAYS[plan.habit])
        amount = _amount(plan.habit, invoice) if month.start <= day <= until else None
        if amount is None:
            continue
        method = _METHODS[int(plan.external_id[-1]) % len(_METHODS)]
        receive_payment(
            customer_id=invoice.customer_id,
            received_on=day,
            amount=amount,
            currency=invoice.currency,
            allocations={invoice.pk: min(amount, invoice.due.amount)},
            method=method,
            gateway=GATEWAY if method == PaymentMethod.CARD else "",
            reference=f"PAY-{invoice.number}",
        )


def pay_out(entity: BusinessEntity, *, on: date) -> None:
    """Let the gateway pay out what it captured, less its fee."""
    gateway = PaymentGateway.objects.get(code=GATEWAY)
    currency = entity.base_currency
    captured, _ = held_by(gateway, currency)
    if captured:
        record_payout(
            gateway=GATEWAY,
            business_entity_id=entity.pk,
            paid_on=on,
            currency=currency,
            captured=captured,
            fee=round_money(captured * _FEE, currency),
            reference=f"PO-{on:%Y-%m}",
        )


def _amount(habit: Habit, invoice: Invoice) -> Decimal | None:
    due: Decimal = invoice.due.amount
    if habit == Habit.PARTIAL:
        return None if invoice.settled.amount else round_money(due / 2, invoice.currency)
    if habit == Habit.OVERPAYS:
        # Once too much; what comes next is settled with the rest of that, and the remainder stays open.
        return None if Payment.objects.filter(customer=invoice.customer_id).exists() else due + _TOO_MUCH
    return due


def credit_one(*, on: date) -> None:
    """Credit half of a line of the oldest unpaid invoice, as after a complaint."""
    invoice = _at_home().filter(status=InvoiceStatus.FINALIZED, total__gt=0).order_by("issued_on", "id").first()
    assert invoice is not None
    line = invoice.lines.order_by("position")[0]
    half = round_money(line.net.amount / 2, invoice.currency)
    issue_credit_note(invoice_id=invoice.pk, lines={line.pk: half}, on=on, reason="Outage of two weeks")


def void_one(*, on: date) -> None:
    """Void one of the latest invoices, to be billed again by the next run."""
    invoice = _at_home().filter(status=InvoiceStatus.FINALIZED, contract__items__is_metered=False, settled=0)
    latest = invoice.order_by("-issued_on", "id").first()
    assert latest is not None
    void_invoice(invoice_id=latest.pk, on=on, reason="Wrong purchase order on it", bill_again=True)


def allocate_unapplied(*, on: date) -> None:
    """Settle the next invoices of customers who paid too much."""
    for payment in Payment.objects.filter(unapplied__gt=0).order_by("id"):
        invoice = (
            Invoice.objects.filter(customer=payment.customer_id, status__in=OPEN_STATUSES)
            .order_by("due_on", "id")
            .first()
        )
        if invoice:
            part = min(payment.unapplied.amount, invoice.due.amount)
            allocate_payment(payment_id=payment.pk, allocations={invoice.pk: part}, on=on)
