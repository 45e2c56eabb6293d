"""What was recorded by mistake is undone: payments off invoices, payments and credit notes void. Nothing is erased."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from accounting.checks import check_ledger
from accounting.recognition import recognize_revenue
from billing.models import (
    BusinessEntity,
    Contract,
    CreditNote,
    Customer,
    Invoice,
    InvoiceStatus,
    Payment,
    PaymentAllocation,
    Product,
    Tenant,
)
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.services.credit_notes import issue_credit_note
from billing.services.gateways import add_gateway, record_payout
from billing.services.payments import allocate_payment, receive_payment
from billing.services.refunds import refund_credit_note, refund_payment
from billing.services.undoing import unallocate_payment, void_credit_note, void_payment
from tests.accounting.rates import rates
from tests.billing.test_documents import refused
from tests.journal import journal, text

pytestmark = pytest.mark.django_db
D = Decimal
JAN, JAN20, JAN31 = date(2026, 1, 1), date(2026, 1, 20), date(2026, 1, 31)


@pytest.fixture
def invoice(sell: Callable[..., Contract]) -> Invoice:
    """310.00 for the 31 days of January, open."""
    sell(amount="310", start=JAN, terms={"term_months": 1})
    run_billing(through=JAN, finalize=True)
    return Invoice.objects.get()


def pay(customer: Customer, amount: str, **more: object) -> Payment:
    return receive_payment(customer_id=customer.pk, received_on=JAN, amount=D(amount), currency="USD", **more)  # type: ignore[arg-type]


def line_of(invoice: Invoice) -> int:
    return invoice.lines.get().pk


def problems(tenant: Tenant) -> list[dict[str, str]]:
    return check_ledger(tenant).problems


def test_a_payment_comes_off_its_invoice_and_settles_it_again(
    invoice: Invoice, customer: Customer, tenant: Tenant
) -> None:
    payment = pay(customer, "310")
    part = PaymentAllocation.objects.get()
    unallocate_payment(allocation_id=part.pk, on=JAN20, reason="It was for another invoice")
    invoice.refresh_from_db()
    payment.refresh_from_db()
    assert (invoice.status, invoice.settled.amount, payment.unapplied.amount) == (InvoiceStatus.FINALIZED, 0, 310)
    assert journal(kinds={"payment_unallocated"}) == text("""
        2026-01-20  Payment taken off
            Dr AR - Customers                        310.00
            Cr Unapplied Payments                    310.00
    """)
    with refused("taken off its invoice already"):
        unallocate_payment(allocation_id=part.pk, on=JAN20, reason="Again")
    allocate_payment(payment_id=payment.pk, allocations={invoice.pk: D("100")}, on=JAN31)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.settled.amount) == (InvoiceStatus.PARTIALLY_PAID, 100)
    assert problems(tenant) == []


def test_a_void_payment_was_never_there(invoice: Invoice, customer: Customer, tenant: Tenant) -> None:
    payment = pay(customer, "330", reference="wire 7")
    void_payment(payment_id=payment.pk, on=JAN20, reason="Another company's money")
    invoice.refresh_from_db()
    payment.refresh_from_db()
    assert (invoice.status, invoice.settled.amount) == (InvoiceStatus.FINALIZED, 0)
    assert (payment.unapplied.amount, payment.voided_on) == (0, JAN20)
    assert journal(kinds={"payment_unallocated", "payment_voided"}) == text("""
        2026-01-20  Payment taken off
            Dr AR - Customers                        310.00
            Cr Unapplied Payments                    310.00
        2026-01-20  Payment voided
            Dr Unapplied Payments                    330.00
            Cr Cash                                  330.00
    """)
    with refused("was voided on 20 January 2026 already"):
        void_payment(payment_id=payment.pk, on=JAN20, reason="Again")
    with refused("was voided"):
        allocate_payment(payment_id=payment.pk, allocations={invoice.pk: D("1")}, on=JAN31)
    with pytest.raises(DatabaseError, match="cannot be changed"), transaction.atomic():
        Payment.objects.filter(pk=payment.pk).update(unapplied=1)
    assert problems(tenant) == []


@pytest.mark.parametrize(("comes_back", "account"), [(True, "TDS Receivable"), (False, "Tax Withheld  ")])
def test_tax_withheld_of_a_void_payment_was_never_withheld(
    invoice: Invoice, customer: Customer, tenant: Tenant, comes_back: bool, account: str
) -> None:
    payment = pay(customer, "290", withheld=D("20"), withheld_is_recoverable=comes_back)
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.PAID
    with refused("Void the payment and record it anew"):
        unallocate_payment(allocation_id=PaymentAllocation.objects.get().pk, on=JAN20, reason="Wrong invoice")
    void_payment(payment_id=payment.pk, on=JAN20, reason="Recorded twice")
    invoice.refresh_from_db()
    assert (invoice.status, invoice.settled.amount) == (InvoiceStatus.FINALIZED, 0)
    assert journal(kinds={"payment_unallocated", "payment_voided"}) == text(f"""
        2026-01-20  Payment taken off
            Dr AR - Customers                        310.00
            Cr Unapplied Payments                    310.00
        2026-01-20  Payment voided
            Dr Unapplied Payments                    310.00
            Cr Cash                                  290.00
            Cr {account}                         20.00
    """)
    assert problems(tenant) == []


def test_a_payment_whose_money_moved_on_is_not_undone(invoice: Invoice, customer: Customer, tenant: Tenant) -> None:
    add_gateway(business_entity=customer.business_entity, code="cards", name="Cards")
    captured = pay(customer, "310", gateway="cards")
    record_payout(
        gateway="cards", business_entity_id=customer.business_entity_id, paid_on=JAN20, currency="USD",
        captured=D("310"), reference="po-1",
    )  # fmt: skip
    with refused("paid this payment out already"):
        void_payment(payment_id=captured.pk, on=JAN31, reason="Wrong")
    over = pay(customer, "50")
    refund_payment(payment_id=over.pk, amount=D("20"), on=JAN20, reason="Too much")
    with refused("20.00 USD of this payment went to a wallet, a refund or a dispute"):
        void_payment(payment_id=over.pk, on=JAN31, reason="Wrong")
    with refused("Say why"):
        void_payment(payment_id=over.pk, on=JAN31, reason=" ")
    with refused("before the day"):
        void_payment(payment_id=over.pk, on=date(2025, 12, 31), reason="Wrong")
    note = issue_credit_note(
        invoice_id=invoice.pk, lines={line_of(invoice): D("10")}, on=JAN31, reason="Late", keep="wallet"
    )
    with refused("went back to the customer or was kept since"):
        unallocate_payment(allocation_id=PaymentAllocation.objects.get().pk, on=JAN31, reason="Wrong")
    assert note.to_wallet.amount == 10
    assert problems(tenant) == []


def test_a_void_credit_note_gives_back_what_it_took(invoice: Invoice, customer: Customer, tenant: Tenant) -> None:
    recognize_revenue(through=date(2026, 1, 10))  # 100.00 earned, 210.00 deferred
    note = issue_credit_note(invoice_id=invoice.pk, lines={line_of(invoice): D("260")}, on=JAN20, reason="Outage")
    void_credit_note(credit_note_id=note.pk, on=JAN20, reason="It was another customer's outage")
    invoice.refresh_from_db()
    assert (invoice.status, invoice.settled.amount) == (InvoiceStatus.FINALIZED, 0)
    assert journal(kinds={"credit_note_issued", "credit_note_voided"}) == text("""
        2026-01-20  Credit note issued
            Dr Deferred Revenue                      210.00
            Dr Sales Returns and Allowances           50.00
            Cr AR - Customers                        260.00
        2026-01-20  Credit note voided: reversal
            Dr AR - Customers                        260.00
            Cr Deferred Revenue                      210.00
            Cr Sales Returns and Allowances           50.00
    """)
    recognize_revenue(through=JAN31)
    assert problems(tenant) == []
    deferred = journal(kinds={"revenue_recognized"})
    assert "210.00" in deferred  # What was given up is earned after all.
    # The whole line can be credited again.
    again = issue_credit_note(invoice_id=invoice.pk, lines={line_of(invoice): D("310")}, on=JAN31, reason="All of it")
    assert again.total.amount == 310
    with pytest.raises(DatabaseError, match="only be voided, once"), transaction.atomic():
        CreditNote.objects.filter(pk=again.pk).update(reason="Other")
    assert problems(tenant) == []


@pytest.mark.parametrize("keep", ["wallet", "refund"])
def test_what_a_credit_note_kept_is_taken_back_unless_it_is_gone(
    keep: str, invoice: Invoice, customer: Customer, tenant: Tenant
) -> None:
    pay(customer, "310")
    notes = [
        issue_credit_note(invoice_id=invoice.pk, lines={line_of(invoice): D("31")}, on=JAN20, reason="x", keep=keep)
        for _ in range(2)
    ]
    void_credit_note(credit_note_id=notes[0].pk, on=JAN31, reason="Twice")
    assert problems(tenant) == []
    if keep == "refund":
        refund_credit_note(credit_note_id=notes[1].pk, on=JAN31, amount=D("1"))
        with refused("was paid back already"):
            void_credit_note(credit_note_id=notes[1].pk, on=JAN31, reason="Twice")
        with refused("owes nothing back"):
            refund_credit_note(credit_note_id=notes[0].pk, on=JAN31)
    else:
        wallet = customer.wallets.get()
        assert wallet.entries.order_by("-number")[0].paid_balance.amount == 31
    with refused("voided on 31 January 2026 already"):
        void_credit_note(credit_note_id=notes[0].pk, on=JAN31, reason="Again")
    assert problems(tenant) == []


def test_undoing_in_a_foreign_currency_leaves_nothing_behind(
    entity: BusinessEntity, product: Product, tenant: Tenant
) -> None:
    """1,000.00 EUR at 1.10, paid at 1.20, credited at 1.25: all undone on a day at 1.30."""
    rates("Date USD\n2026-01-01 1.10\n2026-01-10 1.20\n2026-01-15 1.25\n2026-01-20 1.30")
    abroad = Customer.objects.create(business_entity=entity, external_id="C-EU", name="Initech SARL", currency="EUR")
    item = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "1000"}}
    start_contracts([draft_contract(customer=abroad, number="K-EU", start=JAN, items=[item], term_months=1).pk])
    run_billing(through=JAN, finalize=True)
    invoice = Invoice.objects.get()
    payment = receive_payment(customer_id=abroad.pk, received_on=date(2026, 1, 10), amount=D("400"), currency="EUR")
    note = issue_credit_note(
        invoice_id=invoice.pk, lines={line_of(invoice): D("100")}, on=date(2026, 1, 15), reason="Late"
    )
    void_payment(payment_id=payment.pk, on=JAN20, reason="Another company's money")
    void_credit_note(credit_note_id=note.pk, on=JAN20, reason="A mistake")
    invoice.refresh_from_db()
    assert (invoice.status, invoice.settled.amount) == (InvoiceStatus.FINALIZED, 0)
    assert problems(tenant) == []
