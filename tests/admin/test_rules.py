"""Rules in the admin: drafted with drop-downs, tried, activated; what waits for a rule is posted."""

import re
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from accounting.models import AccountingRule, DefaultAccount, JournalEntry, RulePreview, RuleVersion, UnmatchedEvent
from accounting.rule_versions import draft_version
from billing.models import Contract, Customer, Invoice, Job, Product, Tenant
from billing.services.billing_run import run_billing
from billing.services.jobs import run_job

LINES = {
    "effective_from": "2026-02-01", "description": "Payment received", "priority": "100",
    "line0_side": "debit", "line0_role": "cash", "line0_amount": "received", "line0_per": "document",
    "line1_side": "credit", "line1_role": "suspense", "line1_amount": "received", "line1_per": "document",
}  # fmt: skip


def url(name: str, *args: object) -> str:
    return reverse(f"admin:{name}", args=args)


def condition(page: str, label: str) -> str:
    """Find the name of a condition's row on the page by its label."""
    found = re.search(rf">{label}</div>.*?name=\"(condition\d+)_operator\"", page, re.DOTALL)
    assert found, label
    return found.group(1)


def test_a_change_must_balance_and_begins_as_a_draft(accountant: Client, finance: Client, tenant: Tenant) -> None:
    rule = AccountingRule.objects.get(code="payment-received")
    page = url("new_rule_version", rule.pk)
    assert finance.get(page).status_code == 403
    assert accountant.get(page).status_code == 200
    unbalanced = {**LINES, "line1_amount": "allocated"}
    assert "does not balance" in accountant.post(page, unbalanced).content.decode()
    assert "lacks: role" in accountant.post(page, {**LINES, "line0_role": ""}).content.decode()
    assert rule.versions.count() == 1
    accountant.post(page, LINES)
    version = rule.versions.get(number=2)
    assert [line["role"] for line in version.lines] == ["cash", "suspense"]
    assert (version.is_draft, version.is_active) == (True, False)
    shown = accountant.get(url("accounting_ruleversion_change", version.pk)).content.decode()
    assert url("accounting_ruleversion_activate", version.pk) not in shown and "after that it can be activated" in shown
    refused = accountant.post(url("accounting_ruleversion_activate", version.pk), follow=True).content.decode()
    assert "“Activate” is not possible" in refused and "after that it can be activated" in refused
    version.refresh_from_db()
    assert not version.is_active


def test_conditions_are_chosen_by_name(accountant: Client, story: Contract) -> None:
    rule = AccountingRule.objects.get(code="invoice-finalized")
    product, customer = Product.objects.get(code="pro"), Customer.objects.get(external_id="C-1")
    page = url("new_rule_version", rule.pk)
    shown = accountant.get(page).content.decode()
    assert f'value="{product.pk}">Pro plan (pro)</option>' in shown
    lines = {
        f"line{place}_{part}": line[part]
        for place, line in enumerate(rule.versions.get().lines)
        for part in ("side", "role", "amount", "per")
    }
    given = {"effective_from": "2026-02-01", "description": "Pro", "priority": "50", **lines}
    of_product, of_customer = condition(shown, "Product"), condition(shown, "Customer")
    given |= {f"{of_product}_operator": "in", f"{of_product}_value": [str(product.pk)]}
    lacking = accountant.post(page, {**given, f"{of_customer}_operator": "not_in"}).content.decode()
    assert "The condition on “Customer” lacks the values" in lacking
    given |= {f"{of_customer}_operator": "not_in", f"{of_customer}_value": "C-1"}
    unknown = accountant.post(page, {**given, f"{of_customer}_value": "C-99"}).content.decode()
    assert "there is no “C-99” in this company" in unknown
    accountant.post(page, given)
    version = rule.versions.get(number=2)
    assert version.priority == 50
    assert {"field": "product_id", "operator": "in", "value": [product.pk]} in version.conditions
    assert {"field": "customer_id", "operator": "not_in", "value": [customer.pk]} in version.conditions
    said = accountant.get(url("accounting_ruleversion_change", version.pk)).content.decode()
    assert "Product is one of Pro plan" in said
    # What is changed again shows what holds now.
    again = accountant.get(page).content.decode()
    assert 'value="C-1"' in again


