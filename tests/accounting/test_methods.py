"""The ways a price becomes revenue: triggers, milestones, percentages, usage with a minimum, equal parts, by hand."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounting import schedules
from accounting.checks import check_ledger
from accounting.earning import Earning
from accounting.fulfilment import override_schedule, report_progress
from accounting.models import AccountingPeriod, JournalLine, ProgressReport, RecognitionSchedule, ScheduleRevision
from accounting.periods import close_period
from accounting.recognition import recognize_revenue
from accounting.reports.contract_revenue import parts_to_come
from accounting.revisions import RevisionRefused
from accounting.spreading import monthly_parts
from billing.errors import BillingError, WrongState
from billing.models import Contract, Invoice, TaxRate, Tenant
from billing.periods import DateRange
from billing.services.billing_run import run_billing
from billing.services.modifications import Modification, modify_contract
from billing.services.usage import record_usage
from tests.accounting.test_manual_entries import person
from tests.journal import journal, text

D = Decimal
Sell = Callable[..., Contract]


def revenue() -> list[tuple[str, Decimal]]:
    lines = JournalLine.objects.filter(role="revenue").order_by("date", "id")
    return [(f"{line.date}", line.credit - line.debit) for line in lines]


def sold(sell: Sell, method: str, *, amount: str = "1000", term: int = 12) -> RecognitionSchedule:
    sell(
        amount=amount,
        start=date(2026, 1, 1),
        interval_months=12,
        recognition_method=method,
        terms={"term_months": term},
    )
    run_billing(through=date(2026, 1, 1), finalize=True)
    return RecognitionSchedule.objects.get()


def test_usage_in_arrears_with_a_minimum(sell: Sell, tenant: Tenant) -> None:
    """C6: 500.00 a month at least, January's usage 320.00, tax 20 %."""
    tax = TaxRate.objects.create(code="vat", name="VAT 20 %", percent=20)
    contract = sell(
        amount="0",
        pricing_model="per_unit",
        pricing={"unit_amount": "1"},
        minimum=D(500),
        start=date(2026, 1, 1),
        timing="arrears",
        is_metered=True,
        tax_rate=tax,
        terms={"term_months": 12},
    )
    record_usage(contract_item_id=contract.items.get().pk, used_on=date(2026, 1, 20), quantity=D(320), key="u1")
    recognize_revenue(through=date(2026, 1, 31))
    run_billing(through=date(2026, 2, 1), finalize=True)
    assert journal() == text("""
        2026-01-31  Revenue recognized
            Dr Unbilled Revenue                      320.00
            Cr Sales and Services Revenue            320.00
        2026-01-31  True-up to the minimum
            Dr Unbilled Revenue                      180.00
            Cr Sales and Services Revenue            180.00
        2026-02-01  Invoice finalized
            Dr AR - Customers                        600.00
            Cr Unbilled Revenue                      500.00
            Cr Sales Tax                             100.00
    """)
    assert check_ledger(tenant).problems == []


def test_a_minimum_is_not_earned_before_the_month_is_over(sell: Sell) -> None:
    contract = sell(
        amount="0",
        pricing_model="per_unit",
        pricing={"unit_amount": "1"},
        minimum=D(500),
        start=date(2026, 1, 1),
        timing="arrears",
        is_metered=True,
        terms={"term_months": 12},
    )
    record_usage(contract_item_id=contract.items.get().pk, used_on=date(2026, 1, 20), quantity=D(320), key="u1")
    recognize_revenue(through=date(2026, 1, 30))
    assert revenue() == [("2026-01-30", D(320))]


def test_no_usage_at_all_costs_the_minimum(sell: Sell, tenant: Tenant) -> None:
    """The whole minimum is a true-up; half a first month is half of it: 250.00 for 14 of 28 days."""
    sell(
        amount="0",
        pricing_model="per_unit",
        pricing={"unit_amount": "1"},
        minimum=D(500),
        start=date(2026, 2, 1),
        end=date(2026, 2, 15),
        timing="arrears",
        is_metered=True,
        terms={"term_months": 12},
    )
    run_billing(through=date(2026, 3, 1), finalize=True)
    recognize_revenue(through=date(2026, 3, 1))
    assert (Invoice.objects.get().net.amount, revenue()) == (D(250), [("2026-02-28", D(250))])


