"""The application's role owns nothing: it works as ever, and can lift neither guard nor wall. Nor do temporary tables help."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounting.balances import sum_up
from accounting.checks import check_ledger
from accounting.models import AccountingPeriod, JournalEntry, PeriodSeal
from accounting.periods import close_period
from accounting.recognition import recognize_revenue
from accounting.replaying import replay_ledger
from accounting.reports.trial_balance import trial_balance
from billing.grants import KEPT_BY_THE_DATABASE
from billing.models import BusinessEntity, Change, Invoice, Product
from billing.services.billing_run import run_billing
from billing.services.invoices import void_invoice
from billing.services.payments import receive_payment
from tests.accounting import test_guards
from tests.accounting.attempts import GOOD, LINE, NEW, entry
from tests.accounting.test_guards import _nothing_changes

pytestmark = pytest.mark.django_db

books = test_guards.books
USER = "counterfoil_use"


@pytest.fixture(scope="module")
def role(django_db_setup: None) -> str:
    """A role that the tests' own may slip into. On the embedded server the keeper makes it; elsewhere it must exist."""
    settings = connection.settings_dict
    where = {"host": settings["HOST"], "port": settings["PORT"] or None, "dbname": "postgres"}
    try:
        with psycopg.connect(**where, user="keeper", autocommit=True, connect_timeout=5) as keeper:
            if not keeper.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [USER]).fetchone():
                keeper.execute(f"CREATE ROLE {USER} LOGIN NOSUPERUSER NOBYPASSRLS")
            keeper.execute(f'GRANT {USER} TO "{settings["USER"]}"')
    except psycopg.Error as error:
        pytest.skip(f"needs a server on which a further role can be made: {error}")
    return USER


@contextmanager
def using(role: str) -> Iterator[None]:
    """Work as the role, in a transaction that is undone, on tables that it may use."""
    with transaction.atomic():
        call_command("grant_use", role, stdout=_Silent())
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL ROLE {role}")
        try:
            yield
        finally:
            transaction.set_rollback(True)


class _Silent:
    def write(self, text: str) -> None:
        """Say nothing."""


LIFTING = [
    f"ALTER TABLE {LINE} DISABLE TRIGGER USER",
    f"ALTER TABLE {LINE} DISABLE TRIGGER ALL",
    "ALTER TABLE accounting_journalentry DISABLE TRIGGER ALL",
    f"DROP TRIGGER lines_balance ON {LINE}",
    f"ALTER TABLE {LINE} DROP CONSTRAINT line_is_debit_or_credit",
    "ALTER TABLE accounting_journalentry DROP CONSTRAINT entry_has_two_sides",
    "ALTER TABLE accounting_journalentry ALTER COLUMN date TYPE text",
    f"ALTER TABLE {LINE} ADD COLUMN more int",
    f"ALTER TABLE {LINE} NO FORCE ROW LEVEL SECURITY",
    f"ALTER TABLE {LINE} DISABLE ROW LEVEL SECURITY",
    f"DROP POLICY tenant_wall ON {LINE}",
    f"CREATE POLICY mine ON {LINE} USING (true)",
    f"DROP TABLE {LINE} CASCADE",
    f"TRUNCATE {LINE} CASCADE",
    f"ALTER TABLE {LINE} OWNER TO CURRENT_USER",
    f"CREATE RULE gone AS ON DELETE TO {LINE} DO INSTEAD NOTHING",
    f"CREATE TRIGGER a BEFORE INSERT ON {LINE} FOR EACH ROW EXECUTE FUNCTION counterfoil_refuse_change()",
    "CREATE OR REPLACE FUNCTION counterfoil_check_lines() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$",
    "DROP FUNCTION counterfoil_check_lines() CASCADE",
    "ALTER FUNCTION counterfoil_check_lines() SET search_path = pg_temp",
    f"CREATE TEMP TABLE child () INHERITS ({LINE})",
    f"COPY {LINE} FROM PROGRAM 'true'",
    "CREATE FUNCTION public.always(varchar, varchar) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    "CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = texteq)",
    "ALTER POLICY tenant_wall ON accounting_journalentry USING (true)",
    f"CREATE INDEX mine ON {LINE} (id)",
    "SET session_replication_role = replica",
    "SET LOCAL session_replication_role = replica",
    "SELECT set_config('session_replication_role', 'replica', true)",
    "SET SESSION AUTHORIZATION keeper",
    "SET ROLE pg_write_server_files",
    "SET ROLE keeper",
    "UPDATE pg_trigger SET tgenabled = 'D'",
    "DELETE FROM pg_trigger",
    "UPDATE pg_class SET relforcerowsecurity = false",
    *(f"INSERT INTO {table} SELECT * FROM {table}" for table in KEPT_BY_THE_DATABASE),
    *(f"DELETE FROM {table}" for table in KEPT_BY_THE_DATABASE),
]


