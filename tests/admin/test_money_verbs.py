"""What finance staff do with money in the admin: gateways, payouts, disputes, refunds, wallets, credits of paid invoices."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounting.checks import check_ledger
from accounting.models import AccountingPolicy
from accounting.recognition import recognize_revenue
from billing.models import (
    BusinessEntity,
    Change,
    Contract,
    CreditNote,
    CreditUse,
    Customer,
    Dispute,
    GatewayPayout,
    Invoice,
    Payment,
    PaymentGateway,
    Product,
    Refund,
    TaxRate,
    Tenant,
    Wallet,
    WalletEntry,
    WriteOff,
)
from billing.services.jobs import run_job
from billing.services.wallets import top_up_wallet
from tests.admin.test_doing import url

DAY = {"on": "2026-03-10"}


@pytest.fixture(autouse=True)
def books_agree(tenant: Tenant) -> Any:
    yield
    assert check_ledger(tenant).problems == []


def told(client: Client, name: str, pk: int, data: dict[str, Any]) -> str:
    """Open a verb's page, carry it out, and give the page that follows."""
    assert client.get(url(name, pk)).status_code == 200
    return client.post(url(name, pk), data, follow=True).content.decode()


def test_a_card_payment_is_recorded_paid_out_disputed_and_won(finance: Client, story: Contract) -> None:
    customer = Customer.objects.get()
    entity = BusinessEntity.objects.get()
    gateway_form = {"business_entity": entity.pk, "code": "cards", "name": "Card gateway"}
    assert finance.post(reverse("admin:billing_paymentgateway_add"), gateway_form, follow=True).status_code == 200
    gateway = PaymentGateway.objects.get()
    taken = {
        "received_on": "2026-03-01", "amount": "90", "method": "card", "gateway": "cards", "withheld": "10",
        "withheld_is_recoverable": "on", "automatic": "on", "reference": "ch_1",
    }  # fmt: skip
    finance.post(f"{reverse('admin:billing_payment_add')}?customer={customer.pk}", taken)
    payment = Payment.objects.get(gateway=gateway)
    assert (payment.withheld.amount, payment.unapplied.amount) == (Decimal(10), Decimal(0))
    shown = finance.get(reverse("admin:billing_payment_change", args=[payment.pk])).content.decode()
    assert "10.00 USD, claimed back" in shown
    payout = {
        "paid_on": "2026-03-05",
        "currency": "USD",
        "captured": "90",
        "fee": "3",
        "withheld": "0",
        "reference": "po_1",
    }
    assert "87.00" in told(finance, "billing_paymentgateway_record_payout", gateway.pk, payout)
    assert GatewayPayout.objects.get().deposited.amount == Decimal(87)
    again = finance.post(url("billing_paymentgateway_record_payout", gateway.pk), payout)
    assert "is recorded already" in again.content.decode()
    disputed = DAY | {"amount": "50", "fee": "15", "by_gateway": "on", "reason": "Fraud"}
    assert "waits for its outcome" in told(finance, "billing_payment_dispute", payment.pk, disputed)
    dispute = Dispute.objects.get()
    won = told(finance, "billing_dispute_win", dispute.pk, DAY | {"fee_returned": "15"})
    assert "came back" in won
    assert "not possible" in finance.post(url("billing_dispute_lose", dispute.pk), DAY, follow=True).content.decode()
    for model in ("paymentgateway", "gatewaypayout", "dispute", "payment"):
        assert finance.get(reverse(f"admin:billing_{model}_changelist")).status_code == 200
    assert "Won" in finance.get(reverse("admin:billing_payment_change", args=[payment.pk])).content.decode()


def test_a_paid_invoice_is_credited_and_refunded(finance: Client, story: Contract) -> None:
    invoice = Invoice.objects.get(status="paid")
    credit = DAY | {"reason": "Outage", f"line_{invoice.lines.get().pk}": "40.00"}
    refused = finance.post(url("billing_invoice_credit", invoice.pk), credit).content.decode()
    assert "Say what becomes of the other 40.00 USD" in refused
    assert "is issued" in told(finance, "billing_invoice_credit", invoice.pk, credit | {"keep": "refund"})
    note = CreditNote.objects.get()
    assert "is paid back" in told(finance, "billing_creditnote_refund", note.pk, DAY | {"amount": "30"})
    page = finance.get(reverse("admin:billing_creditnote_change", args=[note.pk])).content.decode()
    assert "Still owed" in page and "10.00" in page
    refund = Refund.objects.get()
    assert note.number in finance.get(reverse("admin:billing_refund_change", args=[refund.pk])).content.decode()


def test_a_wallet_from_first_top_up_to_payout(finance: Client, story: Contract, viewer: Client) -> None:
    customer = Customer.objects.get()
    top_up = DAY | {
        "amount": "50",
        "bonus": "10",
        "method": "card",
        "reference": "t1",
        "bonus_expires_on": "2027-02-28",
    }
    assert "50.00 USD is in the wallet" in told(finance, "billing_customer_top_up_wallet", customer.pk, top_up)
    wallet = Wallet.objects.get()
    assert "granted" in told(finance, "billing_wallet_grant_bonus", wallet.pk, DAY | {"amount": "5", "reason": "Sorry"})
    taken = told(finance, "billing_wallet_withdraw_bonus", wallet.pk, DAY | {"amount": "15", "reason": "Expired"})
    assert "is withdrawn" in taken
    assert "20.00 USD is paid back" in told(finance, "billing_wallet_refund", wallet.pk, DAY | {"amount": "20"})
    assert "settled 1 of" in told(finance, "billing_wallet_apply", wallet.pk, DAY)
    assert [f"{entry.paid_balance.amount:.2f}" for entry in WalletEntry.objects.order_by("number")] == [
        "50.00", "50.00", "50.00", "50.00", "30.00", "0.00",
    ]  # fmt: skip
    assert "28\xa0Feb\xa02027" in viewer.get(reverse("admin:billing_wallet_change", args=[wallet.pk])).content.decode()
    assert viewer.post(url("billing_wallet_top_up_wallet", wallet.pk), top_up).status_code == 403
    assert "Wallet" in finance.get(reverse("admin:billing_customer_change", args=[customer.pk])).content.decode()


