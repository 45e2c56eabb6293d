"""What each mode puts into the outbox: journal entries or documents, never both, and never contracts."""

from datetime import date
from decimal import Decimal

import pytest

from billing.models import Invoice
from billing.services.billing_run import run_billing
from billing.services.credit_notes import issue_credit_note
from billing.services.gateways import add_gateway
from billing.services.invoices import void_invoice
from billing.services.payments import allocate_payment, receive_payment
from billing.services.wallets import top_up_wallet
from integrations.backfill import backfill
from integrations.models import Connection, ConnectionStatus, Mapping, OutboxItem, SyncMode

JANUARY = date(2026, 1, 31)


def kinds() -> list[str]:
    return list(OutboxItem.objects.order_by("stage", "id").values_list("kind", flat=True))


@pytest.fixture
def live(sell, customer):
    """A month of business: two contracts billed, one invoice paid later, one credited, one voided."""

    def happen() -> None:
        for number in ("K-1", "K-2", "K-3"):
            sell(amount="100", start=date(2026, 1, 1), number=number)
        run_billing(through=JANUARY, finalize=True)
        first, second, third = Invoice.objects.order_by("id")
        paid = receive_payment(
            customer_id=customer.pk,
            amount=Decimal(40),
            currency="USD",
            received_on=JANUARY,
            allocations={first.pk: Decimal(30)},
        )
        allocate_payment(payment_id=paid.pk, allocations={first.pk: Decimal(10)}, on=JANUARY)
        issue_credit_note(invoice_id=second.pk, lines={second.lines.get().pk: Decimal(25)}, on=JANUARY, reason="Late")
        void_invoice(invoice_id=third.pk, on=JANUARY, reason="Wrong")

    return happen


def test_journal_entries_mode_sends_each_entry_and_nothing_else(connection, live) -> None:
    live()
    assert kinds() == ["journal_entry"] * 7


def test_documents_mode_sends_documents_in_order_and_no_payments(connection, live) -> None:
    Connection.objects.update(sync_mode=SyncMode.DOCUMENTS)
    live()
    assert kinds() == [
        "customer",
        "product",
        "invoice",
        "invoice",
        "invoice",
        "credit_note",
        "credit_allocation",
        "invoice_void",
    ]


def test_payments_are_sent_when_switched_on_and_changed_when_allocated_later(connection, live) -> None:
    Connection.objects.update(sync_mode=SyncMode.DOCUMENTS, send_payments=True)
    live()
    assert kinds()[-3:] == ["payment", "payment_update", "invoice_void"]


def test_captured_payments_and_top_ups_are_sent_too_and_only_what_a_credit_note_settled(
    connection, live, customer
) -> None:
    Connection.objects.update(sync_mode=SyncMode.DOCUMENTS, send_payments=True)
    live()
    OutboxItem.objects.all().delete()
    add_gateway(business_entity=customer.business_entity, code="cards", name="Cards")
    paid = {"customer_id": customer.pk, "amount": Decimal(60), "currency": "USD"}
    first = Invoice.objects.order_by("id")[0]
    receive_payment(**paid, received_on=JANUARY, gateway="cards", allocations={first.pk: Decimal(60)})
    top_up_wallet(**paid, on=JANUARY)
    credited = {first.lines.get().pk: Decimal(10)}
    issue_credit_note(invoice_id=first.pk, lines=credited, on=JANUARY, reason="Late", keep="refund")
    assert [kind for kind in kinds() if kind != "customer"] == ["credit_note", "payment", "payment"]


def test_nothing_is_queued_for_a_connection_that_is_switched_off(connection, live) -> None:
    Connection.objects.update(status=ConnectionStatus.DISABLED)
    live()
    assert kinds() == []


def test_what_comes_while_a_person_has_to_sign_in_again_waits(connection, live) -> None:
    Connection.objects.update(status=ConnectionStatus.RECONNECT_NEEDED)
    live()
    assert len(kinds()) == 7


def test_a_mapped_customer_is_not_made_again(connection, live, customer) -> None:
    Connection.objects.update(sync_mode=SyncMode.DOCUMENTS)
    Mapping.objects.create(
        connection=connection, kind="customer", internal_id=customer.pk, external_id="58", status="confirmed"
    )
    live()
    assert "customer" not in kinds()


def test_each_customer_comes_before_its_entries_where_the_tenant_wants_that(connection, live, customer) -> None:
    Connection.objects.update(options={"ar_customer": "each"})
    live()
    assert kinds() == ["customer"] + ["journal_entry"] * 7
    assert set(OutboxItem.objects.values_list("group_key", flat=True)) == {customer.pk}


@pytest.mark.parametrize(
    ("mode", "payments", "customers"),
    [("journal_entries", False, "one"), ("journal_entries", False, "each"), ("documents", True, "one")],
)
def test_a_backfill_adds_what_listening_would_have_added_and_nothing_twice(
    connection, live, mode, payments, customers
) -> None:
    Connection.objects.update(sync_mode=mode, send_payments=payments, options={"ar_customer": customers})
    connection.refresh_from_db()
    live()
    heard = set(
        OutboxItem.objects.exclude(kind="payment_update").values_list("kind", "subject_id", "group_key", "stage")
    )
    assert backfill(connection, since=date(2026, 1, 1)) == 0
    OutboxItem.objects.all().delete()
    assert backfill(connection, since=date(2026, 2, 1)) == 0
    assert backfill(connection, since=date(2026, 1, 1)) == len(heard)
    assert set(OutboxItem.objects.values_list("kind", "subject_id", "group_key", "stage")) == heard
