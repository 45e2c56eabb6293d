"""A contract is modified: what is billed, and what that does to revenue in the periods that are still open."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounting.checks import check_ledger
from accounting.models import (
    AccountingPeriod,
    AccountingPolicy,
    JournalLine,
    RecognitionSchedule,
    ScheduleRevision,
)
from accounting.periods import close_period
from accounting.recognition import behind_schedule, recognize_revenue
from accounting.replaying import replay_ledger
from accounting.reports.contract_revenue import contract_months
from accounting.revisions import RevisionRefused
from billing.errors import BillingError, WrongState
from billing.models import BusinessEntity, Contract, ContractModification, Invoice, Product, TaxRate, Tenant
from billing.periods import end_of_month
from billing.services.amendments import Amendment, Change, modification_of
from billing.services.billing_run import run_billing
from billing.services.credit_notes import issue_credit_note
from billing.services.invoices import void_invoice
from billing.services.modifications import Modification, modify_contract
from billing.services.undoing import void_credit_note
from tests.journal import journal, text
from tests.report_text import prove, run

D = Decimal
Sell = Callable[..., Contract]


def flat(amount: str, **more: Any) -> dict[str, Any]:
    return {"pricing_model": "flat_fee", "pricing": {"amount": amount}, **more}


def revenue() -> list[tuple[str, Decimal]]:
    """Every posting of revenue: its date and amount, credit positive."""
    lines = JournalLine.objects.filter(role="revenue").order_by("date", "id")
    return [(f"{line.date}", line.credit - line.debit) for line in lines]


def by_month() -> dict[str, Decimal]:
    months: dict[str, Decimal] = {}
    for day, amount in revenue():
        months[day[:7]] = months.get(day[:7], D(0)) + amount
    return months


def modify(contract: Contract, on: date, *, signed: date | None = None, **change: Any) -> ContractModification:
    agreed = Modification(effective_on=on, signed_on=signed or on, reason="Agreed by mail", **change)
    return modify_contract(contract_id=contract.pk, change=agreed)


@pytest.mark.parametrize(("policy", "last_of_a"), [("month_end", "2026-04-30"), ("service_end", "2026-04-15")])
def test_upgrade_in_mid_term_is_billed_by_days(sell: Sell, tenant: Tenant, policy: str, last_of_a: str) -> None:
    """C3: plan A 300.00 for April, plan B 450.00 a month from 16 April: 225.00 less 150.00; April's revenue is 375.00."""
    AccountingPolicy.objects.update(revenue_date=policy)
    contract = sell(amount="300", start=date(2026, 4, 1), terms={"term_months": 12})
    run_billing(through=date(2026, 4, 1), finalize=True)
    bigger = Product.objects.create(code="plan-b", name="Plan B")
    made = modify(contract, date(2026, 4, 16), replace={contract.items.get().pk: flat("450", product=bigger)})
    recognize_revenue(through=date(2026, 4, 30))
    assert journal(kinds={"invoice_finalized"}) == text("""
        2026-04-01  Invoice finalized
            Dr AR - Customers                        300.00
            Cr Deferred Revenue                      300.00
        2026-04-16  Invoice finalized
            Dr AR - Customers                         75.00
            Dr Deferred Revenue                      150.00
            Cr Deferred Revenue                      225.00
    """)
    assert journal(kinds={"revenue_recognized"}) == text(f"""
        {last_of_a}  Revenue recognized
            Dr Deferred Revenue                      150.00
            Cr Sales and Services Revenue            150.00
        2026-04-30  Revenue recognized
            Dr Deferred Revenue                      225.00
            Cr Sales and Services Revenue            225.00
    """)
    if policy == "month_end":  # As printed; it is one entry for each plan, so that each says what it is for.
        assert journal(kinds={"revenue_recognized"}, by_day=True) == text("""
            2026-04-30  Revenue recognized
                Dr Deferred Revenue                      375.00
                Cr Sales and Services Revenue            375.00
        """)
    assert made.kind == "upgrade"
    assert replay_ledger().differences == []
    run_billing(through=date(2027, 3, 31), finalize=True)
    assert [invoice.net.amount for invoice in Invoice.objects.order_by("id")[2:]] == [D(450)] * 11
    assert check_ledger(tenant).problems == []


