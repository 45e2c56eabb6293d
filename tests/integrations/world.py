"""A small company with a month of business, for tests of delivery and reconciliation."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from accounting.recognition import recognize_revenue
from billing.models import BusinessEntity, Customer, Invoice, InvoiceLine, Product, TaxRate
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.services.credit_notes import issue_credit_note
from billing.services.invoices import void_invoice
from billing.services.payments import receive_payment
from integrations import claims
from integrations.delivery import _Lane
from integrations.models import Connection

START, JANUARY = date(2026, 1, 1), date(2026, 1, 31)


def a_month(*, customers: int, tax: object = None) -> None:
    """Sell one plan to a number of customers, bill January and recognize it: two entries for each."""
    entity = BusinessEntity.objects.get()
    product, _ = Product.objects.get_or_create(code="plan", defaults={"name": "Plan"})
    contracts = []
    for number in range(customers):
        customer = Customer.objects.create(
            business_entity=entity, external_id=f"X-{number}", name=f"O'Neil {number}", currency="USD"
        )
        item = {
            "product": product,
            "pricing_model": "flat_fee",
            "pricing": {"amount": str(Decimal("10.01") + number)},
            "tax_rate": tax,
        }
        contracts.append(draft_contract(customer=customer, number=f"X-{number}", start=START, items=[item]))
    start_contracts([contract.pk for contract in contracts])
    run_billing(through=JANUARY, finalize=True)
    recognize_revenue(through=JANUARY)


def a_busy_month(tax: TaxRate | None = None) -> None:
    """Six taxed invoices: one credited in part and overpaid, one void, one with money on account."""
    a_month(customers=6, tax=tax or TaxRate.objects.create(code="ca", name="California", percent=Decimal("8.25")))
    credited, void, other, *_ = Invoice.objects.order_by("id")
    line = InvoiceLine.objects.get(invoice=credited)
    issue_credit_note(invoice_id=credited.pk, lines={line.pk: Decimal("3.33")}, on=JANUARY, reason="Late")
    void_invoice(invoice_id=void.pk, on=JANUARY, reason="Wrong")
    credited.refresh_from_db()
    rest = credited.total.amount - credited.settled.amount
    for invoice, amount, settled in ((credited, rest + 5, {credited.pk: rest}), (other, Decimal(7), {})):
        receive_payment(
            customer_id=invoice.customer_id, amount=amount, currency="USD", received_on=JANUARY, allocations=settled
        )


def sell(
    number: str = "X-1",
    *,
    name: str = "O'Neil",
    amount: str = "10.01",
    currency: str = "USD",
    product: str = "Plan",
    text: str = "",
) -> Customer:
    """Bill one customer for January: one journal entry; or a customer, an invoice, and the first time a product."""
    sold, _ = Product.objects.get_or_create(code=product[:20].lower(), defaults={"name": product})
    customer, _ = Customer.objects.get_or_create(
        external_id=number,
        defaults={"business_entity": BusinessEntity.objects.get(), "name": name, "currency": currency},
    )
    item = {"product": sold, "pricing_model": "flat_fee", "pricing": {"amount": amount}, "description": text}
    contract = f"{number}-{customer.contracts.count()}"
    made = draft_contract(customer=customer, number=contract, start=START, items=[item])
    start_contracts([made.pk])
    run_billing(through=START, finalize=True)
    return customer


def deliver_until(connection: Connection, holds: Callable[[], object]) -> None:
    """Take one claim after the other until something holds, as a worker that is then stopped."""
    with claims.worker() as worker_id:
        lane = _Lane(connection.pk, worker_id)
        for _ in range(1000):
            lane.step()
            if holds():
                return
    raise AssertionError("It never came to that.")
