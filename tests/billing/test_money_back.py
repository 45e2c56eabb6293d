"""Gateways, disputes, refunds, credit notes on paid invoices, wallets: what does not fit is refused and changes nothing."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from billing.models import Contract, Customer, Invoice, NumberSeries, Payment, WalletEntry
from billing.services.billing_run import run_billing
from billing.services.credit_notes import issue_credit_note
from billing.services.disputes import lose_dispute, open_dispute, win_dispute
from billing.services.gateways import add_gateway, record_payout
from billing.services.payments import receive_payment
from billing.services.refunds import refund_credit_note, refund_payment, refund_wallet
from billing.services.wallets import apply_wallet, grant_bonus, keep_in_wallet, top_up_wallet, withdraw_bonus
from tests.billing.test_documents import refused

D = Decimal
JAN = date(2026, 1, 1)
FEB = date(2026, 2, 1)


@pytest.fixture
def invoice(sell: Callable[..., Contract]) -> Invoice:
    """100.00 for January, open."""
    sell(amount="100", start=JAN, terms={"term_months": 1})
    run_billing(through=JAN, finalize=True)
    return Invoice.objects.get()


@pytest.fixture
def paid(invoice: Invoice, customer: Customer) -> Payment:
    """The invoice paid through a gateway, and 20.00 too much."""
    add_gateway(business_entity=customer.business_entity, code="cards", name="Cards")
    return receive_payment(
        customer_id=customer.pk, received_on=JAN, amount=D("120"), currency="USD", gateway="cards", reference="ch_1"
    )


def test_gateway_payments_that_do_not_fit_are_refused(paid: Payment, customer: Customer) -> None:
    with refused("There is a payment gateway cards already"):
        add_gateway(business_entity=customer.business_entity, code="cards", name="Again")
    with refused("no active payment gateway other"):
        receive_payment(customer_id=customer.pk, received_on=JAN, amount=D("1"), currency="USD", gateway="other")
    payout: dict[str, Any] = {
        "gateway": "cards",
        "business_entity_id": customer.business_entity_id,
        "paid_on": JAN,
        "currency": "USD",
        "captured": D("120"),
        "reference": "po-1",
    }
    for changes, reason in (
        ({"captured": D("120.01")}, "holds 120.00 USD of captured payments"),
        ({"captured": D("-1")}, "must not be negative"),
        ({"captured": D("0")}, "nor all be zero"),
        ({"fee": D("0.001")}, "whole minor units"),
        ({"withheld": D("1")}, "disputes of 0.00 USD wait for a payout"),
        ({"gateway": ""}, "Name the payment gateway"),
        ({"reference": " "}, "own id of the payout"),
    ):
        with refused(reason):
            record_payout(**payout | changes)
    record_payout(**payout)
    with refused("po-1 of Cards is recorded already"):
        record_payout(**payout)


def test_withheld_tax_belongs_to_invoices(invoice: Invoice, customer: Customer) -> None:
    pay: dict[str, Any] = {"customer_id": customer.pk, "received_on": JAN, "amount": D("0"), "currency": "USD"}
    with refused("allocate at least the 10.00 USD"):
        receive_payment(**pay, withheld=D("10"), allocations={invoice.pk: D("9")})
    with refused("must not be negative"):
        receive_payment(**pay | {"amount": D("20")}, withheld=D("-10"))


def test_disputes_that_do_not_fit_are_refused(paid: Payment) -> None:
    dispute: dict[str, Any] = {
        "payment_id": paid.pk,
        "on": FEB,
        "amount": D("120"),
        "reason": "Fraud",
        "reference": "d1",
    }
    for changes, reason in (
        ({"amount": D("120.01")}, "Only 120.00 USD of this payment can still go back"),
        ({"amount": D("0")}, "more than zero"),
        ({"fee": D("-1")}, "must not be negative"),
        ({"reason": " "}, "Say what the customer disputes"),
        ({"on": date(2025, 12, 31)}, "cannot be disputed before"),
        ({"payment_id": 0}, "no payment with the id 0"),
    ):
        with refused(reason):
            open_dispute(**dispute | changes)
    opened = open_dispute(**dispute, fee=D("15"))
    with refused("d1 is recorded already"):
        open_dispute(**dispute)
    with refused("Only 0.00 USD of this payment"):
        refund_payment(payment_id=paid.pk, amount=D("1"), on=FEB, reason="Again")
    with refused("Between nothing and the fee of 15.00 USD"):
        win_dispute(dispute_id=opened.pk, on=FEB, fee_returned=D("16"))
    with refused("cannot be decided before"):
        win_dispute(dispute_id=opened.pk, on=JAN)
    win_dispute(dispute_id=opened.pk, on=FEB, fee_returned=D("15"))
    with refused("was won on 1 February 2026"):
        lose_dispute(dispute_id=opened.pk, on=FEB)
    paid.refresh_from_db()
    assert paid.unapplied.amount == D("20")


def test_what_went_back_is_not_credited_and_refunded_again(invoice: Invoice, paid: Payment) -> None:
    """100.00 paid, 70.00 refunded without a credit note: only 30.00 of the customer's money is left to give back."""
    refund_payment(payment_id=paid.pk, amount=D("90"), on=FEB, reason="Outage", reference="r1")
    line = invoice.lines.get().pk
    credit: dict[str, Any] = {"invoice_id": invoice.pk, "on": FEB, "reason": "Outage"}
    with refused("Only 30.00 USD of the customer's money is left"):
        issue_credit_note(**credit, lines={line: D("31")}, keep="refund")
    with refused("Say what becomes of the other 30.00 USD"):
        issue_credit_note(**credit, lines={line: D("30")})
    note = issue_credit_note(**credit, lines={line: D("30")}, keep="refund")
    with refused("r1 is recorded already"):
        refund_credit_note(credit_note_id=note.pk, on=FEB, reference="r1")
    for changes, reason in (
        ({"amount": D("30.01")}, "owes back 30.00 USD"),
        ({"amount": D("0")}, "more than zero"),
        ({"on": JAN}, "cannot be refunded before"),
        ({"gateway": "other"}, "no active payment gateway"),
        ({"credit_note_id": 0}, "no credit note with the id 0"),
    ):
        with refused(reason):
            refund_credit_note(**{"credit_note_id": note.pk, "on": FEB} | changes)
    refund_credit_note(credit_note_id=note.pk, on=FEB, amount=D("10"))
    refund_credit_note(credit_note_id=note.pk, on=FEB)
    with refused("owes nothing back"):
        refund_credit_note(credit_note_id=note.pk, on=FEB)
    with refused("Only 0.00 USD of this payment"):
        refund_payment(payment_id=paid.pk, amount=D("1"), on=FEB, reason="More")