@pytest.mark.parametrize("sql", LIFTING)
def test_no_guard_is_lifted_by_who_only_uses_the_tables(books: dict[str, Any], role: str, sql: str) -> None:
    refused = pytest.raises(DatabaseError, match=r"permission denied|must be owner")
    with _nothing_changes(), using(role), refused, transaction.atomic():
        connection.cursor().execute(sql)


# A table of one's own in front of the real one, shown to a guard.
_OPEN = (
    'CREATE TEMP TABLE accounting_accountingperiod AS SELECT id, tenant_id, business_entity_id, start, "end", '
    "'open'::text AS status FROM public.accounting_accountingperiod"
)
_INTO_CLOSED = [
    entry(date="DATE '2026-01-10'").replace("INTO ", "INTO public."),
    GOOD.replace("02-10", "01-10").replace("INTO ", "INTO public."),
]
_ANY_ACCOUNT = (
    "CREATE TEMP TABLE accounting_account AS SELECT g AS id, {entity}::bigint AS business_entity_id, {tenant}::bigint AS "
    "tenant_id, false AS is_group FROM (VALUES ({group}::bigint), ({receivable}::bigint)) AS v(g)"
)
_SEAL = (
    "INSERT INTO public.accounting_periodseal (tenant_id, period_id, number, format, digest, previous_digest, entries, lines, "
    "base_debit, closed_at, checks) VALUES ({tenant}, {closed}, 9, 2, 'x', '', 0, 0, 0, now(), '[]')"
)
_CHANGE = (
    "INSERT INTO public.billing_change (tenant_id, at, via, model, object_id, action) VALUES ({tenant}, now(), '', 'x', 1, "
    "'added')"
)


def _below_a_trigger(sql: str) -> list[str]:
    """Guards that ask whether a trigger is at work are shown one."""
    return [
        "CREATE TEMP TABLE lever (a int)",
        f"CREATE FUNCTION pg_temp.pull() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {sql}; RETURN NULL; END$$",
        "CREATE TRIGGER pulled AFTER INSERT ON lever FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.pull()",
        "INSERT INTO lever VALUES (1)",
    ]


DECEIVING = {
    "a closed month shown as open": ([_OPEN, *_INTO_CLOSED], "2026-01 is not open"),
    "an account that groups others shown as another": (
        [
            _ANY_ACCOUNT,
            entry().replace("INTO ", "INTO public."),
            GOOD.replace("{cash}", "{group}").replace("INTO ", "INTO public."),
        ],
        "cannot be posted to",
    ),
    "a finalized invoice shown as a draft": (
        [
            "CREATE TEMP TABLE billing_invoice AS SELECT id, 'draft'::text AS status FROM public.billing_invoice",
            "UPDATE public.billing_invoiceline SET net = net + 1 WHERE invoice_id = {invoice}",
        ],
        "cannot change",
    ),
    "a seal written below a trigger of one's own": (_below_a_trigger(_SEAL), "permission denied"),
    "the audit trail written below a trigger of one's own": (_below_a_trigger(_CHANGE), "permission denied"),
    "daily balances changed by who says that he adds them up": (
        [
            "SELECT set_config('counterfoil.summing', 'on', true)",
            "UPDATE accounting_dailybalance SET base_debit = base_debit + 1",
        ],
        "permission denied",
    ),
    "constraints put off to commit": (
        ["SET CONSTRAINTS ALL DEFERRED", entry(), GOOD.replace("'10'", "'9'").replace("10, 0, 10, 0", "9, 0, 9, 0")],
        "does not balance",
    ),
    "the company in scope taken away before commit": (
        [entry(), "SELECT set_config('counterfoil.tenant', '', true)"],
        "has no lines",
    ),
}


