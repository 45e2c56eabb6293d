"""What the database refuses by itself: raw SQL against posted books, as the application's own role."""

from datetime import date

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounting.checks import check_ledger
from accounting.models import Account, AccountingPeriod, JournalEntry, JournalLine
from accounting.periods import close_period
from billing.models import BusinessEntity, BusinessEvent, Invoice
from billing.services.billing_run import run_billing
from billing.services.credit_notes import issue_credit_note
from billing.services.payments import receive_payment
from billing.services.tenants import create_tenant
from billing.tenancy import tenant_scope

ENTRY = (
    "INSERT INTO accounting_journalentry (id, tenant_id, business_entity_id, date, currency, kind, description, event_id, "
    "part, rule_version_id, line_count, posted_at) SELECT 900001, e.tenant_id, e.business_entity_id, {date}, 'USD', "
    "'standard', 'forged', e.event_id, 77, e.rule_version_id, {count}, now() FROM accounting_journalentry e ORDER BY id LIMIT 1"
)
LINE = (
    "INSERT INTO accounting_journalline (id, tenant_id, business_entity_id, entry_id, position, date, account_id, currency, "
    "debit, credit, base_debit, base_credit, role, resolved_by) SELECT v.id, l.tenant_id, l.business_entity_id, 900001, v.pos, "
    "{date}, {account}, v.currency, v.d, v.c, v.bd, v.bc, 'revenue', 'tenant' FROM accounting_journalline l, "
    "(VALUES {values}) AS v(id, pos, currency, d, c, bd, bc) WHERE l.id = (SELECT min(id) FROM accounting_journalline)"
)
BALANCED = "(900001,1,'USD',5,0,5,0), (900002,2,'USD',0,5,0,5)"


def forged(values: str = BALANCED, *, count: int = 2, day: str = "'2026-01-05'", account: str = "l.account_id") -> str:
    return ENTRY.format(date=day, count=count) + ";" + LINE.format(values=values, date=day, account=account)


@pytest.fixture
def books(sell, customer):
    """Two months billed, one paid, one credited in part; January closed."""
    sell(amount="100", start=date(2026, 1, 1), terms={"term_months": 12})
    run_billing(through=date(2026, 2, 1), finalize=True)
    first, second = Invoice.objects.order_by("issued_on")
    receive_payment(customer_id=customer.pk, received_on=date(2026, 2, 3), amount=first.total.amount, currency="USD")
    issue_credit_note(
        invoice_id=second.pk, lines={second.lines.get().pk: second.total.amount / 2}, on=date(2026, 2, 4), reason="Late"
    )
    connection.check_constraints()  # what would have run at commit


