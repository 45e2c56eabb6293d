"""A modification under standalone selling prices divides what is left of the price anew, and nobody falls below zero."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.checks import check_ledger
from accounting.fulfilment import override_schedule, report_progress
from accounting.models import PerformanceObligation, RecognitionSchedule
from accounting.reallocation import divide_what_is_left
from accounting.recognition import recognize_revenue
from accounting.replaying import replay_ledger
from billing.models import Contract, Customer, InvoiceLine, Product, Tenant
from billing.periods import DateRange
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, end_contract, renew_contracts, start_contracts
from billing.services.credit_notes import issue_credit_note
from tests.accounting.test_manual_entries import person
from tests.accounting.test_modifications import flat, modify
from tests.accounting.test_obligations import yearly
from tests.journal import journal, text

D = Decimal
Make = Callable[..., Product]


@pytest.fixture
def make(tenant: Tenant) -> Make:
    def made(name: str, method: str) -> Product:
        return Product.objects.create(code=name.lower(), name=name, recognition_method=method)

    return made


def sold(customer: Customer, *items: dict[str, Any], **terms: Any) -> Contract:
    contract = draft_contract(
        customer=customer, number="K-1", items=list(items),
        **({"start": date(2020, 7, 1), "term_months": 12, "price_allocation": "standalone"} | terms),
    )  # fmt: skip
    start_contracts([contract.pk])
    contract.refresh_from_db()
    return contract


def prices() -> dict[str, Decimal]:
    names = dict(PerformanceObligation.objects.values_list("pk", "name"))
    return {names[each.obligation_id]: each.amount.amount for each in RecognitionSchedule.objects.order_by("id")}


def deliver(name: str, on: date) -> None:
    obligation = PerformanceObligation.objects.get(name=name)
    schedule = RecognitionSchedule.objects.get(obligation_id=obligation.pk)
    report_progress(schedule_id=schedule.pk, reached_on=on, percent=D(100), evidence="Delivery note")


def test_what_is_left_goes_over_what_is_left(customer: Customer, make: Make, tenant: Tenant) -> None:
    """ASC 606-10-55-117 to 121: X and Y for 1,200.00, 600.00 each; X is transferred; Z is added for 300.00, although it is
    sold for 600.00 alone: 600.00 + 300.00 over Y and Z, 450.00 each. (The standard dates the change within the year.)"""
    x, y, z = make("X", "point_in_time"), make("Y", "on_delivery"), make("Z", "on_delivery")
    until = {"end": date(2021, 7, 1), "standalone_price": D(600)}
    contract = sold(customer, yearly(x, "700", **until), yearly(y, "500", **until), term_months=24)
    run_billing(through=date(2020, 7, 1), finalize=True)
    recognize_revenue(through=date(2021, 6, 30))
    assert prices() == {"X": D(600), "Y": D(600)}
    modify(contract, date(2021, 7, 1), add=[yearly(z, "300", standalone_price=D(600))])
    assert prices() == {"X": D(600), "Y": D(450), "Z": D(450)}
    deliver("Y", date(2022, 3, 31))
    deliver("Z", date(2022, 6, 30))
    recognize_revenue(through=date(2022, 6, 30))
    assert journal(kinds={"revenue_recognized"}) == text("""
        2020-07-01  Revenue recognized
            Dr Deferred Revenue                      600.00
            Cr Sales and Services Revenue            600.00
        2022-03-31  Revenue recognized
            Dr Deferred Revenue                      450.00
            Cr Sales and Services Revenue            450.00
        2022-06-30  Revenue recognized
            Dr Deferred Revenue                      450.00
            Cr Sales and Services Revenue            450.00
    """)
    assert check_ledger(tenant).problems == []
    assert replay_ledger().different == 0


def test_nothing_goes_below_zero(customer: Customer, make: Make, tenant: Tenant) -> None:
    """C12, billed by the month, its price (70.83 a month) divided 510.00 : 340.00. After half a year support is dropped.

    70.83 x 12 = 849.96, of which 509.98 and 339.98. The licence is delivered; support has earned 169.99. What is not billed
    any more (25.00 x 6 = 150.00) leaves 849.96 - 150.00 - 509.98 - 169.99 = 19.99 for support that is not served any more.
    """
    licence, support = make("Licence", "point_in_time"), make("Support", "straight_line_months")
    contract = sold(
        customer,
        flat("45.83", product=licence, standalone_price=D(50)),
        flat("25", product=support, standalone_price=D("33.33")),
        start=date(2026, 1, 1),
    )
    run_billing(through=date(2026, 6, 30), finalize=True)
    recognize_revenue(through=date(2026, 6, 30))
    before = prices()
    assert sum(before.values()) == D("849.96")
    earned = before["Licence"], before["Support"] / 2
    modify(contract, date(2026, 7, 1), remove=[contract.items.get(product=support).pk])
    after = prices()
    assert sum(after.values()) == D("699.96")
    # Nothing is left to be served: all that will be billed goes by what was earned.
    assert after["Licence"] / after["Support"] == pytest.approx(earned[0] / earned[1], abs=D("0.001"))
    recognize_revenue(through=date(2026, 12, 31))
    run_billing(through=date(2026, 12, 31), finalize=True)
    recognize_revenue(through=date(2026, 12, 31))
    schedules = RecognitionSchedule.objects.all()
    assert all(each.recognized == each.amount == each.billed for each in schedules)
    assert check_ledger(tenant).problems == []


def test_dropping_one_leaves_the_other_what_it_costs(customer: Customer, make: Make, tenant: Tenant) -> None:
    """Two services, 50.00 and 40.00 a month alone, sold for 70.00 and 20.00: 600.00 and 480.00 of 1,080.00 for the year.

    The first is dropped after half a year. By its stated price it would lose 420.00 and be left with 180.00, although 300.00
    are earned. What is left, 1,080.00 - 420.00 - 300.00 - 240.00 = 120.00, is for the second's half year at 20.00.
    """
    first, second = make("First", "straight_line_months"), make("Second", "straight_line_months")
    contract = sold(
        customer,
        flat("70", product=first, standalone_price=D(50)),
        flat("20", product=second, standalone_price=D(40)),
        start=date(2026, 1, 1),
    )
    run_billing(through=date(2026, 6, 30), finalize=True)
    recognize_revenue(through=date(2026, 6, 30))
    assert prices() == {"First": D(600), "Second": D(480)}
    modify(contract, date(2026, 7, 1), remove=[contract.items.get(product=first).pk])
    assert prices() == {"First": D(300), "Second": D(360)}
    run_billing(through=date(2026, 12, 31), finalize=True)
    recognize_revenue(through=date(2026, 12, 31))
    assert journal(kinds={"revenue_recognized"}).endswith(
        text("""
        2026-12-31  Revenue recognized
            Dr Deferred Revenue                       20.00
            Cr Sales and Services Revenue             20.00
    """)
    )
    assert all(each.recognized == each.amount == each.billed for each in RecognitionSchedule.objects.all())
    assert check_ledger(tenant).problems == []
    assert replay_ledger().different == 0


def test_an_early_end_divides_what_is_billed_by_what_was_earned(customer: Customer, make: Make, tenant: Tenant) -> None:
    """C12 by the month (55.00 and 30.00, alone 60.00 and 40.00), the licence delivered at once: 612.00 and 408.00.

    Ended after three months, 255.00 are billed for a licence of 612.00 and support of 102.00: 218.57 and 36.43.
    """
    licence, support = make("Licence", "point_in_time"), make("Support", "straight_line_months")
    contract = sold(
        customer,
        flat("55", product=licence, standalone_price=D(60)),
        flat("30", product=support, standalone_price=D(40)),
        start=date(2026, 1, 1),
    )
    run_billing(through=date(2026, 3, 1), finalize=True)
    recognize_revenue(through=date(2026, 3, 31))
    assert prices() == {"Licence": D(612), "Support": D(408)}
    end_contract(contract_id=contract.pk, end=date(2026, 4, 1))
    assert prices() == {"Licence": D("218.57"), "Support": D("36.43")}
    recognize_revenue(through=date(2026, 12, 31))
    assert all(each.recognized == each.amount == each.billed for each in RecognitionSchedule.objects.all())
    assert check_ledger(tenant).problems == []
    assert replay_ledger().different == 0


@pytest.mark.parametrize("span", ["term", "service_period"])
def test_an_end_before_the_current_term_takes_back_that_term_and_shortens_the_one_before(
    customer: Customer, make: Make, tenant: Tenant, span: str
) -> None:
    """Terms of three months at 100.00 a month, billed in arrears. In July the contract is ended as of 16 June, in its second
    term: the third never was, the second is 200.00 and 15 of June's 30 days, 250.00."""
    service = make("Service", "straight_line_days")
    contract = sold(
        customer,
        flat("100", product=service, timing="arrears", obligation="Service"),
        start=date(2026, 1, 1), term_months=3, renewal="same_terms", price_allocation="stated", revenue_span=span,
    )  # fmt: skip
    run_billing(through=date(2026, 6, 1), finalize=True)
    renew_contracts(through=date(2026, 7, 1))
    recognize_revenue(through=date(2026, 7, 31))
    assert [each.amount.amount for each in RecognitionSchedule.objects.order_by("service_start")] == [D(300)] * 3
    end_contract(contract_id=contract.pk, end=date(2026, 6, 16))
    found = RecognitionSchedule.objects.order_by("service_start")
    assert [each.amount.amount for each in found] == [D(300), D(250), D(0)]
    run_billing(through=date(2026, 12, 31), finalize=True)
    recognize_revenue(through=date(2026, 12, 31))
    assert [each.recognized.amount for each in found.all()] == [D(300), D(250), D(0)]
    assert [each.billed.amount for each in found.all()] == [D(300), D(250), D(0)]
    assert check_ledger(tenant).problems == []
    assert replay_ledger().different == 0


