"""What a new company does first, from nothing to an invoice that is in the books and in the ERP."""

from django.http import HttpRequest
from django.urls import reverse

from billing.access import may
from billing.admin.shown import badge, list_url, to
from billing.admin.tables import Table, columns
from billing.models import BusinessEntity, Contract, ContractStatus, Customer, Invoice, InvoiceStatus, Product, Role
from integrations.models import Connection, ConnectionStatus


def first_steps(request: HttpRequest) -> Table | None:
    """List the steps with what is done of them; nothing for whoever may not take them."""
    if not may(request, Role.FINANCE):
        return None
    started = Contract.objects.filter(status=ContractStatus.ACTIVE)
    drafted = Invoice.objects.exists()
    steps = [
        (
            "Complete the company: address, country and time zone",
            list_url(BusinessEntity),
            "It stands on invoices, and its time zone says when a day is over.",
            BusinessEntity.objects.exclude(address="").exists(),
        ),
        (
            "Add a product with its price",
            list_url(Product),
            "What you sell, and how its revenue is recognized. A tax rate, where there is one, is chosen on the contract.",
            Product.objects.exists(),
        ),
        (
            "Add a customer",
            list_url(Customer),
            "Who pays, in which currency, and within how many days.",
            Customer.objects.exists(),
        ),
        (
            "Add a contract and start it",
            list_url(Contract),
            "Which products, from when, billed how often. A file with many is imported there.",
            started.exists(),
        ),
        (
            "Run billing",
            reverse("admin:run_billing"),
            "It drafts an invoice for every charge that is due.",
            drafted,
        ),
        (
            "Finalize the invoice",
            list_url(Invoice, "status__exact=draft"),
            "It gets its number and is posted by itself; its page leads to the journal entry.",
            Invoice.objects.exclude(status=InvoiceStatus.DRAFT).exists(),
        ),
        (
            "Connect your ERP",
            list_url(Connection),
            "At any time; nothing is sent before the accounts are mapped and you go live.",
            Connection.objects.filter(status=ConnectionStatus.CONNECTED).exists(),
        ),
    ]
    rows = [
        (f"{number}", to(url, step), why, badge("done", "Done") if done else "")
        for number, (step, url, why, done) in enumerate(steps, start=1)
    ]
    return Table("First steps", columns(">", "Step", "What it is for", ""), rows, "")