REFUSED = {
    # An entry that does not balance
    "in its amounts": forged("(900001,1,'USD',5,0,5,0), (900002,2,'USD',0,4,0,5)"),
    "in base currency": forged("(900001,1,'USD',5,0,5,0), (900002,2,'USD',0,5,0,4)"),
    "in one of two currencies": forged(
        "(900001,1,'USD',5,0,5,0), (900002,2,'EUR',0,5,0,5), (900003,3,'EUR',4,0,4,0), (900004,4,'USD',0,4,0,4)",
        count=4,
    ),
    "with amounts that are no numbers": forged(
        "(900001,1,'USD','NaN'::numeric,0,5,0), (900002,2,'USD',0,'NaN'::numeric,0,5)"
    ),
    "with base amounts that are no numbers": forged(
        "(900001,1,'USD',5,0,'NaN'::numeric,0), (900002,2,'USD',0,5,0,'NaN'::numeric)"
    ),
    "with endless amounts": forged(
        "(900001,1,'USD','Infinity'::numeric,0,5,0), (900002,2,'USD',0,'Infinity'::numeric,0,5)"
    ),
    "with negative amounts": forged("(900001,1,'USD',-5,0,-5,0), (900002,2,'USD',0,-5,0,-5)"),
    "with both sides on one line": forged("(900001,1,'USD',5,5,5,5), (900002,2,'USD',5,5,5,5)"),
    "with lines of nothing": forged("(900001,1,'USD',0,0,0,0), (900002,2,'USD',0,0,0,0)"),
    "with fewer lines than it says": forged(count=3),
    "with more lines than it says": forged(
        "(900001,1,'USD',5,0,5,0), (900002,2,'USD',0,5,0,5), (900003,3,'USD',1,0,1,0), (900004,4,'USD',0,1,0,1)"
    ),
    "with one line": forged("(900001,1,'USD',5,0,5,0)", count=1),
    "without lines": ENTRY.format(date="'2026-02-05'", count=2),
    "with lines of another day": ENTRY.format(date="'2026-02-05'", count=2)
    + ";"
    + LINE.format(values=BALANCED, date="'2026-02-06'", account="l.account_id"),
    "in two statements, one a half": ENTRY.format(date="'2026-02-05'", count=2)
    + ";"
    + LINE.format(values="(900001,1,'USD',5,0,5,0)", date="'2026-02-05'", account="l.account_id"),
    # Where it may not be
    "in a month without a period": forged(day="'2031-01-05'"),
    "on a group account": forged(account="(SELECT min(id) FROM accounting_account WHERE is_group)"),
    "on an account that does not exist": forged(account="4711"),
    "under an event that does not exist": forged().replace("e.event_id, 77", "4711, 77"),
    "under a rule that does not exist": forged().replace("77, e.rule_version_id", "77, 4711"),
    "for another entity": forged().replace(
        "SELECT 900001, e.tenant_id, e.business_entity_id", "SELECT 900001, e.tenant_id, 4711"
    ),
    "for another tenant": forged().replace("SELECT 900001, e.tenant_id,", "SELECT 900001, e.tenant_id + 1,"),
    "of the same event once more": forged().replace(", 77,", ", 0,"),
    "as the reversal of nothing": forged()
    .replace("line_count, posted_at)", "line_count, posted_at, reverses_id)")
    .replace("2, now() FROM", "2, now(), 4711 FROM"),
    "as another transaction's": forged()
    .replace("line_count, posted_at)", "line_count, posted_at, posted_xid)")
    .replace("2, now() FROM", "2, now(), 3 FROM"),
    # Lines for an old entry
    "lines added later": LINE.format(values=BALANCED, date="l.date", account="l.account_id").replace(
        " 900001, v.pos", " l.entry_id, v.pos + 2"
    ),
    # Edits and deletes
    "an entry changed": "UPDATE accounting_journalentry SET description = 'x'",
    "an entry moved to another day": "UPDATE accounting_journalentry SET date = '2026-02-28'",
    "an entry deleted": "DELETE FROM accounting_journalentry",
    "entries truncated": "TRUNCATE accounting_journalentry CASCADE",
    "a line changed": "UPDATE accounting_journalline SET debit = debit + 1, base_debit = base_debit + 1 WHERE debit > 0",
    "both sides changed alike": "UPDATE accounting_journalline SET debit = debit * 2, credit = credit * 2, "
    "base_debit = base_debit * 2, base_credit = base_credit * 2",
    "a line moved to another account": "UPDATE accounting_journalline SET account_id = account_id + 1",
    "a line deleted": "DELETE FROM accounting_journalline WHERE position = 1",
    "lines truncated": "TRUNCATE accounting_journalline",
    "an upsert over a line": "INSERT INTO accounting_journalline SELECT * FROM accounting_journalline "
    "ON CONFLICT (id) DO UPDATE SET debit = 1",
    "a merge over a line": "MERGE INTO accounting_journalline t USING accounting_journalline s ON t.id = s.id "
    "WHEN MATCHED THEN UPDATE SET debit = 1",
    "a delete through a common table expression": "WITH gone AS (DELETE FROM accounting_journalline RETURNING 1) "
    "SELECT count(*) FROM gone",
    "an event changed": "UPDATE billing_businessevent SET payload = '{}'",
    "an event deleted": "DELETE FROM billing_businessevent",
    "events truncated": "TRUNCATE billing_businessevent CASCADE",
    # Documents
    "an invoice's total changed": "UPDATE billing_invoice SET net = net + 1, total = total + 1",
    "an invoice's number changed": "UPDATE billing_invoice SET number = 'X' || id",
    "an invoice made a draft again": "UPDATE billing_invoice SET status = 'draft', number = NULL",
    "an invoice deleted": "DELETE FROM billing_invoiceline; DELETE FROM billing_invoice",
    "an invoice void without a day": "UPDATE billing_invoice SET status = 'void'",
    "an invoice's line changed": "UPDATE billing_invoiceline SET net = net + 1",
    "an invoice's line added": "INSERT INTO billing_invoiceline (tenant_id, invoice_id, position, product_id, description, "
    "quantity, currency, unit_amount, net, tax_percent, tax, recognition_method) SELECT tenant_id, invoice_id, 9, product_id, "
    "'x', 1, currency, 1, 1, 0, 0, '' FROM billing_invoiceline",
    "a payment changed": "UPDATE billing_payment SET amount = amount + 1, unapplied = unapplied + 1",
    "a payment deleted": "DELETE FROM billing_paymentallocation; DELETE FROM billing_payment",
    "an allocation changed": "UPDATE billing_paymentallocation SET amount = 1",
    "a credit note changed": "UPDATE billing_creditnote SET reason = 'x'",
    "a credit note deleted": "DELETE FROM billing_creditnoteline",
    # What the entries stand on
    "a used account deleted": "DELETE FROM accounting_account WHERE code = '1110'",
    "a used account re-classified": "UPDATE accounting_account SET category = 'income' WHERE code = '1110'",
    "a used account made a group": "UPDATE accounting_account SET is_group = true WHERE code = '1110'",
    "a used rule version changed": "UPDATE accounting_ruleversion SET lines = '[]'",
    "a used rule version deleted": "DELETE FROM accounting_ruleversion",
    "a period deleted": "DELETE FROM accounting_accountingperiod",
    "a period moved": "UPDATE accounting_accountingperiod SET start = start - 31",
    "a COPY past the wall": "COPY accounting_journalline FROM STDIN",
}


