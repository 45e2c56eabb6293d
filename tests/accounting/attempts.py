"""Attempts at the books in raw SQL, as rows: a sentence, the statements, and what the database's refusal says.

Names in braces are ids that the test fills in. Each attempt has one fault and is right otherwise.
"""

from dataclasses import dataclass

NEW = 9_000_000_001  # the id of the entry that an attempt makes
ENTRY = "accounting_journalentry"
LINE = "accounting_journalline"


@dataclass(frozen=True)
class Attempt:
    """A sentence, the SQL (with names of ids in braces), and what the refusal says."""

    sentence: str
    sql: str | list[str]
    refusal: str


def entry(**changes: str) -> str:
    """Write the INSERT of an entry that is right but for the changes (SQL by column)."""
    values = {
        "id": str(NEW),
        "tenant_id": "{tenant}",
        "business_entity_id": "{entity}",
        "date": "DATE '2026-02-10'",
        "currency": "'USD'",
        "kind": "'standard'",
        "description": "'By hand'",
        "event_id": "{event}",
        "part": "77",
        "rule_version_id": "{rule_version}",
        "line_count": "2",
        "posted_at": "now()",
    } | changes
    return f"INSERT INTO {ENTRY} ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def lines(*rows: tuple[str, str, str] | tuple[str, str, str, str, str], **changes: str) -> str:
    """Write the INSERT of lines: account, debit, credit, and base amounts where they differ; then the changes."""
    written = []
    columns: list[str] = []
    for place, (account, debit, credit, *base) in enumerate(rows, start=1):
        base_debit, base_credit = base or (debit, credit)
        values = {
            "tenant_id": "{tenant}",
            "business_entity_id": "{entity}",
            "entry_id": str(NEW),
            "position": str(place),
            "date": "DATE '2026-02-10'",
            "account_id": account,
            "currency": "'USD'",
            "debit": debit,
            "credit": credit,
            "base_debit": base_debit,
            "base_credit": base_credit,
            "role": "'cash'",
            "resolved_by": "'tenant'",
        } | {name: value.replace("#", str(place)) for name, value in changes.items()}
        columns = list(values)
        written.append(f"({', '.join(values.values())})")
    return f"INSERT INTO {LINE} ({', '.join(columns)}) VALUES {', '.join(written)}"


GOOD = lines(("{cash}", "10", "0"), ("{receivable}", "0", "10"))
SECOND = f"CASE WHEN # > {{}} THEN {NEW + 1} ELSE {NEW} END"
SECOND_POSITION = "CASE WHEN # > {0} THEN # - {0} ELSE # END"
EUR_SECOND = "CASE WHEN # > 2 THEN 'EUR' ELSE 'USD' END"

