"""Invoices, payments, credit notes, usage, contracts: what they do to the cent, and that a refusal changes nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction

from billing.errors import BillingError
from billing.models import BusinessEntity, ContractItem, CreditNote, Customer, Invoice, NumberSeries, Payment, TaxRate
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, end_contract, start_contracts
from billing.services.credit_notes import issue_credit_note
from billing.services.invoices import delete_draft, finalize_invoices, void_invoice
from billing.services.payments import allocate_payment, receive_payment
from billing.services.tenants import add_business_entity
from billing.services.usage import Usage, record_usage, record_usages

D = Decimal
FEB = date(2026, 2, 5)


@contextmanager
def refused(reason: str) -> Iterator[None]:
    """A BillingError with the reason, and not a row of billing or accounting is another than before."""
    before = everything()
    with pytest.raises(BillingError, match=reason), transaction.atomic():
        yield
    assert everything() == before


def everything() -> list[Any]:
    tables = [
        model._meta.db_table for app in ("billing", "accounting") for model in apps.get_app_config(app).get_models()
    ]
    digests = ", ".join(f"(SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t)" for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {digests}")
        return list(cursor.fetchone())


@pytest.fixture
def invoice(sell: Callable[..., Any]) -> Invoice:
    """100.00 with 19 % tax: 119.00, for January."""
    tax = TaxRate.objects.create(code="vat", name="VAT", percent=19)
    sell(amount="100", start=date(2026, 1, 1), tax_rate=tax, terms={"term_months": 12})
    run_billing(through=date(2026, 1, 1), finalize=True)
    return Invoice.objects.get()


def _state(invoice: Invoice) -> tuple[str, str]:
    invoice.refresh_from_db()
    return invoice.status, f"{invoice.due.amount:.2f}"


# Payments


def test_a_payment_settles_the_oldest_first_and_keeps_the_rest(invoice, customer):
    run_billing(through=date(2026, 2, 1), finalize=True)
    second = Invoice.objects.get(issued_on=date(2026, 2, 1))
    payment = receive_payment(customer_id=customer.pk, received_on=FEB, amount=D("150.00"), currency="USD")
    assert (_state(invoice), _state(second)) == (("paid", "0.00"), ("partially_paid", "88.00"))
    assert payment.unapplied.amount == 0
    more = receive_payment(customer_id=customer.pk, received_on=FEB, amount=D("100.00"), currency="USD")
    assert (_state(second), more.unapplied.amount) == (("paid", "0.00"), D("12.00"))


def test_the_unapplied_rest_settles_a_later_invoice(invoice, customer):
    payment = receive_payment(
        customer_id=customer.pk, received_on=FEB, amount=D("200.00"), currency="USD", allocations={}
    )
    assert (_state(invoice), payment.unapplied.amount) == (("finalized", "119.00"), D("200.00"))
    allocate_payment(payment_id=payment.pk, allocations={invoice.pk: D("119.00")}, on=FEB)
    payment.refresh_from_db()
    assert (_state(invoice), payment.unapplied.amount) == (("paid", "0.00"), D("81.00"))


def test_payments_that_do_not_fit_are_refused(invoice, customer, entity):
    stranger = Customer.objects.create(business_entity=entity, external_id="C-2", name="Other", currency="USD")
    run_billing(through=date(2026, 2, 1))
    draft = Invoice.objects.get(status="draft")
    pay = {"customer_id": customer.pk, "received_on": FEB, "amount": D("119.00"), "currency": "USD", "reference": "B-1"}
    for changes, reason in (
        ({"allocations": {invoice.pk: D("119.01")}, "amount": D("200")}, "Only 119.00 USD is due"),
        ({"allocations": {invoice.pk: D("119.00")}, "amount": D("100")}, "More is allocated than the 100.00 USD"),
        ({"allocations": {invoice.pk: D("0")}}, "more than zero"),
        ({"allocations": {invoice.pk: D("-5")}}, "more than zero"),
        ({"allocations": {invoice.pk: D("10.005")}}, "whole minor units of USD"),
        ({"allocations": {draft.pk: D("1")}}, "is draft; nothing is due"),
        ({"allocations": {0: D("1")}}, "no invoice with the id 0"),
        ({"customer_id": stranger.pk, "allocations": {invoice.pk: D("1")}}, "another customer's"),
        ({"customer_id": 0}, "no customer"),
        ({"amount": D("0")}, "more than zero"),
        ({"amount": D("1.005")}, "whole minor units"),
    ):
        with refused(reason):
            receive_payment(**pay | changes)
    receive_payment(**pay)
    with refused("reference B-1 is recorded already"):
        receive_payment(**pay)


def test_allocations_that_do_not_fit_are_refused(invoice, customer):
    payment = receive_payment(
        customer_id=customer.pk, received_on=FEB, amount=D("50.00"), currency="USD", allocations={}
    )
    for amount, on, reason in (
        (D("50.01"), FEB, "Only 50.00 USD of this payment is unapplied"),
        (D("10.00"), date(2026, 2, 4), "cannot settle anything before"),
        (D("0.001"), FEB, "whole minor units"),
    ):
        with refused(reason):
            allocate_payment(payment_id=payment.pk, allocations={invoice.pk: amount}, on=on)


# Voiding and deleting


def test_a_void_invoice_keeps_its_number_and_owes_nothing(invoice):
    void_invoice(invoice_id=invoice.pk, on=FEB, reason="Wrong customer")
    invoice.refresh_from_db()
    assert (invoice.status, invoice.number, invoice.voided_on) == ("void", "INV-000001", FEB)
    with refused("is void and cannot be voided"):
        void_invoice(invoice_id=invoice.pk, on=FEB, reason="Again")
    assert run_billing(through=date(2026, 1, 31)).drafted == 0


def test_voids_that_do_not_fit_are_refused(invoice, customer):
    for on, reason, refusal in ((FEB, " ", "Say why"), (date(2025, 12, 31), "x", "cannot be voided before")):
        with refused(refusal):
            void_invoice(invoice_id=invoice.pk, on=on, reason=reason)
    receive_payment(customer_id=customer.pk, received_on=FEB, amount=D("0.01"), currency="USD")
    with refused("0.01 USD of it is settled"):
        void_invoice(invoice_id=invoice.pk, on=FEB, reason="x")


def test_periods_are_billed_again_from_the_latest_back(invoice):
    run_billing(through=date(2026, 2, 1), finalize=True)
    second = Invoice.objects.get(issued_on=date(2026, 2, 1))
    with refused("Later periods of contract K-1 are billed already"):
        void_invoice(invoice_id=invoice.pk, on=FEB, reason="Wrong", bill_again=True)
    for each in (second, invoice):
        void_invoice(invoice_id=each.pk, on=FEB, reason="Wrong", bill_again=True)
    assert run_billing(through=date(2026, 2, 1), finalize=True).finalized == 2


def test_only_drafts_are_finalized_and_deleted(invoice):
    with refused("not a draft"):
        finalize_invoices([invoice.pk])
    with refused("void it instead"):
        delete_draft(invoice_id=invoice.pk)
    run_billing(through=date(2026, 2, 1))
    with refused("not a draft; nothing was finalized"):
        finalize_invoices([Invoice.objects.get(status="draft").pk, invoice.pk])


def test_an_entity_without_a_number_series_is_told(invoice):
    run_billing(through=date(2026, 2, 1))
    NumberSeries.objects.filter(kind="invoice").delete()
    with refused("has no number series for invoices; add one"):
        finalize_invoices([Invoice.objects.get(status="draft").pk])


# Credit notes


def test_credits_take_the_tax_along_and_the_last_takes_its_rest(sell, customer):
    """9.99 with 5 % tax is 0.50; thirds of 3.33 carry 0.17, 0.17 and the rest, 0.16."""
    tax = TaxRate.objects.create(code="gst", name="GST", percent=5)
    sell(amount="9.99", start=date(2026, 1, 1), tax_rate=tax, terms={"term_months": 1})
    run_billing(through=date(2026, 1, 1), finalize=True)
    invoice = Invoice.objects.get()
    for _ in range(3):
        issue_credit_note(invoice_id=invoice.pk, lines={invoice.lines.get().pk: D("3.33")}, on=FEB, reason="Late")
    notes = CreditNote.objects.order_by("number")
    assert [(note.number, f"{note.tax.amount:.2f}") for note in notes] == [
        ("CN-000001", "0.17"),
        ("CN-000002", "0.17"),
        ("CN-000003", "0.16"),
    ]
    assert _state(invoice) == ("paid", "0.00")


def test_small_credits_never_carry_more_tax_than_the_line(sell):
    """1.00 with 5 % tax is 0.05: nine credits of 0.11 would round to 0.09 of tax."""
    tax = TaxRate.objects.create(code="gst", name="GST", percent=5)
    sell(amount="1.00", start=date(2026, 1, 1), tax_rate=tax, terms={"term_months": 1})
    run_billing(through=date(2026, 1, 1), finalize=True)
    invoice = Invoice.objects.get()
    for net in [D("0.11")] * 9 + [D("0.01")]:
        issue_credit_note(invoice_id=invoice.pk, lines={invoice.lines.get().pk: net}, on=FEB, reason="Late")
    assert sum(note.tax.amount for note in CreditNote.objects.all()) == D("0.05")
    assert min(note.tax.amount for note in CreditNote.objects.all()) == 0
    assert _state(invoice) == ("paid", "0.00")


def test_credits_that_do_not_fit_are_refused(invoice, customer):
    line = invoice.lines.get().pk
    for lines, on, reason, refusal in (
        ({line: D("100.01")}, FEB, "x", "at most 100.00 USD, can be credited"),
        ({line: D("0")}, FEB, "x", "More than nothing"),
        ({line: D("0.005")}, FEB, "x", "More than nothing"),
        ({0: D("1")}, FEB, "x", "no line with the id 0"),
        ({}, FEB, "x", "at least one line"),
        ({line: D("1")}, FEB, "", "Say why"),
        ({line: D("1")}, date(2025, 12, 31), "x", "cannot be credited before"),
    ):
        with refused(refusal):
            issue_credit_note(invoice_id=invoice.pk, lines=lines, on=on, reason=reason)
    receive_payment(customer_id=customer.pk, received_on=FEB, amount=D("100.00"), currency="USD")
    with refused("Only 19.00 USD is due"):
        issue_credit_note(invoice_id=invoice.pk, lines={line: D("16.00")}, on=FEB, reason="x")


# Usage


@pytest.fixture
def metered(sell: Callable[..., Any]) -> ContractItem:
    contract = sell(
        amount="0",
        start=date(2026, 1, 1),
        pricing_model="per_unit",
        pricing={"unit_amount": "2"},
        is_metered=True,
        timing="arrears",
        terms={"term_months": 12},
    )
    return contract.items.get()


def test_usage_of_a_period_is_billed_after_it(metered):
    for day, quantity, key in ((1, "10", "a"), (31, "5.5", "b"), (15, "-3", "c")):
        record_usage(contract_item_id=metered.pk, used_on=date(2026, 1, day), quantity=D(quantity), key=key)
    record_usage(contract_item_id=metered.pk, used_on=date(2026, 2, 1), quantity=D(100), key="d")
    run_billing(through=date(2026, 2, 1), finalize=True)
    line = Invoice.objects.get().lines.get()
    assert (line.quantity, line.net.amount) == (D("12.5"), D("25.00"))


def test_corrections_never_bill_less_than_nothing(metered):
    record_usage(contract_item_id=metered.pk, used_on=date(2026, 1, 1), quantity=D(-5), key="a")
    assert run_billing(through=date(2026, 2, 1), finalize=True).finalized == 0


def test_usage_that_does_not_fit_is_refused_all_or_nothing(metered, sell):
    fixed = sell(amount="1", start=date(2026, 1, 1), number="K-2", terms={"term_months": 12}).items.get()
    record_usage(contract_item_id=metered.pk, used_on=date(2026, 1, 2), quantity=D(1), key="known")
    run_billing(through=date(2026, 2, 1))
    for item, day, key, reason in (
        (metered.pk, date(2026, 2, 2), "known", "key known is recorded already"),
        (metered.pk, date(2026, 1, 31), "x", "billed until 1 February 2026"),
        (metered.pk, date(2027, 1, 1), "x", "outside the item's term"),
        (fixed.pk, date(2026, 2, 2), "x", "not priced by usage"),
        (0, date(2026, 2, 2), "x", "no contract item with the id 0"),
        (metered.pk, date(2026, 2, 2), "good", "key good is recorded already"),
    ):
        with refused(reason):
            record_usages([Usage(metered.pk, date(2026, 2, 2), D(1), "good"), Usage(item, day, D(1), key)])


# Contracts


def test_contracts_that_do_not_fit_are_refused(customer, product, sell):
    flat = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "1"}}
    started = sell(amount="100", start=date(2026, 1, 1), terms={"term_months": 12})
    for changes, reason in (
        ({"items": []}, "at least one item"),
        ({"number": "K-1"}, "contract K-1 already"),
        ({"items": [flat | {"pricing": {"amount": "-1"}}]}, "must not be negative"),
        (
            {"items": [flat | {"pricing_model": "per_unit", "pricing": {"unit_amount": "9e12"}, "quantity": 2}]},
            "stay below",
        ),
    ):
        with refused(reason):
            draft_contract(
                **{"customer": customer, "number": "K-9", "start": date(2026, 1, 1), "items": [flat]} | changes
            )
    with refused("is active, not a draft"):
        start_contracts([started.pk])
    with refused("no contract with the id 0"):
        start_contracts([0])
    run_billing(through=date(2026, 2, 1), finalize=True)
    for end, reason in (
        (date(2026, 2, 15), "billed until 1 March 2026"),
        (date(2026, 1, 1), "can end after 1 January 2026"),
        (date(2027, 2, 1), "by the end of its term only"),
    ):
        with refused(reason):
            end_contract(contract_id=started.pk, end=end)
    assert Payment.objects.count() == 0


def test_two_entities_never_share_a_number_prefix(tenant):
    add_business_entity(tenant=tenant, code="europe-north", name="North", currency="EUR")
    with pytest.raises(BillingError, match="choose another code"):
        add_business_entity(tenant=tenant, code="europe-south", name="South", currency="EUR")
    assert not BusinessEntity.objects.filter(code="europe-south").exists()