def _everything() -> list[object]:
    rows: list[object] = []
    for model in (JournalEntry, JournalLine, BusinessEvent, Invoice, Account, AccountingPeriod):
        rows += list(model.objects.order_by("pk").values())
    return rows


@pytest.mark.parametrize("sql", REFUSED.values(), ids=REFUSED.keys())
def test_it_is_refused_and_nothing_changes(books, tenant, sql):
    before = _everything()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        for statement in sql.split(";"):
            cursor.execute(statement)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert _everything() == before
    assert check_ledger(tenant).problems == []


def test_the_same_forgery_in_order_would_be_taken(books):
    """The forged entry of the cases above is refused for their reasons alone: balanced and whole it is an entry."""
    with connection.cursor() as cursor:
        for statement in forged(day="'2026-02-05'").split(";"):
            cursor.execute(statement)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert JournalLine.objects.filter(entry=900001).count() == 2


CLOSED = {
    "an entry": forged(),
    "the period opened without a word": "UPDATE accounting_accountingperiod SET status = 'open'",
    "the period opened with a reason but no time": "UPDATE accounting_accountingperiod SET status = 'open', reopen_reason = 'x'",
    "the period deleted, to be made anew": "DELETE FROM accounting_accountingperiod WHERE status = 'closed'",
    "an open twin of the period": 'INSERT INTO accounting_accountingperiod (tenant_id, business_entity_id, start, "end", status, '
    "reopen_reason) SELECT tenant_id, business_entity_id, start, \"end\", 'open', '' FROM accounting_accountingperiod",
}


@pytest.mark.parametrize("sql", CLOSED.values(), ids=CLOSED.keys())
def test_a_closed_period_stays_closed(books, sql):
    close_period(period_id=AccountingPeriod.objects.get(start=date(2026, 1, 1)).pk, at=timezone.now())
    before = _everything()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        for statement in sql.split(";"):
            cursor.execute(statement)
    assert _everything() == before


def test_another_tenants_rows_are_neither_seen_nor_written(books):
    stranger = create_tenant(slug="stranger", name="Stranger", currency="USD")
    with tenant_scope(stranger.pk), connection.cursor() as cursor:
        for table in ("accounting_journalline", "billing_invoice", "billing_customer", "billing_businessevent"):
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone()[0] == 0, table
        cursor.execute("UPDATE billing_customer SET name = 'stolen'")
        assert cursor.rowcount == 0
    assert not BusinessEntity.objects.filter(name="Stranger").exists()
