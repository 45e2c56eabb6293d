"""A rule changes by a draft, which is tried on past events and activated then; nothing else puts a version in force."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounting.engine import InvalidRule
from accounting.models import (
    AccountingPeriod,
    AccountingRule,
    JournalEntry,
    JournalLine,
    RulePreview,
    RuleVersion,
    UnmatchedEvent,
)
from accounting.periods import close_period
from accounting.previews import preview_version
from accounting.recognition import recognize_revenue
from accounting.rule_versions import NotTried, activate_version, discard_draft, draft_version, retire_version
from accounting.unmatched import post_unmatched
from billing.errors import BillingError, WrongState
from billing.models import Change, Invoice, Product
from billing.services.billing_run import run_billing
from billing.services.invoices import void_invoice
from billing.services.payments import receive_payment
from billing.tenancy import Actor, tenant_scope
from tests.journal import journal, text

JAN = date(2026, 1, 1)
FEB = date(2026, 2, 1)
MAR = date(2026, 3, 1)


def draft(code="invoice-finalized", *, swap=None, lines=None, conditions=(), priority=100, since=MAR):
    """Draft a change of a standard rule: `swap` puts one role in place of another."""
    rule = AccountingRule.objects.get(code=code)
    if lines is None:
        lines = rule.versions.latest("number").lines
    lines = [{**line, "role": (swap or {}).get(line["role"], line["role"])} for line in lines]
    return draft_version(
        rule=rule, effective_from=since, description="New way", lines=lines, conditions=conditions, priority=priority
    )


def preview(version, first=JAN, last=FEB, **more):
    return preview_version(version_id=version.pk, first_day=first, last_day=last, at=timezone.now(), **more)


def differences(found):
    """Account → (was posted, would have been), debits less credits."""
    return {
        row["name"]: tuple(
            Decimal(row[f"{which}_debit"]) - Decimal(row[f"{which}_credit"]) for which in ("posted", "tried")
        )
        for row in found.accounts
    }


@pytest.fixture
def billed(sell):
    """100.00 and 50.00 for January and for February, half of it earned before it was billed in January."""
    sell(amount="100", start=JAN, terms={"term_months": 12})
    recognize_revenue(through=date(2026, 1, 10))
    run_billing(through=FEB, finalize=True)


def test_a_draft_posts_nothing_and_is_activated_only_after_a_preview_of_its_content(billed):
    version = draft(swap={"deferred_revenue": "suspense"}, since=FEB)
    assert (version.is_draft, version.is_active) == (True, False)
    with pytest.raises(NotTried, match="was not tried yet"):
        activate_version(version_id=version.pk)
    preview(version)
    version.priority = 7
    version.save()
    with pytest.raises(NotTried):
        activate_version(version_id=version.pk)
    preview(version)
    activate_version(version_id=version.pk)
    run_billing(through=MAR, finalize=True)
    assert JournalEntry.objects.get(event__occurred_on=MAR).rule_version == version
    with pytest.raises(WrongState, match="in force already"):
        activate_version(version_id=version.pk)


def test_a_preview_says_what_would_have_been_posted_and_posts_nothing(billed):
    before = journal()
    found = preview(draft(swap={"deferred_revenue": "suspense"}))
    assert journal() == before
    # January: 100.00 of which 32.26 had been earned; February: 100.00, all deferred.
    assert differences(found) == {
        "AR - Customers": (Decimal(200), Decimal(200)),
        "Unbilled Revenue": (Decimal("-32.26"), Decimal("-32.26")),
        "Deferred Revenue": (Decimal("-167.74"), 0),
        "Suspense": (0, Decimal("-167.74")),
    }
    assert (found.events, found.changed_events, found.unmatched_events) == (2, 2, 0)
    first = found.differences.order_by("event_id").first()
    assert [(line["role"], line["credit"]) for line in first.drafted if Decimal(line["credit"])] == [
        ("unbilled_revenue", "32.2600"),
        ("suspense", "67.7400"),
    ]


def test_a_preview_looks_at_the_chosen_days_only(billed):
    version = draft(swap={"deferred_revenue": "suspense"})
    found = preview(version, first=FEB, last=date(2026, 2, 28))
    assert (found.events, found.changed_events) == (1, 1)
    assert differences(found)["Suspense"] == (0, Decimal(-100))
    assert preview(version, first=date(2025, 1, 1), last=date(2025, 12, 31)).changed_events == 0
    with pytest.raises(BillingError, match="in their order"):
        preview(version, first=FEB, last=JAN)


def test_a_preview_of_the_rule_in_force_finds_no_difference(billed):
    standard = RuleVersion.objects.get(rule__code="invoice-finalized")
    found = preview(standard)
    assert (found.events, found.changed_events, found.accounts) == (2, 0, [])


def test_what_follows_from_a_changed_entry_changes_too(billed):
    """An invoice that was voided: its mirrored entry would have been another."""
    void_invoice(invoice_id=Invoice.objects.earliest("id").pk, on=date(2026, 2, 5), reason="Wrong")
    found = preview(draft(swap={"deferred_revenue": "suspense"}), last=date(2026, 2, 28))
    kinds = sorted(found.differences.values_list("event__kind", flat=True))
    assert kinds == ["invoice_finalized", "invoice_finalized", "invoice_voided"]


def test_conditions_that_match_nothing_leave_events_without_a_rule(billed):
    version = draft(conditions=[{"field": "product_id", "operator": "is", "value": 0}])
    found = preview(version)
    assert (found.changed_events, found.unmatched_events) == (2, 2)
    assert differences(found)["AR - Customers"] == (Decimal(200), 0)


def test_a_preview_of_payments_needs_no_history(customer, sell):
    receive_payment(customer_id=customer.pk, received_on=JAN, amount=Decimal(70), currency="USD")
    found = preview(draft("payment-received", swap={"cash": "suspense"}))
    assert differences(found)["Suspense"] == (0, Decimal(70))
    assert found.changed_events == 1


def test_a_rule_that_cannot_balance_or_has_no_account_is_not_even_saved(tenant):
    rule = AccountingRule.objects.get(code="invoice-finalized")
    whole = rule.versions.get().lines
    for lines, reason in (
        (whole[1:], "is credited without a line on the other side"),
        ([{**line, "role": "moon"} for line in whole], "No account is set for “moon”"),
    ):
        with pytest.raises(InvalidRule, match=reason):
            draft_version(rule=rule, effective_from=MAR, description="Bad", lines=lines)
    assert rule.versions.count() == 1


def test_drafts_nobody_tried_can_go_the_tried_and_the_used_stay(billed):
    fresh, tried = draft(), draft()
    discard_draft(version_id=fresh.pk)
    preview(tried)
    with pytest.raises(WrongState, match="was tried"):
        discard_draft(version_id=tried.pk)
    with pytest.raises(WrongState, match="not a draft"):
        discard_draft(version_id=RuleVersion.objects.get(rule__code="invoice-finalized", number=1).pk)


@pytest.mark.parametrize(
    "sql", ["UPDATE accounting_rulepreview SET digest = ''", "DELETE FROM accounting_previewedevent"]
)
def test_previews_stay_as_they_were_made(billed, sql):
    preview(draft(swap={"deferred_revenue": "suspense"}))
    with (
        pytest.raises(DatabaseError, match=r"append-only|cannot be"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)


def test_the_command_tries_all_drafts(billed, capsys):
    draft(swap={"deferred_revenue": "suspense"})
    call_command("preview_rules", "--tenant", "acme", "--from", "2026-01-01", "--to", "2026-01-31")
    said = capsys.readouterr().out
    assert "of 1 events 1 would have been posted otherwise" in said
    assert "Suspense: debit 0 -> 0, credit 0 -> 67.74" in said
    assert RulePreview.objects.count() == 1


def test_the_trail_tells_who_drafted_and_who_activated(billed, tenant, django_user_model):
    ann, bob = (django_user_model.objects.create(username=name) for name in ("ann", "bob"))
    with tenant_scope(tenant.pk, actor=Actor(ann.pk, "admin")):
        version = draft(since=FEB)
    preview(version, by=ann)
    with tenant_scope(tenant.pk, actor=Actor(bob.pk, "admin")):
        activate_version(version_id=version.pk)
        retire_version(version_id=version.pk)
    changes = Change.objects.filter(model="accounting.ruleversion", object_id=version.pk).order_by("id")
    assert [(each.action, each.user, each.after) for each in changes][1:] == [
        ("changed", bob, {"is_active": True, "is_draft": False}),
        ("changed", bob, {"is_active": False}),
    ]
    assert (changes[0].user, changes[0].after["is_draft"]) == (ann, True)


# Events that no rule spoke of


@pytest.fixture
def waiting(sell):
    """Two invoices that no rule spoke of, 32.26 of the first earned before."""
    RuleVersion.objects.filter(rule__code="invoice-finalized").update(is_active=False)
    sell(amount="100", start=JAN, terms={"term_months": 12})
    recognize_revenue(through=date(2026, 1, 10))
    run_billing(through=FEB, finalize=True)
    recognize_revenue(through=date(2026, 1, 31))
    return UnmatchedEvent.objects.order_by("id")


def test_waiting_events_are_posted_as_they_were_measured_once(waiting, django_user_model):
    """What was earned when the invoice was made counts, not what is earned by now."""
    ann = django_user_model.objects.create(username="ann")
    RuleVersion.objects.filter(rule__code="invoice-finalized").update(is_active=True)
    done = post_unmatched(at=timezone.now(), by=ann)
    assert (done.events, done.entries, done.waiting) == (2, 2, 0)
    assert journal(kinds={"invoice_finalized"}) == text("""
        2026-01-01  Invoice finalized
            Dr AR - Customers                        100.00
            Cr Unbilled Revenue                       32.26
            Cr Deferred Revenue                       67.74
        2026-02-01  Invoice finalized
            Dr AR - Customers                        100.00
            Cr Deferred Revenue                      100.00
    """)
    assert waiting.first().posted_by == ann
    again = post_unmatched(at=timezone.now())
    assert (again.events, again.entries) == (0, 0)


def test_waiting_events_of_a_closed_month_go_to_the_first_open_day(waiting):
    RuleVersion.objects.filter(rule__code="invoice-finalized").update(is_active=True)
    close_period(period_id=AccountingPeriod.objects.get(start=JAN).pk, at=timezone.now())
    post_unmatched(at=timezone.now())
    late = JournalEntry.objects.get(event__occurred_on=JAN, event__kind="invoice_finalized")
    assert late.date == FEB
    assert "whose period is closed" in late.description


def test_what_no_rule_speaks_of_goes_on_waiting_and_nothing_is_nothing(waiting):
    assert post_unmatched(at=timezone.now()).waiting == 2
    version = draft(lines=[], since=FEB)
    preview(version)
    activate_version(version_id=version.pk)
    done = post_unmatched(at=timezone.now())
    assert (done.events, done.entries, done.waiting) == (1, 0, 1)


def test_an_invoice_voided_while_it_waited_is_mirrored_as_soon_as_it_is_posted(waiting):
    void_invoice(invoice_id=Invoice.objects.earliest("id").pk, on=date(2026, 2, 5), reason="Wrong")
    RuleVersion.objects.filter(rule__code="invoice-finalized").update(is_active=True)
    assert post_unmatched(at=timezone.now()).entries == 3
    lines = JournalLine.objects.filter(role="accounts_receivable.customers")
    assert sum(line.debit - line.credit for line in lines) == 100


def test_only_the_chosen_ones_are_posted(waiting):
    RuleVersion.objects.filter(rule__code="invoice-finalized").update(is_active=True)
    assert post_unmatched(at=timezone.now(), ids=[waiting.last().pk]).events == 1
    assert [each.posted_at is None for each in waiting.all()] == [True, False]


def test_a_version_is_tried_on_events_that_waited_and_were_posted_later_too(waiting):
    """Both invoices waited for a rule and were posted. A version for euros alone would have left them waiting still."""
    RuleVersion.objects.filter(rule__code="invoice-finalized").update(is_active=True)
    post_unmatched(at=timezone.now())
    version = draft(conditions=[{"field": "currency", "operator": "is", "value": "EUR"}])
    found = preview(version)
    assert (found.events, found.changed_events, found.unmatched_events) == (2, 2, 2)
    assert differences(found)["AR - Customers"] == (Decimal("200"), Decimal(0))


def test_products_may_have_rules_of_their_own(billed, product):
    """A version of higher priority for one product, tried: only its lines move."""
    Product.objects.create(code="other", name="Other")
    rule = AccountingRule.objects.create(code="pro-only", name="Pro only", event_kind="invoice_finalized")
    lines = RuleVersion.objects.get(rule__code="invoice-finalized").lines
    swapped = [{**line, "role": line["role"].replace("deferred_revenue", "suspense")} for line in lines]
    version = draft_version(
        rule=rule, effective_from=MAR, description="Pro", lines=swapped, priority=10,
        conditions=[{"field": "product_id", "operator": "in", "value": [product.pk]}],
    )  # fmt: skip
    assert preview(version).changed_events == 2