@pytest.mark.usefixtures("story")
def test_a_preview_shows_its_progress_and_its_result_and_lets_the_draft_be_activated(
    accountant: Client, finance: Client
) -> None:
    rule = AccountingRule.objects.get(code="payment-received")
    accountant.post(url("new_rule_version", rule.pk), LINES)
    version = rule.versions.get(number=2)
    page = url("preview_rule_version", version.pk)
    days = {"first_day": "2026-01-01", "last_day": "2026-12-31"}
    assert finance.post(page, days).status_code == 403
    turned = accountant.post(page, {"first_day": "2026-02-01", "last_day": "2026-01-01"}).content.decode()
    assert "lies before the first" in turned
    before = JournalEntry.objects.count()
    job = Job.objects.get(pk=accountant.post(page, days).url.split("/")[-3])
    run_job(job_id=job.pk)
    found = RulePreview.objects.get()
    assert found.changed_events > 0
    assert found.made_by is not None
    result = url("accounting_rulepreview_change", found.pk)
    assert result in accountant.get(url("billing_job_change", job.pk)).content.decode()
    shown = accountant.get(result).content.decode()
    assert "Suspense" in shown
    assert "Cr Suspense 100.00 USD" in shown
    one = found.differences.earliest("id")
    assert "Would have been posted" in accountant.get(url("accounting_previewedevent_change", one.pk)).content.decode()
    accountant.post(url("accounting_ruleversion_activate", version.pk))
    assert RuleVersion.objects.get(pk=version.pk).is_active
    assert JournalEntry.objects.count() == before
    accountant.post(url("accounting_ruleversion_retire", version.pk))
    assert not RuleVersion.objects.get(pk=version.pk).is_active


def test_events_without_a_rule_are_listed_and_posted_later(
    accountant: Client, finance: Client, story: Contract
) -> None:
    standard = RuleVersion.objects.filter(rule__code="invoice-finalized")
    standard.update(is_active=False)
    run_billing(through=date(2026, 4, 1), finalize=True)
    waiting = UnmatchedEvent.objects.earliest("id")
    listed = url("accounting_unmatchedevent_changelist")
    shown = accountant.get(listed).content.decode()
    assert "Waits for a rule" in shown
    invoice = Invoice.objects.get(pk=waiting.event.payload["invoice_id"])
    assert all(f">{name}</a>" in shown for name in (invoice.number, invoice.customer.name))
    standard.update(is_active=True)
    chosen = {"action": "post_chosen", "_selected_action": [str(waiting.pk)]}
    finance.post(listed, {**chosen, "confirmed": "1"})  # the action is not offered to them
    assert UnmatchedEvent.objects.get(pk=waiting.pk).posted_at is None
    assert "as the rules of today say" in accountant.post(listed, chosen).content.decode()
    accountant.post(listed, {**chosen, "confirmed": "1"})
    assert UnmatchedEvent.objects.get(pk=waiting.pk).posted_at is not None
    assert JournalEntry.objects.filter(event=waiting.event_id).exists()
    for other in UnmatchedEvent.objects.filter(posted_at=None):
        accountant.post(url("accounting_unmatchedevent_post", other.pk))
    assert "Good: every business event" in accountant.get(listed).content.decode()


def test_what_a_recognition_run_could_not_post_is_said_by_its_job_and_before_the_rule_is_activated(
    accountant: Client, story: Contract
) -> None:
    rule = AccountingRule.objects.get(code="revenue-recognized")
    never = [{"field": "currency", "operator": "in", "value": ["EUR"]}]
    version = draft_version(
        rule=rule,
        effective_from=date(2026, 2, 1),
        description="Revenue recognized",
        lines=rule.versions.get().lines,
        conditions=never,
    )
    january = {"first_day": "2026-01-01", "last_day": "2026-01-31"}
    preview = accountant.post(url("preview_rule_version", version.pk), january)
    run_job(job_id=int(preview.url.split("/")[-3]))
    asked = accountant.get(url("accounting_ruleversion_activate", version.pk)).content.decode()
    assert "No rule would speak of 1 of them" in asked
    accountant.post(url("accounting_ruleversion_activate", version.pk))
    run = accountant.post(url("recognize_revenue"), {"day": "2026-02-28"})
    job = Job.objects.get(pk=run.url.split("/")[-3])
    run_job(job_id=job.pk)
    job.refresh_from_db()
    said = "100.00 USD of revenue is earned, in 1 event. No rule spoke of 1 of them: nothing is posted for those"
    assert said in accountant.get(run.url).content.decode()


def test_which_account_says_every_step_with_where_to_change_it(accountant: Client, story: Contract) -> None:
    item = story.items.get()
    page = url("which_account")
    shown = accountant.get(
        page, {"role": "revenue", "contract_number": story.number, "currency": "EUR"}
    ).content.decode()
    assert "Decides" in shown
    assert "EUR" in shown
    whole = DefaultAccount.objects.get(role="revenue", level="tenant")
    assert url("accounting_defaultaccount_change", whole.pk) in shown
    assert f"level=contract_item&amp;role=revenue&amp;contract_item={item.pk}" in shown
