"""The billing run: what is due becomes invoices once, on the right day, with numbers that have no gaps."""

from datetime import date
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import BusinessEntity, Contract, ContractPhase, Customer, Invoice, NumberSeries, Product
from billing.services import invoices as invoice_service
from billing.services.billing_run import run_billing
from billing.services.contracts import add_item, draft_contract, end_contract, start_contracts
from billing.services.invoices import delete_draft, finalize_invoices, void_invoice
from billing.tenancy import tenant_scope
from tests.company import make_company

D = Decimal


def billed() -> list[tuple[str, str]]:
    return [
        (f"{day}", f"{net:.2f}")
        for day, net in Invoice.objects.order_by("issued_on", "id").values_list("issued_on", "net")
    ]


@pytest.mark.parametrize(
    ("interval", "timing", "expected"),
    [
        (1, "advance", [("2026-01-01", "100.00"), ("2026-02-01", "100.00"), ("2026-03-01", "100.00")]),
        (1, "arrears", [("2026-02-01", "100.00"), ("2026-03-01", "100.00")]),
        (3, "advance", [("2026-01-01", "100.00")]),
        (3, "arrears", []),
        (12, "advance", [("2026-01-01", "100.00")]),
        (12, "arrears", []),
    ],
)
def test_what_is_due_by_the_end_of_march(sell, interval, timing, expected):
    sell(amount="100", start=date(2026, 1, 1), interval_months=interval, timing=timing, terms={"term_months": 12})
    run = run_billing(through=date(2026, 3, 31), finalize=True)
    assert billed() == expected
    assert (run.drafted, run.finalized, sum(run.finalized_total.values())) == (
        len(expected),
        len(expected),
        100 * len(expected),
    )


def test_several_months_are_caught_up_in_their_order(sell):
    sell(amount="100", start=date(2026, 1, 31), terms={"term_months": 12})
    run_billing(through=date(2026, 1, 31), finalize=True)
    assert run_billing(through=date(2026, 4, 30), finalize=True).finalized == 3
    assert [f"{invoice.issued_on} {invoice.number}" for invoice in Invoice.objects.order_by("id")] == [
        "2026-01-31 INV-000001",
        "2026-02-28 INV-000002",
        "2026-03-31 INV-000003",
        "2026-04-30 INV-000004",
    ]


def test_running_again_or_for_an_earlier_day_bills_nothing(sell):
    sell(amount="100", start=date(2026, 1, 1), terms={"term_months": 12})
    run_billing(through=date(2026, 3, 1), finalize=True)
    for through in (date(2026, 3, 1), date(2026, 1, 1), date(2026, 3, 31)):
        again = run_billing(through=through, finalize=True)
        assert (again.drafted, again.finalized) == (0, 0)


def test_contracts_renew_month_by_month(sell):
    sell(amount="100", start=date(2026, 1, 31), terms={"term_months": 1, "renewal": "same_terms"})
    run_billing(through=date(2026, 4, 1), finalize=True)
    contract = Contract.objects.get()
    assert (contract.terms_renewed, contract.end, contract.status) == (2, date(2026, 4, 30), "active")
    assert billed() == [("2026-01-31", "100.00"), ("2026-02-28", "100.00"), ("2026-03-31", "100.00")]


def test_a_contract_ends_with_its_term(sell):
    sell(amount="100", start=date(2026, 1, 1), terms={"term_months": 2})
    run_billing(through=date(2026, 6, 1), finalize=True)
    assert (len(billed()), Contract.objects.get().status) == (2, "ended")


def test_a_trial_is_not_billed_and_the_paid_phase_after_it_is(customer, product):
    contract = draft_contract(
        customer=customer,
        number="K-1",
        start=date(2026, 1, 1),
        term_months=3,
        items=[
            {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "100"}, "end": date(2026, 2, 1)}
        ],
    )
    contract.phases.update(kind="trial", end=date(2026, 2, 1))
    paid = ContractPhase.objects.create(contract=contract, start=date(2026, 2, 1), end=contract.end)
    add_item(contract=contract, phase=paid, product=product, pricing_model="flat_fee", pricing={"amount": "100"})
    start_contracts([contract.pk])
    run_billing(through=date(2026, 3, 31), finalize=True)
    assert billed() == [("2026-02-01", "100.00"), ("2026-03-01", "100.00")]


