"""The close check list: what each check finds, what blocks, and what is kept of it."""

from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounting.closing import CloseRefused, close_checked, dry_run
from accounting.models import AccountingPeriod, AccountingPolicy, AccountingRule, JournalEntry, RuleVersion
from accounting.periods import PeriodError
from accounting.policies import PolicyRefused, change_policy
from accounting.recognition import recognize_revenue
from billing.services.billing_run import run_billing
from billing.services.payments import receive_payment
from billing.services.usage import record_usage

JAN, FEB = date(2026, 1, 1), date(2026, 2, 1)
LATER = date(2026, 6, 1)


def period(start=JAN):
    return AccountingPeriod.objects.get(start=start)


def failing(start=JAN, today=LATER):
    outcome = dry_run(period(start), today=today)
    return {check.code: check.result for check in outcome.checks if not check.passed}


@pytest.fixture
def january(sell, entity):
    """A year billed month by month; January billed and earned."""
    sell(amount="100", start=JAN, terms={"term_months": 12})
    run_billing(through=date(2026, 1, 31), finalize=True)
    recognize_revenue(through=date(2026, 1, 31))


def test_a_month_with_everything_done_can_be_closed(january):
    assert failing() == {}
    closed = close_checked(period_id=period().pk, at=timezone.now(), today=LATER)
    assert closed.status == "closed"
    assert {check["result"] for check in closed.seal.checks} == {"passed"}
    assert closed.seal.checks[0]["label"] == "The month is over"
    with pytest.raises(PeriodError, match="closed already"):
        close_checked(period_id=period().pk, at=timezone.now(), today=LATER)


def test_a_month_is_not_closed_before_it_is_over(january):
    assert failing(today=date(2026, 1, 31)) == {"month_is_over": "blocking"}
    with pytest.raises(CloseRefused, match="January 2026 is not over before 31 January 2026"):
        close_checked(period_id=period().pk, at=timezone.now(), today=date(2026, 1, 31))
    assert period().status == "open" and period().seal is None


def test_revenue_not_recognized_blocks(sell, entity):
    sell(amount="100", start=JAN, terms={"term_months": 12})
    run_billing(through=date(2026, 1, 31), finalize=True)
    recognize_revenue(through=date(2026, 1, 15))
    assert failing() == {"unrecognized_revenue": "blocking"}
    recognize_revenue(through=date(2026, 1, 31))
    assert failing() == {}


def test_a_contract_that_was_never_billed_blocks_too(sell, entity, customer):
    """It earns although nobody has billed it: its service period has no schedule yet."""
    receive_payment(customer_id=customer.pk, received_on=JAN, amount=Decimal(1), currency="USD")
    sell(amount="100", start=date(2026, 1, 20), terms={"term_months": 12})
    assert failing() == {"unrecognized_revenue": "blocking"}


def test_drafts_and_unbilled_usage_warn_and_do_not_block(sell, entity, january):
    contract = sell(
        amount="0", number="K-2", start=JAN, pricing_model="per_unit", pricing={"unit_amount": "2"}, is_metered=True,
        timing="arrears",
    )  # fmt: skip
    record_usage(contract_item_id=contract.items.get().pk, used_on=date(2026, 1, 5), quantity=Decimal(3), key="u")
    run_billing(through=FEB)
    recognize_revenue(through=date(2026, 1, 31))
    found = failing()
    assert found["unbilled_usage"] == "warning" and "blocking" not in found.values()
    close_checked(period_id=period().pk, at=timezone.now(), today=LATER)
    assert {check["code"]: check["result"] for check in period().close_checks}["unbilled_usage"] == "warning"


USUAL = {
    "credit_adjustment": "straight_line", "large_change_percent": Decimal(5), "large_change_must_front_load": False,
    "bad_debt_tax_relief": True, "revenue_date": "month_end", "straight_to_revenue": True,
}  # fmt: skip


