"""The audit trail across the apps: who, when, before, after; no way past it; no secret in it."""

import json
from datetime import date

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounting.models import Account, AccountingPeriod, AccountingPolicy, AccountingRule, DefaultAccount, RuleVersion
from billing.models import Change, NumberSeries, Product
from billing.services.api_keys import issue_key
from billing.services.billing_run import run_billing
from billing.tenancy import Actor, tenant_scope
from integrations.models import Connection, Mapping
from integrations.vault import EncryptedField


@pytest.fixture
def ann(db):
    return get_user_model().objects.create(username="ann")


def changes(model, **filters):
    return list(Change.objects.filter(model=model, **filters).order_by("id"))


def test_a_change_says_who_when_and_from_what_to_what(tenant, ann):
    account = Account.objects.get(role="suspense")
    started = timezone.now()
    with tenant_scope(tenant.pk, actor=Actor(ann.pk, "admin")):
        account.name = "Clearing"
        account.save()
    (added, changed) = changes("accounting.account", object_id=account.pk)
    assert (added.action, added.before, added.after["code"]) == ("added", None, account.code)
    assert (changed.action, changed.user, changed.via) == ("changed", ann, "admin")
    assert (changed.before, changed.after) == ({"name": added.after["name"]}, {"name": "Clearing"})
    assert changed.at >= started


def test_a_change_of_nothing_is_no_change(tenant):
    before = Change.objects.count()
    Account.objects.first().save()
    AccountingPolicy.objects.get().save()  # its stamp moves
    assert Change.objects.count() == before


def test_bulk_and_raw_changes_leave_their_trace(tenant):
    rule = AccountingRule.objects.first()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounting_accountingrule SET name = 'Other' WHERE id = %s", [rule.pk])
    RuleVersion.objects.filter(rule=rule).update(is_active=False)
    default = DefaultAccount.objects.bulk_create(
        [DefaultAccount(tenant=tenant, role="x", level="tenant", account_code="1")]
    )[0]
    pk = default.pk
    DefaultAccount.objects.filter(pk=pk).delete()
    assert changes("accounting.accountingrule", object_id=rule.pk)[-1].after == {"name": "Other"}
    assert changes("accounting.ruleversion", action="changed")[-1].after == {"is_active": False}
    assert [each.action for each in changes("accounting.defaultaccount", object_id=pk)] == ["added", "deleted"]


def test_what_is_rolled_back_was_not_changed(tenant):
    before = Change.objects.count()
    with transaction.atomic():
        Product.objects.create(code="p", name="P")
        transaction.set_rollback(True)
    assert Change.objects.count() == before


def test_secrets_are_named_and_never_shown(tenant, ann):
    link = Connection.objects.create(
        erp="quickbooks", name="QB", sync_mode="journal_entries", credentials={"refresh_token": "hush-1"}
    )
    with tenant_scope(tenant.pk, actor=Actor(ann.pk, "admin")):
        link.credentials = {"refresh_token": "hush-2"}
        link.save()
    _, plain = issue_key(tenant_id=tenant.pk, name="key", may_write=True)
    (added, changed) = changes("integrations.connection")
    assert added.after["credentials"] == "(secret)"
    assert (changed.before, changed.after) == ({"credentials": "(secret)"}, {"credentials": "(secret)"})
    written = json.dumps(list(Change.objects.values("before", "after")))
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM integrations_connection")
        stored = cursor.fetchone()[0]
        cursor.execute("SELECT digest FROM billing_apikey")
        digest = cursor.fetchone()[0]
    for secret in ("hush", stored, plain, digest):
        assert secret not in written


def test_tokens_that_the_sync_engine_renews_are_no_news(tenant):
    link = Connection.objects.create(erp="quickbooks", name="QB", sync_mode="journal_entries")
    link.credentials = {"refresh_token": "next"}
    link.save()
    assert [each.action for each in changes("integrations.connection")] == ["added"]


