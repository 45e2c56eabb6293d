"""Payments that people record in Zoho Books: its lists tell when invoices were changed, but not payments."""

from decimal import Decimal
from typing import Any

import pytest

from billing.models import Invoice, Payment
from billing.services.payments import receive_payment
from integrations import noticing
from integrations.connectors import jsontext
from integrations.delivery import drain
from integrations.mapping import connector_of
from integrations.models import Connection, ExternalReference, NoticedChange
from integrations.upkeep import set_options
from tests.integrations.world import JANUARY, a_month

pytestmark = pytest.mark.django_db(transaction=True)


def pay_there(connection: Connection, invoice: Invoice, amount: str, **more: Any) -> str:
    """Record a payment as a person there would, with the reference of the bank."""
    held = dict(ExternalReference.objects.values_list("kind", "external_id").filter(subject_id=invoice.customer_id))
    there = ExternalReference.objects.get(kind="invoice", subject_id=invoice.pk).external_id
    part = {"invoice_id": there, "amount_applied": Decimal(amount)}
    body = {
        "customer_id": held["customer"],
        "payment_mode": "check",
        "amount": Decimal(amount),
        "date": "2026-01-20",
        "reference_number": "Cheque 4711",
        "invoices": [part],
        **part,
        **more,
    }
    return str(
        connector_of(connection)._client.call("POST", "customerpayments", body=jsontext.dumps(body))["payment"][
            "payment_id"
        ]
    )


def test_a_payment_made_there_is_taken_over_once(connect, books) -> None:
    connection = connect(mode="documents")
    set_options(connection.pk, {"pull_payments": True})
    a_month(customers=2)
    drain(connection.pk, until_empty=True)
    paid, _ = Invoice.objects.order_by("id")
    noticing.poll(Connection.objects.get())
    payment = pay_there(connection, paid, "4.00")
    for _ in range(2):
        noticing.poll(Connection.objects.get())
    taken = Payment.objects.get()
    paid.refresh_from_db()
    assert (taken.amount.amount, paid.settled.amount, taken.reference.rpartition(" ")[2]) == (4, 4, payment)
    # What is open there is what is open here again: nothing more is asked.
    assert books.state()["calls"]["by_kind"]["list Payments of an invoice"] == 1


def test_a_payment_made_there_is_told_where_payments_are_sent(connect, books) -> None:
    connection = connect(mode="documents", payments=True)
    a_month(customers=2)
    paid, ours = Invoice.objects.order_by("id")
    receive_payment(customer_id=ours.customer_id, amount=Decimal(5), currency="USD", received_on=JANUARY)
    drain(connection.pk, until_empty=True)
    assert noticing.poll(Connection.objects.get()) == 0
    pay_there(connection, paid, "4.00")
    assert noticing.poll(Connection.objects.get()) == 1
    words = NoticedChange.objects.get().words
    assert words.startswith(f"A payment of 4.00 was recorded in the ERP for {paid.number}.")
    assert Payment.objects.count() == 1
