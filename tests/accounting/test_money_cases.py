"""Money that comes through gateways, goes back, or is kept: worked cases and peers' examples with their journals."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from accounting.checks import check_ledger
from accounting.models import RecognitionSchedule, RuleVersion
from accounting.recognition import recognize_revenue
from accounting.replaying import replay_ledger
from accounting.reports.trial_balance import trial_balance
from billing.errors import BillingError
from billing.models import (
    BusinessEntity,
    Contract,
    Customer,
    Invoice,
    PaymentGateway,
    TaxRate,
    Tenant,
    WalletDraw,
    WalletEntry,
)
from billing.services.billing_run import run_billing
from billing.services.credit_notes import issue_credit_note
from billing.services.disputes import lose_dispute, open_dispute, win_dispute
from billing.services.gateways import add_gateway, record_payout
from billing.services.held_wallets import expire_wallets
from billing.services.payments import receive_payment
from billing.services.refunds import refund_credit_note, refund_payment, refund_wallet
from billing.services.wallets import apply_wallet, grant_bonus, keep_in_wallet, top_up_wallet, withdraw_bonus
from tests.billing.test_documents import refused
from tests.journal import journal, text

D = Decimal
Sell = Callable[..., Contract]


@pytest.fixture
def gateway(entity: BusinessEntity) -> PaymentGateway:
    return add_gateway(business_entity=entity, code="cards", name="Card gateway")


@pytest.fixture(autouse=True)
def books_agree(tenant: Tenant) -> Any:
    """After every story the ledger agrees with the documents."""
    yield
    assert check_ledger(tenant).problems == []


def bill(through: date) -> Invoice:
    run_billing(through=through, finalize=True)
    return Invoice.objects.latest("id")


def balances(at: date = date(2030, 1, 1)) -> dict[str, str]:
    """Every account that does not stand at zero, debit positive."""
    entity = BusinessEntity.objects.get()
    standing = {row.name: row.debit - row.credit for row in trial_balance(business_entity_id=entity.pk, at=at).accounts}
    return {name: f"{amount:,.2f}" for name, amount in standing.items() if amount}


def test_gateway_payment_with_fee_and_a_chargeback_later(sell: Sell, customer: Customer, gateway: Any) -> None:
    """C15: 200.00, the gateway keeps 6.00; the customer disputes the whole, fee 15.00 on top, lost."""
    sell(amount="200", start=date(2026, 1, 1), recognition_method="point_in_time", terms={"term_months": 1})
    bill(date(2026, 1, 1))
    recognize_revenue(through=date(2026, 1, 31))
    payment = receive_payment(
        customer_id=customer.pk, received_on=date(2026, 1, 2), amount=D("200"), currency="USD", gateway="cards"
    )
    record_payout(
        gateway="cards",
        business_entity_id=customer.business_entity_id,
        paid_on=date(2026, 1, 5),
        currency="USD",
        captured=D("200"),
        fee=D("6"),
        reference="po-1",
    )
    dispute = open_dispute(
        payment_id=payment.pk, on=date(2026, 2, 1), amount=D("200"), fee=D("15"), reason="Not recognized"
    )
    lose_dispute(dispute_id=dispute.pk, on=date(2026, 3, 1))
    assert journal(kinds={"payment_captured", "payout_received", "dispute_opened", "dispute_lost"}) == text("""
        2026-01-02  Payment captured
            Dr AR - Payment Gateways                 200.00
            Cr AR - Customers                        200.00
        2026-01-05  Gateway payout
            Dr Cash                                  194.00
            Dr Payment Gateway Fees                    6.00
            Cr AR - Payment Gateways                 200.00
        2026-02-01  Dispute opened
            Dr Disputes                              200.00
            Dr Payment Gateway Fees                   15.00
            Cr Cash                                  215.00
    """)


def test_a_dispute_of_what_is_not_earned_leaves_deferred_revenue_and_comes_back_when_won(
    sell: Sell, customer: Customer, gateway: Any
) -> None:
    """1,200.00 by months with 10 % tax; after three months 660.00 of the 1,320.00 disputed, kept by the gateway, then won."""
    tax = TaxRate.objects.create(code="vat", name="VAT", percent=10)
    sell(
        amount="1200",
        start=date(2026, 1, 1),
        interval_months=12,
        recognition_method="straight_line_months",
        tax_rate=tax,
        terms={"term_months": 12},
    )
    bill(date(2026, 1, 1))
    recognize_revenue(through=date(2026, 9, 30))
    payment = receive_payment(
        customer_id=customer.pk, received_on=date(2026, 1, 2), amount=D("1320"), currency="USD", gateway="cards"
    )
    dispute = open_dispute(
        payment_id=payment.pk,
        on=date(2026, 9, 30),
        amount=D("660"),
        fee=D("15"),
        reason="Service not as described",
        by_gateway=True,
    )
    assert RecognitionSchedule.objects.get().amount.amount == D("900")
    recognize_revenue(through=date(2026, 10, 31))
    win_dispute(dispute_id=dispute.pk, on=date(2026, 11, 1))
    recognize_revenue(through=date(2026, 12, 31))
    assert journal(kinds={"dispute_opened", "dispute_won"}) == text("""
        2026-09-30  Dispute opened
            Dr Disputes                              360.00
            Dr Deferred Revenue                      300.00
            Dr Payment Gateway Fees                   15.00
            Cr Contra AR - Payment Gateways          675.00
        2026-11-01  Dispute won
            Dr Contra AR - Payment Gateways          660.00
            Cr Disputes                              360.00
            Cr Deferred Revenue                      300.00
    """)
    assert balances() == {
        "AR - Payment Gateways": "1,320.00",
        "Contra AR - Payment Gateways": "-15.00",
        "Payment Gateway Fees": "15.00",
        "Sales and Services Revenue": "-1,200.00",
        "Sales Tax": "-120.00",
    }


def test_tax_withheld_by_the_customer(sell: Sell, customer: Customer) -> None:
    """C16: 1,000.00, the customer withholds 10 % and pays 900.00."""
    sell(amount="1000", start=date(2026, 7, 1), terms={"term_months": 1})
    bill(date(2026, 7, 1))
    receive_payment(
        customer_id=customer.pk, received_on=date(2026, 7, 1), amount=D("900"), withheld=D("100"), currency="USD"
    )
    assert journal(kinds={"payment_received"}) == text("""
        2026-07-01  Payment received
            Dr Cash                                  900.00
            Dr TDS Receivable                        100.00
            Cr AR - Customers                      1,000.00
    """)
    assert Invoice.objects.get().status == "paid"


def test_tax_withheld_that_nobody_gives_back_is_an_expense(sell: Sell, customer: Customer) -> None:
    """Row 10: the certificate comes alone, after the money."""
    sell(amount="1000", start=date(2026, 7, 1), terms={"term_months": 1})
    bill(date(2026, 7, 1))
    pay = {"customer_id": customer.pk, "received_on": date(2026, 7, 5), "currency": "USD"}
    receive_payment(**pay, amount=D("900"))
    receive_payment(**pay, amount=D("0"), withheld=D("100"), withheld_is_recoverable=False)
    assert journal(kinds={"payment_received"}) == text("""
        2026-07-05  Payment received
            Dr Cash                                  900.00
            Cr AR - Customers                        900.00
        2026-07-05  Payment received
            Dr Tax Withheld                          100.00
            Cr AR - Customers                        100.00
    """)


def test_cancellation_of_a_paid_invoice_credited_and_refunded(sell: Sell, customer: Customer) -> None:
    """C5: yearly 1,200.00 by months, paid, cancelled at the end of March: 900.00 goes back."""
    sell(
        amount="1200",
        start=date(2026, 1, 1),
        interval_months=12,
        recognition_method="straight_line_months",
        terms={"term_months": 12},
    )
    invoice = bill(date(2026, 1, 1))
    receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 5), amount=D("1200"), currency="USD")
    recognize_revenue(through=date(2026, 3, 31))
    note = issue_credit_note(
        invoice_id=invoice.pk,
        lines={invoice.lines.get().pk: D("900")},
        on=date(2026, 3, 31),
        reason="Cancelled",
        keep="refund",
    )
    refund_credit_note(credit_note_id=note.pk, on=date(2026, 4, 2))
    recognize_revenue(through=date(2026, 12, 31))
    assert journal(kinds={"payment_received", "credit_note_issued", "refund_paid"}) == text("""
        2026-01-05  Payment received
            Dr Cash                                1,200.00
            Cr AR - Customers                      1,200.00
        2026-03-31  Credit note issued
            Dr Deferred Revenue                      900.00
            Cr Contra AR - Customers                 900.00
        2026-04-02  Refund paid
            Dr Contra AR - Customers                 900.00
            Cr Cash                                  900.00
    """)
    assert balances() == {"Cash": "300.00", "Sales and Services Revenue": "-300.00"}


def test_a_credit_note_on_a_partly_paid_invoice_settles_the_rest_and_keeps_what_was_paid(
    sell: Sell, customer: Customer
) -> None:
    """PE4 and row 14: 100.00 of which 60.00 is paid, credited as a whole: 40.00 settles, 60.00 is kept in the wallet."""
    sell(amount="100", start=date(2026, 1, 1), terms={"term_months": 1})
    invoice = bill(date(2026, 1, 1))
    receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 2), amount=D("60"), currency="USD")
    issue_credit_note(
        invoice_id=invoice.pk,
        lines={invoice.lines.get().pk: D("100")},
        on=date(2026, 1, 3),
        reason="Wrong plan",
        keep="wallet",
    )
    assert journal(kinds={"credit_note_issued"}) == text("""
        2026-01-03  Credit note issued
            Dr Deferred Revenue                      100.00
            Cr AR - Customers                         40.00
            Cr Customer Wallet                        60.00
    """)
    refund_wallet(customer_id=customer.pk, amount=D("60"), currency="USD", on=date(2026, 1, 4))
    assert journal(kinds={"refund_paid"}) == text("""
        2026-01-04  Refund paid
            Dr Customer Wallet                        60.00
            Cr Cash                                   60.00
    """)


def test_a_refund_without_a_credit_note(sell: Sell, customer: Customer) -> None:
    """PE6: one-off 90.00 on 1 January, refunded on 1 February: revenue 90.00, refunds 90.00 against it."""
    sell(amount="90", start=date(2026, 1, 1), recognition_method="point_in_time", terms={"term_months": 1})
    bill(date(2026, 1, 1))
    recognize_revenue(through=date(2026, 1, 31))
    payment = receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 1), amount=D("90"), currency="USD")
    refund_payment(payment_id=payment.pk, amount=D("90"), on=date(2026, 2, 1), reason="Unhappy")
    assert journal(kinds={"refund_paid"}) == text("""
        2026-02-01  Refund paid
            Dr Refunds                                90.00
            Cr Cash                                   90.00
    """)
    assert balances() == {"Refunds": "90.00", "Sales and Services Revenue": "-90.00"}


def test_what_no_invoice_took_is_refunded_first(sell: Sell, customer: Customer) -> None:
    sell(amount="310", start=date(2026, 1, 1), terms={"term_months": 1})
    bill(date(2026, 1, 1))
    recognize_revenue(through=date(2026, 1, 10))
    payment = receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 1), amount=D("350"), currency="USD")
    refund_payment(payment_id=payment.pk, amount=D("290"), on=date(2026, 1, 10), reason="Left", reference="r-1")
    assert journal(kinds={"refund_paid"}) == text("""
        2026-01-10  Refund paid
            Dr Unapplied Payments                     40.00
            Dr Refunds                                40.00
            Dr Deferred Revenue                      210.00
            Cr Cash                                  290.00
    """)


def test_wallet_top_up_with_a_promotional_bonus(sell: Sell, customer: Customer) -> None:
    """C18: pays 100.00, gets 120.00; 120.00 used on an invoice; the bonus is a discount when used."""
    top_up_wallet(customer_id=customer.pk, amount=D("100"), bonus=D("20"), currency="USD", on=date(2026, 1, 1))
    sell(amount="120", start=date(2026, 2, 1), terms={"term_months": 1})
    bill(date(2026, 2, 1))
    assert journal() == text("""
        2026-01-01  Wallet topped up
            Dr Cash                                  100.00
            Cr Customer Wallet                       100.00
        2026-02-01  Invoice finalized
            Dr AR - Customers                        120.00
            Cr Deferred Revenue                      120.00
        2026-02-01  Wallet applied
            Dr Customer Wallet                       100.00
            Dr Discounts Given                        20.00
            Cr AR - Customers                        120.00
    """)


@pytest.mark.parametrize(
    ("policy", "wallet", "discount"), [("paid_first", "60.00", None), ("in_proportion", "50.00", "10.00")]
)
def test_when_a_bonus_becomes_a_discount_is_a_policy(
    sell: Sell, customer: Customer, policy: str, wallet: str, discount: str | None
) -> None:
    """C18's other half: 60.00 of the 120.00 used; spread over the paid price a sixth of it is bonus."""
    BusinessEntity.objects.update(wallet_bonus=policy)
    top_up_wallet(customer_id=customer.pk, amount=D("100"), bonus=D("20"), currency="USD", on=date(2026, 1, 1))
    sell(amount="60", start=date(2026, 2, 1), terms={"term_months": 1})
    bill(date(2026, 2, 1))
    assert balances().get("Discounts Given") == discount
    assert balances()["Customer Wallet"] == f"{D(wallet) - 100:.2f}"


