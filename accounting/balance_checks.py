"""Queries of what is wrong with kept balances: empty where days, seals and digests are what the lines say."""

_AMOUNTS = "debit, credit, base_debit, base_credit"
_SUMS = "sum(debit) AS debit, sum(credit) AS credit, sum(base_debit) AS base_debit, sum(base_credit) AS base_credit"


def _differ(left: str, right: str) -> str:
    return " OR ".join(f"{left}.{name} IS DISTINCT FROM {right}.{name}" for name in _AMOUNTS.split(", "))


WRONG_DAILY_BALANCES = f"""
WITH kept AS (
    SELECT account_id, date, currency, {_SUMS} FROM (
        SELECT account_id, date, currency, {_AMOUNTS} FROM accounting_dailybalance
        UNION ALL SELECT l.account_id, l.date, l.currency, l.debit, l.credit, l.base_debit, l.base_credit
        FROM accounting_unsummedentries n JOIN accounting_journalline l ON l.entry_id BETWEEN n.first_entry AND n.last_entry
    ) rows GROUP BY account_id, date, currency
), lines AS (
    SELECT account_id, date, currency, {_SUMS} FROM accounting_journalline GROUP BY account_id, date, currency
)
SELECT account_id, date, kept.base_debit - kept.base_credit, lines.base_debit - lines.base_credit
FROM kept FULL JOIN lines USING (account_id, date, currency) WHERE {_differ("kept", "lines")}
"""

_CLOSED = """
closed AS (
    SELECT p.seal_id, p.business_entity_id, p.start, p."end", s.format, s.digest, s.previous_digest,
        lag(p.seal_id) OVER (PARTITION BY p.business_entity_id ORDER BY p.start) AS before,
        lag(s.digest, 1, '') OVER (PARTITION BY p.business_entity_id ORDER BY p.start) AS digest_before
    FROM accounting_accountingperiod p LEFT JOIN accounting_periodseal s ON s.id = p.seal_id WHERE p.status = 'closed'
)
"""

WRONG_SEALED_BALANCES = f"""
WITH {_CLOSED}, expected AS (
    SELECT seal_id, start, account_id, currency, {_SUMS} FROM (
        SELECT c.seal_id, c.start, l.account_id, l.currency, l.debit, l.credit, l.base_debit, l.base_credit
        FROM closed c JOIN accounting_journalline l ON l.business_entity_id = c.business_entity_id
            AND date_trunc('month', l.date)::date = c.start
        UNION ALL
        SELECT c.seal_id, c.start, b.account_id, b.currency, b.debit, b.credit, b.base_debit, b.base_credit
        FROM closed c JOIN accounting_sealedbalance b ON b.seal_id = c.before
    ) rows GROUP BY seal_id, start, account_id, currency
), sealed AS (
    SELECT c.seal_id, c.start, b.account_id, b.currency, b.debit, b.credit, b.base_debit, b.base_credit
    FROM closed c JOIN accounting_sealedbalance b ON b.seal_id = c.seal_id
)
SELECT account_id, start, sealed.base_debit - sealed.base_credit, expected.base_debit - expected.base_credit
FROM expected FULL JOIN sealed USING (seal_id, start, account_id, currency) WHERE {_differ("sealed", "expected")}
"""

BROKEN_SEALS = f"""
WITH {_CLOSED}
SELECT start, now_digest, digest FROM (
    SELECT *, counterfoil_period_digest(business_entity_id, start, "end", digest_before, format) AS now_digest FROM closed
) d WHERE now_digest IS DISTINCT FROM digest OR previous_digest IS DISTINCT FROM digest_before
"""

# Customers stand where the seal before and the month's lines put them, and who stands at zero has no row.
WRONG_SEALED_CUSTOMERS = f"""
WITH {_CLOSED}, expected AS (
    SELECT seal_id, start, role, account_id, customer, currency, {_SUMS} FROM (
        SELECT c.seal_id, c.start, l.role, l.account_id, coalesce(l.customer_id, 0) AS customer, l.currency,
            l.debit, l.credit, l.base_debit, l.base_credit
        FROM closed c JOIN accounting_journalline l ON l.business_entity_id = c.business_entity_id
            AND date_trunc('month', l.date)::date = c.start
            AND l.role IN ('accounts_receivable.customers', 'unapplied_payments')
        UNION ALL
        SELECT c.seal_id, c.start, b.role, b.account_id, coalesce(b.customer_id, 0), b.currency,
            b.debit, b.credit, b.base_debit, b.base_credit
        FROM closed c JOIN accounting_sealedcustomerbalance b ON b.seal_id = c.before
    ) rows GROUP BY seal_id, start, role, account_id, customer, currency
    HAVING sum(debit) <> sum(credit) OR sum(base_debit) <> sum(base_credit)
), sealed AS (
    SELECT c.seal_id, c.start, b.role, b.account_id, coalesce(b.customer_id, 0) AS customer, b.currency,
        b.debit, b.credit, b.base_debit, b.base_credit
    FROM closed c JOIN accounting_sealedcustomerbalance b ON b.seal_id = c.seal_id
)
SELECT customer, role, start, sealed.base_debit - sealed.base_credit, expected.base_debit - expected.base_credit
FROM expected FULL JOIN sealed USING (seal_id, start, role, account_id, customer, currency)
WHERE {_differ("sealed", "expected")}
"""

WRONG_SEAL_COUNTS = """
SELECT p.start, s.entries, s.lines, s.base_debit, count(DISTINCT l.entry_id), count(l.id), coalesce(sum(l.base_debit), 0)
FROM accounting_accountingperiod p JOIN accounting_periodseal s ON s.id = p.seal_id
LEFT JOIN accounting_journalline l ON l.business_entity_id = p.business_entity_id AND l.date >= p.start AND l.date < p."end"
WHERE p.status = 'closed' GROUP BY p.id, s.id
HAVING (s.entries, s.lines, s.base_debit) <> (count(DISTINCT l.entry_id), count(l.id), coalesce(sum(l.base_debit), 0))
    OR (s.closed_at, s.closed_by_id, s.checks) IS DISTINCT FROM (p.closed_at, p.closed_by_id, p.close_checks)
"""

# Clocks of several machines may differ a little, so a reopening is not expected to be later to the second.
OPEN_WITHOUT_A_RECORD = """
SELECT p.start, count(s.id) FROM accounting_accountingperiod p JOIN accounting_periodseal s ON s.period_id = p.id
WHERE p.status <> 'closed' GROUP BY p.id
HAVING p.reopened_at IS NULL OR p.reopen_reason = '' OR p.reopened_at < max(s.closed_at) - interval '10 minutes'
UNION ALL
SELECT p.start, 0 FROM accounting_accountingperiod p WHERE p.status = 'closed' AND p.seal_id IS NULL
"""