def test_price_change_after_twenty_days(sell: Sell, product: Product) -> None:
    """PE7: 90.00 a month from 1 April, 120.00 from 21 April: 60.00 earned at the old price, 40.00 at the new."""
    contract = sell(amount="90", start=date(2026, 4, 1), terms={"term_months": 12})
    run_billing(through=date(2026, 4, 1), finalize=True)
    made = modify(contract, date(2026, 4, 21), replace={contract.items.get().pk: flat("120")})
    recognize_revenue(through=date(2026, 4, 30))
    assert made.kind == "price_change"
    assert revenue() == [("2026-04-30", D(60)), ("2026-04-30", D(40))]
    assert [invoice.net.amount for invoice in Invoice.objects.order_by("id")] == [D(90), D(10)]


def test_upgrade_of_a_month_that_was_recognized_already(sell: Sell, tenant: Tenant) -> None:
    """Signed in May for 16 April, when April's 300.00 are posted and closed: May takes up the difference."""
    contract = sell(amount="300", start=date(2026, 4, 1), terms={"term_months": 12})
    run_billing(through=date(2026, 5, 1), finalize=True)
    recognize_revenue(through=date(2026, 4, 30))
    close_period(period_id=AccountingPeriod.objects.get(start=date(2026, 4, 1)).pk, at=timezone.now())
    modify(contract, date(2026, 4, 16), signed=date(2026, 5, 10), replace={contract.items.get().pk: flat("450")})
    recognize_revenue(through=date(2026, 5, 31))
    # April and May at 450.00 from the 16th: 225 + 450, less 150 + 300 of the old price.
    assert Invoice.objects.order_by("-id")[0].net.amount == D(225)
    assert by_month() == {"2026-04": D(300), "2026-05": D(525)}
    assert check_ledger(tenant).problems == []


def test_downgrade_gives_back_what_is_billed_too_much(sell: Sell, tenant: Tenant) -> None:
    """300.00 for April, 100.00 a month from 16 April: credit 150.00, invoice 50.00."""
    tax = TaxRate.objects.create(code="vat", name="VAT 20 %", percent=20)
    contract = sell(amount="300", start=date(2026, 4, 1), tax_rate=tax, terms={"term_months": 12})
    run_billing(through=date(2026, 4, 1), finalize=True)
    made = modify(contract, date(2026, 4, 16), replace={contract.items.get().pk: flat("100")})
    assert made.kind == "price_change"
    assert journal(kinds={"invoice_finalized", "credit_note_issued"}) == text("""
        2026-04-01  Invoice finalized
            Dr AR - Customers                        360.00
            Cr Deferred Revenue                      300.00
            Cr Sales Tax                              60.00
        2026-04-16  Credit note issued
            Dr Deferred Revenue                      150.00
            Dr Sales Tax                              30.00
            Cr AR - Customers                        180.00
        2026-04-16  Invoice finalized
            Dr AR - Customers                         60.00
            Cr Deferred Revenue                       50.00
            Cr Sales Tax                              10.00
    """)
    recognize_revenue(through=date(2026, 4, 30))
    assert by_month() == {"2026-04": D(200)}
    assert check_ledger(tenant).problems == []


def test_termination_credits_what_is_not_served(sell: Sell, tenant: Tenant) -> None:
    """C4 by a modification: yearly 1,200.00 by months, ended on 1 April: nine months of twelve."""
    contract = sell(
        amount="1200",
        start=date(2026, 1, 1),
        interval_months=12,
        recognition_method="straight_line_months",
        terms={"term_months": 12},
    )
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 2, 28))
    made = modify(contract, date(2026, 4, 1), end=date(2026, 4, 1))
    assert (made.kind, Invoice.objects.get().settled.amount) == ("termination", D("900.00"))
    recognize_revenue(through=date(2026, 12, 31))
    assert by_month() == {"2026-01": D(100), "2026-02": D(100), "2026-03": D(100)}
    contract.refresh_from_db()
    run_billing(through=date(2027, 1, 31), finalize=True)
    assert Invoice.objects.count() == 1
    assert check_ledger(tenant).problems == []