def test_a_customer_balance_lowers_what_is_to_be_paid_not_revenue(sell: Sell, customer: Customer) -> None:
    """PE3: 31.00 from 15 January with 11.00 in the wallet, 20.00 paid on 9 February; revenue 17.00 and 14.00."""
    payment = receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 1), amount=D("11"), currency="USD")
    keep_in_wallet(payment_id=payment.pk, on=date(2026, 1, 1))
    sell(amount="31", start=date(2026, 1, 15), terms={"term_months": 1})
    bill(date(2026, 1, 15))
    recognize_revenue(through=date(2026, 1, 31))
    receive_payment(customer_id=customer.pk, received_on=date(2026, 2, 9), amount=D("20"), currency="USD")
    recognize_revenue(through=date(2026, 2, 28))
    assert journal() == text("""
        2026-01-01  Payment received
            Dr Cash                                   11.00
            Cr Unapplied Payments                     11.00
        2026-01-01  Wallet topped up
            Dr Unapplied Payments                     11.00
            Cr Customer Wallet                        11.00
        2026-01-15  Invoice finalized
            Dr AR - Customers                         31.00
            Cr Deferred Revenue                       31.00
        2026-01-15  Wallet applied
            Dr Customer Wallet                        11.00
            Cr AR - Customers                         11.00
        2026-01-31  Revenue recognized
            Dr Deferred Revenue                       17.00
            Cr Sales and Services Revenue             17.00
        2026-02-09  Payment received
            Dr Cash                                   20.00
            Cr AR - Customers                         20.00
        2026-02-28  Revenue recognized
            Dr Deferred Revenue                       14.00
            Cr Sales and Services Revenue             14.00
    """)


