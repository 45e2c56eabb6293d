"""Wallets, disputes, recovered debt and refunds in documents mode: sent to each ERP as it allows, and both sides agree."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from billing.models import BusinessEntity, Invoice, InvoiceLine, PaymentAllocation, WalletDraw
from billing.services.billing_run import run_billing
from billing.services.credit_notes import Keep, issue_credit_note
from billing.services.disputes import lose_dispute, open_dispute, win_dispute
from billing.services.payments import receive_payment
from billing.services.refunds import refund_payment, refund_wallet
from billing.services.undoing import unallocate_payment
from billing.services.wallets import keep_in_wallet, top_up_wallet
from billing.services.write_offs import recover_write_off, write_off_invoice
from integrations import outbox, setup
from integrations.delivery import drain
from integrations.models import Connection, OutboxItem
from integrations.reconciliation import reconcile
from integrations.sandbox.server import start_in_thread
from tests.integrations.books import Books
from tests.integrations.business import FEBRUARY, deliver_all
from tests.integrations.world import JANUARY, a_month

pytestmark = pytest.mark.django_db(transaction=True)
QUICK = {"backoff_base": 0.02, "backoff_cap": 0.2, "settle_seconds": 0}
ERPS = ["quickbooks", "xero", "netsuite", "zoho"]
# What a sandbox calls money that left, and that came in, beside all invoices.
OUT = {"quickbooks": "Purchase", "xero": "BankTransaction", "netsuite": "check", "zoho": "expenses"}
IN = {"quickbooks": "Deposit", "xero": "BankTransaction", "netsuite": "deposit", "zoho": "banktransactions"}


@pytest.fixture(params=ERPS)
def erp(request: Any) -> str:
    return str(request.param)


@pytest.fixture
def box(erp: str) -> Iterator[Any]:
    with start_in_thread(erp, port=0, limits="off") as server:
        yield server


@pytest.fixture
def connection(erp: str, box: Any, entity: BusinessEntity) -> Connection:
    made, _ = setup.create_connection(business_entity=entity, erp=erp, mode="documents", send_payments=True)
    made.options = QUICK
    return setup.connect_sandbox(made, box.url)


def agreed(connection: Connection) -> None:
    assert reconcile(connection, through=FEBRUARY)[1].differences == []


def kinds() -> dict[str, int]:
    found: dict[str, int] = {}
    for kind in OutboxItem.objects.filter(state="delivered").values_list("kind", flat=True):
        found[kind] = found.get(kind, 0) + 1
    return found


def test_a_wallet_settles_invoices_with_what_it_holds(connection: Connection) -> None:
    """A payment on account, a credit note that was kept and a bonus are used, the oldest money first."""
    a_month(customers=1)
    (first,) = Invoice.objects.all()
    line = InvoiceLine.objects.get(invoice=first)
    due = first.total.amount
    paid = receive_payment(customer_id=first.customer_id, amount=due + 2, currency="USD", received_on=JANUARY)
    keep_in_wallet(payment_id=paid.pk, on=JANUARY)
    issue_credit_note(
        invoice_id=first.pk, lines={line.pk: Decimal("3.00")}, on=JANUARY, reason="Late", keep=Keep.WALLET
    )
    top_up_wallet(customer_id=first.customer_id, amount=Decimal(4), currency="USD", on=JANUARY, bonus=Decimal("1.50"))
    deliver_all(connection)
    agreed(connection)
    run_billing(through=FEBRUARY, finalize=True)  # The wallet settles the fresh invoice by itself.
    assert [(each.amount.amount, each.entry.bonus.amount) for each in WalletDraw.objects.order_by("id")] == [
        (Decimal(2), Decimal("-1.01")),
        (Decimal(3), Decimal("-1.01")),
        (Decimal(4), Decimal("-1.01")),
    ]
    deliver_all(connection)
    agreed(connection)
    assert {"wallet_payment": 2, "wallet_credit": 1, "wallet_bonus": 1}.items() <= kinds().items()


def test_a_credit_note_that_settles_nothing_there_is_told(erp: str, connection: Connection) -> None:
    a_month(customers=1)
    deliver_all(connection)
    (first,) = Invoice.objects.all()
    line = InvoiceLine.objects.get(invoice=first)
    issue_credit_note(invoice_id=first.pk, lines={line.pk: Decimal("3.00")}, on=JANUARY, reason="Late")
    applied = OutboxItem.objects.filter(kind="credit_allocation").values_list("id", flat=True)
    outbox.skip(list(applied), reason="Applied by hand")
    deliver_all(connection)
    found = reconcile(connection, through=FEBRUARY)[1].differences
    # NetSuite's credit memo names its invoice when it is made.
    assert {each["cause"] for each in found} == (set() if erp == "netsuite" else {"skipped"})
    outbox.send_again(list(applied))
    deliver_all(connection)
    agreed(connection)


def test_a_wallet_is_paid_out_of_what_it_holds(connection: Connection) -> None:
    a_month(customers=1)
    (first,) = Invoice.objects.all()
    line = InvoiceLine.objects.get(invoice=first)
    receive_payment(customer_id=first.customer_id, amount=first.total.amount, currency="USD", received_on=JANUARY)
    issue_credit_note(
        invoice_id=first.pk, lines={line.pk: Decimal("3.00")}, on=JANUARY, reason="Late", keep=Keep.WALLET
    )
    top_up_wallet(customer_id=first.customer_id, amount=Decimal(4), currency="USD", on=JANUARY)
    refund_wallet(customer_id=first.customer_id, amount=Decimal(5), currency="USD", on=FEBRUARY, reason="Asked for it")
    deliver_all(connection)
    agreed(connection)
    assert kinds()["wallet_refund"] == 2


def test_a_dispute_leaves_the_account_and_comes_back_when_it_is_won(erp: str, box: Any, connection: Connection) -> None:
    a_month(customers=2)
    won, lost = Invoice.objects.order_by("id")
    disputes = []
    for invoice in (won, lost):
        payment = receive_payment(
            customer_id=invoice.customer_id, amount=invoice.total.amount, currency="USD", received_on=JANUARY
        )
        disputes.append(
            open_dispute(
                payment_id=payment.pk, on=FEBRUARY, amount=payment.amount.amount, reason="Fraud", fee=Decimal(15)
            )
        )
    deliver_all(connection)
    agreed(connection)
    win_dispute(dispute_id=disputes[0].pk, on=FEBRUARY, fee_returned=Decimal(15))
    lose_dispute(dispute_id=disputes[1].pk, on=FEBRUARY)
    deliver_all(connection)
    agreed(connection)
    books = Books(box.url)
    counts = books.state()["counts"]
    if erp == "xero":
        assert counts["BankTransaction"] == 6
    else:
        assert (counts[OUT[erp]], counts[IN[erp]]) == (4, 2)


def test_money_on_account_is_disputed_as_a_refund_of_it(connection: Connection) -> None:
    a_month(customers=1)
    (invoice,) = Invoice.objects.all()
    payment = receive_payment(
        customer_id=invoice.customer_id, amount=invoice.total.amount + 5, currency="USD", received_on=JANUARY
    )
    open_dispute(payment_id=payment.pk, on=FEBRUARY, amount=Decimal(7), reason="Fraud")
    deliver_all(connection)
    agreed(connection)
    assert {"dispute_refund": 1, "dispute": 1}.items() <= kinds().items()


def test_money_on_account_that_comes_back_is_parked_for_a_person(connection: Connection) -> None:
    """5.00 of 7.00 had been on account: the ERP has them as a refund, and cannot know that they are back."""
    a_month(customers=1)
    (invoice,) = Invoice.objects.all()
    payment = receive_payment(
        customer_id=invoice.customer_id, amount=invoice.total.amount + 5, currency="USD", received_on=JANUARY
    )
    dispute = open_dispute(payment_id=payment.pk, on=FEBRUARY, amount=Decimal(7), reason="Fraud")
    deliver_all(connection)
    win_dispute(dispute_id=dispute.pk, on=FEBRUARY)
    assert drain(connection.pk, until_empty=True, seconds=180).parked == 1
    item = OutboxItem.objects.get(state="parked")
    assert item.kind == "dispute_return" and "5.00 USD came back" in item.reason
    assert kinds()["dispute_won"] == 1
    found = reconcile(connection, through=FEBRUARY)[1].differences
    assert [(each["cause"], each["theirs"]) for each in found if each["kind"] == "dispute_refund"] == [
        ("parked", "5.00")
    ]


def test_tax_that_a_customer_withheld_is_parked_with_both_amounts(connection: Connection) -> None:
    a_month(customers=1)
    (invoice,) = Invoice.objects.all()
    receive_payment(
        customer_id=invoice.customer_id,
        amount=invoice.total.amount - 1,
        withheld=Decimal(1),
        currency="USD",
        received_on=JANUARY,
    )
    assert drain(connection.pk, until_empty=True, seconds=180).parked == 1
    words = OutboxItem.objects.get(state="parked").reason
    assert "The customer paid 9.01 USD and withheld 1.00 USD of tax" in words
    assert f"with the reference {connection.reference_prefix}-P" in words


def test_a_payment_that_goes_back_without_a_credit_note_is_a_loss(connection: Connection) -> None:
    a_month(customers=1)
    (invoice,) = Invoice.objects.all()
    payment = receive_payment(
        customer_id=invoice.customer_id, amount=invoice.total.amount + 5, currency="USD", received_on=JANUARY
    )
    refund_payment(payment_id=payment.pk, amount=Decimal(8), on=FEBRUARY, reason="Goodwill")
    deliver_all(connection)
    agreed(connection)
    assert {"refund": 1, "refund_loss": 1}.items() <= kinds().items()


def test_recovered_debt_is_owed_again_and_paid(connection: Connection) -> None:
    a_month(customers=2)
    given_up, _ = Invoice.objects.order_by("id")
    due = given_up.total.amount
    early = receive_payment(
        customer_id=given_up.customer_id,
        amount=Decimal(2),
        currency="USD",
        received_on=JANUARY,
        allocations={given_up.pk: Decimal(2)},
    )
    write_off_invoice(invoice_id=given_up.pk, on=JANUARY, reason="Bankrupt")
    recover_write_off(invoice_id=given_up.pk, amount=Decimal(3), received_on=FEBRUARY)
    recover_write_off(invoice_id=given_up.pk, amount=due - 5, received_on=FEBRUARY)
    deliver_all(connection)
    agreed(connection)
    assert kinds()["recovery"] == 2
    # A payment from before comes off: the first invoice is open again there, and another payment settles it.
    unallocate_payment(
        allocation_id=PaymentAllocation.objects.get(payment=early).pk, on=FEBRUARY, reason="Another customer's"
    )
    receive_payment(
        customer_id=given_up.customer_id,
        amount=Decimal(2),
        currency="USD",
        received_on=FEBRUARY,
        allocations={given_up.pk: Decimal(2)},
    )
    deliver_all(connection)
    agreed(connection)
