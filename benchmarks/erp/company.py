"""A month of business whose documents are sent: invoices, payments, credit notes, voids, and their entries."""

from datetime import date
from decimal import Decimal
from typing import Any

from accounting.recognition import recognize_revenue
from accounting.setup import set_up_books
from billing.models import BusinessEntity, Customer, Invoice, Product
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.services.credit_notes import issue_credit_note
from billing.services.invoices import void_invoice
from billing.services.payments import receive_payment
from billing.services.tenants import create_tenant
from billing.tenancy import tenant_scope
from integrations import setup
from integrations.models import Connection, OutboxItem
from integrations.models import SyncMode as Mode

START, END = date(2026, 1, 1), date(2026, 1, 31)
_EACH = 4  # Contracts, and so invoices, of one customer.
_SHARE = {Mode.DOCUMENTS: 0.6, Mode.JOURNAL_ENTRIES: 0.36}  # Invoices among all that is sent.


def connect(*, slug: str, erp: str, mode: str, url: str, **options: Any) -> Connection:
    """Make a tenant with its books, signed in to the stand-in server."""
    tenant = create_tenant(slug=slug, name=slug, currency="USD")
    with tenant_scope(tenant.pk):
        entity = BusinessEntity.objects.get()
        set_up_books(business_entity=entity)
        made, _ = setup.create_connection(
            business_entity=entity, erp=erp, mode=mode, send_payments=mode == Mode.DOCUMENTS
        )
        connection = setup.connect_sandbox(made, url)
        connection.options = {**connection.options, **options}
        connection.save(update_fields=["options"])
    return connection


def do_business(connection: Connection, *, documents: int) -> int:
    """Fill the outbox with about so many documents; give how many there are beside customers and products."""
    _bill(int(documents * _SHARE[Mode(connection.sync_mode)]))
    if connection.sync_mode == Mode.JOURNAL_ENTRIES:
        recognize_revenue(through=END)
    invoices = list(Invoice.objects.order_by("id"))
    for number, invoice in enumerate(invoices):
        if number % 12 in (0, 2, 4, 6, 8, 10):
            receive_payment(
                customer_id=invoice.customer_id,
                received_on=END,
                amount=invoice.total.amount,
                currency="USD",
                allocations={invoice.pk: invoice.total.amount},
            )
        elif number % 12 == 1:
            line = invoice.lines.get()
            issue_credit_note(invoice_id=invoice.pk, lines={line.pk: Decimal("1.11")}, on=END, reason="Späte Lieferung")
        elif number % 12 == 3:
            void_invoice(invoice_id=invoice.pk, on=END, reason="Wrong order number")
    return OutboxItem.objects.filter(connection=connection).exclude(kind__in=("customer", "product")).count()


def _bill(invoices: int) -> None:
    entity = BusinessEntity.objects.get()
    product = Product.objects.create(code="plan", name="Plan")
    contracts = []
    for number in range(invoices):
        if number % _EACH == 0:
            customer = Customer.objects.create(
                business_entity=entity, external_id=f"X-{number}", name=f"Ó'Neill & Söhne {number}", currency="USD"
            )
        amount = Decimal("10.01") + number
        item = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": str(amount)}}
        contracts.append(draft_contract(customer=customer, number=f"X-{number}", start=START, items=[item]))
    start_contracts([contract.pk for contract in contracts])
    run_billing(through=END, finalize=True)