def test_a_wallet_is_applied_by_hand_and_a_bonus_granted_alone(sell: Sell, customer: Customer) -> None:
    sell(amount="50", start=date(2026, 1, 1), terms={"term_months": 1})
    bill(date(2026, 1, 1))
    grant_bonus(customer_id=customer.pk, amount=D("30"), currency="USD", on=date(2026, 1, 2), reason="Sorry")
    apply_wallet(customer_id=customer.pk, currency="USD", on=date(2026, 1, 3))
    assert journal(kinds={"wallet_bonus_granted", "wallet_applied"}) == text("""
        2026-01-03  Wallet applied
            Dr Discounts Given                        30.00
            Cr AR - Customers                         30.00
    """)


def test_what_is_left_in_a_wallet_on_its_last_day_is_breakage(sell: Sell, customer: Customer) -> None:
    """C11 with a wallet: 100.00 paid in until 30 June with a bonus of 20.00 until 31 March; 60.00 used, 40.00 expire."""
    top_up_wallet(
        customer_id=customer.pk, amount=D("100"), bonus=D("20"), currency="USD", on=date(2026, 1, 1),
        expires_on=date(2026, 6, 30), bonus_expires_on=date(2026, 3, 31),
    )  # fmt: skip
    sell(amount="60", start=date(2026, 2, 1), terms={"term_months": 1})
    bill(date(2026, 2, 1))
    recognize_revenue(through=date(2026, 6, 29))
    assert balances()["Customer Wallet"] == "-40.00"
    recognize_revenue(through=date(2026, 6, 30))
    assert expire_wallets(through=date(2027, 1, 1)) == 0
    assert journal(kinds={"wallet_topped_up", "wallet_applied", "wallet_expired"}) == text("""
        2026-01-01  Wallet topped up
            Dr Cash                                  100.00
            Cr Customer Wallet                       100.00
        2026-02-01  Wallet applied
            Dr Customer Wallet                        60.00
            Cr AR - Customers                         60.00
        2026-06-30  Wallet balance expired
            Dr Customer Wallet                        40.00
            Cr Breakage Revenue                       40.00
    """)
    expired = WalletEntry.objects.filter(kind="expired").order_by("number")
    assert [(each.on, each.paid.amount, each.bonus.amount) for each in expired] == [
        (date(2026, 3, 31), 0, -20), (date(2026, 6, 30), -40, 0)
    ]  # fmt: skip
    assert replay_ledger().differences == []