cents = st.integers(0, 10**9).map(lambda value: D(value) / 100)


@given(
    parts=st.lists(st.tuples(cents, st.integers(0, 10**6).map(D)), min_size=1, max_size=8),
    total=st.integers(0, 10**10).map(lambda value: D(value) / 100),
)
def test_a_total_is_divided_to_the_cent_and_never_below_zero(parts: list[tuple[D, D]], total: D) -> None:
    earned, weights = [done for done, _ in parts], [weight for _, weight in parts]
    divided = divide_what_is_left(total, earned, weights, currency="USD")
    assert sum(divided) == total
    assert min(divided) >= 0
    if total >= sum(earned) and sum(weights) > 0:
        # What is earned is kept, and what has nothing left to do gets nothing more.
        for price, done, weight in zip(divided, earned, weights, strict=True):
            assert price >= done
            assert weight or price == done


def test_a_price_below_what_is_recognized_is_so_in_a_replay(customer: Customer, make: Make, tenant: Tenant) -> None:
    """60.00 and 30.00 a month; from February 120.00 and 30.00: 300.00 and 90.00 for the quarter, all billed by March.

    Credits of 150.00 and 50.00 take 160.00 and 40.00, which leaves 140.00 and 50.00. Of the first they are taken from March on:
    February is recognized after that, 180.00 and 40.00 in all. 50.00 are added for March: of 240.00, 20.00 are left for what is
    left, 120.00, 30.00 and 50.00 by standalone prices.
    """
    first, second, third = (make(name, "straight_line_months") for name in ("First", "Second", "Third"))
    contract = sold(
        customer, flat("60", product=first), flat("30", product=second), start=date(2026, 1, 1), term_months=3
    )
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    modify(contract, date(2026, 2, 1), replace={contract.items.get(product=first).pk: flat("120")})
    run_billing(through=date(2026, 3, 1), finalize=True)
    lines = InvoiceLine.objects.filter(invoice__issued_on__gt=date(2026, 1, 31)).order_by("invoice_id", "-net")
    credited = dict(zip(lines, [D(120), D(30), D(50)], strict=False))
    for line, net in credited.items():
        issue_credit_note(invoice_id=line.invoice_id, lines={line.pk: net}, on=date(2026, 3, 1), reason="Outage")
    recognize_revenue(through=date(2026, 2, 28))
    assert prices() == {"First": D(140), "Second": D(50)}
    modify(contract, date(2026, 3, 1), add=[flat("50", product=third)])
    assert prices() == {"First": D(192), "Second": D(43), "Third": D(5)}
    run_billing(through=date(2026, 3, 31), finalize=True)
    recognize_revenue(through=date(2026, 3, 31))
    assert journal(kinds={"revenue_recognized", "invoice_finalized"}, by_day=True) == text("""
        2026-01-01  Invoice finalized
            Dr AR - Customers                         90.00
            Cr Deferred Revenue                       90.00
        2026-01-31  Revenue recognized
            Dr Deferred Revenue                       90.00
            Cr Sales and Services Revenue             90.00
        2026-02-01  Invoice finalized
            Dr AR - Customers                        150.00
            Cr Unbilled Revenue                        9.23
            Cr Deferred Revenue                      140.77
        2026-02-28  Revenue recognized
            Dr Deferred Revenue                       90.00
            Dr Unbilled Revenue                       40.00
            Cr Sales and Services Revenue            130.00
        2026-03-01  Invoice finalized
            Dr AR - Customers                        200.00
            Cr Deferred Revenue                      166.04
            Cr Unbilled Revenue                       33.96
        2026-03-31  Revenue recognized
            Dr Deferred Revenue                       20.00
            Cr Sales and Services Revenue             20.00
    """)
    assert all(each.recognized == each.amount == each.billed for each in RecognitionSchedule.objects.all())
    assert check_ledger(tenant).problems == []
    assert replay_ledger().differences == []