def test_only_open_and_paid_invoices_are_credited(invoice: Invoice, sell: Callable[..., Contract]) -> None:
    sell(amount="5", start=FEB, number="K-2", terms={"term_months": 1})
    run_billing(through=FEB)
    draft = Invoice.objects.get(status="draft")
    with refused("is draft and cannot be credited"):
        issue_credit_note(invoice_id=draft.pk, lines={draft.lines.get().pk: D("1")}, on=FEB, reason="x")


def test_a_credit_note_needs_a_series_of_numbers(invoice: Invoice) -> None:
    NumberSeries.objects.filter(kind="credit_note").delete()
    with refused("no number series for credit notes; add one"):
        issue_credit_note(invoice_id=invoice.pk, lines={invoice.lines.get().pk: D("1")}, on=FEB, reason="x")


def test_wallets_that_do_not_fit_are_refused(invoice: Invoice, customer: Customer) -> None:
    mine: dict[str, Any] = {"customer_id": customer.pk, "currency": "USD", "on": FEB}
    with refused("wallet is empty or no invoice"):
        apply_wallet(**mine)
    top_up_wallet(**mine, amount=D("10"), bonus=D("5"), reference="t1")
    for act, reason in (
        (lambda: top_up_wallet(**mine, amount=D("10"), reference="t1"), "t1 is recorded already"),
        (lambda: top_up_wallet(**mine, amount=D("0")), "more than zero"),
        (lambda: top_up_wallet(**mine, amount=D("1"), bonus=D("-1")), "bonus must be more than zero"),
        (lambda: grant_bonus(**mine, amount=D("1"), reason=" "), "Say why the bonus"),
        (lambda: grant_bonus(**mine | {"customer_id": 0}, amount=D("1"), reason="x"), "no customer"),
        (lambda: withdraw_bonus(**mine, amount=D("6"), reason="x"), "holds 5.00 USD of bonus"),
        (lambda: refund_wallet(**mine, amount=D("10.01")), "holds 10.00 USD that can be paid out"),
        (lambda: refund_wallet(**mine, amount=D("-1")), "more than zero"),
        (lambda: apply_wallet(**mine, allocations={invoice.pk: D("16")}), "wallet holds 15.00 USD"),
        (lambda: apply_wallet(**mine, allocations={0: D("1")}), "no invoice with the id 0"),
        (lambda: apply_wallet(**mine | {"on": date(2025, 12, 31)}), "cannot be settled before"),
    ):
        with refused(reason):
            act()
    withdraw_bonus(**mine, amount=D("5"), reason="Expired")
    payment = receive_payment(customer_id=customer.pk, received_on=FEB, amount=D("8"), currency="USD", allocations={})
    with refused("Only 8.00 USD of this payment is unapplied"):
        keep_in_wallet(payment_id=payment.pk, on=FEB, amount=D("9"))
    keep_in_wallet(payment_id=payment.pk, on=FEB)
    assert [
        (entry.paid_balance.amount, entry.bonus_balance.amount) for entry in WalletEntry.objects.order_by("number")
    ] == [
        (10, 0),
        (10, 5),
        (10, 0),
        (18, 0),
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE billing_walletentry SET paid = 1",
        "DELETE FROM billing_walletentry",
        "UPDATE billing_refund SET amount = 1",
        "DELETE FROM billing_returnedpart",
        "UPDATE billing_gatewaypayout SET fee = 1, deposited = deposited - 1",
        "UPDATE billing_dispute SET amount = 1",
        "UPDATE billing_dispute SET status = 'lost'",
        "DELETE FROM billing_dispute",
        "TRUNCATE billing_dispute CASCADE",
        "DELETE FROM accounting_correctionsplit",
        # a wallet entry that does not go on from the one before
        (
            'INSERT INTO billing_walletentry (tenant_id, wallet_id, number, kind, "on", currency, paid, bonus, paid_balance, '
            "bonus_balance, reason, created_at) SELECT tenant_id, wallet_id, number + 1, 'top_up', \"on\", currency, 5, 0, "
            "paid_balance + 6, 0, '', now() FROM billing_walletentry"
        ),
        # and one out of the blue
        (
            'INSERT INTO billing_walletentry (tenant_id, wallet_id, number, kind, "on", currency, paid, bonus, paid_balance, '
            "bonus_balance, reason, created_at) SELECT tenant_id, wallet_id, number + 2, 'top_up', \"on\", currency, 5, 0, "
            "paid_balance + 5, 0, '', now() FROM billing_walletentry"
        ),
    ],
)
def test_the_database_refuses_to_change_what_happened(paid: Payment, customer: Customer, sql: str) -> None:
    top_up_wallet(customer_id=customer.pk, amount=D("10"), currency="USD", on=FEB)
    refund_payment(payment_id=paid.pk, amount=D("25"), on=FEB, reason="x")
    record_payout(
        gateway="cards", business_entity_id=customer.business_entity_id, paid_on=FEB, currency="USD", captured=D("9"),
        reference="po",
    )  # fmt: skip
    dispute = open_dispute(payment_id=paid.pk, on=FEB, amount=D("5"), reason="x")
    win_dispute(dispute_id=dispute.pk, on=FEB)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