def test_a_recognition_run_says_that_a_wallet_expired(accountant: Client, story: Contract) -> None:
    recognize_revenue(through=date(2026, 3, 10))
    customer = Customer.objects.get()
    top_up_wallet(
        customer_id=customer.pk, amount=Decimal(9), currency="USD", on=date(2026, 3, 1), expires_on=date(2026, 3, 9)
    )
    run = accountant.post(reverse("admin:recognize_revenue"), {"day": "2026-03-10"})
    run_job(job_id=int(run.url.split("/")[-3]))
    said = accountant.get(run.url).content.decode()
    assert "Nothing was left to recognize by that date. 1 prepaid balance expired." in said


def test_what_was_paid_too_much_is_refunded_or_kept(finance: Client, story: Contract) -> None:
    customer = Customer.objects.get()
    for reference in ("a", "b"):
        paid = {"received_on": "2026-03-01", "amount": "500", "method": "card", "reference": reference}
        finance.post(f"{reverse('admin:billing_payment_add')}?customer={customer.pk}", paid)
    first, second = Payment.objects.filter(reference__in="ab").order_by("reference")
    assert "is paid back" in told(
        finance, "billing_payment_refund", first.pk, DAY | {"amount": "500", "reason": "Twice"}
    )
    assert "customer&#x27;s wallet" in told(finance, "billing_payment_keep_in_wallet", second.pk, DAY)
    assert Wallet.objects.get().entries.get().paid.amount == Decimal(500)
    assert date(2026, 3, 10) == Refund.objects.get().refunded_on


def test_credits_are_sold_used_written_off_and_recovered(
    finance: Client, accountant: Client, customer: Customer
) -> None:
    credits_sold = Product.objects.create(code="credits", name="Credits", recognition_method="as_consumed")
    tax = TaxRate.objects.create(code="vat", name="VAT", percent=20)
    form = {
        "issued_on": "2026-03-01", "payment_terms_days": "30", "line1_product": credits_sold.pk, "line1_quantity": "100",
        "line1_unit_amount": "1", "line1_tax_rate": tax.pk, "line1_period_start": "2026-03-01",
        "line1_period_end": "2026-09-01",
    }  # fmt: skip
    assert (
        "at least one line"
        in finance.post(
            url("billing_customer_one_off_invoice", customer.pk), form | {"line1_product": ""}
        ).content.decode()
    )
    assert "120.00 USD is drafted" in told(finance, "billing_customer_one_off_invoice", customer.pk, form)
    invoice = Invoice.objects.get()
    finance.post(url("billing_invoice_finalize", invoice.pk))
    use = DAY | {"product": credits_sold.pk, "units": "40"}
    assert "40.00 USD of their price is earned" in told(finance, "billing_customer_use_credits", customer.pk, use)
    change = url("accounting_accountingpolicy_choose", AccountingPolicy.objects.get().pk)
    asked = accountant.get(change).context["form"]
    assert asked.initial["bad_debt_tax_relief"] is True
    assert "check_month_is_over" not in asked.fields  # It always blocks.
    answers = {name: asked.get_initial_for_field(field, name) for name, field in asked.fields.items()}
    del answers["bad_debt_tax_relief"], answers["large_change_must_front_load"]
    answers["proration_main"] = "by_days"
    page = accountant.post(change, answers | {"check_draft_invoices": "blocks"}, follow=True).content.decode()
    assert "Lost with the debt" in page and "Always by days" in page
    assert BusinessEntity.objects.get().proration == "by_days"
    kept = Change.objects.filter(model="billing.businessentity").order_by("-id")[0]
    assert (kept.user.username, kept.before["proration"]) == ("accountant-person", "as_earned")
    policy = AccountingPolicy.objects.get()
    assert policy.close_choices == {"draft_invoices": True}  # What is as usual is not kept.
    recorded = Change.objects.filter(model="accounting.accountingpolicy").order_by("-id")[0]
    assert (recorded.user.username, recorded.before["close_choices"]) == ("accountant-person", {})
    refused = accountant.post(change, answers | {"large_change_percent": "101"}).content.decode()
    assert "less than or equal to 100" in refused
    assert (
        "by_weeks is not one of" in accountant.post(change, answers | {"proration_main": "by_weeks"}).content.decode()
    )
    assert finance.post(change).status_code == 403
    given_up = told(finance, "billing_invoice_write_off", invoice.pk, DAY | {"reason": "Gone"})
    assert "120.00 USD of invoice INV-000001 is written off" in given_up
    back = {"received_on": "2026-03-12", "amount": "12", "method": "card"}
    assert "12.00 USD came in after all" in told(finance, "billing_invoice_recover", invoice.pk, back)
    for model in (WriteOff, CreditUse):
        name = model._meta.model_name
        assert finance.get(reverse(f"admin:billing_{name}_changelist")).status_code == 200
        assert finance.get(reverse(f"admin:billing_{name}_change", args=[model.objects.get().pk])).status_code == 200
    assert "Write-off" in finance.get(reverse("admin:billing_invoice_change", args=[invoice.pk])).content.decode()