def test_what_a_credit_note_and_a_payment_leave_in_a_wallet_may_have_a_last_day(sell: Sell, customer: Customer) -> None:
    """90.00 and 10.00 more are paid; 30.00 credited are kept until 31 March, the 10.00 until 30 April."""
    sell(amount="90", start=date(2026, 1, 1), terms={"term_months": 1})
    bill(date(2026, 1, 1))
    payment = receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 5), amount=D("100"), currency="USD")
    invoice = Invoice.objects.get()
    line = invoice.lines.get().pk
    credit = {"invoice_id": invoice.pk, "lines": {line: D("30")}, "on": date(2026, 1, 10), "reason": "Outage"}
    with pytest.raises(BillingError, match="leave out the last day"):
        issue_credit_note(**credit, keep="refund", wallet_expires_on=date(2026, 3, 31))
    with pytest.raises(BillingError, match="Give a later last day"):
        issue_credit_note(**credit, keep="wallet", wallet_expires_on=date(2026, 1, 9))
    issue_credit_note(**credit, keep="wallet", wallet_expires_on=date(2026, 3, 31))
    keep_in_wallet(payment_id=payment.pk, on=date(2026, 1, 12), expires_on=date(2026, 4, 30))
    recognize_revenue(through=date(2026, 4, 30))
    assert journal(kinds={"credit_note_issued", "wallet_topped_up", "wallet_expired"}) == text("""
        2026-01-10  Credit note issued
            Dr Deferred Revenue                       30.00
            Cr Customer Wallet                        30.00
        2026-01-12  Wallet topped up
            Dr Unapplied Payments                     10.00
            Cr Customer Wallet                        10.00
        2026-03-31  Wallet balance expired
            Dr Customer Wallet                        30.00
            Cr Breakage Revenue                       30.00
        2026-04-30  Wallet balance expired
            Dr Customer Wallet                        10.00
            Cr Breakage Revenue                       10.00
    """)
    assert replay_ledger().differences == []


