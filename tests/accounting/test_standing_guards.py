"""What no database refuses, its owner's doing, is found: a guard lifted, changed or walked around; seals touched behind it."""

from typing import Any

import pytest
from django.db import connection, transaction

from accounting.checks import check_ledger
from accounting.models import AccountingPeriod
from accounting.replaying import replay_ledger
from billing.models import Invoice, Payment, Product, Tenant
from billing.standing import fallen_guards
from tests.accounting import test_guards
from tests.accounting.attempts import ENTRY, LINE

pytestmark = pytest.mark.django_db

books = test_guards.books

LIFTED = {
    f"DROP TRIGGER lines_balance ON {LINE}": f"The trigger lines_balance of {LINE} is missing.",
    f"ALTER TABLE {ENTRY} DISABLE TRIGGER append_only": f"The trigger append_only of {ENTRY} is switched off.",
    f"ALTER TABLE {ENTRY} ENABLE REPLICA TRIGGER append_only": f"The trigger append_only of {ENTRY} is switched off.",
    f"DROP TRIGGER lines_balance ON {LINE}; CREATE TRIGGER lines_balance AFTER INSERT ON {LINE} REFERENCING NEW TABLE AS "
    "fresh FOR EACH STATEMENT WHEN (false) EXECUTE FUNCTION counterfoil_check_lines()": (
        f"The trigger lines_balance of {LINE} is not the one that the migrations made."
    ),
    "DROP TRIGGER append_only ON billing_businessevent; CREATE TRIGGER append_only BEFORE DELETE ON billing_businessevent "
    "FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change()": (
        "The trigger append_only of billing_businessevent is not the one that the migrations made."
    ),
    f"CREATE TRIGGER skips BEFORE UPDATE ON {LINE} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()": (
        f"The trigger skips of {LINE} is none of Counterfoil's."
    ),
    "CREATE OR REPLACE FUNCTION counterfoil_check_lines() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$": (
        "The function counterfoil_check_lines is not the one that the migrations made."
    ),
    "ALTER FUNCTION counterfoil_check_lines() RESET search_path": (
        "The function counterfoil_check_lines can be shown other tables than the real ones."
    ),
    f"ALTER TABLE {LINE} NO FORCE ROW LEVEL SECURITY": f"The tenant wall of {LINE} is down.",
    "ALTER POLICY tenant_wall ON billing_invoice USING (true)": (
        "The policy tenant_wall of billing_invoice is missing or is not the one that the migrations made."
    ),
    "CREATE POLICY mine ON billing_invoice USING (true)": "The policy mine of billing_invoice is none of Counterfoil's.",
    f"ALTER TABLE {LINE} DROP CONSTRAINT line_is_debit_or_credit": (
        f"The constraint line_is_debit_or_credit of {LINE} is missing or not held."
    ),
    "ALTER TABLE billing_businessevent SET UNLOGGED": "The table billing_businessevent is not logged: a crash would empty it.",
    "DROP INDEX reversed_once": f"The constraint reversed_once of {ENTRY} is missing or not held.",
    f"CREATE TABLE beside () INHERITS ({LINE})": f"The table beside adds rows to {LINE}, past its guards.",
    f"CREATE RULE gone AS ON DELETE TO {LINE} DO INSTEAD NOTHING": f"The rule gone of {LINE} is none of Counterfoil's.",
}


@pytest.mark.parametrize("sql", LIFTED)
def test_a_guard_that_is_lifted_is_missed(books: dict[str, Any], sql: str) -> None:
    company = Tenant.objects.get(pk=books["tenant"])
    with transaction.atomic():
        assert fallen_guards() == []
        with connection.cursor() as cursor:
            for statement in sql.split("; CREATE", 1):
                cursor.execute(statement if statement.startswith(("DROP", "ALTER", "CREATE")) else f"CREATE{statement}")
        problems = [each["problem"] for each in check_ledger(company).problems if each["check"] == "guards_stand"]
        assert problems == [LIFTED[sql]]
        transaction.set_rollback(True)