def test_usage_is_corrected_after_it_was_recognized(sell: Sell, tenant: Tenant) -> None:
    """PE9: 100.00 on 15 January, invoiced; 20.00 on 15 February, -50.00 the day after takes the unbilled 20.00 first."""
    contract = sell(
        amount="0",
        pricing_model="per_unit",
        pricing={"unit_amount": "1"},
        start=date(2026, 1, 1),
        timing="arrears",
        is_metered=True,
        terms={"term_months": 12},
    )
    item = contract.items.get().pk
    record_usage(contract_item_id=item, used_on=date(2026, 1, 15), quantity=D(100), key="u1")
    recognize_revenue(through=date(2026, 1, 15))
    run_billing(through=date(2026, 2, 1), finalize=True)
    record_usage(contract_item_id=item, used_on=date(2026, 2, 15), quantity=D(20), key="u2")
    recognize_revenue(through=date(2026, 2, 15))
    record_usage(contract_item_id=item, used_on=date(2026, 2, 16), quantity=D(-50), key="u3")
    recognize_revenue(through=date(2026, 2, 16))
    assert journal() == text("""
        2026-01-15  Revenue recognized
            Dr Unbilled Revenue                      100.00
            Cr Sales and Services Revenue            100.00
        2026-02-01  Invoice finalized
            Dr AR - Customers                        100.00
            Cr Unbilled Revenue                      100.00
        2026-02-15  Revenue recognized
            Dr Unbilled Revenue                       20.00
            Cr Sales and Services Revenue             20.00
        2026-02-16  Revenue recognized
            Dr Sales and Services Revenue             20.00
            Cr Unbilled Revenue                       20.00
    """)


def test_equal_parts_count_a_partial_month_as_a_whole_one() -> None:
    """RR1: 400.00 from 20 August to 19 December: 80.00 five times."""
    service = DateRange(date(2025, 8, 20), date(2025, 12, 20))
    parts = monthly_parts(amount=D(400), service=service, method="equal_per_period", currency="USD")
    assert [share for _, share in parts] == [D(80)] * 5


def test_a_year_by_days(sell: Sell) -> None:
    """PE2: 365.00 from 1 January: 31, 28, 31."""
    sold(sell, "straight_line_days", amount="365")
    recognize_revenue(through=date(2026, 3, 31))
    assert revenue() == [("2026-01-31", D(31)), ("2026-02-28", D(28)), ("2026-03-31", D(31))]


def test_at_once_when_invoiced(sell: Sell, tenant: Tenant) -> None:
    """Nothing before the invoice, in arrears too; then all of it, on the invoice's day."""
    sell(amount="90", start=date(2026, 1, 1), interval_months=3, timing="arrears", recognition_method="on_invoice",
         terms={"term_months": 3})  # fmt: skip
    recognize_revenue(through=date(2026, 3, 31))
    assert revenue() == []
    run_billing(through=date(2026, 4, 1), finalize=True)
    recognize_revenue(through=date(2026, 4, 1))
    assert journal() == text("""
        2026-04-01  Invoice finalized
            Dr AR - Customers                         90.00
            Cr Sales and Services Revenue             90.00
    """)
    assert check_ledger(tenant).problems == []


def to_come() -> list[tuple[date | None, Decimal]]:
    (schedule,) = schedules.read_where("NOT s.is_void", [])
    return parts_to_come(schedule, Earning([schedule]))


def test_at_once_when_delivery_is_confirmed(sell: Sell, tenant: Tenant) -> None:
    schedule = sold(sell, "on_delivery")
    recognize_revenue(through=date(2026, 2, 28))
    assert revenue() == []
    with pytest.raises(BillingError, match="whole obligation"):
        report_progress(schedule_id=schedule.pk, reached_on=date(2026, 3, 10), percent=D(50), evidence="Half")
    report_progress(schedule_id=schedule.pk, reached_on=date(2026, 3, 10), percent=D(100), evidence="Delivery note 7")
    recognize_revenue(through=date(2026, 3, 9))
    assert revenue() == []
    recognize_revenue(through=date(2026, 3, 31))
    assert journal() == text("""
        2026-01-01  Invoice finalized
            Dr AR - Customers                      1,000.00
            Cr Deferred Revenue                    1,000.00
        2026-03-10  Revenue recognized
            Dr Deferred Revenue                    1,000.00
            Cr Sales and Services Revenue          1,000.00
    """)
    assert check_ledger(tenant).problems == []


def test_by_milestones(sell: Sell, tenant: Tenant) -> None:
    """30 % at the design, 70 % at the handover."""
    schedule = sold(sell, "milestones")
    report_progress(schedule_id=schedule.pk, reached_on=date(2026, 2, 10), percent=D(30), evidence="Design accepted")
    with pytest.raises(BillingError, match="110 percent"):
        report_progress(schedule_id=schedule.pk, reached_on=date(2026, 5, 5), percent=D(80), evidence="Handover")
    report_progress(schedule_id=schedule.pk, reached_on=date(2026, 5, 5), percent=D(70), evidence="Handover")
    recognize_revenue(through=date(2026, 12, 31))
    assert revenue() == [("2026-02-10", D(300)), ("2026-05-05", D(700))]


