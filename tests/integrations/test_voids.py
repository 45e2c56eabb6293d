"""What is undone here is undone in each ERP as the vendor allows, and both sides agree."""

from datetime import date
from decimal import Decimal

import pytest

from billing.models import BusinessEntity, Invoice, InvoiceLine, PaymentAllocation
from billing.services.credit_notes import issue_credit_note
from billing.services.payments import allocate_payment, receive_payment
from billing.services.undoing import unallocate_payment, void_credit_note, void_payment
from billing.services.write_offs import write_off_invoice
from integrations import mapping, noticing, outbox, setup
from integrations.delivery import drain
from integrations.models import ErpRecord, MappingKind, NoticedChange, OutboxItem
from integrations.reconciliation import reconcile
from integrations.sandbox.server import start_in_thread
from tests.integrations.conftest import QUICK
from tests.integrations.world import JANUARY, a_month

pytestmark = pytest.mark.django_db(transaction=True)
FEBRUARY = date(2026, 2, 2)


@pytest.mark.parametrize("erp", ["quickbooks", "xero", "netsuite", "zoho"])
def test_voids_and_a_re_allocation_reach_the_erp(erp: str, entity: BusinessEntity) -> None:
    with start_in_thread(erp, port=0, limits="off") as box:
        made, _ = setup.create_connection(business_entity=entity, erp=erp, mode="documents", send_payments=True)
        made.options = QUICK
        connection = setup.connect_sandbox(made, box.url)
        a_month(customers=2)
        first, second = Invoice.objects.order_by("id")
        wrong = receive_payment(
            customer_id=first.customer_id, amount=first.total.amount, currency="USD", received_on=JANUARY
        )
        moved = receive_payment(customer_id=second.customer_id, amount=Decimal(5), currency="USD", received_on=JANUARY)
        line = InvoiceLine.objects.get(invoice=second)
        note = issue_credit_note(invoice_id=second.pk, lines={line.pk: Decimal("3.00")}, on=JANUARY, reason="Late")
        sent = drain(connection.pk, until_empty=True, seconds=180)
        assert (sent.parked, sent.waiting) == (0, 0), parked()
        assert reconcile(connection, through=FEBRUARY)[1].differences == []

        void_payment(payment_id=wrong.pk, on=FEBRUARY, reason="Another company's")
        void_credit_note(credit_note_id=note.pk, on=FEBRUARY, reason="A mistake")
        part = PaymentAllocation.objects.get(payment=moved)
        unallocate_payment(allocation_id=part.pk, on=FEBRUARY, reason="Too much")
        allocate_payment(payment_id=moved.pk, allocations={second.pk: Decimal(4)}, on=FEBRUARY)
        # In the ERP the first invoice is free for this one only when the payment it replaces is void there.
        receive_payment(customer_id=first.customer_id, amount=first.total.amount, currency="USD", received_on=FEBRUARY)
        sent = drain(connection.pk, until_empty=True, seconds=180)
        assert (sent.parked, sent.waiting) == (0, 0), parked()
        assert reconcile(connection, through=FEBRUARY)[1].differences == []
        noticing.poll(connection)
        assert not NoticedChange.objects.exists()  # What we did ourselves is no news.


@pytest.mark.parametrize("erp", ["quickbooks", "xero", "netsuite", "zoho"])
def test_a_write_off_settles_the_invoice_in_the_erp(erp: str, entity: BusinessEntity) -> None:
    with start_in_thread(erp, port=0, limits="off") as box:
        made, _ = setup.create_connection(business_entity=entity, erp=erp, mode="documents", send_payments=True)
        made.options = QUICK
        connection = setup.connect_sandbox(made, box.url)
        a_month(customers=2)
        given_up = Invoice.objects.order_by("id")[0]
        write_off_invoice(invoice_id=given_up.pk, on=FEBRUARY, reason="Bankrupt")
        sent = drain(connection.pk, until_empty=True, seconds=180)
        if erp != "xero":  # The others want an item for it; until there is one it waits with the reason.
            assert sent.parked == 1, parked()
            assert "an item whose sales go to bad debts" in parked()[0][1]
            item = ErpRecord.objects.filter(connection=connection, kind="product", is_active=True).order_by("id")[0]
            mapping.choose(connection, kind=MappingKind.BAD_DEBT_PRODUCT, internal_id=None, record=item)
            outbox.send_again(list(OutboxItem.objects.filter(state="parked").values_list("id", flat=True)))
            sent = drain(connection.pk, until_empty=True, seconds=180)
        assert (sent.parked, sent.waiting) == (0, 0), parked()
        assert reconcile(connection, through=FEBRUARY)[1].differences == []


def parked() -> list[tuple[str, str]]:
    return list(OutboxItem.objects.exclude(reason="").values_list("kind", "reason"))