def test_termination_without_a_refund_earns_the_rest_at_once(sell: Sell, tenant: Tenant) -> None:
    contract = sell(amount="1200", start=date(2026, 1, 1), interval_months=12,
                    recognition_method="straight_line_months", terms={"term_months": 12})  # fmt: skip
    run_billing(through=date(2026, 1, 1), finalize=True)
    recognize_revenue(through=date(2026, 2, 28))
    modify(contract, date(2026, 4, 1), end=date(2026, 4, 1), credit_unused=False)
    recognize_revenue(through=date(2026, 12, 31))
    assert by_month() == {"2026-01": D(100), "2026-02": D(100), "2026-03": D(1000)}
    assert check_ledger(tenant).problems == []


def two_years(sell: Sell, span: str) -> Contract:
    return sell(
        amount="100",
        start=date(2026, 1, 1),
        recognition_method="straight_line_months",
        terms={"term_months": 24, "revenue_span": span},
    )


@pytest.mark.parametrize("span", ["service_period", "term"])
def test_price_increase_is_prospective(sell: Sell, tenant: Tenant, span: str) -> None:
    """C19: 24 months at 100.00; from month 13, 120.00 for 18 more months instead."""
    contract = two_years(sell, span)
    run_billing(through=date(2026, 12, 31), finalize=True)
    recognize_revenue(through=date(2026, 12, 31))
    modify(
        contract,
        date(2027, 1, 1),
        end=date(2028, 7, 1),
        replace={contract.items.get().pk: flat("120")},
    )
    run_billing(through=date(2028, 7, 1), finalize=True)
    recognize_revenue(through=date(2027, 1, 31))
    assert journal(kinds={"revenue_recognized"}).endswith(
        text("""
        2027-01-31  Revenue recognized
            Dr Deferred Revenue                      120.00
            Cr Sales and Services Revenue            120.00
    """)
    )
    recognize_revenue(through=date(2028, 12, 31))
    assert [amount for _, amount in revenue()] == [D(100)] * 12 + [D(120)] * 18
    assert check_ledger(tenant).problems == []


def blend(sell: Sell, **change: Any) -> Contract:
    """C20: three years for 36,000.00, two years done, extended by three years for 28,800.00."""
    contract = sell(
        amount="1000",
        start=date(2026, 1, 1),
        recognition_method="straight_line_months",
        terms={"term_months": 36, "revenue_span": "term"},
    )
    run_billing(through=date(2028, 1, 1), finalize=True)
    recognize_revenue(through=date(2027, 12, 31))
    product = contract.items.get().product
    made = modify(
        contract,
        date(2028, 1, 1),
        end=date(2032, 1, 1),
        extend_items=False,
        add=[flat("800", product=product, start=date(2029, 1, 1), recognition_method="straight_line_months")],
        **change,
    )
    assert made.kind == "extension"
    return contract


def test_extension_with_a_blended_price(sell: Sell, tenant: Tenant) -> None:
    """C20: 12,000.00 + 28,800.00 over 48 months are 850.00 a month."""
    blend(sell)
    recognize_revenue(through=date(2028, 1, 31))
    assert journal(kinds={"revenue_recognized"}).endswith(
        text("""
        2028-01-31  Revenue recognized
            Dr Deferred Revenue                      850.00
            Cr Sales and Services Revenue            850.00
    """)
    )
    run_billing(through=date(2032, 1, 1), finalize=True)
    recognize_revenue(through=date(2031, 12, 31))
    assert [amount for _, amount in revenue()] == [D(1000)] * 24 + [D(850)] * 48
    schedule = RecognitionSchedule.objects.get()
    assert schedule.billed.amount == schedule.recognized.amount == D(64800)
    assert check_ledger(tenant).problems == []


def test_extension_with_cumulative_catch_up(sell: Sell, tenant: Tenant) -> None:
    """C20 as if from the start: 64,800.00 over 72 months, 900.00 a month; 24 months were 100.00 a month too much."""
    blend(sell, treatment="catch_up")
    recognize_revenue(through=date(2031, 12, 31))
    assert [amount for _, amount in revenue()] == [D(1000)] * 24 + [D(-1500)] + [D(900)] * 47
    assert check_ledger(tenant).problems == []


