"""Every line says what it is about: which refund, which obligation; through reversals, reports, files and the API."""

from datetime import date
from decimal import Decimal

import pytest

from accounting.api.journal_entries import JournalEntryFilters, JournalLineSerializer
from accounting.checks import check_ledger
from accounting.mirroring import mirrored_lines
from accounting.models import JournalEntry, JournalLine, PerformanceObligation
from accounting.recognition import recognize_revenue
from accounting.replay.compare import LINE_FIELDS
from accounting.reports.catalog import REPORTS
from accounting.reports.rendering.csv import csv_parts
from accounting.reports.running import build
from billing.models import Contract, Customer, Invoice, Product, Refund, Tenant
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, start_contracts
from billing.services.credit_notes import Keep, issue_credit_note
from billing.services.disputes import open_dispute, win_dispute
from billing.services.invoices import void_invoice
from billing.services.payments import receive_payment
from billing.services.refunds import refund_credit_note, refund_payment
from billing.services.write_offs import recover_write_off, write_off_invoice
from tests.accounting.test_obligations import yearly

D = Decimal
JAN, FEB = date(2026, 1, 31), date(2026, 2, 1)


@pytest.fixture
def bundle(customer: Customer, tenant: Tenant) -> Contract:
    """C12: a licence of 510.00 and twelve months of support for 340.00, billed together."""
    licence = Product.objects.create(code="licence", name="Licence", recognition_method="point_in_time")
    support = Product.objects.create(code="support", name="Support", recognition_method="straight_line_months")
    contract = draft_contract(
        customer=customer,
        number="K-12",
        start=date(2026, 1, 1),
        term_months=12,
        price_allocation="standalone",
        items=[yearly(licence, "550", standalone_price=D(600)), yearly(support, "300", standalone_price=D(400))],
    )
    start_contracts([contract.pk])
    run_billing(through=date(2026, 1, 1), finalize=True)
    return contract


def of_obligations(kind: str) -> list[str]:
    """Write the lines of a kind of event that are about an obligation: account, obligation, debit less credit."""
    names = dict(PerformanceObligation.objects.values_list("pk", "name"))
    lines = JournalLine.objects.filter(entry__event__kind=kind, obligation_id__isnull=False).order_by(
        "date", "entry_id", "position"
    )
    return [f"{line.role} {names[line.obligation_id]} {line.debit - line.credit:.2f}" for line in lines]


def pay(customer: Customer, amount: str) -> int:
    invoice = Invoice.objects.get()
    payment = receive_payment(
        customer_id=customer.pk, received_on=JAN, amount=D(amount), currency="USD", allocations={invoice.pk: D(amount)}
    )
    return payment.pk


def test_invoice_revenue_and_void_name_their_obligations(bundle: Contract, tenant: Tenant) -> None:
    recognize_revenue(through=JAN)
    assert of_obligations("invoice_finalized") == [
        "deferred_revenue Licence -510.00",
        "deferred_revenue Support -340.00",
    ]
    assert of_obligations("revenue_recognized") == [
        "deferred_revenue Licence 510.00",
        "revenue Licence -510.00",
        "deferred_revenue Support 28.33",
        "revenue Support -28.33",
    ]
    void_invoice(invoice_id=Invoice.objects.get().pk, on=FEB, reason="Wrong address")
    # The mirror of the invoice's entry names them as it did.
    assert of_obligations("invoice_voided") == [
        "deferred_revenue Licence 510.00",
        "deferred_revenue Support 340.00",
        "unbilled_revenue Licence 510.00",
        "unbilled_revenue Support 28.33",
        "deferred_revenue Licence -510.00",
        "deferred_revenue Support -28.33",
    ]
    assert check_ledger(tenant).problems == []


def test_a_refund_is_named_on_all_its_lines_and_takes_from_obligations(
    bundle: Contract, customer: Customer, tenant: Tenant
) -> None:
    """850.00 paid, 400.00 of it goes back after January: 311.67 of support is deferred, the rest was earned."""
    payment = pay(customer, "850")
    recognize_revenue(through=JAN)
    refund = refund_payment(payment_id=payment, amount=D(400), on=FEB, reason="Agreed")
    lines = JournalLine.objects.filter(entry__event__kind="refund_paid")
    assert lines.count() >= 3
    assert set(lines.values_list("refund_id", flat=True)) == {refund.pk}
    assert not JournalLine.objects.exclude(entry__event__kind="refund_paid").filter(refund_id__isnull=False).exists()
    assert of_obligations("refund_paid")[0].startswith("deferred_revenue Support")
    assert check_ledger(tenant).problems == []


def test_a_refund_of_a_credit_note_names_both(bundle: Contract, customer: Customer) -> None:
    pay(customer, "850")
    invoice = Invoice.objects.get()
    line = invoice.lines.order_by("id")[0]
    note = issue_credit_note(invoice_id=invoice.pk, lines={line.pk: D(85)}, on=FEB, reason="Goodwill", keep=Keep.REFUND)
    refund = refund_credit_note(credit_note_id=note.pk, amount=D(85), on=FEB)
    lines = JournalLine.objects.filter(refund_id=refund.pk)
    assert {each.credit_note_id for each in lines} == {note.pk}
    # Nothing is earned yet: 85.00 of 850.00 are given back in proportion, 51.00 and 34.00.
    assert of_obligations("credit_note_issued") == ["deferred_revenue Licence 51.00", "deferred_revenue Support 34.00"]


