"""Deletions that a vendor does not tell of are noticed by looking in turn: NetSuite's, and Zoho's payments."""

from datetime import date
from decimal import Decimal

import pytest

from billing.models import Change, Invoice
from billing.services.payments import receive_payment
from integrations import noticing, setup, sweeping
from integrations.delivery import drain
from integrations.models import Connection, ExternalReference, NoticedChange
from integrations.sandbox.server import start_in_thread
from tests.integrations.books import Books
from tests.integrations.conftest import QUICK
from tests.integrations.world import a_month

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(("erp", "payments"), [("netsuite", "customerPayment"), ("zoho", "customerpayments")])
def test_a_payment_deleted_there_is_noticed_by_polling(entity, erp, payments) -> None:
    with start_in_thread(erp) as box:
        made, _ = setup.create_connection(business_entity=entity, erp=erp, mode="documents", send_payments=True)
        made.options = QUICK
        connection = setup.connect_sandbox(made, box.url)
        a_month(customers=2)
        for day, invoice in enumerate(Invoice.objects.order_by("id"), start=7):
            receive_payment(
                customer_id=invoice.customer_id,
                received_on=date(2026, 1, day),
                amount=invoice.total.amount,
                currency="USD",
                allocations={invoice.pk: invoice.total.amount},
            )
        assert drain(connection.pk, until_empty=True, seconds=180).waiting == 0
        first = ExternalReference.objects.filter(kind="payment").order_by("id").first()
        rows = Change.objects.count()
        connection.refresh_from_db()
        noticing.poll(connection)
        assert not NoticedChange.objects.exists()
        Books(box.url).delete(payments, first.external_id)
        noticing.poll(connection)
        assert list(NoticedChange.objects.values_list("kind", "external_id", "words")) == [
            ("payment", first.external_id, "It was deleted in the ERP.")
        ]
        assert Change.objects.count() == rows  # The clock's own notes are no news.


class Silent:
    """Stands in for a connector that shows what it is asked."""

    def __init__(self) -> None:
        self.asked: list[dict[date, list[str]]] = []

    def gone(self, kind, by_day):
        self.asked.append({day: list(ids) for day, ids in by_day.items()})
        return set()


def test_polls_take_turns_and_begin_again(connection, customer) -> None:
    Connection.objects.update(erp="zoho")
    connection.refresh_from_db()
    for number in range(1, 8):
        payment = receive_payment(
            customer_id=customer.pk, received_on=date(2026, 1, number), amount=Decimal(5), currency="USD"
        )
        for copy in ("a", "b"):
            ExternalReference.objects.create(
                connection=connection, kind="payment" if copy == "a" else "refund", subject_id=payment.pk,
                reference=f"R{number}{copy}", external_id=f"{number}{copy}",
            )  # fmt: skip
    connector = Silent()
    for _ in range(3):
        assert sweeping.deleted(connection, connector) == []
    first, second, third = ([each for ids in asked.values() for each in ids] for asked in connector.asked)
    assert (first, second, third) == (["1a", "2a", "3a", "4a", "5a"], ["6a", "7a"], first)