def test_a_catch_up_to_what_is_recognized_already_is_posted(sell: Sell, tenant: Tenant) -> None:
    """The second half of 1,200.00 is free. From the start 600.00 are 50.00 a month: July takes 6 x 50.00 back, and earns 50.00.

    At the end of June 600.00 are recognized, all of the new price.
    """
    contract = sell(amount="100", start=date(2026, 1, 1), recognition_method="straight_line_months",
                    terms={"term_months": 12, "revenue_span": "term"})  # fmt: skip
    run_billing(through=date(2026, 6, 30), finalize=True)
    recognize_revenue(through=date(2026, 6, 30))
    modify(contract, date(2026, 7, 1), replace={contract.items.get().pk: flat("0")}, treatment="catch_up")
    run_billing(through=date(2026, 12, 31), finalize=True)
    entity = BusinessEntity.objects.get().pk
    for month in range(7, 13):
        last = end_of_month(date(2026, month, 1))
        assert behind_schedule(business_entity_id=entity, through=last) == 1  # The close check list tells of it.
        recognize_revenue(through=last)
        assert behind_schedule(business_entity_id=entity, through=last) == 0
    assert [amount for _, amount in revenue()] == [D(100)] * 6 + [D(-250)] + [D(50)] * 5
    assert check_ledger(tenant).problems == []
    assert replay_ledger().differences == []


def test_extension_as_a_separate_contract(sell: Sell, tenant: Tenant) -> None:
    """C20 at standalone prices: each earns its own, 1,000.00 and then 800.00."""
    blend(sell, treatment="separate")
    recognize_revenue(through=date(2031, 12, 31))
    assert [amount for _, amount in revenue()] == [D(1000)] * 36 + [D(800)] * 36
    assert RecognitionSchedule.objects.count() == 2
    assert check_ledger(tenant).problems == []


@pytest.mark.parametrize(
    ("adjustment", "expected"),
    [
        # Half a year at 100.00 done; 20.00 a month more for the six months that are left: 120.00.
        ("straight_line", ["120.00"] * 6),
        ("front_load", ["220.00"] + ["100.00"] * 5),
        ("back_load", ["100.00"] * 5 + ["220.00"]),
    ],
)
def test_a_change_falls_where_the_adjustment_says(
    sell: Sell, tenant: Tenant, adjustment: str, expected: list[str]
) -> None:
    contract = sell(amount="100", start=date(2026, 1, 1), recognition_method="straight_line_months",
                    terms={"term_months": 12, "revenue_span": "term"})  # fmt: skip
    run_billing(through=date(2026, 6, 30), finalize=True)
    recognize_revenue(through=date(2026, 6, 30))
    modify(contract, date(2026, 7, 1), replace={contract.items.get().pk: flat("120")}, adjustment=adjustment)
    run_billing(through=date(2026, 12, 31), finalize=True)
    recognize_revenue(through=date(2026, 12, 31))
    assert [amount for _, amount in revenue()] == [D(100)] * 6 + [D(amount) for amount in expected]
    assert check_ledger(tenant).problems == []


def test_only_open_periods_change(sell: Sell, tenant: Tenant) -> None:
    """Agreed in May to hold from 1 February, January to March closed: April takes up the past, April to December the rest."""
    contract = sell(amount="100", start=date(2026, 1, 1), recognition_method="straight_line_months",
                    terms={"term_months": 12, "revenue_span": "term"})  # fmt: skip
    run_billing(through=date(2026, 5, 1), finalize=True)
    recognize_revenue(through=date(2026, 2, 28))
    for month in (1, 2):
        close_period(period_id=AccountingPeriod.objects.get(start=date(2026, month, 1)).pk, at=timezone.now())
    before = journal()
    modify(contract, date(2026, 2, 1), signed=date(2026, 5, 1), replace={contract.items.get().pk: flat("155")})
    recognize_revenue(through=date(2026, 12, 31))
    run_billing(through=date(2026, 12, 31), finalize=True)
    assert journal().startswith(before.partition("2026-02-28")[0])
    # 1,200 + 11 x 55 = 1,805; 200 are posted; 1,605 over ten months.
    assert by_month() == {"2026-01": D(100), "2026-02": D(100), **{f"2026-{m:02}": D("160.50") for m in range(3, 13)}}
    assert check_ledger(tenant).problems == []


def life_cycle(sell: Sell, adjustment: str) -> list[str]:
    """L1 to L9: 1,200.00 for 2025 by months; on 30 June 240.00 of it is credited."""
    AccountingPolicy.objects.update(credit_adjustment=adjustment)
    sell(amount="1200", start=date(2025, 1, 1), interval_months=12, recognition_method="straight_line_months",
         terms={"term_months": 12})  # fmt: skip
    run_billing(through=date(2025, 1, 1), finalize=True)
    recognize_revenue(through=date(2025, 6, 30))
    invoice = Invoice.objects.get()
    issue_credit_note(
        invoice_id=invoice.pk, lines={invoice.lines.get().pk: D(240)}, on=date(2025, 6, 30), reason="Agreed"
    )
    recognize_revenue(through=date(2025, 12, 31))
    return [f"{amount:.0f}" for _, amount in revenue()][6:]


