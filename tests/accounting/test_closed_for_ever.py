"""What every report says of a closed month, byte for byte, whatever happens later."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounting.checks import check_ledger
from accounting.models import AccountingPeriod
from accounting.periods import close_period, reopen_period
from accounting.recognition import recognize_revenue
from accounting.reports.asked import read
from accounting.reports.catalog import REPORTS
from accounting.reports.rendering.data import report_data
from billing.models import Contract, ContractItem, Customer, InvoiceLine, Product, TaxRate, Tenant
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, end_contract, start_contracts
from billing.services.credit_notes import issue_credit_note
from billing.services.invoices import void_invoice
from billing.services.modifications import Modification, modify_contract
from billing.services.payments import receive_payment
from billing.services.usage import record_usage
from billing.services.write_offs import write_off_invoice

D = Decimal
JAN, END = date(2026, 1, 1), date(2026, 1, 31)


@pytest.fixture
def january(customer: Customer, product: Product, tenant: Tenant) -> list[Contract]:
    """Six contracts, billed, partly paid and recognized; January is closed."""
    tax = TaxRate.objects.create(code="tax", name="Sales tax", percent=10, jurisdiction="Ohio")
    flat = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "1200"}, "tax_rate": tax}
    usage = {
        "product": product, "pricing_model": "per_unit", "pricing": {"unit_amount": "2"}, "is_metered": True,
        "timing": "arrears",
    }  # fmt: skip
    contracts = []
    for number, item in enumerate([{**flat, "interval_months": 12}] * 4 + [flat, usage]):
        contract = draft_contract(customer=customer, number=f"K-{number}", start=JAN, items=[item], term_months=24)
        start_contracts([contract.pk])
        contracts.append(contract)
    used = ContractItem.objects.get(is_metered=True)
    record_usage(contract_item_id=used.pk, used_on=date(2026, 1, 20), quantity=D(125), key="u1")
    run_billing(through=JAN, finalize=True)
    receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 9), amount=D("2000"), currency="USD")
    recognize_revenue(through=END)
    close_period(period_id=AccountingPeriod.objects.get(start=JAN).pk, at=timezone.now())
    return contracts


def said_of_january(customer: Customer) -> dict[str, str]:
    """Give each report of the end of January as the JSON that programs get, in every way it can be shown."""
    at = {"at": END.isoformat()}
    between = {"from": JAN.isoformat(), "to": END.isoformat()}
    asked: list[tuple[str, dict[str, str]]] = [
        ("trial-balance", at),
        ("balance-sheet", at),
        ("income-statement", between),
        ("income-statement", {**between, "by": "month"}),
        ("general-ledger", between),
        ("journal", between),
        ("ar-ageing", at),
        ("ar-ageing", {**at, "by": "invoice"}),
        ("customer-statement", {**between, "customer": customer.external_id}),
        ("invoice-register", between),
        ("cash-receipts", between),
        ("tax", between),
        ("deferred-revenue", {"from": JAN.isoformat(), **at}),
        ("deferred-revenue", {"from": JAN.isoformat(), "at": "2026-01-15"}),
        ("contract-balances", between),
        ("remaining-obligation", at),
        ("remaining-obligation", {**at, "by": "item"}),
        ("mrr", between),
        *[("revenue-schedule", {**between, **at, "by": by}) for by in ("product", "customer", "contract")],
    ]
    assert {code for code, _ in asked} == {code for code, kind in REPORTS.items() if kind.is_listed}
    answers = {}
    for code, given in asked:
        kind = REPORTS[code]
        report = kind.build(read(kind.parameters, given))
        assert all(proof.holds for proof in report.proofs), code
        data = report_data(report, repr, page=1, page_size=1000)
        answers[f"{code} {given}"] = json.dumps(data, indent=1, sort_keys=True)
    return answers


def _credit(which: int, amount: str, on: date) -> None:
    line = InvoiceLine.objects.order_by("id")[which]
    issue_credit_note(invoice_id=line.invoice_id, lines={line.pk: D(amount)}, on=on, reason="Goodwill")


LATER: dict[str, Callable[[list[Contract], Customer], Any]] = {
    "late events": lambda contracts, customer: (
        receive_payment(customer_id=customer.pk, received_on=END, amount=D("55"), currency="USD"),
        _credit(1, "100", date(2026, 1, 30)),
    ),
    "credits": lambda contracts, customer: (_credit(1, "200", date(2026, 2, 3)), _credit(4, "30", date(2026, 2, 3))),
    "a void": lambda contracts, customer: void_invoice(
        invoice_id=InvoiceLine.objects.order_by("id")[3].invoice_id, on=date(2026, 2, 4), reason="Typo", bill_again=True
    ),
    "a write-off": lambda contracts, customer: write_off_invoice(
        invoice_id=InvoiceLine.objects.order_by("id")[2].invoice_id, on=date(2026, 2, 5), reason="Gone"
    ),
    "payments": lambda contracts, customer: receive_payment(
        customer_id=customer.pk, received_on=date(2026, 2, 5), amount=D("9000"), currency="USD"
    ),
    "a price change": lambda contracts, customer: _modify(contracts[0], "1800"),
    "an early end": lambda contracts, customer: end_contract(contract_id=contracts[4].pk, end=date(2026, 2, 28)),
    "the next months": lambda contracts, customer: (
        record_usage(
            contract_item_id=ContractItem.objects.get(is_metered=True).pk,
            used_on=date(2026, 2, 10),
            quantity=D(40),
            key="u2",
        ),
        run_billing(through=date(2026, 3, 1), finalize=True),
        recognize_revenue(through=date(2026, 3, 31)),
    ),
    "February closed and opened again": lambda contracts, customer: _close_and_reopen(),
}


def _modify(contract: Contract, amount: str) -> None:
    item = contract.items.get()
    change = Modification(
        effective_on=date(2026, 2, 10),
        signed_on=date(2026, 2, 10),
        reason="Upgrade",
        replace={item.pk: {"pricing_model": "flat_fee", "pricing": {"amount": amount}}},
    )
    modify_contract(contract_id=contract.pk, change=change)


def _close_and_reopen() -> None:
    february = AccountingPeriod.objects.get(start=date(2026, 2, 1)).pk
    close_period(period_id=february, at=timezone.now())
    reopen_period(period_id=february, reason="A late invoice", at=timezone.now())


def ahead_of(at: str) -> list[tuple[str, Decimal]]:
    """What the waterfall says becomes revenue, by month."""
    kind = REPORTS["deferred-revenue"]
    report = kind.build(read(kind.parameters, {"from": "2026-01-01", "at": at}))
    return [(row.cells[0], row.cells[1]) for row in report.tables[1].rows]


def test_what_lay_ahead_of_a_closed_month_is_kept_with_its_seal(
    january: list[Contract], customer: Customer, tenant: Tenant
) -> None:
    """A year for 1,200.00 by days and four of them: February is 1,200.00 x 28 / 365 = 92.05 of each."""
    before = ahead_of("2026-01-31")
    assert before[0] == ("February 2026", D("368.20"))
    assert ahead_of("2026-01-20") == []
    _credit(3, "600", date(2026, 2, 3))
    assert ahead_of("2026-01-31") == before
    assert ahead_of("2026-02-28") != before[1:]
    period = AccountingPeriod.objects.get(start=JAN)
    reopen_period(period_id=period.pk, reason="A mistake", at=timezone.now())
    # While it is open it says what the schedules say today.
    assert ahead_of("2026-01-31") != before
    opened = ahead_of("2026-01-31")
    close_period(period_id=period.pk, at=timezone.now())
    assert ahead_of("2026-01-31") == opened
    assert check_ledger(tenant).problems == []


def test_every_report_of_a_closed_month_stays_as_it_is(
    january: list[Contract], customer: Customer, tenant: Tenant
) -> None:
    before = said_of_january(customer)
    changed = {}
    for what, happen in LATER.items():
        happen(january, customer)
        for report, said in said_of_january(customer).items():
            if said != before[report]:
                changed.setdefault(report, what)
    assert changed == {}
    assert check_ledger(tenant).problems == []