BALANCE = [
    Attempt(
        "an unbalanced entry behind a good one",
        [
            entry(),
            entry(id=str(NEW + 1), part="78"),
            lines(
                *[("{cash}", "10", "0"), ("{receivable}", "0", "10")],
                *[("{cash}", "10", "0"), ("{receivable}", "0", "9")],
                entry_id=SECOND.format(2),
                position=SECOND_POSITION.format(2),
            ),
        ],
        "does not balance",
    ),
    Attempt(
        "an unbalanced entry behind a good one of 25 lines",
        [
            entry(line_count="25"),
            entry(id=str(NEW + 1), part="78"),
            lines(
                *[*[("{cash}", "1", "0")] * 24, ("{receivable}", "0", "24")],
                *[("{cash}", "10", "0"), ("{receivable}", "0", "9")],
                entry_id=SECOND.format(25),
                position=SECOND_POSITION.format(25),
            ),
        ],
        "does not balance",
    ),
    Attempt(
        "an entry on an account that is not there, behind a good one",
        [
            entry(),
            entry(id=str(NEW + 1), part="78"),
            lines(
                *[("{cash}", "10", "0"), ("{receivable}", "0", "10")],
                *[("-1", "10", "0"), ("-1", "0", "10")],
                entry_id=SECOND.format(2),
                position=SECOND_POSITION.format(2),
            ),
        ],
        "belongs to other books",
    ),
    Attempt(
        "debit 10, credit 9", [entry(), lines(("{cash}", "10", "0"), ("{receivable}", "0", "9"))], "does not balance"
    ),
    Attempt(
        "balanced in currency, not in base currency",
        [entry(), lines(("{cash}", "10", "0", "11", "0"), ("{receivable}", "0", "10"))],
        "does not balance",
    ),
    Attempt(
        "balanced in base currency, not in currency",
        [entry(), lines(("{cash}", "11", "0", "10", "0"), ("{receivable}", "0", "10"))],
        "does not balance",
    ),
    Attempt(
        "two currencies, each out of balance, together in balance",
        [
            entry(line_count="4"),
            lines(
                ("{cash}", "10", "0", "10", "0"),
                ("{receivable}", "0", "9", "0", "9"),
                ("{cash}", "10", "0", "10", "0"),
                ("{receivable}", "0", "11", "0", "11"),
                currency=EUR_SECOND,
            ),
        ],
        "does not balance in",
    ),
    Attempt(
        "two currencies, the second out of balance",
        [
            entry(line_count="4"),
            lines(
                ("{cash}", "10", "0"),
                ("{receivable}", "0", "10"),
                ("{cash}", "5", "0", "6", "0"),
                ("{receivable}", "0", "4", "0", "6"),
                currency=EUR_SECOND,
            ),
        ],
        "does not balance in EUR",
    ),
    Attempt("a single line", [entry(line_count="1"), lines(("{cash}", "10", "0"))], "entry_has_two_sides"),
    Attempt("one line of two", [entry(), lines(("{cash}", "10", "0"))], "does not balance"),
    Attempt(
        "the lines one statement at a time",
        [entry(), lines(("{cash}", "10", "0")), lines(("{receivable}", "0", "10"), position="2")],
        "does not balance",
    ),
    Attempt(
        "three lines where two are announced",
        [entry(), lines(("{cash}", "10", "0"), ("{receivable}", "0", "4"), ("{receivable}", "0", "6"))],
        "not those of one new entry",
    ),
    Attempt("two lines where three are announced", [entry(line_count="3"), GOOD], "not those of one new entry"),
    Attempt("an entry without lines", [entry()], "has no lines"),
    Attempt(
        "an entry without lines, with the note of it taken away",
        [entry(), "DELETE FROM accounting_posting_under_way"],
        "has no lines",
    ),
    Attempt(
        "the note of what is posted changed",
        [entry(), "UPDATE accounting_posting_under_way SET last_entry = 0"],
        "append-only",
    ),
    Attempt(
        "NaN on both sides",
        [entry(), lines(("{cash}", "'NaN'", "0"), ("{receivable}", "0", "'NaN'"))],
        "does not balance",
    ),
    Attempt(
        "NaN in currency, right in base currency",
        [entry(), lines(("{cash}", "'NaN'", "0", "10", "0"), ("{receivable}", "0", "'NaN'", "0", "10"))],
        "does not balance",
    ),
    Attempt(
        "infinity on both sides",
        [entry(), lines(("{cash}", "'Infinity'", "0"), ("{receivable}", "0", "'Infinity'"))],
        "overflow",
    ),
    Attempt(
        "negative amounts that add up",
        [entry(), lines(("{cash}", "-10", "0"), ("{receivable}", "0", "-10"))],
        "line_is_debit_or_credit",
    ),
    Attempt(
        "debit and credit on one line",
        [entry(), lines(("{cash}", "10", "4"), ("{receivable}", "0", "6"))],
        "line_is_debit_or_credit",
    ),
    Attempt(
        "lines of nothing",
        [entry(), lines(("{cash}", "0", "0"), ("{receivable}", "0", "0"))],
        "line_is_debit_or_credit",
    ),
    Attempt(
        "positions beyond the announced lines",
        [entry(), lines(("{cash}", "10", "0"), ("{receivable}", "0", "10"), position="# + 5")],
        "not those of one new entry",
    ),
    Attempt(
        "lines dated another day", [entry(), GOOD.replace("2026-02-10", "2026-02-11")], "not those of one new entry"
    ),
    Attempt(
        "further lines to an old entry",
        [GOOD.replace(str(NEW), "{entry}").replace("2026-02-10", "{entry_date}")],
        "not those of one new entry|line_position",
    ),
    Attempt(
        "further lines to an old entry at free positions",
        [
            lines(("{cash}", "10", "0"), ("{receivable}", "0", "10"), position="# + 10")
            .replace(str(NEW), "{entry}")
            .replace("2026-02-10", "{entry_date}")
        ],
        "not those of one new entry",
    ),
    Attempt("lines to an entry that is not there", [GOOD], "not those of one new entry"),
    Attempt(
        "unbalanced lines by MERGE",
        [
            entry(),
            (
                f"MERGE INTO {LINE} t USING (VALUES (1, {{cash}}, 10, 0), (2, {{receivable}}, 0, 9)) v (place, account, debit, "
                "credit) ON false WHEN NOT MATCHED THEN INSERT (tenant_id, business_entity_id, entry_id, position, date, "
                "account_id, currency, debit, credit, base_debit, base_credit, role, resolved_by) VALUES ({tenant}, {entity}, "
                f"{NEW}, v.place, DATE '2026-02-10', v.account, 'USD', v.debit, v.credit, v.debit, v.credit, 'cash', 'tenant')"
            ),
        ],
        "does not balance",
    ),
    Attempt(
        "each side by an insert of its own, in one statement",
        [
            entry(),
            (
                f"WITH a AS ({lines(('{cash}', '10', '0'))} RETURNING 1), "
                f"b AS ({lines(('{receivable}', '0', '9'), position='2')} RETURNING 1) SELECT 1"
            ),
        ],
        "does not balance",
    ),
    Attempt(
        "a line that an upsert passes over",
        [entry(), lines(("{cash}", "10", "0"), ("{receivable}", "0", "10"), position="1") + " ON CONFLICT DO NOTHING"],
        "does not balance",
    ),
    Attempt(
        "the walls switched off",
        ["SET LOCAL row_security = off", entry(), GOOD],
        "affected by row-level security",
    ),
    Attempt(
        "entry and unbalanced lines in one statement",
        [f"WITH made AS ({entry()}) {lines(('{cash}', '10', '0'), ('{receivable}', '0', '9'))}"],
        "does not balance",
    ),
]