def test_by_percentage_of_completion(sell: Sell, tenant: Tenant) -> None:
    """33.3333 %, then 50 %, then a correction to 45 %, then done; February is closed when its correction comes."""
    schedule = sold(sell, "percentage")
    for day, percent in ((date(2026, 1, 31), D("33.3333")), (date(2026, 2, 28), D(50))):
        report_progress(schedule_id=schedule.pk, reached_on=day, percent=percent, evidence="Hours of the project")
        recognize_revenue(through=day)
    for month in (1, 2):
        close_period(period_id=AccountingPeriod.objects.get(start=date(2026, month, 1)).pk, at=timezone.now())
    report_progress(schedule_id=schedule.pk, reached_on=date(2026, 2, 28), percent=D(45), evidence="Hours corrected")
    assert to_come() == [(date(2026, 2, 28), D(-50)), (None, D(550))]
    recognize_revenue(through=date(2026, 3, 31))
    assert to_come() == [(None, D(550))]
    report_progress(schedule_id=schedule.pk, reached_on=date(2026, 4, 30), percent=D(100), evidence="Done")
    assert to_come() == [(date(2026, 4, 30), D(550))]
    recognize_revenue(through=date(2026, 4, 30))
    assert to_come() == []
    assert revenue() == [
        ("2026-01-31", D("333.33")),
        ("2026-02-28", D("166.67")),
        ("2026-03-01", D(-50)),
        ("2026-04-30", D(550)),
    ]
    assert check_ledger(tenant).problems == []


def test_a_price_change_counts_for_what_is_done_already(sell: Sell, tenant: Tenant) -> None:
    """Half done of 1,000.00; 200.00 of more scope make it 1,200.00: 100.00 is caught up on the day, 600.00 is left."""
    contract = sell(amount="1000", start=date(2026, 1, 1), interval_months=12, recognition_method="percentage",
                    obligation="Project", terms={"term_months": 12})  # fmt: skip
    schedule = RecognitionSchedule.objects.get()
    report_progress(schedule_id=schedule.pk, reached_on=date(2026, 3, 31), percent=D(50), evidence="Hours")
    recognize_revenue(through=date(2026, 3, 31))
    more = {
        "product": contract.items.get().product,
        "pricing_model": "flat_fee",
        "pricing": {"amount": "200"},
        "obligation": "Project",
        "end": date(2026, 6, 1),
    }
    modify_contract(
        contract_id=contract.pk,
        change=Modification(
            effective_on=date(2026, 5, 1),
            signed_on=date(2026, 5, 1),
            reason="More scope",
            add=[more],
        ),
    )
    schedule.refresh_from_db()
    recognize_revenue(through=date(2026, 5, 31))
    assert schedule.amount.amount == D("1200")
    assert revenue() == [("2026-03-31", D(500)), ("2026-05-01", D(100))]
    assert check_ledger(tenant).problems == []


def test_progress_is_refused_where_it_means_nothing(sell: Sell, tenant: Tenant) -> None:
    schedule = sold(sell, "straight_line_days")
    with pytest.raises(WrongState, match="straight line by days"):
        report_progress(schedule_id=schedule.pk, reached_on=date(2026, 2, 1), percent=D(10), evidence="x")


def test_progress_is_never_rewritten(sell: Sell, tenant: Tenant) -> None:
    schedule = sold(sell, "percentage")
    with pytest.raises(BillingError, match="begins on"):
        report_progress(schedule_id=schedule.pk, reached_on=date(2025, 2, 1), percent=D(10), evidence="x")
    with pytest.raises(BillingError, match="what proves it"):
        report_progress(schedule_id=schedule.pk, reached_on=date(2026, 2, 1), percent=D(10), evidence=" ")
    report_progress(schedule_id=schedule.pk, reached_on=date(2026, 2, 1), percent=D(10), evidence="Hours")
    for change in ("UPDATE accounting_progressreport SET percent = 20", "DELETE FROM accounting_progressreport"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)
    assert ProgressReport.objects.get().percent == 10


def test_a_schedule_is_written_by_hand(sell: Sell, tenant: Tenant) -> None:
    """1,200.00, January recognized; the rest in two parts: 200.00 for February, 900.00 for June."""
    schedule = sold(sell, "straight_line_months", amount="1200")
    recognize_revenue(through=date(2026, 1, 31))
    february, june = DateRange(date(2026, 2, 1), date(2026, 3, 1)), DateRange(date(2026, 6, 1), date(2026, 7, 1))

    def write(*parts: tuple[DateRange, Decimal], reason: str = "The customer's project starts in June") -> None:
        override_schedule(schedule_id=schedule.pk, parts=parts, reason=reason, on=february.start, by=person("ann"))

    with pytest.raises(RevisionRefused, match=r"add up to 1,099.99 USD, but 1,100.00 USD is left"):
        write((february, D("199.99")), (june, D(900)))
    with pytest.raises(RevisionRefused, match="recognized or closed"):
        write((DateRange(date(2026, 1, 1), date(2026, 3, 1)), D(1100)))
    with pytest.raises(RevisionRefused, match="overlap"):
        write((february, D(200)), (DateRange(date(2026, 2, 20), date(2026, 3, 1)), D(900)))
    with pytest.raises(RevisionRefused, match="Say why"):
        write((june, D(1100)), reason=" ")
    write((june, D(900)), (february, D(200)))
    recognize_revenue(through=date(2026, 12, 31))
    assert revenue() == [("2026-01-31", D(100)), ("2026-02-28", D(200)), ("2026-06-30", D(900))]
    record = ScheduleRevision.objects.get()
    assert len(record.before["left"]) == 11
    assert record.after["left"] == [["2026-02-01", "2026-03-01", "200"], ["2026-06-01", "2026-07-01", "900"]]
    assert check_ledger(tenant).problems == []
