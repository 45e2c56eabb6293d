"""Attempts at sealed balances, digests and closed periods in raw SQL; see `attempts`."""

from tests.accounting.attempts import Attempt

ANOTHER_MONTH = (
    'INSERT INTO accounting_accountingperiod (tenant_id, business_entity_id, start, "end", status, reopen_reason) '
    "VALUES ({tenant}, {entity}, '2039-01-01', '2039-02-01', 'open', '')"
)
SEALED = ("accounting_periodseal", "accounting_sealedbalance", "accounting_sealedcustomerbalance")
PERIOD = "UPDATE accounting_accountingperiod SET"
BALANCE = (
    "INSERT INTO accounting_sealedbalance (tenant_id, seal_id, account_id, currency, debit, credit, base_debit, base_credit) "
    "VALUES ({tenant}, {seal}, {group}, 'USD', 1, 0, 1, 0)"
)
SEAL = (
    "INSERT INTO accounting_periodseal (tenant_id, period_id, number, format, digest, previous_digest, entries, lines, "
    "base_debit, closed_at, checks) VALUES ({tenant}, {closed}, 9, 1, 'x', '', 0, 0, 0, now(), '[]')"
)
CHANGES = {
    "accounting_periodseal": "digest = 'x'",
    "accounting_sealedbalance": "debit = debit",
    "accounting_sealedcustomerbalance": "debit = 1",
}

SEALS = [
    *(Attempt(f"{table} updated", f"UPDATE {table} SET {CHANGES[table]}", "append-only") for table in SEALED),
    *(Attempt(f"{table} deleted", f"DELETE FROM {table}", "append-only") for table in SEALED),
    *(Attempt(f"{table} truncated", f"TRUNCATE {table} CASCADE", "append-only") for table in SEALED),
    Attempt("a balance added to a seal", BALANCE, "by closing their period"),
    Attempt("a balance added to a seal by an upsert", f"{BALANCE} ON CONFLICT DO NOTHING", "by closing their period"),
    Attempt("a seal made by hand", SEAL, "by closing their period"),
    Attempt("a balance added by MERGE", (
        "MERGE INTO accounting_sealedbalance b USING (SELECT {seal} AS id) s ON b.seal_id = s.id AND b.debit = -1 "
        "WHEN NOT MATCHED THEN INSERT (tenant_id, seal_id, account_id, currency, debit, credit, base_debit, base_credit) "
        "VALUES ({tenant}, s.id, {group}, 'USD', 1, 0, 1, 0)"
    ), "by closing their period"),
    Attempt("another seal given to a period", f"{PERIOD} seal_id = NULL WHERE id = {{closed}}", "set by closing it"),
    Attempt("an open period given a seal", f"{PERIOD} seal_id = {{seal}} WHERE id = {{open}}", "set by closing it"),
    Attempt(
        "a period closed with the seal of another",
        f"{PERIOD} status = 'closed', closed_at = now(), seal_id = {{seal}} WHERE id = {{open}}",
        "set by closing it",
    ),
    Attempt("a period closed without a time", f"{PERIOD} status = 'closed' WHERE id = {{open}}", "with a time"),
    Attempt("who closed it changed", f"{PERIOD} closed_at = now() WHERE id = {{closed}}", "set by closing it"),
    Attempt("what was checked changed", f"{PERIOD} close_checks = '[1]' WHERE id = {{closed}}", "set by closing it"),
    Attempt("a period neither open nor closed", f"{PERIOD} status = 'ajar' WHERE id = {{open}}", "open or closed"),
    Attempt(
        "a period made closed",
        ANOTHER_MONTH.replace("'open'", "'closed'"),
        "begins open",
    ),
    Attempt(
        "a later month closed over an open one",
        [
            ANOTHER_MONTH,
            f"{PERIOD} status = 'closed', closed_at = now() WHERE start = '2039-01-01'",
        ],
        "close it first",
    ),
    Attempt(
        "an earlier month reopened under a closed one",
        [
            f"{PERIOD} status = 'closed', closed_at = now() WHERE start >= '2026-02-01'",
            f"{PERIOD} status = 'open', reopened_at = now(), reopen_reason = 'x' WHERE id = {{closed}}",
        ],
        "reopen it first|close it first",
    ),
    Attempt("a daily balance changed", "UPDATE accounting_dailybalance SET base_debit = 0", "by hand is refused"),
    Attempt("the daily balances deleted", "DELETE FROM accounting_dailybalance", "by hand is refused"),
    Attempt("the daily balances truncated", "TRUNCATE accounting_dailybalance", "append-only"),
    Attempt("the notes of unsummed entries deleted", "DELETE FROM accounting_unsummedentries", "by hand is refused"),
    Attempt(
        "entries noted once more, to count twice",
        "INSERT INTO accounting_unsummedentries (tenant_id, first_entry, last_entry, first_date, last_date) "
        "VALUES ({tenant}, 1, 999999999, '2026-01-01', '2026-12-31')",
        "row-level security",
    ),
    Attempt("a seal made by its function", "SELECT counterfoil_seal(p) FROM accounting_accountingperiod p", "by closing their"),
    Attempt(
        "the notes of unsummed entries changed", "UPDATE accounting_unsummedentries SET last_entry = 0", "append-only"
    ),
    Attempt(
        "a balance of another company read into a seal",
        BALANCE.replace("{tenant}", "{foreign}"),
        "by closing their period|row-level security",
    ),
]  # fmt: skip