def test_a_price_divided_by_what_was_written_by_hand_is_so_in_a_replay(customer: Customer, make: Make) -> None:
    """60.00 and 30.00 a month for a quarter. The first's 60.00 for February are put off to March by hand, but for 20.00.

    50.00 are added for March: of 320.00, 60.00 + 20.00 and 60.00 are earned; 180.00 go over 60.00, 30.00 and 50.00.
    """
    first, second, third = (make(name, "straight_line_months") for name in ("First", "Second", "Third"))
    contract = sold(
        customer, flat("60", product=first), flat("30", product=second), start=date(2026, 1, 1), term_months=3
    )
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    february, march = DateRange(date(2026, 2, 1), date(2026, 3, 1)), DateRange(date(2026, 3, 1), date(2026, 4, 1))
    override_schedule(
        schedule_id=RecognitionSchedule.objects.get(product=first).pk,
        parts=[(february, D(20)), (march, D(100))],
        reason="Begun late",
        on=february.start,
        by=person("ann"),
    )
    modify(contract, march.start, add=[flat("50", product=third)])
    assert prices() == {"First": D("157.14"), "Second": D("98.57"), "Third": D("64.29")}
    run_billing(through=date(2026, 3, 31), finalize=True)
    recognize_revenue(through=date(2026, 3, 31))
    assert replay_ledger().differences == []


def test_a_price_divided_before_progress_was_reported_is_so_in_a_replay(customer: Customer, make: Make) -> None:
    """90.00 and 30.00 a month alone, the first sold for 60.00: 202.50 and 67.50 of 270.00 for the quarter.

    50.00 are added for March: 45.00 of the second are earned, and 275.00 go over 270.00, 30.00 and 50.00. That half of the
    first was done in February is told only then: it changes nothing of that.
    """
    first = make("First", "percentage")
    second, third = make("Second", "straight_line_months"), make("Third", "straight_line_months")
    contract = sold(
        customer, flat("60", product=first, standalone_price=D(90)), flat("30", product=second),
        start=date(2026, 1, 1), term_months=3,
    )  # fmt: skip
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    modify(contract, date(2026, 3, 1), add=[flat("50", product=third)])
    schedule = RecognitionSchedule.objects.get(product=first)
    report_progress(schedule_id=schedule.pk, reached_on=date(2026, 2, 10), percent=D(50), evidence="Delivery note")
    assert prices() == {"First": D("212.14"), "Second": D("68.57"), "Third": D("39.29")}
    run_billing(through=date(2026, 3, 31), finalize=True)
    recognize_revenue(through=date(2026, 3, 31))
    assert replay_ledger().differences == []