def test_charges_of_one_day_meet_on_one_invoice(customer, product):
    items = [
        {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": amount}, "timing": timing}
        for amount, timing in (("100", "advance"), ("7", "arrears"))
    ]
    contract = draft_contract(customer=customer, number="K-1", start=date(2026, 1, 1), term_months=12, items=items)
    start_contracts([contract.pk])
    run_billing(through=date(2026, 2, 1))
    assert billed() == [("2026-01-01", "100.00"), ("2026-02-01", "107.00")]
    second = Invoice.objects.get(issued_on=date(2026, 2, 1))
    assert [(f"{line.period_start}", f"{line.period_end}") for line in second.lines.all()] == [
        ("2026-02-01", "2026-03-01"),
        ("2026-01-01", "2026-02-01"),
    ]
    assert second.due_on == date(2026, 3, 3)


def test_ending_early_bills_the_days_served(sell):
    contract = sell(amount="310", start=date(2026, 1, 1), timing="arrears", terms={"term_months": 12})
    end_contract(contract_id=contract.pk, end=date(2026, 1, 16))
    run_billing(through=date(2026, 3, 1), finalize=True)
    contract.refresh_from_db()
    assert (billed(), contract.status) == ([("2026-01-16", "150.00")], "ended")


def test_numbers_are_given_back_when_finalizing_fails(sell, monkeypatch):
    sell(amount="100", start=date(2026, 1, 1), terms={"term_months": 12})
    run_billing(through=date(2026, 2, 1))
    first, second = Invoice.objects.order_by("issued_on")

    def fail(events: object, **how: object) -> None:
        raise RuntimeError("the books are out")

    with monkeypatch.context() as broken:
        broken.setattr(invoice_service, "publish", fail)
        with pytest.raises(RuntimeError, match="the books are out"):
            finalize_invoices([first.pk, second.pk])
    assert NumberSeries.objects.get(kind="invoice").next_number == 1
    assert set(Invoice.objects.values_list("status", "number")) == {("draft", None)}
    assert [each.number for each in finalize_invoices([second.pk, first.pk])] == ["INV-000001", "INV-000002"]
    assert Invoice.objects.get(number="INV-000001").issued_on == date(2026, 1, 1)


def test_a_billed_out_contract_is_billed_again_after_a_void(sell):
    """The term is over and the contract ended; what is voided to be billed again is due again all the same."""
    sell(amount="100", start=date(2026, 1, 1), terms={"term_months": 1})
    run_billing(through=date(2026, 2, 1), finalize=True)
    void_invoice(invoice_id=Invoice.objects.get().pk, on=date(2026, 2, 1), reason="Wrong address", bill_again=True)
    run_billing(through=date(2026, 2, 1), finalize=True)
    assert list(Invoice.objects.order_by("id").values_list("status", "number")) == [
        ("void", "INV-000001"),
        ("finalized", "INV-000002"),
    ]
    assert Contract.objects.get().status == "ended"


def test_a_deleted_draft_is_due_again(sell):
    sell(amount="100", start=date(2026, 1, 1), terms={"term_months": 1})
    run_billing(through=date(2026, 2, 1))
    delete_draft(invoice_id=Invoice.objects.get().pk)
    assert run_billing(through=date(2026, 2, 1)).drafted == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_finalize_at_once_leave_no_gap():
    """Two threads, each with its own connection and its own drafts, at the same moment; then both with one draft."""
    company = make_company("racing")
    with tenant_scope(company.pk):
        entity = BusinessEntity.objects.get()
        customer = Customer.objects.create(business_entity=entity, external_id="C-1", name="Globex", currency="USD")
        product = Product.objects.create(code="pro", name="Pro plan")
        item = {"product": product, "pricing_model": "flat_fee", "pricing": {"amount": "10"}}
        contract = draft_contract(customer=customer, number="K-1", start=date(2026, 1, 1), items=[item], term_months=24)
        start_contracts([contract.pk])
        run_billing(through=date(2027, 12, 1))
        drafts = list(Invoice.objects.order_by("issued_on").values_list("id", flat=True))
    assert len(drafts) == 24
    last = drafts.pop()
    refused = _race(company.pk, [[[pk] for pk in drafts[::2]] + [[last]], [[pk] for pk in drafts[1::2]] + [[last]]])
    with tenant_scope(company.pk):
        numbers = sorted(Invoice.objects.values_list("number", flat=True))
    assert numbers == [f"INV-{number:06d}" for number in range(1, 25)]
    assert len(refused) == 1
    assert "not a draft" in refused[0]


def _race(tenant_id: int, work: list[list[list[int]]]) -> list[str]:
    """Finalize each list of batches in a thread of its own. Answers the refusals."""
    refused: list[str] = []
    start = Barrier(len(work))

    def finalize(batches: list[list[int]]) -> None:
        try:
            with tenant_scope(tenant_id):
                start.wait(timeout=20)
                for batch in batches:
                    try:
                        finalize_invoices(batch)
                    except ValueError as error:
                        refused.append(str(error))
        finally:
            connection.close()

    threads = [Thread(target=finalize, args=[batches]) for batches in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return refused


def test_what_a_batch_is_measured_by_is_read_before_its_events_go_off(sell):
    sell(amount="100", start=date(2020, 1, 1), terms={"term_months": 60})
    run_billing(through=date(2024, 12, 31))
    drafts = list(Invoice.objects.values_list("pk", flat=True))
    with CaptureQueriesContext(connection) as queries:
        finalize_invoices(drafts)
    asked = [query["sql"] for query in queries]
    stored = next(place for place, sql in enumerate(asked) if "INSERT INTO billing_businessevent" in sql)
    waited = [sql for sql in asked[stored:] if sql.lstrip().startswith("SELECT") and " FROM " in sql]
    assert len(drafts) == 60
    assert any("accounting_recognitionschedule" in sql for sql in asked[:stored])
    assert waited == []