@pytest.mark.parametrize(
    ("adjustment", "months"),
    [
        ("straight_line", ["60"] * 6),  # L9: (600 - 240) / 6
        ("front_load", ["60", "100", "100", "100"]),  # no month falls below zero: what July cannot take spills over
        ("back_load", ["100", "100", "100", "60"]),
    ],
)
def test_a_credit_is_adjusted_as_the_policy_says(
    sell: Sell, tenant: Tenant, adjustment: str, months: list[str]
) -> None:
    assert life_cycle(sell, adjustment) == months
    assert check_ledger(tenant).problems == []


def test_an_extension_at_a_new_price_keeps_the_minimum(sell: Sell) -> None:
    """As a replacement does: what is not agreed anew stays as it is."""
    contract = sell(
        amount="0", start=date(2026, 4, 1), terms={"term_months": 12}, pricing_model="per_unit",
        pricing={"unit_amount": "1"}, is_metered=True, timing="arrears", minimum=D(50), description="Calls",
    )  # fmt: skip
    item = contract.items.get()
    terms = {"pricing_model": "per_unit", "pricing": {"unit_amount": "2"}}
    agreed = Amendment(
        change=Change.EXTEND, effective_on=date(2027, 3, 1), signed_on=date(2027, 3, 1), reason="Agreed by mail", item=item,
        end=date(2028, 4, 1), **terms,
    )  # fmt: skip
    modify_contract(contract_id=contract.pk, change=modification_of(contract, agreed))
    later = contract.items.get(start=date(2027, 4, 1))
    assert (later.minimum, later.description, later.pricing) == (D(50), "Calls", {"unit_amount": "2"})


def test_a_void_credit_note_took_nothing(sell: Sell) -> None:
    """April, 300.00, credited by mistake, which is undone; cancelled on 16 April: half of it is given back after all."""
    contract = sell(amount="300", start=date(2026, 4, 1), terms={"term_months": 1})
    run_billing(through=date(2026, 4, 1), finalize=True)
    invoice = Invoice.objects.get()
    note = issue_credit_note(
        invoice_id=invoice.pk, lines={invoice.lines.get().pk: D(300)}, on=date(2026, 4, 2), reason="Another customer's"
    )
    void_credit_note(credit_note_id=note.pk, on=date(2026, 4, 3), reason="Wrong customer")
    modify(contract, date(2026, 4, 16), remove=[contract.items.get().pk])
    invoice.refresh_from_db()
    assert invoice.due.amount == D(150)
    assert contract_months(contract).billed == {date(2026, 4, 1): D(150)}


@pytest.mark.parametrize(
    ("span", "months"), [("service_period", ["100", "100", "100"]), ("term", ["98.90", "102.20", "98.90"])]
)
def test_what_has_ended_is_extended(sell: Sell, tenant: Tenant, span: str, months: list[str]) -> None:
    """January to March at 100.00 a month is over when, on 20 April, April to June are agreed: 300.00 more, by days of 91."""
    terms = {"term_months": 3, "revenue_span": span}
    contract = sell(amount="100", start=date(2026, 1, 1), recognition_method="straight_line_days", terms=terms)
    run_billing(through=date(2026, 4, 10), finalize=True)
    recognize_revenue(through=date(2026, 3, 31))
    contract.refresh_from_db()
    assert contract.status == "ended"
    with pytest.raises(WrongState, match="ended on 31 March 2026; it can only be extended"):
        modify(contract, date(2026, 4, 1), replace={contract.items.get().pk: flat("120")})
    made = modify(contract, date(2026, 4, 1), signed=date(2026, 4, 20), end=date(2026, 7, 1))
    assert made.kind == "extension"
    run_billing(through=date(2026, 7, 10), finalize=True)
    recognize_revenue(through=date(2026, 7, 31))
    assert list(by_month().values())[3:] == [D(amount) for amount in months]
    assert [f"{each.issued_on} {each.net.amount:.2f}" for each in Invoice.objects.order_by("id")[3:]] == [
        "2026-04-01 100.00", "2026-05-01 100.00", "2026-06-01 100.00",
    ]  # fmt: skip
    contract.refresh_from_db()
    assert contract.status == "ended"
    assert check_ledger(tenant).problems == []
    assert replay_ledger().differences == []


