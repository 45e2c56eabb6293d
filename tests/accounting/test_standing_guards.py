"""What no database refuses, its owner's doing, is found: a guard lifted, changed or walked around; seals touched behind it."""

from typing import Any

import pytest
from django.db import connection, transaction

from accounting.checks import check_ledger
from accounting.models import AccountingPeriod
from billing.models import Tenant
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
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(sql.format(**books))
            assert cursor.rowcount > 0
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        found = {each["check"] for each in check_ledger(company).problems}
        assert check in found
        assert "guards_stand" not in found
        transaction.set_rollback(True)


def test_the_months_are_whose_they_were(books: dict[str, Any]) -> None:
    """The attempts above start from a sealed month with customers in it."""
    assert AccountingPeriod.objects.get(pk=books["closed"]).seal.customer_balances.count() > 0
