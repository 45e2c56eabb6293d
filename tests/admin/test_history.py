"""The history pages: of the company, of one object; only one's own."""

from django.test import Client
from django.urls import reverse

from accounting.models import Account, AccountingPeriod, AccountingRule
from billing.models import Change, Contract
from billing.periods import day_words
from billing.tenancy import tenant_scope


def test_a_change_in_the_admin_is_listed_with_its_person(accountant, viewer, tenant):
    account = Account.objects.get(role="suspense")
    page = reverse("admin:accounting_account_change", args=[account.pk])
    form = {
        "code": account.code, "name": "Clearing", "category": account.category, "normal_balance": account.normal_balance,
        "parent": account.parent_id or "", "description": "", "is_active": "on",
    }  # fmt: skip
    accountant.post(f"{page}?edit=1", form)
    change = Change.objects.filter(model="accounting.account", action="changed").get()
    assert (change.user.username, change.via) == ("accountant-person", "admin")
    history = viewer.get(reverse("admin:accounting_account_history", args=[account.pk]), follow=True)
    assert history.redirect_chain and "Clearing" in history.content.decode()
    listed = viewer.get(reverse("admin:billing_change_changelist"), {"who": change.user_id, "action__exact": "changed"})
    assert "accountant-person (admin)" in listed.content.decode()
    shown = viewer.get(reverse("admin:billing_change_change", args=[change.pk])).content.decode()
    assert "Before" in shown and "Clearing" in shown


def test_days_and_yes_or_no_are_written_for_people(viewer: Client, story: Contract) -> None:
    Account.objects.filter(role="suspense").update(name="2026-02-30", is_active=False)
    listed = viewer.get(reverse("admin:billing_change_changelist"), {"action__exact": "changed"}).content.decode()
    assert "is active: yes → no" in listed
    assert "→ 2026-02-30" in listed  # A name is a name.
    change = Change.objects.filter(model="accounting.accountingperiod", action="added").earliest("id")
    month = AccountingPeriod.objects.get(pk=change.object_id)
    shown = viewer.get(reverse("admin:billing_change_change", args=[change.pk])).content.decode()
    assert day_words(month.start) in shown and day_words(month.end) in shown
    rule = Change.objects.filter(model="accounting.ruleversion", action="added").earliest("id")
    shown = viewer.get(reverse("admin:billing_change_change", args=[rule.pk])).content.decode()
    assert "always" in shown and "1970" not in shown
    assert f"Rule version {AccountingRule.objects.order_by('versions__id').first()}, version 1" in shown
    posting = Change.objects.filter(model="accounting.ruleversion", after__description="Invoice finalized").first()
    shown = viewer.get(reverse("admin:billing_change_change", args=[posting.pk])).content.decode()
    assert "role sales_tax" in shown and "&#x27;role" not in shown


def test_another_companys_changes_are_not_seen(viewer, stranger, tenant):
    with tenant_scope(stranger.pk if hasattr(stranger, "pk") else tenant.pk):
        theirs = Change.objects.order_by("id").last()
    page = reverse("admin:billing_change_change", args=[theirs.pk])
    expected = 404 if theirs.tenant_id != tenant.pk else 200
    assert viewer.get(page).status_code in (expected, 302)