def test_a_large_change_must_be_front_loaded_where_the_policy_says_so(sell: Sell, tenant: Tenant) -> None:
    AccountingPolicy.objects.update(large_change_must_front_load=True)
    contract = two_years(sell, "term")
    item = contract.items.get()
    with pytest.raises(RevisionRefused, match="more than 5 %"):
        modify(contract, date(2027, 1, 1), replace={item.pk: flat("120")})
    modify(contract, date(2027, 1, 1), replace={item.pk: flat("109")})  # 108.00 of 2,400.00
    assert ScheduleRevision.objects.count() == 1


def test_a_modification_is_refused_as_a_whole(sell: Sell, tenant: Tenant) -> None:
    contract = two_years(sell, "service_period")
    run_billing(through=date(2026, 6, 1), finalize=True)
    item = contract.items.get()
    refused = [
        ("nothing", {}, "Nothing changes"),
        ("catch-up", {"replace": {item.pk: flat("1")}, "treatment": "catch_up"}, "nothing to catch up"),
        ("separate", {"replace": {item.pk: flat("1")}, "treatment": "separate"}, "only adds"),
        ("price", {"replace": {item.pk: flat("-1")}}, "must not be negative"),
        ("end", {"end": date(2026, 1, 5)}, "lies before the day"),
    ]
    for _, change, why in refused:
        with pytest.raises(BillingError, match=why):
            modify(contract, date(2026, 6, 10), **change)
    with pytest.raises(BillingError, match="nothing is left to replace"):
        modify(contract, item.contract.end, replace={item.pk: flat("1")})
    contract.refresh_from_db()
    assert (contract.modifications_made, contract.items.count(), ContractModification.objects.count()) == (0, 1, 0)


def test_what_settles_a_modification_is_not_voided(sell: Sell) -> None:
    contract = sell(amount="300", start=date(2026, 4, 1), terms={"term_months": 12})
    run_billing(through=date(2026, 4, 1), finalize=True)
    modify(contract, date(2026, 4, 16), replace={contract.items.get().pk: flat("450")})
    with pytest.raises(WrongState, match="settles a modification"):
        void_invoice(invoice_id=Invoice.objects.order_by("-id")[0].pk, on=date(2026, 4, 20), reason="Wrong")


def test_a_second_modification_gives_nothing_back_twice(sell: Sell, tenant: Tenant) -> None:
    """300.00 for April, 450.00 from the 16th, then 600.00 from the 21st: 150 + 75 + 200 in all."""
    contract = sell(amount="300", start=date(2026, 4, 1), terms={"term_months": 12})
    run_billing(through=date(2026, 4, 1), finalize=True)
    modify(contract, date(2026, 4, 16), replace={contract.items.get().pk: flat("450")})
    second = contract.items.order_by("-id")[0]
    modify(contract, date(2026, 4, 21), replace={second.pk: flat("600")})
    assert sum(invoice.net.amount for invoice in Invoice.objects.all()) == D(425)
    recognize_revenue(through=date(2026, 4, 30))
    assert by_month() == {"2026-04": D(425)}
    assert check_ledger(tenant).problems == []


def test_the_revenue_schedule_follows_a_modification(sell: Sell, tenant: Tenant) -> None:
    """C19 in the report: twelve months of 100.00 posted, then 120.00 a month to come."""
    contract = two_years(sell, "term")
    run_billing(through=date(2026, 12, 31), finalize=True)
    recognize_revenue(through=date(2026, 12, 31))
    modify(contract, date(2027, 1, 1), end=date(2028, 7, 1), replace={contract.items.get().pk: flat("120")})
    report = run("revenue-schedule", by="contract", from_="2026-01-01", at="2026-12-31", to="2027-12-31")
    (row,) = report.tables[0].rows
    assert row.cells[1:26] == (*[D(100)] * 12, 0, *[D(120)] * 12)  # nothing is due and not recognized
    # Asked for the last day before the modification, it shows what was agreed since, and says that it does.
    assert "as they are now, not as they were that day" in report.about
    prove(report)