PLACES = [
    Attempt(
        "into a closed period", [entry(date="DATE '2026-01-10'"), GOOD.replace("02-10", "01-10")], "2026-01 is not open"
    ),
    Attempt(
        "into a month without a period",
        [entry(date="DATE '2040-05-10'"), GOOD.replace("2026-02", "2040-05")],
        "2040-05 is not open",
    ),
    Attempt(
        "a second period made for a month before a closed one",
        'INSERT INTO accounting_accountingperiod (tenant_id, business_entity_id, start, "end", status, reopen_reason) '
        "VALUES ({tenant}, {entity}, '2025-12-01', '2026-01-01', 'open', '')",
        "A later period",
    ),
    Attempt(
        "a closed period made twice",
        'INSERT INTO accounting_accountingperiod (tenant_id, business_entity_id, start, "end", status, reopen_reason) '
        "VALUES ({tenant}, {entity}, '2026-01-01', '2026-02-01', 'open', '')",
        "period_once",
    ),
    Attempt(
        "a closed period moved",
        "UPDATE accounting_accountingperiod SET start = '2041-01-01' WHERE id = {closed}",
        "cannot be moved",
    ),
    Attempt(
        "an open period moved over a closed one",
        "UPDATE accounting_accountingperiod SET start = '2026-01-01' WHERE id = {open}",
        "cannot be moved",
    ),
    Attempt(
        "a closed period deleted", "DELETE FROM accounting_accountingperiod WHERE id = {closed}", "cannot be deleted"
    ),
    Attempt("the periods truncated", "TRUNCATE accounting_accountingperiod CASCADE", "append-only"),
    Attempt(
        "a period reopened without a word",
        "UPDATE accounting_accountingperiod SET status = 'open' WHERE id = {closed}",
        "with a reason",
    ),
    Attempt(
        "a period reopened with a reason, but no time",
        "UPDATE accounting_accountingperiod SET status = 'open', reopen_reason = 'x' WHERE id = {closed}",
        "with a reason",
    ),
    Attempt(
        "a period reopened in two steps",
        [
            "UPDATE accounting_accountingperiod SET status = 'ajar' WHERE id = {closed}",
            "UPDATE accounting_accountingperiod SET status = 'open' WHERE id = {closed}",
        ],
        "with a reason",
    ),
    Attempt(
        "to an account that groups others",
        [entry(), lines(("{group}", "10", "0"), ("{receivable}", "0", "10"))],
        "cannot be posted to",
    ),
    Attempt(
        "to another entity's account",
        [entry(), lines(("{other_cash}", "10", "0"), ("{receivable}", "0", "10"))],
        "other books",
    ),
    Attempt(
        "to another company's account",
        [entry(), lines(("{foreign_cash}", "10", "0"), ("{receivable}", "0", "10"))],
        "other books",
    ),
    Attempt(
        "to an account that is not there",
        [entry(), lines(("0", "10", "0"), ("{receivable}", "0", "10"))],
        "cannot be posted to",
    ),
    Attempt(
        "lines for another entity than the entry's",
        [entry(), GOOD.replace("{entity}", "{other_entity}")],
        "not those of one new entry",
    ),
    Attempt("an entry for another company", [entry(tenant_id="{foreign}")], "row-level security"),
    Attempt("lines for another company", [entry(), GOOD.replace("{tenant}", "{foreign}")], "row-level security"),
    Attempt(
        "an entry in another company's entity",
        [entry(business_entity_id="{foreign_entity}"), GOOD],
        "not those of one new entry",
    ),
    Attempt("an event of another company", [entry(event_id="{foreign_event}"), GOOD], "business event of its own"),
    Attempt("an event of nobody", [entry(event_id="0"), GOOD], "business event of its own"),
    Attempt(
        "a rule version of another company", [entry(rule_version_id="{foreign_rule}"), GOOD], "rule version of its own"
    ),
    Attempt(
        "the reversal of another company's entry", [entry(reverses_id="{foreign_entry}"), GOOD], "reversal must name"
    ),
    Attempt(
        "one entry reversed twice",
        [
            entry(reverses_id="{entry}"),
            GOOD,
            entry(reverses_id="{entry}", id=str(NEW + 1), part="78"),
        ],
        "reversed_once",
    ),
    Attempt("the same part of an event twice", [entry(part="0"), GOOD], "event_posted_once"),
    Attempt("under another transaction's name", [entry(posted_xid="7"), GOOD], "not those of one new entry"),
    Attempt(
        "an event published twice",
        "INSERT INTO billing_businessevent (tenant_id, business_entity_id, kind, key, occurred_on, "
        "recorded_at, payload) SELECT tenant_id, business_entity_id, kind, key, occurred_on, recorded_at, payload "
        "FROM billing_businessevent WHERE id = {event}",
        "event_once",
    ),
    Attempt(
        "an event for another company's entity",
        "INSERT INTO billing_businessevent (tenant_id, business_entity_id, kind, key, "
        "occurred_on, recorded_at, payload) VALUES ({tenant}, {foreign_entity}, 'x', 'x', now(), now(), '{{}}')",
        "entity_of_tenant",
    ),
]