def test_a_dispute_won_puts_back_what_it_took(bundle: Contract, customer: Customer, tenant: Tenant) -> None:
    payment = pay(customer, "850")
    recognize_revenue(through=JAN)
    dispute = open_dispute(payment_id=payment, amount=D(850), fee=D(15), on=FEB, reason="Unknown charge")
    taken = of_obligations("dispute_opened")
    assert taken == ["deferred_revenue Support 311.67"]
    win_dispute(dispute_id=dispute.pk, on=date(2026, 3, 1), fee_returned=D(0))
    assert of_obligations("dispute_won") == ["deferred_revenue Support -311.67"]
    assert check_ledger(tenant).problems == []


def test_a_write_off_takes_from_obligations_and_its_recovery_puts_back(bundle: Contract, tenant: Tenant) -> None:
    recognize_revenue(through=JAN)
    invoice = Invoice.objects.get()
    write_off_invoice(invoice_id=invoice.pk, on=FEB, reason="Bankrupt")
    assert of_obligations("invoice_written_off") == ["deferred_revenue Support 311.67"]
    recover_write_off(invoice_id=invoice.pk, amount=D(850), received_on=date(2026, 3, 1))
    assert of_obligations("write_off_recovered") == ["deferred_revenue Support -311.67"]
    assert check_ledger(tenant).problems == []


def dimensions() -> list[str]:
    return [field.name for field in JournalLine._meta.fields if field.name.endswith("_id")]


def test_no_dimension_is_forgotten_by_a_mirror_a_replay_a_filter(bundle: Contract, customer: Customer) -> None:
    """A dimension added to lines must be mirrored, compared and asked for; this test knows none of them by name."""
    payment = pay(customer, "850")
    refund_payment(payment_id=payment, amount=D(850), on=FEB, reason="Agreed")
    found = dimensions()
    assert {"refund_id", "obligation_id", "customer_id", "tax_rate_id"} <= set(found) <= set(LINE_FIELDS)
    assert set(found) <= {parameter.name for parameter in REPORTS["lines"].parameters}
    lines = JournalLine.objects.order_by("entry_id", "position")
    mirrors = mirrored_lines([each.entry_id for each in lines])
    told: set[str] = set()
    for line in lines:
        mirror = mirrors[line.entry_id][line.position - 1]
        for name in found:
            assert getattr(mirror.dimensions, name) == getattr(line, name)
            told |= {name} if getattr(line, name) else set()
    assert {"refund_id", "obligation_id", "payment_id", "invoice_id", "product_id"} <= told


def test_reports_ask_for_them_and_files_show_them(bundle: Contract, customer: Customer) -> None:
    refund = refund_payment(payment_id=pay(customer, "850"), amount=D(850), on=FEB, reason="Agreed")
    recognize_revenue(through=date(2026, 2, 28))
    support = PerformanceObligation.objects.get(name="Support")
    support_item = support.items.get().contract_item_id
    given = {"from": "2026-01-01", "to": "2026-12-31"}
    _, report = build(REPORTS["lines"], {**given, "refund_id": str(refund.pk)})
    assert len(report.tables[0].rows) == JournalLine.objects.filter(refund_id=refund.pk).count() > 1
    _, report = build(REPORTS["lines"], {**given, "obligation_id": str(support.pk)})
    assert len(report.tables[0].rows) == JournalLine.objects.filter(obligation_id=support.pk).count() > 1
    for code in ("journal", "lines", "general-ledger"):
        _, report = build(REPORTS[code], given)
        heading, *lines = b"".join(csv_parts(report)).decode("utf-8-sig").splitlines()
        assert heading.endswith("Contract,Contract item,Product,Credit note,Payment,Refund,Tax rate,Obligation")
        assert any(line.endswith(",Support") and ",K-12," in line for line in lines)
        payment = refund.payment_id
        assert (
            sum(line.endswith(f",K-12,{support_item},support,,{payment},{refund.pk},,Support") for line in lines) == 2
        )
        # A page has no room for them.
        assert "obligation" not in [column.key for column in report.tables[0].page_columns]


def test_the_api_shows_and_filters_them(bundle: Contract, customer: Customer) -> None:
    refund = refund_payment(payment_id=pay(customer, "850"), amount=D(850), on=FEB, reason="Agreed")
    named = {name.removesuffix("_id") for name in dimensions()}
    assert named <= set(JournalLineSerializer.Meta.fields)
    assert named <= set(JournalEntryFilters.base_filters)
    found = JournalEntryFilters({"refund": refund.pk}, queryset=JournalEntry.objects.all())
    assert [entry.event.kind for entry in found.qs] == ["refund_paid"]
    licence = PerformanceObligation.objects.get(name="Licence")
    found = JournalEntryFilters({"obligation": licence.pk}, queryset=JournalEntry.objects.order_by("id"))
    assert "invoice_finalized" in {entry.event.kind for entry in found.qs}
    assert Refund.objects.count() == 1
