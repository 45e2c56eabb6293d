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