_FINAL = {
    ENTRY: "description = 'x'",
    LINE: "debit = debit",
    "billing_businessevent": "occurred_on = occurred_on + 1",
    "billing_creditnote": "reason = 'x'",
    "billing_creditnoteline": "net = 0",
    "billing_paymentallocation": "amount = 1",
}
_GUARDED = [
    *_FINAL,
    "billing_invoice",
    "billing_invoiceline",
    "billing_payment",
    "accounting_account",
    "accounting_ruleversion",
]

FINAL = [
    *(Attempt(f"{table} updated", f"UPDATE {table} SET {change}", "append-only") for table, change in _FINAL.items()),
    *(Attempt(f"{table} deleted", f"DELETE FROM {table}", "append-only") for table in _FINAL),
    *(Attempt(f"{table} deleted, no row of it", f"DELETE FROM {table} WHERE false", "append-only") for table in _FINAL),
    *(Attempt(f"{table} truncated", f"TRUNCATE {table} CASCADE", "append-only") for table in _GUARDED),
    Attempt(
        "an entry changed by an upsert",
        entry(id="{entry}", part="79").replace("{event}", "{event}")
        + " ON CONFLICT (id) DO UPDATE SET description = 'x'",
        "append-only",
    ),
    Attempt(
        "a line changed by an upsert",
        lines(("{cash}", "10", "0"), id="{line}", entry_id="{entry}") + " ON CONFLICT (id) DO UPDATE SET debit = 1",
        "append-only",
    ),
    Attempt(
        "an entry changed by MERGE",
        f"MERGE INTO {ENTRY} e USING (SELECT {{entry}} AS id) s ON e.id = s.id "
        "WHEN MATCHED THEN UPDATE SET date = '2026-02-20'",
        "append-only",
    ),
    Attempt("an entry given to another company", f"UPDATE {ENTRY} SET tenant_id = {{foreign}}", "append-only"),
    Attempt("a line given to another company", f"UPDATE {LINE} SET tenant_id = {{foreign}}", "append-only"),
    Attempt(
        "an entry moved to another day", f"UPDATE {ENTRY} SET date = date - 40 WHERE id = {{entry}}", "append-only"
    ),
    Attempt(
        "a line moved to another entry", f"UPDATE {LINE} SET entry_id = {{entry}} WHERE id = {{line}}", "append-only"
    ),
    Attempt(
        "an entry changed through a view",
        [
            f"CREATE TEMP VIEW seen AS SELECT * FROM {ENTRY}",
            "UPDATE seen SET description = 'x' WHERE id = {entry}",
        ],
        "append-only",
    ),
    Attempt(
        "an entry changed in a block of code",
        f"DO $$BEGIN UPDATE {ENTRY} SET description = 'x' WHERE id = {{entry}}; END$$",
        "append-only",
    ),
    Attempt(
        "a finalized invoice given to another company",
        "UPDATE billing_invoice SET tenant_id = {foreign} WHERE id = {invoice}",
        "row-level security|cannot change",
    ),
    Attempt(
        "a finalized invoice changed by an upsert",
        "INSERT INTO billing_invoice SELECT * FROM billing_invoice WHERE id = {invoice} "
        "ON CONFLICT (id) DO UPDATE SET due_on = '2030-01-01'",
        "cannot change",
    ),
    Attempt(
        "a closed period given a refusal-free twin by an upsert",
        'INSERT INTO accounting_accountingperiod (tenant_id, business_entity_id, start, "end", status, reopen_reason) '
        "VALUES ({tenant}, {entity}, '2026-01-01', '2026-02-01', 'open', '') "
        "ON CONFLICT (business_entity_id, start) DO UPDATE SET status = 'open'",
        "A later period|with a reason",
    ),
    Attempt(
        "an entry deleted by MERGE",
        f"MERGE INTO {ENTRY} e USING (SELECT {{entry}} AS id) s ON e.id = s.id WHEN MATCHED THEN DELETE",
        "append-only",
    ),
    Attempt(
        "a finalized invoice changed by MERGE",
        "MERGE INTO billing_invoice i USING (SELECT {invoice} AS id) s ON i.id = s.id "
        "WHEN MATCHED THEN UPDATE SET due_on = '2030-01-01'",
        "cannot change",
    ),
    Attempt(
        "a line deleted in a WITH",
        f"WITH gone AS (DELETE FROM {LINE} RETURNING 1) SELECT count(*) FROM gone",
        "append-only",
    ),
    *(
        Attempt(
            f"a finalized invoice's {name} changed",
            f"UPDATE billing_invoice SET {change} WHERE id = {{invoice}}",
            "cannot change",
        )
        for name, change in {
            "total": "net = net + 1, total = total + 1",
            "number": "number = 'INV-9'",
            "customer": "customer_id = {other_customer}",
            "date": "issued_on = '2026-02-01'",
            "currency": "currency = 'EUR'",
            "address": "bill_to = 'x'",
            "void, without a day,": "status = 'void'",
            "day of voiding, without voiding,": "voided_on = '2026-02-01'",
        }.items()
    ),
    Attempt(
        "a finalized invoice made a draft",
        "UPDATE billing_invoice SET status = 'draft', number = NULL WHERE id = {invoice}",
        "cannot change",
    ),
    Attempt(
        "a finalized invoice deleted",
        "DELETE FROM billing_invoice WHERE id = {invoice}",
        "cannot be deleted|foreign key",
    ),
    Attempt(
        "more settled than owed",
        "UPDATE billing_invoice SET settled = total + 1 WHERE id = {invoice}",
        "invoice_settled_within",
    ),
    Attempt(
        "a finalized invoice's line changed",
        "UPDATE billing_invoiceline SET net = net + 1 WHERE invoice_id = {invoice}",
        "cannot change",
    ),
    Attempt(
        "a draft's line moved to a finalized invoice",
        "UPDATE billing_invoiceline SET invoice_id = {invoice}, position = 9 WHERE invoice_id = {draft}",
        "cannot change",
    ),
    Attempt(
        "a finalized invoice's line moved to a draft",
        "UPDATE billing_invoiceline SET invoice_id = {draft}, position = 9 WHERE invoice_id = {invoice}",
        "cannot change",
    ),
    Attempt(
        "a finalized invoice's line deleted",
        "DELETE FROM billing_invoiceline WHERE invoice_id = {invoice}",
        "cannot change|foreign key",
    ),
    Attempt(
        "a line added to a finalized invoice",
        "INSERT INTO billing_invoiceline (tenant_id, invoice_id, position, product_id, description, quantity, currency, "
        "unit_amount, net, tax_percent, tax, recognition_method) SELECT tenant_id, {invoice}, 9, product_id, 'x', 1, "
        "currency, 1, 1, 0, 0, recognition_method FROM billing_invoiceline WHERE invoice_id = {draft}",
        "cannot change",
    ),
    Attempt("a payment's amount changed", "UPDATE billing_payment SET amount = amount + 1", "cannot be changed"),
    Attempt("a payment's day changed", "UPDATE billing_payment SET received_on = '2026-02-02'", "cannot be changed"),
    Attempt("a payment deleted", "DELETE FROM billing_payment", "cannot be changed or deleted|foreign key"),
    Attempt(
        "more unapplied than received", "UPDATE billing_payment SET unapplied = amount + 1", "payment_unapplied_within"
    ),
    Attempt(
        "a used account's category changed",
        "UPDATE accounting_account SET category = 'expenses' WHERE id = {receivable}",
        "has journal lines",
    ),
    Attempt(
        "a used account made a group",
        "UPDATE accounting_account SET is_group = true WHERE id = {receivable}",
        "has journal lines",
    ),
    Attempt(
        "a used account moved to another entity",
        "UPDATE accounting_account SET business_entity_id = {other_entity} WHERE id = {receivable}",
        "has journal lines|account_code",
    ),
    Attempt(
        "a line changed through a cursor",
        [
            f"DECLARE c CURSOR FOR SELECT * FROM {LINE} FOR UPDATE",
            "FETCH 1 FROM c",
            f"UPDATE {LINE} SET debit = debit + 1 WHERE CURRENT OF c",
        ],
        "append-only",
    ),
    Attempt(
        "everything emptied from where it hangs",
        "TRUNCATE billing_tenant, billing_customer RESTART IDENTITY CASCADE",
        "append-only",
    ),
    Attempt("a used account deleted", "DELETE FROM accounting_account WHERE id = {receivable}", "has journal lines"),
    Attempt(
        "a used rule version's lines changed",
        "UPDATE accounting_ruleversion SET lines = '[]' WHERE id = {rule_version}",
        "has posted entries",
    ),
    Attempt(
        "a used rule version's date changed",
        "UPDATE accounting_ruleversion SET effective_from = '2030-01-01' WHERE id = {rule_version}",
        "has posted entries",
    ),
    Attempt(
        "a used rule version deleted",
        "DELETE FROM accounting_ruleversion WHERE id = {rule_version}",
        "has posted entries",
    ),
    *(
        Attempt(f"COPY into {table}", f"COPY {table} FROM STDIN", "COPY FROM not supported with row-level security")
        for table in (ENTRY, LINE, "billing_invoice", "billing_businessevent", "billing_customer")
    ),
]