SEALED = "accounting_sealedcustomerbalance"
BEHIND = {
    "sealed_balances_agree": (
        "accounting_sealedbalance",
        "UPDATE accounting_sealedbalance SET base_debit = base_debit + 1, base_credit = base_credit + 1",
    ),
    "sealed_customers_agree": (SEALED, f"DELETE FROM {SEALED}"),
    "seals_count_right": ("accounting_periodseal", "UPDATE accounting_periodseal SET base_debit = base_debit + 1"),
    "seals_hold": (ENTRY, f"UPDATE {ENTRY} SET description = 'Other' WHERE date < '2026-02-01'"),
    "daily_balances_agree": (LINE, f"UPDATE {LINE} SET account_id = {{receivable}} WHERE account_id = {{cash}}"),
    "reopened_on_the_record": (
        "accounting_accountingperiod",
        "UPDATE accounting_accountingperiod SET status = 'open', seal_id = NULL WHERE id = {closed}",
    ),
}


@pytest.mark.parametrize("check", BEHIND)
def test_what_was_done_while_a_guard_was_lifted_is_found(books: dict[str, Any], check: str) -> None:
    company = Tenant.objects.get(pk=books["tenant"])
    table, sql = BEHIND[check]
    with transaction.atomic():
        assert check_ledger(company).problems == []
        _behind_the_guards(table, sql.format(**books))
        found = {each["check"] for each in check_ledger(company).problems}
        assert check in found
        assert "guards_stand" not in found
        transaction.set_rollback(True)


BEHIND_THE_TRAIL = {
    "a rule version that was used": (
        "accounting_ruleversion",
        (
            "UPDATE accounting_ruleversion SET lines = '[]' WHERE id IN (SELECT rule_version_id FROM accounting_journalentry "
            "WHERE date >= '2026-02-01')"
        ),
        "its “lines” is not what the audit trail says it was last set to.",
    ),
    "an account": (
        "accounting_account",
        "UPDATE accounting_account SET name = 'Mine' WHERE id = {cash}",
        "its “name” is not",
    ),
    "a family that nobody made": (
        "billing_productfamily",
        "INSERT INTO billing_productfamily (tenant_id, code, name) VALUES ({tenant}, 'x', 'X')",
        "is there, and the audit trail does not tell how that came.",
    ),
    "a rule that is gone": (
        "accounting_defaultaccount",
        "DELETE FROM accounting_defaultaccount WHERE tenant_id = {tenant}",
        "is gone, and the audit trail does not tell how that came.",
    ),
    "the making, deleted": ("billing_change", "DELETE FROM billing_change WHERE action = 'added'", "does not tell how"),
    "the making of what was changed later": (
        "billing_change",
        (
            "DELETE FROM billing_change c WHERE action = 'added' AND EXISTS (SELECT 1 FROM billing_change l WHERE l.id > c.id "
            "AND (l.model, l.object_id) = (c.model, c.object_id))"
        ),
        "does not begin with its making",
    ),
    "the last change, deleted": (
        "billing_change",
        "DELETE FROM billing_change WHERE id = (SELECT max(id) FROM billing_change WHERE model = 'billing.product')",
        "its “name” is not what the audit trail says",
    ),
    "a change between, deleted": (
        "billing_change",
        (
            "DELETE FROM billing_change WHERE id = (SELECT max(id) FROM billing_change WHERE model = 'billing.product' "
            "AND id < (SELECT max(id) FROM billing_change WHERE model = 'billing.product'))"
        ),
        "the audit trail lacks a change of its “name”, or one was altered.",
    ),
    "what was before, altered": (
        "billing_change",
        (
            "UPDATE billing_change SET before = before || '{{\"name\": \"Another\"}}' WHERE model = 'billing.product' "
            "AND action = 'changed'"
        ),
        "the audit trail lacks a change of its “name”, or one was altered.",
    ),
}