def test_what_expires_first_is_used_first_and_nothing_is_used_after_its_last_day(
    sell: Sell, customer: Customer
) -> None:
    """100.00 for ever, then 50.00 and 10.00 of bonus until 31 March. 30.00 used in February are of the 50.00; on 5 April an
    invoice of 200.00 gets the 100.00 alone, though no run let the other 20.00 and the bonus expire before."""
    wallet = {"customer_id": customer.pk, "currency": "USD"}
    top_up_wallet(**wallet, amount=D("100"), on=date(2026, 1, 1))
    top_up_wallet(
        **wallet, amount=D("50"), bonus=D("10"), on=date(2026, 1, 2),
        expires_on=date(2026, 3, 31), bonus_expires_on=date(2026, 3, 31),
    )  # fmt: skip
    sell(amount="30", start=date(2026, 2, 1), terms={"term_months": 1})
    bill(date(2026, 2, 1))
    assert WalletDraw.objects.get().source.expires_on == date(2026, 3, 31)
    sell(amount="200", start=date(2026, 4, 5), terms={"term_months": 1}, number="K-2")
    bill(date(2026, 4, 5))
    assert journal(kinds={"wallet_applied", "wallet_expired"}) == text("""
        2026-02-01  Wallet applied
            Dr Customer Wallet                        30.00
            Cr AR - Customers                         30.00
        2026-03-31  Wallet balance expired
            Dr Customer Wallet                        20.00
            Cr Breakage Revenue                       20.00
        2026-04-05  Wallet applied
            Dr Customer Wallet                       100.00
            Cr AR - Customers                        100.00
    """)
    with refused("its last day would be 31 March 2026"):
        grant_bonus(**wallet, amount=D("5"), on=date(2026, 4, 1), reason="Sorry", expires_on=date(2026, 3, 31))
    with refused("The wallet holds 0.00 USD of bonus"):
        withdraw_bonus(**wallet, amount=D("1"), on=date(2026, 4, 6), reason="Twice")


