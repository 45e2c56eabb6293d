"""Wallets, disputes, recovered debt and refunds in documents mode: sent to each ERP as it allows, and both sides agree."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from billing.models import BusinessEntity, Invoice, InvoiceLine, Payment, PaymentAllocation, WalletDraw
from billing.services.billing_run import run_billing
from billing.services.credit_notes import Keep, issue_credit_note
from billing.services.disputes import lose_dispute, open_dispute, win_dispute
from billing.services.payments import allocate_payment, receive_payment
from billing.services.refunds import refund_payment, refund_wallet
from billing.services.undoing import unallocate_payment, void_payment
from billing.services.wallets import keep_in_wallet, top_up_wallet
from billing.services.write_offs import recover_write_off, write_off_invoice
from integrations import builders, dry_run, going_live, mapping, outbox, setup
from integrations.connectors.base import Delivered, Parcel
from integrations.delivery import drain
from integrations.documents import Kind
from integrations.models import Connection, ErpRecord, MappingKind, OutboxItem
from integrations.reconciliation import reconcile
from integrations.sandbox.server import start_in_thread
from tests.integrations.books import Books
from tests.integrations.business import FEBRUARY, deliver_all
from tests.integrations.conftest import QUICK
from tests.integrations.world import JANUARY, START, a_month
from tests.journal import journal, text

pytestmark = pytest.mark.django_db(transaction=True)
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


def test_money_on_account_that_comes_back_undoes_the_refund(connection: Connection) -> None:
    """5.00 of 7.00 had been on account: when the dispute is won the payment holds them again, here and there."""
    a_month(customers=1)
    (invoice,) = Invoice.objects.all()
    payment = receive_payment(
        customer_id=invoice.customer_id, amount=invoice.total.amount + 5, currency="USD", received_on=JANUARY
    )
    dispute = open_dispute(payment_id=payment.pk, on=FEBRUARY, amount=Decimal(7), reason="Fraud")
    deliver_all(connection)
    win_dispute(dispute_id=dispute.pk, on=FEBRUARY)
    deliver_all(connection)
    agreed(connection)
    assert {"dispute_return": 1, "dispute_won": 1}.items() <= kinds().items()
    run_billing(through=FEBRUARY, finalize=True)  # What came back settles the next invoice there too.
    fresh = Invoice.objects.order_by("-id")[0]
    allocate_payment(payment_id=payment.pk, allocations={fresh.pk: Decimal(5)}, on=FEBRUARY)
    deliver_all(connection)
    agreed(connection)


def test_the_undoing_of_a_refund_that_is_gone_already_does_nothing(connection: Connection) -> None:
    """After an answer that never came it is looked for first, and found done."""
    a_month(customers=1)
    (invoice,) = Invoice.objects.all()
    payment = receive_payment(
        customer_id=invoice.customer_id, amount=invoice.total.amount + 5, currency="USD", received_on=JANUARY
    )
    dispute = open_dispute(payment_id=payment.pk, on=FEBRUARY, amount=Decimal(5), reason="Fraud")
    deliver_all(connection)
    win_dispute(dispute_id=dispute.pk, on=FEBRUARY)
    deliver_all(connection)
    item = OutboxItem.objects.get(kind="dispute_return")
    document = builders.build(connection=connection, kind=Kind.DISPUTE_RETURN, items=[item])[item.pk]
    connector = mapping.connector_of(connection)
    body = connector.encode(Kind.REFUND_VOID, document)  # type: ignore[arg-type]
    parcel = Parcel("again", 0, body)
    assert list(connector.find(Kind.REFUND_VOID, [parcel])) == ["again"]
    (outcome,) = connector.send(Kind.REFUND_VOID, str(uuid4()), [parcel])
    assert isinstance(outcome, Delivered)
    agreed(connection)


def withhold(invoices: list[Invoice], *, comes_back: bool) -> Payment:
    """One payment for all of these, of which the customer withheld 2.00."""
    total = sum((each.total.amount for each in invoices), Decimal(0))
    return receive_payment(
        customer_id=invoices[0].customer_id,
        amount=total - 2,
        withheld=Decimal(2),
        withheld_is_recoverable=comes_back,
        currency="USD",
        received_on=FEBRUARY,
    )


def map_withheld(connection: Connection, erp: str) -> None:
    """Do what a person would: an account for the tax, and where items say where sales go, one for what is lost."""
    mapping.create_missing(connection)
    if erp not in ("xero", "csv_export"):
        record = ErpRecord.objects.filter(connection=connection, kind="product").order_by("id").first()
        assert record is not None
        mapping.choose(connection, kind=MappingKind.WITHHELD_PRODUCT, internal_id=None, record=record)


def two_invoices_of_one_customer() -> list[Invoice]:
    a_month(customers=1)
    run_billing(through=FEBRUARY, finalize=True)
    return list(Invoice.objects.order_by("id"))


@pytest.mark.parametrize("comes_back", [True, False])
def test_tax_that_a_customer_withheld_settles_invoices_there_too(
    erp: str, box: Any, connection: Connection, comes_back: bool
) -> None:
    """Of 20.02 the customer pays 18.02: the tax goes to its own account, and all of both invoices is settled."""
    first, second = two_invoices_of_one_customer()
    deliver_all(connection)  # Nothing of it is asked for before the first such payment.
    payment = withhold([first, second], comes_back=comes_back)
    expected = (
        (1, {"payment"}) if comes_back and erp == "zoho" else (2, {"withheld" if comes_back else "withheld_loss"})
    )
    parked = drain(connection.pk, until_empty=True, seconds=180).parked
    kinds_parked = set(OutboxItem.objects.filter(state="parked").values_list("kind", flat=True))
    assert (parked, kinds_parked) == expected
    map_withheld(connection, erp)
    outbox.send_again(list(OutboxItem.objects.filter(state="parked").values_list("id", flat=True)))
    deliver_all(connection)
    _, found = reconcile(connection, through=FEBRUARY)
    assert found.differences == []
    # As the entry has it (what is lost is no payment).
    owed = {each["theirs"] for each in found.accounts if each["account"] == "receivables"}
    paid = sorted(each["theirs"] for each in found.accounts if each["account"].startswith("payments to account"))
    assert owed == {"0.00"}
    assert paid == (["18.02", "2.00"] if comes_back and erp != "zoho" else ["18.02"])
    assert journal(kinds={"payment_received"}) == text(f"""
        2026-02-02  Payment received
            Dr Cash                                   18.02
            Dr {"TDS Receivable" if comes_back else "Tax Withheld  "}                          2.00
            Cr AR - Customers                         10.01
            Cr AR - Customers                         10.01
    """)
    books = Books(box.url)
    if erp == "zoho" and comes_back:
        (kept,) = books.state("?objects=1")["objects"]["customerpayments"]
        assert kept["tax_amount_withheld"] == 2 and kept["tax_account_name"] == "TDS Receivable"
    void_payment(payment_id=payment.pk, on=FEBRUARY, reason="Recorded twice")
    deliver_all(connection)
    agreed(connection)
    assert {each.status for each in Invoice.objects.all()} == {"finalized"}


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("erp", ["zoho"], indirect=True)
def test_zoho_keeps_tax_withheld_of_one_invoice_whichever_way_it_reads(
    box: Any, connection: Connection, beside: bool
) -> None:
    """First as the published contract has it, beside the invoice and without an account; then as people do, if need be."""
    books = Books(box.url)
    books.prefer(WithheldBeside=beside)
    first, _ = two_invoices_of_one_customer()
    deliver_all(connection)
    withhold([first], comes_back=True)
    drain(connection.pk, until_empty=True, seconds=180)
    map_withheld(connection, "zoho")
    outbox.send_again(list(OutboxItem.objects.filter(state="parked").values_list("id", flat=True)))
    deliver_all(connection)
    agreed(connection)
    state = books.state("?objects=1&requests=1")
    (kept,) = state["objects"]["customerpayments"]
    assert (kept["tax_amount_withheld"], kept["tax_account_name"]) == (2, "TDS Receivable")
    sent = [
        json.loads(each["body"]) for each in state["requests"] if "/customerpayments" in each["path"] and each["body"]
    ]
    published, plain = (each for each in sent if isinstance(each, dict))
    assert (published["tax_amount_withheld"], "tax_account_id" in published) == (2, False)
    assert list(published["invoices"][0]) == ["invoice_id", "amount_applied"]
    assert (plain["invoices"][0]["tax_amount_withheld"], "tax_amount_withheld" in plain) == (2, False)


@pytest.mark.parametrize("erp", ["zoho"], indirect=True)
def test_zoho_that_ignores_tax_withheld_of_several_invoices_is_left_without_the_payment(
    box: Any, connection: Connection
) -> None:
    """Its contract names no form for several; with the one that people use the invoices would stay open for the tax."""
    books = Books(box.url)
    books.prefer(WithheldOfEach=False, WithheldBeside=True)
    invoices = two_invoices_of_one_customer()
    deliver_all(connection)
    withhold(invoices, comes_back=True)
    map_withheld(connection, "zoho")
    assert drain(connection.pk, until_empty=True, seconds=180).parked == 1
    parked = OutboxItem.objects.get(state="parked")
    assert "did not keep the tax that was withheld of several invoices" in parked.reason
    assert books.state("?objects=1")["objects"].get("customerpayments", []) == []
    assert {each["balance"] for each in books.objects("invoices")} == {Decimal("10.01")}
    books.prefer(WithheldOfEach=True)
    outbox.send_again([parked.pk])
    deliver_all(connection)
    agreed(connection)


def test_where_all_is_withheld_the_tax_alone_settles_the_invoice(erp: str, connection: Connection) -> None:
    a_month(customers=1)
    (invoice,) = Invoice.objects.all()
    owed = {"customer_id": invoice.customer_id, "currency": "USD", "received_on": JANUARY}
    receive_payment(**owed, amount=Decimal(0), withheld=invoice.total.amount)  # type: ignore[arg-type]
    map_withheld(connection, erp)
    if erp == "zoho":  # Its payments carry the tax, and none is of nothing.
        assert drain(connection.pk, until_empty=True, seconds=180).parked == 1
        assert "takes no payment of nothing" in OutboxItem.objects.get(state="parked").reason
        return
    deliver_all(connection)
    agreed(connection)
    assert {"withheld": 1}.items() <= kinds().items() and "payment" not in kinds()


def test_payments_with_tax_withheld_from_before_are_brought_along(erp: str, connection: Connection) -> None:
    """Going live: what was recorded before is put into the outbox as it would have been, shown by a dry run before."""
    Connection.objects.filter(pk=connection.pk).update(options={**connection.options, "setting_up": True})
    if erp == "xero":
        Books(connection.base_url).prefer(OverpaymentsCanBeDeleted=True)
    invoices = two_invoices_of_one_customer()
    withhold(invoices[:1], comes_back=True)
    void_payment(payment_id=withhold(invoices[1:], comes_back=False).pk, on=FEBRUARY, reason="Twice")
    connection.refresh_from_db()
    map_withheld(connection, erp)
    counts, tried = dry_run.try_out(connection, since=START)
    assert [each.trouble for each in tried if each.trouble] == []
    assert counts.get(Kind.WITHHELD, 0) == (0 if erp == "zoho" else 1)
    assert (counts[Kind.WITHHELD_LOSS], counts[Kind.WITHHELD_LOSS_VOID]) == (1, 1)
    going_live.go_live(connection, start=START, history=going_live.History.NOTHING)
    connection.refresh_from_db()
    deliver_all(connection)
    assert reconcile(connection, through=FEBRUARY)[1].differences == []


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
