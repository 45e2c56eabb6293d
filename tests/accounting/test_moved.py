"""What a change of prices moves between obligations that share a price: each line names the obligation it is about."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from accounting.checks import check_ledger
from accounting.models import JournalLine, PerformanceObligation, RecognitionSchedule
from accounting.recognition import recognize_revenue
from accounting.replaying import replay_ledger
from billing.models import Contract, Customer, Product, Tenant
from billing.services.billing_run import run_billing
from billing.services.contracts import draft_contract, end_contract, start_contracts
from billing.services.modifications import Modification, modify_contract
from tests.accounting.rates import rates
from tests.journal import text

D = Decimal
JAN = date(2026, 1, 1)


@pytest.fixture(autouse=True)
def books_agree(tenant: Tenant) -> Iterator[None]:
    yield
    for role, column in (("deferred_revenue", "deferred"), ("unbilled_revenue", "unbilled")):
        for schedule in RecognitionSchedule.objects.all():
            lines = JournalLine.objects.filter(role=role, obligation_id=schedule.obligation_id)
            stands = sum((each.debit - each.credit for each in lines), D(0))
            open_now = schedule.billed.amount - schedule.recognized.amount
            assert stands == (min(-open_now, D(0)) if column == "deferred" else max(-open_now, D(0))), schedule
    assert check_ledger(tenant).problems == []
    assert replay_ledger().differences == []


def sold(customer: Customer, *, licence_is: str = "on_delivery", monthly: bool = False) -> Contract:
    """C12: a licence (600.00 alone) and a year's support (400.00 alone) for 850.00, once or a tenth of it each month."""
    licence = Product.objects.create(code="licence", name="Licence", recognition_method=licence_is)
    support = Product.objects.create(code="support", name="Support", recognition_method="straight_line_months")
    prices = (("55", "60"), ("30", "40")) if monthly else (("550", "600"), ("300", "400"))
    items = [
        {
            "product": product, "pricing_model": "flat_fee", "pricing": {"amount": price},
            "interval_months": 1 if monthly else 12, "standalone_price": D(alone),
        }
        for product, (price, alone) in zip((licence, support), prices, strict=True)
    ]  # fmt: skip
    contract = draft_contract(
        customer=customer, number="K-12", start=JAN, term_months=12, price_allocation="standalone", items=items
    )
    start_contracts([contract.pk])
    run_billing(through=JAN, finalize=True)
    return contract


def dearer_support(contract: Contract, on: date) -> None:
    """Support costs what it did, but is worth 800.00 a year alone from a day on."""
    item = contract.items.get(product__code="support").pk
    fields = {"pricing_model": "flat_fee", "pricing": {"amount": "300"}, "standalone_price": D(800)}
    change = Modification(effective_on=on, signed_on=on, reason="Agreed", replace={item: fields})
    modify_contract(contract_id=contract.pk, change=change)


def moved(kind: str, *, in_base: bool = False) -> str:
    """The lines of a kind of event as text: side, account, obligation, amount."""
    names = dict(PerformanceObligation.objects.values_list("pk", "name"))
    rows = (
        JournalLine.objects.filter(entry__event__kind=kind).select_related("account").order_by("entry_id", "position")
    )
    written = []
    for each in rows:
        debit, credit = (each.base_debit, each.base_credit) if in_base else (each.debit, each.credit)
        side, of = "Dr" if debit else "Cr", names.get(each.obligation_id, "no obligation")
        written.append(f"{side} {each.account.name}, {of}: {debit + credit:,.2f}")
    return "\n".join(sorted(written, reverse=True))


def test_deferred_revenue_goes_from_one_obligation_to_the_other(customer: Customer) -> None:
    """On 1 July support has earned six times 28.33, 169.98; 680.02 are left for the licence (600.00 alone) and half a year's
    support (400.00 of 800.00): 408.01 and 272.01. The licence had 510.00 and loses 101.99, in deferred revenue."""
    contract = sold(customer)
    recognize_revenue(through=date(2026, 6, 30))
    dearer_support(contract, date(2026, 7, 1))
    assert moved("contract_modified") == text("""
        Dr Deferred Revenue, Licence: 101.99
        Cr Deferred Revenue, Support: 101.99
    """)


def test_unbilled_revenue_goes_from_one_obligation_to_the_other(customer: Customer) -> None:
    """By the month, the licence delivered at once: of 255.00 billed in three months it has 153.00 and has earned 612.00. The
    contract ends; by what was earned it is 218.57 of 255.00, so 65.57 of support's 102.00 are unbilled instead."""
    contract = sold(customer, licence_is="point_in_time", monthly=True)
    run_billing(through=date(2026, 3, 1), finalize=True)
    recognize_revenue(through=date(2026, 3, 31))
    end_contract(contract_id=contract.pk, end=date(2026, 4, 1))
    assert moved("contract_ended") == text("""
        Dr Unbilled Revenue, Support: 65.57
        Cr Unbilled Revenue, Licence: 65.57
    """)


def test_what_is_deferred_of_one_clears_what_is_unbilled_of_the_other(customer: Customer) -> None:
    """As before, but March is not recognized yet: support has 34.00 deferred, which clear unbilled revenue of the licence; the
    other 31.57 of its 65.57 become unbilled revenue of support."""
    contract = sold(customer, licence_is="point_in_time", monthly=True)
    run_billing(through=date(2026, 3, 1), finalize=True)
    recognize_revenue(through=date(2026, 2, 28))
    end_contract(contract_id=contract.pk, end=date(2026, 4, 1))
    assert moved("contract_ended") == text("""
        Dr Unbilled Revenue, Support: 31.57
        Dr Deferred Revenue, Support: 34.00
        Cr Unbilled Revenue, Licence: 65.57
    """)


def test_abroad_what_moves_keeps_the_rate_it_was_billed_at(customer: Customer) -> None:
    rates(
        "Date USD\n"
        + "\n".join(f"2026-0{month}-28 1.10" for month in range(1, 7))
        + "\n2026-01-01 1.10\n2026-07-01 1.30"
    )
    customer.currency = "EUR"
    customer.save()
    contract = sold(customer)
    recognize_revenue(through=date(2026, 6, 30))
    dearer_support(contract, date(2026, 7, 1))
    assert moved("contract_modified", in_base=True) == text("""
        Dr Deferred Revenue, Licence: 112.19
        Cr Deferred Revenue, Support: 112.19
    """)