def test_which_checks_block_is_the_companys_choice_and_kept_with_the_seal(sell, entity, january):
    sell(amount="50", number="K-2", start=JAN, terms={"term_months": 12})
    run_billing(through=date(2026, 1, 31))
    recognize_revenue(through=date(2026, 1, 15))
    assert failing() == {"draft_invoices": "warning", "unrecognized_revenue": "blocking"}
    change_policy(**USUAL, blocks={"draft_invoices": True, "unrecognized_revenue": False, "suspense": True})
    assert AccountingPolicy.objects.get().close_choices == {"draft_invoices": True, "unrecognized_revenue": False}
    assert failing() == {"draft_invoices": "blocking", "unrecognized_revenue": "warning"}
    with pytest.raises(CloseRefused, match="1 draft invoice is dated"):
        close_checked(period_id=period().pk, at=timezone.now(), today=LATER)
    change_policy(**USUAL, blocks={"unrecognized_revenue": False})
    closed = close_checked(period_id=period().pk, at=timezone.now(), today=LATER)
    results = {check["code"]: check["result"] for check in closed.seal.checks}
    assert (results["unrecognized_revenue"], results["draft_invoices"]) == ("warning", "warning")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"blocks": {"earlier_months": False}}, "always blocks"),
        ({"blocks": {"moon": True}}, "no check “moon”"),
        ({"blocks": {}, "large_change_percent": Decimal(101)}, "from 0 to 100"),
        ({"blocks": {}, "credit_adjustment": "sideways"}, "straight_line"),
        ({"blocks": {}, "revenue_date": "someday"}, "month_end, service_end"),
    ],
)
def test_a_choice_that_cannot_be_meant_is_refused(tenant, change, words):
    with pytest.raises(PolicyRefused, match=words):
        change_policy(**{**USUAL, **change})
    assert AccountingPolicy.objects.get().close_choices == {}


def test_events_without_a_rule_block(sell, entity, january, customer):
    RuleVersion.objects.filter(rule__event_kind="payment_received").update(is_active=False)
    receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 9), amount=Decimal(5), currency="USD")
    outcome = dry_run(period(), today=LATER)
    blocking = {check.code: check for check in outcome.blocking}
    assert blocking["unmatched_events"].message == "1 business event waits for a rule."
    assert blocking["unmatched_events"].url.endswith("/admin/accounting/unmatchedevent/")
    assert not outcome.can_close


def test_suspense_blocks(entity, customer):
    version = RuleVersion.objects.get(rule__event_kind="payment_received", is_active=True)
    lines = [
        {"side": "debit", "role": "suspense", "amount": "received", "per": "document"},
        {"side": "credit", "role": "unapplied_payments", "amount": "received", "per": "document"},
    ]
    rule = AccountingRule.objects.create(code="odd", name="Odd", event_kind="payment_received")
    RuleVersion.objects.create(
        rule=rule, priority=1, effective_from=JAN, description=version.description, lines=lines, conditions=[]
    )
    receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 9), amount=Decimal(5), currency="USD")
    check = {check.code: check for check in dry_run(period(), today=LATER).checks}["suspense"]
    assert check.result == "blocking" and "5.00" in check.message


def test_an_earlier_open_month_blocks(january, customer):
    receive_payment(customer_id=customer.pk, received_on=FEB, amount=Decimal(5), currency="USD")
    recognize_revenue(through=date(2026, 2, 28))
    assert failing(FEB)["earlier_months"] == "blocking"


def test_a_late_event_goes_to_the_first_open_day_and_says_so(january, customer):
    close_checked(period_id=period().pk, at=timezone.now(), today=LATER)
    receive_payment(customer_id=customer.pk, received_on=date(2026, 1, 20), amount=Decimal(5), currency="USD")
    late = JournalEntry.objects.order_by("id").last()
    assert late.date == FEB and "of 2026-01-20, whose period is closed" in late.description


def test_the_dry_run_asks_a_fixed_number_of_questions(january, sell, django_assert_max_num_queries):
    for number in range(5):
        sell(number=f"K-1{number}", amount="10", start=JAN)
    run_billing(through=date(2026, 1, 31))
    with django_assert_max_num_queries(32):
        dry_run(period(), today=LATER)


def test_the_command_checks_closes_and_reopens(january):
    def command(*options):
        out = StringIO()
        call_command("close_period", "--tenant", "acme", "--month", "2026-01-31", *options, stdout=out)
        return out.getvalue()

    assert "can close: True" in command("--dry-run")
    assert period().seal.digest in command() if period().seal else "digest" in command()
    assert period().status == "closed"
    assert "status: open" in command("--reopen", "An invoice was forgotten")
    assert period().reopen_reason == "An invoice was forgotten"