def test_every_encrypted_column_of_a_recorded_table_is_a_secret(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE t.tgname = 'recorded'"
        )
        triggers = dict(cursor.fetchall())
    assert set(triggers) >= {
        "accounting_account", "accounting_defaultaccount", "accounting_accountingrule", "accounting_ruleversion",
        "accounting_accountingpolicy", "accounting_accountingperiod", "integrations_connection", "integrations_mapping",
        "billing_membership", "billing_apikey",
    }  # fmt: skip
    encrypted = {
        (model._meta.db_table, field.column)
        for model in (Connection, Mapping)
        for field in model._meta.local_fields
        if isinstance(field, EncryptedField)
    }
    assert encrypted
    for table, column in encrypted:
        assert column in triggers[table].rsplit("', '", 1)[1]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE billing_change SET user_id = NULL",
        "DELETE FROM billing_change",
        "TRUNCATE billing_change",
        "INSERT INTO billing_change (tenant_id, at, via, model, object_id, action) SELECT {tenant}, now(), '', 'x', 1, 'added'",
    ],
)
def test_the_trail_is_neither_changed_nor_forged(tenant, sql):
    connection.check_constraints()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.format(tenant=tenant.pk))


def test_billing_leaves_no_trace_in_it(tenant, sell):
    sell(amount="100", start=date(2026, 1, 1), terms={"term_months": 12})
    run_billing(through=date(2026, 1, 1), finalize=True)
    before = Change.objects.count()
    run_billing(through=date(2026, 1, 31), finalize=True)
    assert NumberSeries.objects.get(kind="invoice").next_number == 2
    assert Change.objects.count() == before


def test_the_admin_the_api_and_commands_say_who(tenant, customer, client):
    command = ["close_period", "--tenant", "acme", "--month", "2026-01-31", "--reopen", "x"]
    AccountingPeriod.objects.create(
        business_entity=customer.business_entity, start=date(2026, 1, 1), end=date(2026, 2, 1)
    )
    AccountingPeriod.objects.update(status="closed", closed_at=timezone.now())
    call_command(*command)
    reopened = changes("accounting.accountingperiod")[-1]
    assert (reopened.user, reopened.via, reopened.after["status"]) == (None, "command close_period", "open")


@pytest.mark.parametrize("way", ["admin", "API", "command post"])
@pytest.mark.parametrize(
    ("make", "field", "value"),
    [
        (lambda entity: AccountingRule.objects.first(), "name", "Other"),
        (lambda entity: RuleVersion.objects.first(), "priority", 7),
        (lambda entity: DefaultAccount.objects.first(), "account_code", "2900"),
        (lambda entity: Account.objects.get(role="suspense"), "name", "Clearing"),
        (lambda entity: AccountingPolicy.objects.get(), "credit_adjustment", "front_load"),
        (
            lambda entity: AccountingPeriod.objects.create(
                business_entity=entity, start=date(2026, 1, 1), end=date(2026, 2, 1)
            ),
            "reopen_reason",
            "Forgot",
        ),
        (lambda entity: _connected(), "name", "Books of 2026"),
        (
            lambda entity: Mapping.objects.create(
                connection=_connected(), kind="account", internal_id=1, external_id="7", status="confirmed"
            ),
            "external_id",
            "8",
        ),
    ],
    ids=["rule", "version", "default", "account", "policy", "period", "connection", "mapping"],
)
def test_whatever_is_set_up_tells_who_changed_it_when_and_from_what(tenant, entity, ann, way, make, field, value):
    row = make(entity)
    started, before = timezone.now(), getattr(row, field)
    with tenant_scope(tenant.pk, actor=Actor(ann.pk, way)):
        setattr(row, field, value)
        row.save()
    last = changes(row._meta.label_lower, object_id=row.pk)[-1]
    assert (last.action, last.user, last.via) == ("changed", ann, way)
    assert last.at >= started
    assert [str(last.before[field]), str(last.after[field])] == [str(before), str(value)]


def _connected():
    return Connection.objects.create(erp="quickbooks", name="QB", sync_mode="journal_entries")