@pytest.mark.parametrize("what", BEHIND_THE_TRAIL)
def test_what_the_audit_trail_does_not_tell_is_found(books: dict[str, Any], what: str) -> None:
    company = Tenant.objects.get(pk=books["tenant"])
    table, sql, words = BEHIND_THE_TRAIL[what]
    with transaction.atomic():
        product = Product.objects.get()
        for product.name in ("Plan", "Other plan"):
            product.save()
        with connection.cursor() as cursor:
            # In the zone of whoever looks, the same moment is written otherwise.
            cursor.execute("SET LOCAL timezone = 'Pacific/Auckland'")
            assert check_ledger(company).problems == []
        _behind_the_guards(table, sql.format(**books))
        found = [each for each in check_ledger(company).problems if each["check"] == "trail_is_whole"]
        assert words in found[0]["problem"]
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("table", "sql", "words"),
    [
        (LINE, f"UPDATE {LINE} SET debit = debit + 0.001, credit = credit + 0.001", "Entry {0} has an amount of"),
        (LINE, f"UPDATE {LINE} SET currency = 'JPY', debit = 0.5 WHERE debit > 0", "0.5 JPY, which has 0 decimals."),
        (
            "billing_payment",
            "UPDATE billing_payment SET unapplied = 0.0001",
            "has an amount of 0.0001 USD, which has 2",
        ),
        ("billing_invoice", "UPDATE billing_invoice SET settled = 0.005", "has an amount of 0.005 USD, which has 2"),
    ],
)
def test_an_amount_that_nobody_can_pay_is_found(books: dict[str, Any], table: str, sql: str, words: str) -> None:
    company = Tenant.objects.get(pk=books["tenant"])
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(f"ALTER TABLE {LINE} DROP CONSTRAINT line_is_debit_or_credit")
            cursor.execute(sql)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        found = [each["problem"] for each in check_ledger(company).problems if each["check"] == "amounts_can_be_paid"]
        assert words.partition("{0}")[2] in found[0]
        transaction.set_rollback(True)


BEHIND_THE_EVENTS = {
    "payload = jsonb_set(payload, '{{amount}}', '\"41.00\"') WHERE kind = 'payment_received'": (
        "Payment {payment}: the event that the books were told says that its “amount” is 41, the document 40."
    ),
    "payload = payload || '{{\"invoice_number\": \"INV-9\"}}' WHERE kind = 'invoice_finalized' AND key = '{recent}'": (
        "Invoice INV-000002: the event that the books were told says that its “invoice_number” is INV-9, the document INV-000002."
    ),
    "payload = payload || '{{\"total\": \"1\"}}' WHERE kind = 'credit_note_issued'": (
        "Credit note CN-000001: the event that the books were told says that its “total” is 1, the document 30."
    ),
    "occurred_on = occurred_on + 1 WHERE kind = 'payment_received'": (
        "The event payment_received {payment} says otherwise of itself than what it is stored under."
    ),
}


@pytest.mark.parametrize("change", BEHIND_THE_EVENTS)
def test_an_event_that_was_changed_in_an_open_month_is_found(books: dict[str, Any], change: str) -> None:
    company = Tenant.objects.get(pk=books["tenant"])
    with transaction.atomic():
        names = {**books, "recent": Invoice.objects.get(number="INV-000002").pk, "payment": Payment.objects.get().pk}
        _behind_the_guards("billing_businessevent", f"UPDATE billing_businessevent SET {change.format(**names)}")
        assert BEHIND_THE_EVENTS[change].format(**names) in {each["problem"] for each in check_ledger(company).problems}
        transaction.set_rollback(True)


def test_lines_of_an_event_that_were_changed_give_another_journal(books: dict[str, Any]) -> None:
    """What no document says as well, the replay reads."""
    with transaction.atomic():
        assert replay_ledger().agrees
        change = "payload = replace(payload::text, '100.0000', '99.0000')::jsonb"
        _behind_the_guards(
            "billing_businessevent",
            f"UPDATE billing_businessevent SET {change} WHERE kind = 'invoice_finalized' AND occurred_on >= '2026-02-01'",
        )
        assert replay_ledger().differences
        transaction.set_rollback(True)


def _behind_the_guards(table: str, sql: str) -> None:
    """Do as the owner of the tables can: lift the guards of one, write, put them back."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(sql)
        assert cursor.rowcount > 0
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def test_the_months_are_whose_they_were(books: dict[str, Any]) -> None:
    """The attempts above start from a sealed month with customers in it."""
    assert AccountingPeriod.objects.get(pk=books["closed"]).seal.customer_balances.count() > 0