def test_money_that_must_be_handed_over_to_the_state_is_no_revenue(customer: Customer) -> None:
    """Where the law does not leave unclaimed money to its holder, the rule credits a liability."""
    version = RuleVersion.objects.get(rule__code="wallet-expired")
    lines = [version.lines[0], {**version.lines[1], "role": "accounts_payable"}]
    RuleVersion.objects.filter(pk=version.pk).update(lines=lines)
    top_up_wallet(
        customer_id=customer.pk, amount=D("15"), currency="USD", on=date(2026, 1, 1), expires_on=date(2026, 1, 31)
    )
    recognize_revenue(through=date(2026, 1, 31))
    assert journal(kinds={"wallet_expired"}) == text("""
        2026-01-31  Wallet balance expired
            Dr Customer Wallet                        15.00
            Cr Accounts Payable                       15.00
    """)


def test_a_credit_note_before_payment_is_a_discount_from_the_start(sell: Sell, customer: Customer) -> None:
    """PE5: 120.00 for three months from 1 January, 30.00 credited before payment; revenue 31, 28, 31."""
    sell(amount="120", start=date(2026, 1, 1), interval_months=3, terms={"term_months": 3})
    invoice = bill(date(2026, 1, 1))
    issue_credit_note(
        invoice_id=invoice.pk, lines={invoice.lines.get().pk: D("30")}, on=date(2026, 1, 1), reason="Coupon"
    )
    for month_end in (date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)):
        recognize_revenue(through=month_end)
    receive_payment(customer_id=customer.pk, received_on=date(2026, 2, 10), amount=D("90"), currency="USD")
    assert [line.split()[-1] for line in journal(kinds={"revenue_recognized"}).splitlines() if "Cr" in line] == [
        "31.00",
        "28.00",
        "31.00",
    ]
    assert balances() == {"Cash": "90.00", "Sales and Services Revenue": "-90.00"}