@pytest.mark.parametrize("what", DECEIVING)
def test_no_guard_is_deceived(books: dict[str, Any], role: str, what: str) -> None:
    statements, refusal = DECEIVING[what]
    refused = pytest.raises(DatabaseError, match=refusal)
    with _nothing_changes(), using(role), refused, transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.format(**books))
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_balances_are_added_up_from_the_real_lines(books: dict[str, Any], role: str) -> None:
    entity = BusinessEntity.objects.get(code="main")
    with using(role):
        receive_payment(
            customer_id=Invoice.objects.order_by("id")[0].customer_id, received_on=date(2026, 2, 9), amount=Decimal(7),
            currency="USD",
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMP TABLE {LINE} AS SELECT * FROM public.{LINE}")
            cursor.execute(f"UPDATE pg_temp.{LINE} SET base_debit = base_debit * 2, debit = debit * 2")
            assert sum_up() > 0
            cursor.execute(f"DROP TABLE pg_temp.{LINE}")
        assert check_ledger(entity.tenant).problems == []


def test_every_guard_has_a_search_path_of_its_own(db: None) -> None:
    """One that is added without it could be deceived."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
            "WHERE n.nspname = current_schema() AND p.prorettype = 'trigger'::regtype "
            "AND NOT coalesce(p.proconfig::text LIKE '%%search_path=pg_catalog%%', false)"
        )
        assert cursor.fetchall() == []


def test_the_application_works_as_a_role_that_owns_nothing(books: dict[str, Any], role: str) -> None:
    entity = BusinessEntity.objects.get(code="main")
    with using(role):
        connection.cursor().execute(entry().format(**books))
        connection.cursor().execute(GOOD.format(**books))
        assert JournalEntry.objects.get(pk=NEW).lines.count() == 2
        run_billing(through=date(2026, 3, 1), finalize=True)
        recognize_revenue(through=date(2026, 2, 28))
        invoice = Invoice.objects.order_by("-id")[0]
        void_invoice(invoice_id=invoice.pk, on=date(2026, 3, 2), reason="Wrong")
        receive_payment(
            customer_id=invoice.customer_id, received_on=date(2026, 3, 3), amount=Decimal(7), currency="USD"
        )
        period = AccountingPeriod.objects.get(start=date(2026, 2, 1), business_entity=entity)
        close_period(period_id=period.pk, at=timezone.now())
        assert PeriodSeal.objects.filter(period=period).count() == 1
        Product.objects.update(name="Renamed")
        assert Change.objects.filter(model="billing.product").exists()
        balance = trial_balance(business_entity_id=entity.pk, at=date(2026, 3, 31))
        assert balance.debit == balance.credit
        connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_the_books_are_checked_and_replayed_as_a_role_that_owns_nothing(books: dict[str, Any], role: str) -> None:
    entity = BusinessEntity.objects.get(code="main")
    with using(role):
        assert check_ledger(entity.tenant).problems == []
        assert replay_ledger().differences == []


def test_rights_are_given_to_plain_roles_only(db: None, role: str) -> None:
    with pytest.raises(CommandError, match="There is no role “nobody”"):
        call_command("grant_use", "nobody")
    for above in (connection.settings_dict["USER"], "keeper"):
        with pytest.raises(CommandError, match="Name a plain role of its own"):
            call_command("grant_use", above)


def test_no_rights_for_a_role_that_may_make_operators(db: None, role: str) -> None:
    with transaction.atomic():
        connection.cursor().execute(f"GRANT CREATE ON SCHEMA public TO {role}")
        with pytest.raises(CommandError, match="REVOKE CREATE ON SCHEMA"):
            call_command("grant_use", role)
        transaction.set_rollback(True)
